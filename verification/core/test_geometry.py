"""Brackets of the fields grad x_i: against differences, at growth that is known, and on bad input."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import RATIONAL, Network, get_arithmetic, linearize, range_bundle_brackets
from geomdl.geometry import (
    bracket_growth,
    bracket_pairing,
    brackets_outside_fibre,
    integrability_defect,
)
from geomdl.jacobians import Linearization
from verification.core.strategies import examples, random_problem, seeds


def at_random(widths: list[int], activation: str, samples: int, seed: int, name: str) -> Linearization:
    problem, theta = random_problem(widths, activation, samples, seed, get_arithmetic(name))
    return problem.linearize(theta)


@examples(40)
@given(st.sampled_from([[1, 2, 2], [2, 2, 1], [1, 2, 2, 1]]), st.integers(1, 2), seeds)
def test_brackets_never_span_more_than_parameter_space(
    widths: list[int], samples: int, seed: int
) -> None:
    at = at_random(widths, "tanh", samples, seed, "float64")
    growth = bracket_growth(at, steps=2)
    assert growth.dimensions[0] <= growth.dimensions[1] <= growth.dimensions[2] <= at.shape[1]


def test_a_direction_found_with_the_first_brackets_is_not_found_again() -> None:
    # 9 of 10 directions after one step: noise in their projector used to count as an 11th.
    for seed in range(10):
        at = at_random([1, 2, 2], "tanh", 2, seed, "float64")
        growth = bracket_growth(at, steps=2)
        if growth.gap > 1e3:
            assert (
                growth.dimensions
                == bracket_growth(at_random([1, 2, 2], "tanh", 2, seed, "mp50"), steps=2).dimensions
            )


@pytest.mark.parametrize("name", ["float64", "rational"])
def test_affine_networks_are_integrable_and_squares_are_not(name: str) -> None:
    affine = at_random([3, 2], "identity", 2, 0, name)
    assert bracket_growth(affine, steps=2).dimensions == (4, 4, 4)
    assert integrability_defect(affine) == 0
    square = at_random([2, 2, 1], "square", 2, 1, name)
    assert bracket_growth(square).dimensions[1] > bracket_growth(square).dimensions[0]
    assert integrability_defect(square) > 1e-3


def test_pairing_with_a_kernel_direction_is_that_of_the_brackets() -> None:
    at = at_random([2, 2, 2], "square", 2, 3, "rational")
    jacobian = at.jacobian()
    echelon, pivots = RATIONAL.row_echelon(jacobian)
    free = next(j for j in range(jacobian.shape[1]) if j not in pivots)
    normal = RATIONAL.zeros(jacobian.shape[1])
    normal[free], normal[pivots] = RATIONAL.number(1), -echelon[: len(pivots), free]
    assert np.all(jacobian @ normal == 0)
    pairs = np.triu_indices(len(jacobian), 1)
    assert np.all(bracket_pairing(at, normal)[pairs] == range_bundle_brackets(at) @ normal)
    assert np.all(brackets_outside_fibre(at) @ normal == range_bundle_brackets(at) @ normal)


def test_other_numbers_of_steps_are_refused() -> None:
    at = linearize(Network([1, 1], "tanh"), np.array([1.0, 0.5]), np.array([[2.0]]))
    with pytest.raises(ValueError, match="expected 1 for"):
        bracket_growth(at, steps=3)
