"""Networks of zero cost for separable data: exact over the rationals, near roundoff in float64."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import LEAST_SQUARES, RATIONAL, Dataset, get_arithmetic, load_real_data, outputs
from geomdl.activations import get_activation
from geomdl.separability import InseparableError
from geomdl.sequential import SequentialMinimizer, sequential_minimizer
from verification.core.strategies import examples

RELU = get_activation("relu")


def cost(found: SequentialMinimizer, data: Dataset) -> Any:
    return LEAST_SQUARES.value(data, outputs(found.network, found.theta, data.inputs).reshape(-1))


def peeled(generator: np.random.Generator, classes: int, dimension: int, samples: int = 4) -> Dataset:
    """Classes cut off one after the other by random hyperplanes from a cloud of random points."""
    drawn = generator.standard_normal((classes * samples * 3, dimension))
    points = np.unique(np.round(drawn * 4096) / 4096, axis=0)
    labels = np.full(len(points), classes - 1)
    alive = np.ones(len(points), dtype=bool)
    for c in range(classes - 1):
        height = points @ generator.standard_normal(dimension)
        ranked = np.flatnonzero(alive)[np.argsort(height[alive])]
        labels[ranked[:samples]] = c
        alive[ranked[: samples + 1]] = False  # the next one is dropped: a gap
        labels[ranked[samples]] = -1
    kept = labels >= 0
    targets = np.round(generator.standard_normal((classes, 3)) * 8) / 8
    return Dataset(points[kept], labels[kept], targets)


@examples(40)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_cost_is_exactly_zero_over_the_rationals(classes: int, dimension: int, seed: int) -> None:
    data = peeled(np.random.default_rng(seed), classes, dimension).to(RATIONAL)
    found = sequential_minimizer(data)
    assert cost(found, data) == 0
    assert found.cost_floor == 0
    assert min(found.margins) > 0


@pytest.mark.parametrize(
    "hidden_widths",
    [(2, 2, 2), (9, 5, 2), (4, 4, 4), (3, 3, 2, 2, 2), (2, 7, 3, 5), (2, 2, 2, 4, 3)],
)
def test_widths_and_depth_are_free_down_to_classes_minus_one(hidden_widths: tuple[int, ...]) -> None:
    data = peeled(np.random.default_rng(3), 3, 4).to(RATIONAL)
    found = sequential_minimizer(data, hidden_widths=hidden_widths)
    assert found.network.widths == (4, *hidden_widths, 3)
    assert cost(found, data) == 0


@pytest.mark.parametrize("name", ["float32", "float64", "mp30"])
def test_cost_stays_below_the_predicted_floor(name: str) -> None:
    data = peeled(np.random.default_rng(5), 5, 6).to(get_arithmetic(name))
    found = sequential_minimizer(data)
    assert 0 <= cost(found, data) <= found.cost_floor < (1e7 * data.arithmetic.unit_roundoff) ** 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)])
def test_layers_collapse_the_classes_in_the_order_asked_for(order: tuple[int, ...]) -> None:
    data = load_real_data("wine").to(RATIONAL)
    found = sequential_minimizer(data, order=order)
    points = data.inputs
    for layer, (weight, bias) in enumerate(found.network.layers(found.theta)[:-1]):
        points = RELU.value(RATIONAL, points @ weight.T + bias)
        sizes = [len({tuple(row) for row in points[data.labels == c]}) for c in order]
        assert sizes[: layer + 1] == [1] * (layer + 1)
        assert min(sizes[layer + 1 :], default=2) > 1


def test_margins_are_the_least_preactivations_of_the_network_itself() -> None:
    data = load_real_data("wine").to(RATIONAL)
    found = sequential_minimizer(data)
    points = data.inputs
    for (weight, bias), margin in zip(
        found.network.layers(found.theta)[:-1], found.margins, strict=True
    ):
        before = points @ weight.T + bias
        met = abs(before[before != 0]).min()
        assert met >= margin
        points = RELU.value(RATIONAL, before)


def test_all_digits_are_fitted_and_unseen_ones_read() -> None:
    data = load_real_data("digits")
    train = np.arange(data.size) % 10 < 7
    part = Dataset(data.inputs[train], data.labels[train], data.targets)
    found = sequential_minimizer(part)
    assert found.network.widths == (64, *[9] * 10, 10)
    assert cost(found, part) <= found.cost_floor < 1e-12
    answers = outputs(found.network, found.theta, data.inputs[~train]).argmax(axis=1)
    assert np.mean(answers == data.labels[~train]) > 0.85


@pytest.mark.parametrize(
    ("widths", "message"),
    [((2, 2), "at least 3 layers"), ((2, 2, 1), "at least 2 units")],
)
def test_layers_too_few_or_too_narrow_are_refused(widths: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sequential_minimizer(peeled(np.random.default_rng(0), 3, 2), hidden_widths=widths)


def test_one_class_and_inseparable_data_are_refused() -> None:
    with pytest.raises(ValueError, match="got one class"):
        sequential_minimizer(Dataset.classification(np.ones((2, 1)), [0, 0]))
    with pytest.raises(InseparableError):
        sequential_minimizer(load_real_data("iris"))
