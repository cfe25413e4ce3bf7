"""Neural collapse and conclusion of the talk: variances and averages of the classes along the flows.

The adapted flow at rank QN has x' = -(x - y) / N for the cost |x - y|^2 / (2N). Averaging over class j,
and subtracting,

    xbar_j - y_j = e^(-s/N) (at the start),  dx_(j,i) = e^(-s/N) (at the start),  v_j = e^(-2s/N) (..),

whatever the sizes of the classes, the network, the data and the start: the rates are uniform, and the
standard flow has other ones for every class. All of it follows from the law of the outputs, and holds as
long as the orbit lives with rank QN. That all converges needs this for all s: exclusive or with one
neuron, two classes of two, has rank QN = 4 along its orbit, which ends before the variances have gone
down by much. K >= QN alone does not give rank QN: one layer of width 1 takes it away. And what collapses
are the classes of the adapted flow: the standard flow that starts from w = -W in the network x = W w t
has full rank too and tends to outputs that are all equal, away from their targets.

The variances ask for less than rank QN: v_j' = -(2/N) v_j if the deviations dx are in the range of D, as
in networks whose last hidden layer has width 1. The averages do not follow then.
"""

from typing import Any

from geomdl import MEAN_SQUARE, standard_field
from geomdl.arithmetic import Array
from geomdl.collapse import class_variances, collapse_derivatives, target_distances
from geomdl.flows import Field
from verification.chen2023.orbit_laws import cost_law, outputs_law
from verification.chenewald2024.collapse_laws import (
    average_law,
    deviation_law,
    ended,
    history_of,
    variance_law,
    watched_orbit,
)
from verification.chenewald2024.output_orbits import with_cost
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ALL_ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.collapse import (
    BALANCED,
    CLASSES_EXACT,
    COLLAPSING,
    CONFLICT,
    NARROW_CLASSES,
    UNDER_CLASSES,
    XOR_CLASSES,
)
from verification.scenes.networks import FULL_RANK
from verification.scenes.real_data import TRAINING
from verification.scenes.standard_flow import SADDLE

REAL_AND_SYNTHETIC = (*COLLAPSING, FULL_RANK[3], *TRAINING)
POINTS = (CLASSES_EXACT, *COLLAPSING)
STANDARD = variant("the standard flow", scenes=COLLAPSING, field=standard_field)
OTHER_COST = variant("the cost |x - y|^2 / N", scenes=[with_cost(BALANCED, MEAN_SQUARE)])
ENDS = variant("an orbit of rank QN that ends in finite time", scenes=[XOR_CLASSES])
RANK_BELOW_QN = variant("K > QN and rank below QN", scenes=[CONFLICT])
TOO_FEW = variant("K < QN", scenes=[UNDER_CLASSES])


LOST = (CONFLICT, UNDER_CLASSES)


def velocity_of(at: Point, standard: bool) -> Array:
    """Return -grad_theta C or -(D^T D)^+ grad_theta C = -D^+ grad_x C."""
    return -at.grad_theta if standard else -at.pinv.apply(at.g)


def divisors(at: Point, by_class: bool) -> Array:
    """Return N, or N_j, for every class."""
    sizes = at.problem.data.class_sizes
    return at.arithmetic.stack([at.number(int(size) if by_class else at.N) for size in sizes])


def unit(at: Point) -> dict[str, Any]:
    """Scale and condition of the error model: squares of outputs and targets, kappa for D^+."""
    largest = at.arithmetic.largest
    return {"scale": (largest(at.x) + largest(at.y)) ** 2, "size": at.size, "condition": at.kappa}


@claim(
    "chenewald2024/slides/neural-collapse/a",
    "slides2024/neural-collapse/a",
    scenes=POINTS,
    columns=ALGEBRAIC,
    controls=[
        variant("the standard flow", scenes=POINTS, standard=True),
        variant("rate 1/N", rate=1),
        variant("rate 2/N_j", by_class=True),
        variant("rank below QN", scenes=LOST),
    ],
)
def test_variances_of_all_classes_shrink_at_the_relative_rate_two_over_N(
    at: Point, standard: bool = False, rate: int = 2, by_class: bool = False
) -> Ratio:
    found, _ = collapse_derivatives(at.problem, at.theta, velocity_of(at, standard))
    variances = class_variances(at.problem.data, at.at_theta.outputs)
    return identity(found, -rate * variances / divisors(at, by_class), **unit(at))


@claim(
    "chenewald2024/slides/neural-collapse/b",
    "slides2024/neural-collapse/a",
    scenes=POINTS,
    columns=ALGEBRAIC,
    controls=[
        variant("the standard flow", scenes=POINTS, standard=True),
        variant("half of the rate", rate=1),
        variant("the rate 1/N_j", by_class=True),
        variant("rank below QN", scenes=(*LOST, *NARROW_CLASSES)),
    ],
)
def test_averages_of_all_classes_approach_their_targets_at_the_relative_rate_one_over_N(
    at: Point, standard: bool = False, rate: int = 2, by_class: bool = False
) -> Ratio:
    # |xbar_j - y_j|^2 decays at twice the rate of xbar_j - y_j.
    _, found = collapse_derivatives(at.problem, at.theta, velocity_of(at, standard))
    distances = target_distances(at.problem.data, at.at_theta.outputs)
    return identity(found, -rate * distances / divisors(at, by_class), **unit(at))


@claim(
    "chenewald2024/slides/neural-collapse/a",
    "slides2024/neural-collapse/a",
    scenes=REAL_AND_SYNTHETIC,
    columns=ALL_ORBITS,
    controls=[STANDARD, OTHER_COST, variant("rate 1/N", rate=1.0), RANK_BELOW_QN, TOO_FEW],
    refuted=[ENDS],
)
def test_variances_of_classes_converge_to_zero_at_one_rate(
    at: Point, field: Field | None = None, rate: float = 2.0
) -> Ratio:
    history = history_of(at, field)
    return history if isinstance(history, Ratio) else variance_law(at, history, rate)


@claim(
    "chenewald2024/slides/neural-collapse/b",
    "slides2024/neural-collapse/a",
    scenes=REAL_AND_SYNTHETIC,
    columns=ALL_ORBITS,
    controls=[STANDARD, OTHER_COST, variant("rate 2/N", rate=2.0), RANK_BELOW_QN, TOO_FEW],
    refuted=[ENDS],
)
def test_averages_of_classes_converge_to_the_targets_at_one_rate(
    at: Point, field: Field | None = None, rate: float = 1.0
) -> Ratio:
    history = history_of(at, field)
    return history if isinstance(history, Ratio) else average_law(at, history, rate)


@claim(
    "chenewald2024/slides/conclusion/b",
    "slides2024/neural-collapse/b",
    scenes=(*COLLAPSING, TRAINING[0]),
    columns=ALL_ORBITS,
    controls=[STANDARD, OTHER_COST, RANK_BELOW_QN, TOO_FEW],
    refuted=[
        ENDS,
        variant("the standard flow at full rank, into a saddle", scenes=[SADDLE], field=standard_field),
    ],
)
def test_classes_collapse_to_their_targets_when_the_outputs_run_straight_to_them(
    at: Point, field: Field | None = None
) -> list[Ratio]:
    history = history_of(at, field)
    if isinstance(history, Ratio):
        return [history]
    return [average_law(at, history), deviation_law(at, history), variance_law(at, history)]


@claim(
    "chenewald2024/slides/conclusion/c",
    scenes=REAL_AND_SYNTHETIC,
    columns=ALL_ORBITS,
    controls=[STANDARD, OTHER_COST, variant("rate 2/N", rate=2.0), TOO_FEW],
    refuted=[
        variant("K > QN and rank below QN", scenes=[NARROW_CLASSES[0], CONFLICT]),
        ENDS,
    ],
)
def test_outputs_of_the_adapted_flow_follow_the_euclidean_flow_at_uniform_rates(
    at: Point, field: Field | None = None, rate: float = 1.0
) -> list[Ratio]:
    orbit = watched_orbit(at, field)
    if orbit.status != "completed":
        return [ended(at, orbit)]
    return [outputs_law(at, orbit, rate), cost_law(at, orbit, 2 * rate)]
