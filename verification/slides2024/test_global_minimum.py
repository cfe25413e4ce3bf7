"""The weighted cost has minimum zero, attained on an explicit family labelled by mu in I^Q.

Hypotheses: M = M_l = Q, independent class means, |Xred^-1 (x - m_j)| < 1/4, L >= Q. The networks are
those of geomdl.truncation. Their outputs miss the targets by no more than rounding allows, u Q cond(A)
with A the sectors, whatever the conditioning of the data; over the rationals the cost is exactly zero.

Near such a network the classes stay collapsed, so that zero cost is Q equations W p_j + b = y_j in R^Q:
they are independent (rank D = Q^2), and the networks of zero cost are a manifold of dimension K - Q^2.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from geomdl import Dataset, Network, Problem, linearize, outputs, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.truncation import base_point_interval, clustered_minimizer
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT32, FLOAT64, FLOATS, RATIONAL
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    LOOSE,
    MANY_CLASSES,
    ONE_CLASS,
    QUARTER,
    REGULAR,
    SHARED_INPUT,
    THIN_SIMPLEX,
    around_the_means,
)
from verification.scenes.few_bits import few_bits
from verification.slides2024.minimum_laws import (
    Positions,
    Theta,
    accuracy,
    all_at,
    for_the_means,
    inside_the_cube,
    vanishing_cost,
)

SCENES = (*CLUSTERED, *REGULAR, THIN_SIMPLEX)


def explicit(at: Point) -> Array:
    """Return theta of the explicit network; for one class that of the constant network."""
    data, network = at.problem.data, at.problem.network
    if len(data.targets) > 1:
        return clustered_minimizer(data, hidden_layers=len(network.widths) - 2).theta
    layers = [(0 * weight, 0 * bias) for weight, bias in network.layers(at.theta)]
    return network.flatten([*layers[:-1], (layers[-1][0], data.targets[0])])


CONTROLS = [
    variant("random theta", theta=lambda at: at.theta),
    variant("leaky ReLU", activation="leaky_relu"),
    variant("no activation", activation="identity"),
    variant("deviations of 1", scenes=[LOOSE], theta=for_the_means),
    variant("two classes share an input", scenes=[SHARED_INPUT], theta=for_the_means),
]


@claim(
    "slides2024/global-minimum/a",
    "slides2024/global-minimum/b",
    scenes=(*SCENES, ONE_CLASS),
    columns=ALGEBRAIC,
    controls=CONTROLS,
)
def test_an_explicit_network_has_zero_cost(
    at: Point, theta: Theta = explicit, activation: str = "relu"
) -> list[Ratio]:
    return vanishing_cost(at, Network(at.problem.network.widths, activation), theta(at))


@claim(
    "slides2024/global-minimum/a",
    "slides2024/global-minimum/b",
    scenes=MANY_CLASSES,
    columns=FLOATS,
    controls=CONTROLS[:2],
)
def test_an_explicit_network_has_zero_cost_for_16_and_32_classes(
    at: Point, theta: Theta = explicit, activation: str = "relu"
) -> list[Ratio]:
    return vanishing_cost(at, Network(at.problem.network.widths, activation), theta(at))


def affine_scene() -> Scene:
    """Make a scene of a network without hidden layer on general data, with its only minimizer."""
    network = Network([2, 2], "relu")

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        inputs = np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) + few_bits(generator.random((4, 2)) / 2)
        theta = few_bits(network.random_theta(generator))
        return Problem(network, Dataset.regression(inputs, outputs(network, theta, inputs))), theta

    return Scene("affine-2-2-N4", draw, frozenset({"unique minimizer"}), exact=True)


AFFINE = affine_scene()


@claim(
    "slides2024/global-minimum/c",
    scenes=(*CLUSTERED[:5], *REGULAR[:3]),
    columns=(FLOAT32, FLOAT64, RATIONAL),
    controls=[
        variant("no hidden layer", scenes=[AFFINE], theta=lambda at: at.theta),
        variant("random theta", scenes=CLUSTERED[1:3], theta=lambda at: at.theta),
    ],
)
def test_networks_of_zero_cost_form_a_manifold_of_dimension_K_minus_QQ(
    at: Point, theta: Theta = explicit
) -> list[Ratio]:
    linear = linearize(at.problem.network, theta(at), at.problem.data.inputs)
    rank, parameters = pseudoinverse(linear.jacobian()).rank, linear.shape[1]
    kinks = [
        bool(np.any(below @ weight.T + bias == 0))
        for below, (weight, bias) in zip(linear.activations, linear.layers[:-1], strict=False)
    ]
    return [
        identity(linear.outputs, at.problem.data.targets[at.problem.data.labels], **accuracy(at)),
        property_(rank == at.problem.data.targets.size, f"rank {rank}"),
        property_(parameters > rank, f"dimension {parameters - rank}"),
        property_(not any(kinks), "no unit is at its kink, so that x[theta] is smooth nearby"),
    ]


def matched(at: Point, hidden: list[tuple[Array, Array]]) -> Array:
    """Complete hidden layers to a network by least squares over the output layer for the class means."""
    data, network = at.problem.data, at.problem.network
    trial = network.flatten([*hidden, network.layers(at.theta)[-1]])
    points = data.class_averages(linearize(network, trial, data.inputs).activations[-1])
    design = at.arithmetic.concatenate([points, 0 * points[:, :1] + at.number(1)], axis=1)
    solution = pseudoinverse(design).apply(data.targets)
    return network.flatten([*hidden, (solution[:-1].T, solution[-1])])


@claim(
    "slides2024/global-minimum/c",
    scenes=(*CLUSTERED[:6], *REGULAR[:3]),
    columns=ALGEBRAIC,
    controls=[
        variant("moved from a random theta", theta=lambda at: at.theta),
        variant("moved too far", step=4),
        variant("output layer left as it was", matching=False),
    ],
)
def test_hidden_layers_can_be_moved_in_any_direction_at_zero_cost(
    at: Point, theta: Theta = explicit, step: int = 0, matching: bool = True
) -> list[Ratio]:
    network, data = at.problem.network, at.problem.data
    start = network.layers(theta(at))
    size = at.number(step) if step else at.number(1, 2**8 * len(data.targets) * len(start))
    largest = at.arithmetic.largest(data.inputs)
    moved = []
    for depth, (weight, bias) in enumerate(start[:-1]):
        size_here = size / largest if depth == 0 else size
        moved.append((weight + size_here * at.random(*weight.shape), bias + size * at.random(len(bias))))
    end = matched(at, moved) if matching else network.flatten([*moved, start[-1]])
    return vanishing_cost(at, network, end)


def labelled(at: Point, positions: Sequence[Fraction], matched_at: Sequence[Fraction]) -> Array:
    """Return theta with the hidden layers of one mu and the output layer of another."""
    found, other = (around_the_means(at, mu=mu) for mu in (positions, matched_at))
    outgoing = found.network.layers(other.theta)[-1]
    return found.network.flatten([*found.network.layers(found.theta)[:-1], outgoing])


@claim(
    "slides2024/global-minimum/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("mu below the interval", positions=all_at(1, 8)),
        variant("output layer of another mu", scenes=CLUSTERED[1:3], matched_at=all_at(13, 64)),
        variant("base points of another mu", scenes=CLUSTERED[1:3], expected_at=all_at(13, 64)),
    ],
)
def test_every_mu_in_a_cube_labels_a_network_of_zero_cost(
    at: Point,
    positions: Positions = inside_the_cube,
    matched_at: Positions | None = None,
    expected_at: Positions | None = None,
) -> list[Ratio]:
    data, network = at.problem.data, at.problem.network
    drawn = positions(at)
    theta = labelled(at, drawn, matched_at(at) if matched_at else drawn)
    mu = at.arithmetic.array(expected_at(at) if expected_at else drawn)[:, None]
    means = data.class_averages(data.inputs)
    expected = (1 - mu) * means + mu * means.sum(axis=0) / len(means)
    lower, upper = base_point_interval(len(means), QUARTER)
    moved = [Fraction(1, 2) if position != Fraction(1, 2) else Fraction(3, 8) for position in drawn]
    return [
        *vanishing_cost(at, network, theta),
        identity(around_the_means(at, mu=drawn).base_points, expected, size=len(means)),
        property_(bool(np.any(theta != labelled(at, moved, moved))), "another mu is another theta"),
        property_(lower < Fraction(3, 8) and Fraction(11, 16) < upper, "[3/8, 11/16] lies in I"),
    ]
