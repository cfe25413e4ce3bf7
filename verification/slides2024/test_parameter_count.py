"""Length of the parameter vector, in the wording of 2024: M_0 = M_l is a misprint of M_0 = M.

K = sum over l = 1..L+1 of (M_l M_(l-1) + M_l) is the number of entries of all W_l and b_l with M_0 = M,
the dimension of the inputs, as in 2023. As printed M_0 is the width of a layer, and the sum is wrong as
soon as that is not M, whichever layer is meant.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from verification.machinery.checks import claim, variant
from verification.machinery.columns import ONLY_FLOAT64
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, property_
from verification.scenes.clusters import CLUSTERED, LABELLED_RELU, ONE_CLASS, TRUNCATING, relu_scene

SMALLEST = relu_scene([2, 1, 1], (2,))
"""M = 2, all other widths 1: K = 5, printed 4."""

Widths = Sequence[int]


def width_of_some_layer(widths: Widths, parameters: int) -> int:
    """M_0 = M_l for the l in 1..L+1 that fits best."""
    return min(widths[1:], key=lambda width: abs(printed_sum((width, *widths[1:])) - parameters))


def width_of_inputs(widths: Widths, parameters: int) -> int:
    """M_0 = M."""
    return widths[0]


def printed_sum(widths: Widths, biases: int = 1) -> int:
    """Return the sum over l of M_l M_(l-1) + M_l."""
    return sum(wide * narrow + biases * wide for narrow, wide in pairwise(widths))


@claim(
    "slides2024/parameter-count-K/a",
    scenes=(SMALLEST, *LABELLED_RELU, *TRUNCATING[:2], CLUSTERED[1], ONE_CLASS),
    columns=ONLY_FLOAT64,
    controls=[
        variant("no biases", biases=0, m_0=width_of_inputs),
        variant("the last layer left out", last=-1, m_0=width_of_inputs),
    ],
    refuted=[variant("M_0 is the width of a layer", scenes=(SMALLEST, *LABELLED_RELU[1:]))],
    corrected=[variant("M_0 = M", m_0=width_of_inputs)],
)
def test_number_of_parameters_counts_all_weights_and_biases(
    at: Point,
    m_0: Callable[[Widths, int], int] = width_of_some_layer,
    biases: int = 1,
    last: int | None = None,
) -> list[Ratio]:
    widths = at.problem.network.widths
    listed = sum(1 for weight, bias in at.at_theta.layers for _ in (*weight.ravel(), *bias))
    count = printed_sum((m_0(widths, listed), *widths[1:])[:last], biases)
    return [
        property_(count == listed, f"{listed} entries of all W_l and b_l"),
        property_(count == len(at.theta), "the length of theta"),
    ]
