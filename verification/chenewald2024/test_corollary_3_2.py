"""Corollary 3.2: at rank QN, zero loss; class averages tend to the targets and deviations to zero.

x~(t) = (1 - t) x0 + t y, hence xbar_j - y_j and dx_(j,i) are 1 - t times what they were at t = 0: linear
in q = 1 - t = e^(-s/N), and the cost is quadratic in q. The limits t -> 1- are extrapolated to q = 0
from q = e^-6, e^-12, e^-18; the laws on the way are in test_slides_collapse.

rank D = QN is printed without saying where. At theta_0 alone it is not enough: the two-layer linear
network x = W w t on the inputs -1, 1 with w = -W = 1 has rank 2 = QN and loses it at t = 1/2, where both
outputs are 0. Along the orbit it is not enough either, if the orbit ends in finite time: exclusive or
with one hidden neuron, as two classes of two. The limits t -> 1- do not exist there.

Rank below QN does not exclude zero loss (one neuron in the last layer and two classes reach it), but
does not give it.
"""

from collections.abc import Callable

import numpy as np

from geomdl import standard_field
from geomdl.collapse import CollapseHistory, collapse_history
from geomdl.flows import Field
from verification.chen2023.orbit_laws import limit
from verification.chenewald2024.collapse_laws import ended, size_of_outputs, watched_orbit
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit
from verification.scenes.collapse import (
    COLLAPSING,
    CONFLICT,
    UNDER_CLASSES,
    XOR_CLASSES,
)
from verification.scenes.networks import FULL_RANK, SMALLEST
from verification.scenes.obstructed import AT_TARGETS, MONOTONE
from verification.scenes.standard_flow import SADDLE

SCENES = (*COLLAPSING, FULL_RANK[0], FULL_RANK[3], MONOTONE, *SMALLEST, AT_TARGETS)
REFUTED = [
    variant("rank QN along an orbit that ends in finite time", scenes=[XOR_CLASSES]),
    variant("rank QN at theta_0 only", scenes=[SADDLE]),
]
STANDARD = variant("the standard flow", scenes=[SADDLE], field=standard_field)
RANK_BELOW = variant("rank below QN", scenes=[CONFLICT, UNDER_CLASSES])
MARKS = (6.0, 12.0, 18.0)
Quantity = Callable[[CollapseHistory], np.ndarray]


def marked_history(at: Point, field: Field | None) -> CollapseHistory | Ratio:
    """Return the classes at s = 6 N, 12 N, 18 N, or the broken property that the orbit ends before."""
    orbit = watched_orbit(at, field, MARKS[-1], MARKS[:-1])
    if orbit.status != "completed":
        return ended(at, orbit)
    marks = [int(np.argmin(np.abs(orbit.times - s * at.N))) for s in MARKS]
    whole = collapse_history(orbit)
    return CollapseHistory(
        orbit.times[marks], whole.targets, whole.averages[marks], whole.deviations[marks], whole.labels
    )


def in_the_limit(
    at: Point, field: Field | None, quantity: Quantity, expected: Quantity, power: int = 1
) -> Ratio:
    """Measure the limit of a quantity; ``power`` is its degree in the outputs."""
    history = marked_history(at, field)
    if isinstance(history, Ratio):
        return history
    scale = (np.abs(at.arithmetic.to_float64(at.x)).max() + size_of_outputs(history)) ** power
    found = limit(quantity(history))
    return along_orbit(found, expected(history), rtol=at.rtol, scale=scale)


def zero_cost(history: CollapseHistory) -> np.ndarray:
    """Return 0."""
    return np.zeros(())


def mean_square_cost(history: CollapseHistory) -> np.ndarray:
    """Return (1/N) sum_j sum_i (|dx_(j,i)|^2 + |xbar_j - y_j|^2), (3.11), from its two parts."""
    sizes = np.bincount(history.labels)
    return (history.variances + history.distances) @ sizes / sizes.sum()


@claim(
    "chenewald2024/corollary-3.2/a",
    scenes=SCENES,
    columns=ORBITS,
    controls=[STANDARD, RANK_BELOW],
    refuted=REFUTED,
)
def test_cost_tends_to_zero(at: Point, field: Field | None = None) -> Ratio:
    return in_the_limit(at, field, mean_square_cost, zero_cost, power=2)


@claim(
    "chenewald2024/corollary-3.2/b",
    scenes=SCENES,
    columns=ORBITS,
    controls=[STANDARD, RANK_BELOW, variant("the targets of other classes", turned=1)],
    refuted=REFUTED,
)
def test_class_averages_tend_to_their_targets(
    at: Point, field: Field | None = None, turned: int = 0
) -> Ratio:
    return in_the_limit(
        at,
        field,
        lambda history: history.averages,
        lambda history: np.roll(history.targets, turned, axis=0),
    )


@claim(
    "chenewald2024/corollary-3.2/c",
    scenes=SCENES,
    columns=ORBITS,
    controls=[
        RANK_BELOW,
        variant("deviations from the first sample of all", scenes=COLLAPSING, centre=0),
    ],
    refuted=REFUTED[:1],
)
def test_deviations_within_classes_tend_to_zero(
    at: Point, field: Field | None = None, centre: int | None = None
) -> Ratio:
    def quantity(history: CollapseHistory) -> np.ndarray:
        if centre is None:
            return history.deviations
        outputs = history.averages[:, history.labels] + history.deviations
        return outputs - outputs[:, centre : centre + 1]

    return in_the_limit(at, field, quantity, lambda history: 0 * history.deviations[-1])
