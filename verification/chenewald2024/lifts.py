"""Velocities of the parameters from those of the outputs, and the networks for which they are asked."""

from collections.abc import Callable

from geomdl.arithmetic import Array
from verification.chenewald2024.matrices import plus
from verification.machinery.points import Point
from verification.scenes.networks import BORDERLINE, FULL_RANK, RANK_LOST, SMALLEST, UNDER

NETWORKS = (*FULL_RANK[:2], *RANK_LOST, *UNDER[:2], *BORDERLINE, *SMALLEST)


Recover = Callable[[Point, Array], Array]


def by_pseudoinverse(at: Point, velocity: Array) -> Array:
    """Return D^+ x'."""
    return plus(at) @ velocity
