"""Proposition 2.5: the constrained flow in the time t, and its deviation from linear interpolation.

With t = 1 - e^(-s/N), P_t the projector onto the range of D and P-perp = 1 - P, the outputs x~(t) of the
adapted flow for C = |x - y|^2 / (2N) satisfy (2.58), d/dt x~ = -P_t (x~ - y) / (1 - t), as long as the
orbit lives: on all of [0, 1) if it lives for all s, which an orbit need not do (Proposition 2.4).

(2.59) with (2.60) is printed as

    x~(t) - ((1 - t) x0 - t y) = int_0^t U_{t,t'} (1 - t)/(1 - t') P-perp_t' (x0 - y) dt',
    d/dt U_{t,t'} = P_t U_{t,t'} / (1 - t),

and is wrong twice: at P = 1 the right side is 0, so that the straight line must be (1 - t) x0 + t y, and
the equation (2.64) from which U comes has the generator P-perp_t / (1 - t). Either correction alone does
not help, not even for a constant P, where the printed integral is -(1 - t) ln(1 - t) P-perp (x0 - y)
instead of t P-perp (x0 - y). With the generator P-perp the integral is the elementary
(1 - t)(U_{t,0} - 1)(x0 - y). Equivalently, the generator -P_t / (1 - t), the one of x~ - y itself, goes
with the same integral without the factor (1 - t)/(1 - t'). y = 0 would decide nothing: the output layer
puts x~ into the range of D, so that the outputs run straight to 0 at any rank and both sides vanish.

The first check lets the integrator accumulate the integral together with U; the second sums it up in t',
as it is written, by Gauss-Legendre quadrature. x~ comes from an integration in s.
"""

from collections.abc import Callable

import numpy as np

from geomdl import (
    MEAN_SQUARE,
    rank_loss,
)
from geomdl.propagators import complement, interpolation_time
from verification.chenewald2024.output_orbits import (
    LIVING,
    MONOTONE,
    TAUS,
    Generator,
    carried_in_t,
    flow_of,
    outputs_in_s,
    projector_itself,
    with_cost,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ORBITS, Column
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, property_
from verification.scenes.networks import FULL_RANK

TIGHT = Column("float64@1e-12", "float64", 1e-12)


# K = QN = 6, and rank at most 5 for every theta: a last hidden layer of one neuron.


def minus_projector(projector: np.ndarray) -> np.ndarray:
    """Return -P, the generator of x~ - y."""
    return -projector


@claim(
    "chenewald2024/proposition-2.5/a",
    scenes=(*LIVING, *FULL_RANK[:2]),
    columns=ORBITS,
    refuted=[variant("an orbit that ends in finite time", scenes=[MONOTONE])],
    controls=[
        variant("1 instead of P", projected=False),
        variant("the sign of growth", sign=1),
        variant("without 1/(1 - t)", power=0),
        variant("the cost |x - y|^2/N", scenes=[with_cost(LIVING[0], MEAN_SQUARE)]),
    ],
)
def test_constrained_flow_that_lives_for_all_times_satisfies_the_projected_equation_in_t(
    at: Point, projected: bool = True, sign: int = -1, power: int = 1
) -> Ratio:
    alive = at.orbit(end=TAUS[-1], events=[rank_loss(at.rank, 1e-6)])
    if alive.status != "completed":
        t = float(interpolation_time(alive.times[-1] / at.N))
        return property_(False, f"sigma_r / sigma_1 falls to 1e-6 at t = {t:.6f}")
    x0, y = at.arithmetic.to_float64(at.x), at.arithmetic.to_float64(at.y)

    def equation(t: float, p: np.ndarray, w: np.ndarray) -> np.ndarray:
        return sign * (p @ (w - y) if projected else w - y) / (1 - t) ** power

    return along_orbit(carried_in_t(at, x0, equation), outputs_in_s(at), rtol=at.rtol)


MENDED = variant("(1 - t) x0 + t y and P-perp in (2.60)", sign=1, generator=complement)


@claim(
    "chenewald2024/proposition-2.5/b",
    "chenewald2024/eq-2.64/b",
    scenes=LIVING,
    columns=(*ORBITS, TIGHT),
    refuted=[variant("as printed")],
    corrected=[MENDED],
    controls=[
        variant("only (1 - t) x0 + t y mended", sign=1),
        variant("only P-perp in (2.60) mended", generator=complement),
        variant("-P in (2.60) with the factor kept", sign=1, generator=minus_projector),
    ],
)
def test_deviation_from_the_straight_line_is_the_integral_over_the_propagator(
    at: Point, sign: int = -1, generator: Generator = projector_itself
) -> Ratio:
    flow = flow_of(at.scene, at.column, at.seed, generator, TAUS)
    t, y = flow.times[:, None], at.arithmetic.to_float64(at.y)
    deviations = outputs_in_s(at) - ((1 - t) * flow.start + sign * t * y)
    return along_orbit(deviations, flow.deviation_integrals, rtol=at.rtol)


PANELS = 16


def quadrature_in_t() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a Gauss-Legendre rule in t whose panels are equally long in s."""
    edges = interpolation_time(np.linspace(0.0, TAUS[-1], PANELS + 1))
    points, weights = np.polynomial.legendre.leggauss(6)
    middles, halves = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    return (middles[:, None] + halves[:, None] * points).ravel(), np.outer(halves, weights).ravel()


def decay(t: float, earlier: np.ndarray) -> np.ndarray:
    """Return the factor (1 - t)/(1 - t')."""
    return (1 - t) / (1 - earlier)


def no_factor(t: float, earlier: np.ndarray) -> np.ndarray:
    """Return 1."""
    return np.ones_like(earlier)


@claim(
    "chenewald2024/proposition-2.5/b",
    "chenewald2024/eq-2.64/b",
    scenes=LIVING[:2],
    columns=ORBITS[2:],
    refuted=[variant("as printed")],
    corrected=[
        MENDED,
        variant(
            "(1 - t) x0 + t y, -P in (2.60), no factor",
            sign=1,
            generator=minus_projector,
            factor=no_factor,
        ),
    ],
    controls=[
        variant("P-perp in (2.60), no factor", sign=1, generator=complement, factor=no_factor),
        variant(
            "P instead of P-perp beside x0 - y", sign=1, generator=complement, beside=projector_itself
        ),
        variant("U_{t',t}", sign=1, generator=complement, inverted=True),
    ],
)
def test_integral_over_the_propagator_as_written_in_t(
    at: Point,
    sign: int = -1,
    generator: Generator = projector_itself,
    factor: Callable[[float, np.ndarray], np.ndarray] = decay,
    beside: Generator = complement,
    inverted: bool = False,
) -> Ratio:
    nodes, weights = quadrature_in_t()
    flow = flow_of(at.scene, at.column, at.seed, generator, (*-np.log1p(-nodes), TAUS[-1]))
    t, y, last = flow.times[-1], at.arithmetic.to_float64(at.y), len(nodes)
    v, factors = flow.start - y, factor(t, nodes)
    integral = np.zeros_like(v)
    for k, weight in enumerate(weights):
        u = flow.propagator(k, last) if inverted else flow.propagator(last, k)
        integral += weight * factors[k] * (u @ (beside(flow.projectors[k]) @ v))
    deviation = outputs_in_s(at)[-1] - ((1 - t) * flow.start + sign * t * y)
    return along_orbit(deviation, integral, rtol=at.rtol)
