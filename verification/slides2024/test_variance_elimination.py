"""What hidden layers and the output layer of the explicit minimizers do.

Layer l eliminates the variance of cluster l: it is positive in x^(l-1) and zero in x^(l). With L = Q
that is one cluster a layer. With L > Q it cannot be: what is eliminated stays so, Q clusters serve
Q layers, and the others find nothing left to eliminate. In the construction those are the identity.

The output layer maps the Q cluster averages to the Q targets. So an underparametrized network has zero
cost by construction, with the hypotheses of slides2024/global-minimum on the data.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, Network, linearize, outputs
from geomdl.arithmetic import Array
from geomdl.truncation import compose_truncations, corner_sector, cumulative_parameters
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT32, FLOAT64, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    LOOSE,
    REGULAR,
    SHARED_INPUT,
    around_the_means,
    cluster_scene,
)

FULL_CLUSTERS = (CLUSTERED[0], CLUSTERED[2], CLUSTERED[4], REGULAR[0], REGULAR[2], REGULAR[3])
"""Every cluster has a variance, and L = Q."""

MORE_LAYERS = (
    cluster_scene((2, 2), hidden_layers=3, suffix="-3-layers"),
    cluster_scene((2, 3, 2, 3, 2), hidden_layers=7, suffix="-7-layers"),
)
"""L > Q."""

UNDERPARAMETRIZED = (
    cluster_scene((20, 20), suffix="-under"),
    cluster_scene((15, 4, 15), suffix="-under"),
    cluster_scene((10, 12, 10, 12), suffix="-under"),
)
"""N > (Q + 1)^2, so that K = Q (Q + 1)^2 < QN."""

Theta = Callable[[Point], Array]


def explicit(at: Point) -> Array:
    """Return theta of the explicit network for the class means."""
    return around_the_means(at).theta


def accuracy(at: Point) -> dict[str, Any]:
    """Size and condition of the error model: the sectors."""
    classes = len(at.problem.data.targets)
    sector = corner_sector(classes, 0)[0]
    return {"size": classes, "condition": float(np.linalg.cond(sector))}


def layers_of(at: Point, theta: Theta, activation: str = "relu") -> list[Array]:
    """Return x^(0), ..., x^(L)."""
    network = Network(at.problem.network.widths, activation)
    return list(linearize(network, theta(at), at.problem.data.inputs).activations)


def variance(at: Point, points: Array, label: int) -> Any:
    """Mean square of the deviations of a cluster from its average."""
    members = at.problem.data.class_deviations(points)[at.problem.data.labels == label]
    return (members * members).sum() / len(members)


@claim(
    "slides2024/variance-elimination/a",
    scenes=FULL_CLUSTERS,
    columns=ALGEBRAIC,
    controls=[
        variant("random theta", theta=lambda at: at.theta),
        variant("leaky ReLU", activation="leaky_relu"),
        variant("one layer later", shift=1),
        variant("classes that reach across each other", scenes=[LOOSE]),
    ],
    refuted=[variant("more layers than clusters", scenes=MORE_LAYERS)],
)
def test_each_hidden_layer_eliminates_the_variance_of_one_cluster(
    at: Point, theta: Theta = explicit, activation: str = "relu", shift: int = 0
) -> list[Ratio]:
    data, reached = at.problem.data, layers_of(at, theta, activation)
    classes, ratios = len(data.targets), []
    for layer in range(1, len(reached)):
        label = layer - 1 + shift  # any other cluster has been eliminated, or is left alone
        if not 0 <= label < classes:
            ratios.append(property_(False, f"no cluster is left for layer {layer}"))
            continue
        before, after = reached[layer - 1], reached[layer]
        rest = data.class_deviations(after)[data.labels == label]
        scale = at.arithmetic.largest(after) + at.number(1)
        alive = [variance(at, after, k) > at.number(1, 10**4) for k in range(classes)]
        ratios += [
            property_(
                variance(at, before, label) > at.number(1, 10**4), f"layer {layer} has a variance"
            ),
            identity(rest, 0 * rest, scale=scale, note=f"and eliminates it: {label}", **accuracy(at)),
            property_(alive == [k > label for k in range(classes)], "no other one"),
        ]
    return ratios


def of_another_mu(at: Point) -> Array:
    """Return theta with the output layer that belongs to other base points."""
    found, other = around_the_means(at), around_the_means(at, mu=at.number(13, 64))
    layers = found.network.layers(found.theta)
    return found.network.flatten([*layers[:-1], found.network.layers(other.theta)[-1]])


@claim(
    "slides2024/variance-elimination/b",
    scenes=(*CLUSTERED, *REGULAR),
    columns=ALGEBRAIC,
    controls=[
        variant("output layer of another mu", theta=of_another_mu),
        variant("averages of the inputs", scenes=CLUSTERED[1:2], of_inputs=True),
        variant("targets of the next classes", turn=1),
        variant("classes that reach across each other", scenes=[LOOSE]),
    ],
)
def test_output_layer_maps_the_cluster_averages_to_the_targets(
    at: Point, theta: Theta = explicit, of_inputs: bool = False, turn: int = 0
) -> list[Ratio]:
    data, network = at.problem.data, at.problem.network
    weight, bias = network.layers(theta(at))[-1]
    reached = layers_of(at, theta)
    averages = data.class_averages(reached[0 if of_inputs else -1])
    expected = np.roll(data.targets, turn, axis=0)
    unit = {"scale": at.arithmetic.largest(at.y), **accuracy(at)}
    answers = outputs(network, theta(at), data.inputs)
    return [
        identity(averages @ weight.T + bias, expected, note="of x^(L)", **unit),
        identity(data.class_averages(answers), expected, note="of x^(L+1)", **unit),
    ]


@claim(
    "chenewald2024/slides/conclusion/d",
    scenes=UNDERPARAMETRIZED,
    columns=(FLOAT32, FLOAT64, RATIONAL),
    controls=[
        variant("random theta", theta=lambda at: at.theta),
        variant("output layer of another mu", theta=of_another_mu),
        variant("one truncation too few", last=-1),
        variant("two classes share an input", scenes=[SHARED_INPUT]),
        variant("classes that reach across each other", scenes=[LOOSE]),
    ],
)
def test_truncations_and_the_output_layer_minimize_the_cost_of_underparametrized_networks(
    at: Point, theta: Theta = explicit, last: int | None = None
) -> list[Ratio]:
    data, network = at.problem.data, at.problem.network
    layers = network.layers(theta(at))
    cumulative = cumulative_parameters(layers[:-1][:last])
    truncated = compose_truncations(cumulative, data.inputs)
    weight, bias = cumulative[-1]
    spread = data.class_deviations(truncated) @ weight.T
    averages = data.class_averages(truncated) @ weight.T + bias
    outgoing, shift = layers[-1]
    scale, unit = at.arithmetic.largest(at.y), accuracy(at)
    # W^(L) acts on tau, which the inverse of W^(L) gave: its condition enters.
    unit["condition"] *= float(np.linalg.cond(at.arithmetic.to_float64(weight)))
    size = at.arithmetic.largest(bias) + at.number(1)
    answers = outputs(network, theta(at), data.inputs)
    cost = CLASS_WEIGHTED.value(data, answers.reshape(-1))
    return [
        property_(at.problem.regime == "underparametrized", f"K < QN = {at.problem.equations}"),
        identity(spread, 0 * spread, scale=size, note="no variance is left", **unit),
        identity(averages @ outgoing.T + shift, data.targets, scale=scale * size, note="means", **unit),
        identity(answers, data.targets[data.labels], scale=scale, note="outputs", **accuracy(at)),
        property_(cost == 0 or not at.arithmetic.exact, "the cost is exactly 0"),
    ]
