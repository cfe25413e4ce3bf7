"""The gradient in the bundle V by its printed formula, and the scenes in which it is tried."""

from geomdl.arithmetic import Array
from verification.machinery.checks import variant
from verification.machinery.points import Point
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST, UNDER

NETWORKS = (*FULL_RANK, *FULL_RANK_EXACT, *SMALLEST)
WIDE = (*NETWORKS[:6], *FULL_ROW_RANK[-1:])
SCENES = (*NETWORKS, FULL_ROW_RANK[1], FULL_ROW_RANK[-1])
LOST = variant("rank lost or K < QN", scenes=(*RANK_LOST, *DEFICIENT[3:], *UNDER))


def printed_gradient(at: Point, slope: Array) -> Array:
    """(2.30): Pen[D] Pen[D]^T grad_theta F."""
    return at.pen @ (at.pen.T @ slope)
