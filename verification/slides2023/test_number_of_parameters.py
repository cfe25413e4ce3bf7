"""How many parameters the constructed network has: Q(Q + 1)^2, not Q^3 + Q^2.

With M = M_l = Q and L = Q, K = sum over l = 1..L+1 of (M_l M_(l-1) + M_l) = (Q + 1)(Q^2 + Q). The
printed number counts the hidden layers with their biases, Q (Q^2 + Q), or all weights without biases,
(Q + 1) Q^2: both are Q^3 + Q^2. The network is underparametrized, K < QN, when N > (Q + 1)^2; the
hypotheses on the data allow N = Q.
"""

from collections.abc import Callable

from verification.machinery.checks import claim, variant
from verification.machinery.columns import ONLY_FLOAT64
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, property_
from verification.scenes.clusters import ONE_CLASS, REGULAR, around_the_means, cluster_scene

SCENES = (REGULAR[0], REGULAR[1], REGULAR[3], ONE_CLASS)
LARGE = (
    cluster_scene((60, 60), suffix="-many-samples"),
    cluster_scene((60, 40, 60), suffix="-many-samples"),
    cluster_scene((200,) * 5, suffix="-many-samples"),
)
ONE_SAMPLE_EACH = (cluster_scene((1,) * 2), cluster_scene((1,) * 8))
Count = Callable[[int], int]


@claim(
    "slides2023/number-of-parameters/a",
    scenes=SCENES,
    columns=ONLY_FLOAT64,
    controls=[
        variant("weights of the hidden layers", count=lambda q: q**3),
        variant("biases of the output layer left out", count=lambda q: q**3 + 2 * q**2),
    ],
    refuted=[variant("Q^3 + Q^2", scenes=SCENES)],
    corrected=[variant("Q (Q + 1)^2", count=lambda q: q * (q + 1) ** 2)],
)
def test_number_of_parameters_of_the_constructed_network(
    at: Point, count: Count = lambda q: q**3 + q**2
) -> list[Ratio]:
    network, classes = at.problem.network, len(at.problem.data.targets)
    theta = around_the_means(at).theta if classes > 1 else at.theta
    layers = network.layers(theta)
    listed = [weight.size + bias.size for weight, bias in layers]
    weights = sum(weight.size for weight, _ in layers)
    return [
        property_(len(layers) == classes + 1, "Q hidden layers and the output layer"),
        property_(count(classes) == theta.size == sum(listed), f"K = {theta.size}"),
        property_(sum(listed[:-1]) == classes**3 + classes**2, "Q^3 + Q^2 in the hidden layers"),
        property_(weights == classes**3 + classes**2, "or in all weights"),
    ]


@claim(
    "slides2023/number-of-parameters/b",
    scenes=LARGE,
    columns=ONLY_FLOAT64,
    controls=[variant("too few samples", scenes=REGULAR[1:3])],
    refuted=[variant("one sample a class", scenes=ONE_SAMPLE_EACH)],
)
def test_constructed_network_is_underparametrized_when_there_are_many_samples(at: Point) -> list[Ratio]:
    classes, equations = len(at.problem.data.targets), at.problem.equations
    return [
        property_((classes + 1) ** 2 < at.N, "the added hypothesis"),
        property_(at.problem.regime == "underparametrized", f"K < QN = {equations}"),
        bound(6 * (classes**3 + classes**2), equations, note="much less, taken as a sixth"),
    ]
