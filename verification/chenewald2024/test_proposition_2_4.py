"""Proposition 2.4: Euclidean gradient flow is linear interpolation in the time t = 1 - e^(-s/N).

If x' = -grad_x C with C = |x - y|^2 / (2N), then x~(t) = x(-N ln(1 - t)) = y + (1 - t)(x0 - y), which
tends to y as t -> 1. The outputs along the adapted flow do the same as long as D has rank QN.

That is a statement about all s. A solution of the adapted flow may have rank QN as long as it lives and
yet end in finite time: for three inputs in increasing order, a network with one hidden neuron only has
monotone outputs, at rank 3 for all parameters with w1 w2 != 0 (the columns of D span 1, tanh, tanh^2).
If y is not monotone, the segment from x0 to y leaves what the network can do at some t* < 1, and the
parameters grow without bound as t -> t*.
"""

from collections.abc import Callable

import numpy as np

from geomdl import (
    MEAN_SQUARE,
    Network,
    Problem,
    load_real_data,
    rank_loss,
    standard_field,
)
from geomdl.flows import Field
from verification.chen2023.orbit_laws import comparison_orbit
from verification.chenewald2024.output_orbits import MONOTONE, with_cost
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ORBITS
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, property_
from verification.scenes.networks import BORDERLINE, FULL_RANK, RANK_LOST, SMALLEST, UNDER, inside_window

END, FOREVER = 3.0, 30.0


def iris(samples: int, rank: int) -> Scene:
    """Flowers of three classes and a network with enough parameters to fit them."""

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        network = Network([4, 16, 3], "tanh")
        data = load_real_data("iris", samples, int(generator.integers(1 << 31)))
        return Problem(network, data), network.random_theta(generator)

    name = f"iris-4-16-3-tanh-N{samples}"
    return Scene(name, inside_window(draw, rank, name), frozenset({"full rank", "over", "real data"}))


IRIS = iris(9, 27)
OTHER_COST = variant("the cost |x - y|^2/N", scenes=[with_cost(FULL_RANK[0], MEAN_SQUARE)])


def interpolation_time(s: np.ndarray, N: int) -> np.ndarray:
    """Return the time t = 1 - e^(-s/N)."""
    return -np.expm1(-s / N)


@claim(
    "chenewald2024/proposition-2.4/a",
    scenes=(*FULL_RANK, *BORDERLINE, *UNDER[:1], *SMALLEST),
    columns=ORBITS,
    controls=[
        OTHER_COST,
        variant("t = 1 - e^(-s)", time=lambda s, N: -np.expm1(-s)),
        variant("the segment to -y", target=-1),
    ],
)
def test_reparametrized_euclidean_flow_is_linear_interpolation(
    at: Point, time: Callable[[np.ndarray, int], np.ndarray] = interpolation_time, target: int = 1
) -> Ratio:
    s, x, y = comparison_orbit(at, END)
    t = time(s, at.N)[:, None]
    return along_orbit(x, target * y + (1 - t) * (x[0] - target * y), rtol=at.rtol)


@claim(
    "chenewald2024/proposition-2.4/b",
    scenes=(*FULL_RANK, *BORDERLINE, *UNDER[:1], *SMALLEST),
    columns=ORBITS,
    controls=[variant("the limit is the middle of the segment", part=0.5)],
)
def test_reparametrized_euclidean_flow_tends_to_the_targets(at: Point, part: float = 1) -> Ratio:
    _, x, y = comparison_orbit(at, FOREVER)
    return along_orbit(x[-1], x[0] + part * (y - x[0]), rtol=at.rtol, scale=np.abs([x[0], y]).max())


@claim(
    "chenewald2024/proposition-2.4/c",
    scenes=(*FULL_RANK, *SMALLEST, IRIS),
    columns=ORBITS,
    refuted=[variant("an orbit of rank QN that ends in finite time", scenes=[MONOTONE])],
    controls=[
        OTHER_COST,
        variant("rank below QN", scenes=RANK_LOST[1:]),
        variant("the standard flow", field=standard_field),
        variant("t = 1 - e^(-s)", time=lambda s, N: -np.expm1(-s)),
    ],
)
def test_adapted_flow_of_full_rank_that_lives_for_all_times_interpolates_up_to_the_targets(
    at: Point,
    field: Field | None = None,
    time: Callable[[np.ndarray, int], np.ndarray] = interpolation_time,
) -> Ratio:
    orbit = at.orbit(field, end=FOREVER, events=[rank_loss(at.rank, 1e-6)])
    t, x, y = time(orbit.times, at.N)[:, None], orbit.outputs(), at.arithmetic.to_float64(at.y)
    if orbit.status != "completed":
        grown = np.abs(orbit.end).max()
        note = f"sigma_r / sigma_1 falls to 1e-6 at t = {t[-1, 0]:.6f}, parameters up to {grown:.3g}"
        return property_(False, note)
    # An error of theta relative to its size moves the outputs by the norm of D.
    moved = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) * np.abs(orbit.thetas).max()
    return along_orbit(x, y + (1 - t) * (x[0] - y), rtol=at.rtol, scale=np.abs(x).max() + moved)
