"""The weighted cost has minimum zero on an explicit degenerate family, in the wording of 2023.

No smallness of the delta-balls is printed. The hypothesis of 2024 (independent class means, deviations
below 1/4 in barycentric coordinates) is enough; without one, two classes that share an input keep the
cost of every network above |y_1 - y_2|^2 / (N_1 + N_2).

Degenerate is every network with ReLU: unit i of layer l can be scaled, (W_l, b_l) -> c (W_l, b_l) in row
i and W_(l+1) -> W_(l+1) / c in column i, c > 0, without a change of the outputs.
"""

import numpy as np

from geomdl import Network, linearize, outputs
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import (
    CLUSTERED,
    LOOSE,
    REGULAR,
    SHARED_INPUT,
    around_the_means,
    cost_floor,
    scaled_units,
)
from verification.slides2024.minimum_laws import (
    Positions,
    Theta,
    all_at,
    for_the_means,
    inside_the_cube,
    vanishing_cost,
)

SCENES = (*CLUSTERED, *REGULAR)
SHARED = variant("two classes share an input", scenes=[SHARED_INPUT])


def attainable(at: Point) -> Ratio:
    """Decide whether conflicts of targets at equal inputs leave a cost of zero possible."""
    return property_(cost_floor(at) == 0, "no conflict of targets at equal inputs")


@claim(
    "slides2023/global-minimum/a",
    "slides2023/global-minimum/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("random theta", theta=lambda at: at.theta),
        variant("leaky ReLU", activation="leaky_relu"),
        variant("deviations of 1", scenes=[LOOSE]),
    ],
    refuted=[SHARED],
)
def test_an_explicit_network_has_zero_cost(
    at: Point, theta: Theta = for_the_means, activation: str = "relu"
) -> list[Ratio]:
    network = Network(at.problem.network.widths, activation)
    return [*vanishing_cost(at, network, theta(at)), attainable(at)]


@claim(
    "slides2023/global-minimum/c",
    "slides2024/global-minimum/c",
    scenes=(*CLUSTERED, *REGULAR[:2], SHARED_INPUT, LOOSE),
    columns=ALGEBRAIC,
    controls=[
        variant("tanh", activation="tanh"),
        variant("what leaves the units not scaled", outgoing=False),
        variant("scaled by negative numbers", sign=-1),
    ],
)
def test_every_network_can_be_moved_without_a_change_of_its_outputs(
    at: Point, activation: str = "relu", outgoing: bool = True, sign: int = 1
) -> list[Ratio]:
    network, inputs = Network(at.problem.network.widths, activation), at.problem.data.inputs
    ratios = []
    for theta in (for_the_means(at), at.theta):
        moved = scaled_units(at, theta, outgoing=outgoing, sign=sign)
        reached = linearize(network, theta, inputs)
        scale = max(at.arithmetic.largest(layer) for layer in (*reached.activations, theta))
        found = outputs(network, moved, inputs)
        ratios += [
            identity(found, reached.outputs, scale=scale, size=sum(network.widths)),
            property_(bool(np.any(moved != theta)), "theta has moved"),
        ]
    return ratios


@claim(
    "slides2023/global-minimum/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("mu below the interval", positions=all_at(1, 8)),
        variant("deviations of 1", scenes=[LOOSE]),
    ],
    refuted=[SHARED],
)
def test_every_mu_in_a_cube_labels_a_network_of_zero_cost(
    at: Point, positions: Positions = inside_the_cube
) -> list[Ratio]:
    found = around_the_means(at, mu=positions(at))
    return [*vanishing_cost(at, at.problem.network, found.theta), attainable(at)]
