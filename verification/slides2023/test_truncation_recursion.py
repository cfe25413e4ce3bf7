"""Hidden layers as truncations with cumulative parameters, in the printing of 2023.

The display has tau with indices W^(l), b^(l) without underlines, which is one truncation by the
cumulative parameters: W^(l) tau_(W^(l),b^(l))(x) + b^(l) = relu(W^(l) x + b^(l)), a network of one
hidden layer. With the underlined tuples, tau composes l truncations, and the formula is true. Claims a
and d are decided together with slides2024/truncation-recursion/a and c.
"""

from collections.abc import Callable

from geomdl.networks import Layers
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio
from verification.scenes.clusters import CLUSTERED, TRUNCATING
from verification.slides2024.recursion import all_layers, last_bias, layers_by_composed_truncations

Select = Callable[[Layers], Layers]
SCENES = (*TRUNCATING, CLUSTERED[1])


def last_pair(cumulative: Layers) -> Layers:
    """Return W^(l), b^(l) alone, the indices without underline."""
    return cumulative[-1:]


def other_order(cumulative: Layers) -> Layers:
    """Return the pairs from the last to the first."""
    return cumulative[::-1]


@claim(
    "slides2023/truncation-recursion/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("composed in the other order", scenes=TRUNCATING[1:], selected=other_order),
        variant("bias of the first layer", selected=all_layers, bias=lambda layers: layers[0][1]),
    ],
    refuted=[variant("one truncation by the cumulative pair", scenes=TRUNCATING)],
    corrected=[variant("indices with underline", selected=all_layers)],
)
def test_every_layer_is_one_affine_map_of_a_truncation(
    at: Point, selected: Select = last_pair, bias: Callable[[Layers], object] = last_bias
) -> list[Ratio]:
    return layers_by_composed_truncations(at, bias, selected=selected)


@claim(
    "slides2023/truncation-recursion/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("composed in the other order", scenes=TRUNCATING[1:], selected=other_order),
        variant("the first truncation left out", selected=lambda layers: layers[1:]),
        variant("one truncation by the cumulative pair", selected=last_pair),
    ],
)
def test_underlined_tuples_stand_for_the_composition_of_the_truncations(
    at: Point, selected: Select = all_layers
) -> list[Ratio]:
    return layers_by_composed_truncations(at, last_bias, selected=selected)
