"""Orders of classes: found where they exist, refused with a checked certificate where they do not."""

from dataclasses import replace
from fractions import Fraction
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import RATIONAL, Dataset, load_real_data
from geomdl.separability import (
    CommonPoint,
    InseparableError,
    UndecidedError,
    class_order,
)
from verification.core.strategies import examples


def on_a_line(labels: str) -> Dataset:
    """Place samples with these labels at 0, 1, 2, ..."""
    return Dataset.classification(np.arange(len(labels), dtype=np.float64)[:, None], list(labels))


def can_be_removed_from_the_ends(labels: str) -> bool:
    """Decide separability on a line by hand: a class must be a run at one of the ends."""
    if len(set(labels)) == 1:
        return True
    candidates = (
        labels.replace(c, "")
        for c in set(labels)
        if labels.startswith(c * labels.count(c)) or labels.endswith(c * labels.count(c))
    )
    return any(can_be_removed_from_the_ends(rest) for rest in candidates)


@examples(60)
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=9).map("".join))
def test_on_a_line_an_order_is_found_exactly_when_runs_can_be_cut_off_from_the_ends(labels: str) -> None:
    data = on_a_line(labels)
    if can_be_removed_from_the_ends(labels):
        assert np.all(class_order(data).predict(data.inputs) == data.labels)
    else:
        with pytest.raises(InseparableError) as caught:
            class_order(data)
        assert caught.value.holds_for(data)


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "digits"])
def test_real_data_are_cut_off_class_by_class(name: str) -> None:
    data = load_real_data(name, 150)
    found = class_order(data)
    sides = data.inputs @ found.normals.T - found.offsets
    turn = np.argsort(found.order)[data.labels]
    for layer in range(len(found.normals)):
        assert sides[turn == layer, layer].max() <= -1 + 1e-12
        assert sides[turn > layer, layer].min() >= 1 - 1e-12
    assert np.all(found.predict(data.inputs) == data.labels)


def test_certificate_for_iris_is_exact_and_every_part_of_it_counts() -> None:
    data = load_real_data("iris")
    with pytest.raises(InseparableError, match=r"none of the classes \(1, 2\)") as caught:
        class_order(data)
    error = caught.value
    assert error.holds_for(data)
    point = error.certificate[0]
    tilted = (point.inside_weights[0] + Fraction(1, 10**9), *point.inside_weights[1:])
    for forged in (
        replace(point, inside_weights=tilted),
        replace(point, inside=point.outside[: len(point.inside)]),
        replace(point, label=0),
        replace(point, outside=point.inside, outside_weights=point.inside_weights),
    ):
        assert not InseparableError(error.classes, [forged, error.certificate[1]]).holds_for(data)
    assert not InseparableError(error.classes, error.certificate[:1]).holds_for(data)
    with pytest.raises(InseparableError) as raised:
        class_order(data, order=(1, 0, 2))
    assert raised.value.classes == (1,)
    class_order(load_real_data("wine"), order=(2, 1, 0))


def test_every_order_of_a_simplex_is_accepted_and_no_other_argument() -> None:
    data = Dataset.classification(np.eye(4), range(4))
    for order in permutations(range(4)):
        assert class_order(data, order).order == order
    with pytest.raises(ValueError, match=r"expected a permutation of 0, ..., 3"):
        class_order(data, (0, 1, 2))


def test_one_input_with_two_labels_is_its_own_certificate() -> None:
    data = Dataset.classification(np.array([[0.5, 0.25], [0.5, 0.25]]), [0, 1])
    with pytest.raises(InseparableError) as caught:
        class_order(data)
    assert caught.value.certificate[0] == CommonPoint(0, (0,), (1,), (Fraction(1),), (Fraction(1),))


def test_a_single_class_needs_no_hyperplane() -> None:
    found = class_order(Dataset.classification(np.ones((3, 2)), [7, 7, 7]))
    assert (found.order, found.normals.shape) == ((0,), (0, 2))
    assert found.predict(np.zeros((2, 2))).tolist() == [0, 0]


@pytest.mark.parametrize("factor", [1e-150, 1.0, 1e150])
@pytest.mark.parametrize("shift", [0.0, 1e3])
def test_units_and_origin_of_the_inputs_do_not_matter(factor: float, shift: float) -> None:
    data = load_real_data("wine")
    moved = Dataset((data.inputs + shift) * factor, data.labels, data.targets)
    found = class_order(moved)
    assert found.order == class_order(data).order
    assert np.all(found.predict(moved.inputs) == data.labels)


@pytest.mark.parametrize("exact", [True, False])
def test_classes_apart_by_less_than_rounding_are_left_undecided(exact: bool) -> None:
    inputs: Any = np.array([[1.0], [1.0 + 2**-52]])
    data = Dataset.classification(RATIONAL.array(inputs) if exact else inputs, [0, 1])
    with pytest.raises(UndecidedError, match="touch within rounding"):
        class_order(data)
