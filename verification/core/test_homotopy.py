"""The operators of the family between the flows against its vector field, their spectra, exactly."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import FLOAT32, RATIONAL, arithmetic_of, get_arithmetic, homotopy_field, pseudoinverse
from geomdl.arithmetic import Arithmetic
from geomdl.homotopy import (
    output_operator,
    output_velocity,
    parameter_operator,
    relaxation_rates,
)
from verification.core.references import agree
from verification.core.strategies import (
    examples,
    random_problem,
    samples,
    seeds,
    smooth_activations,
    spectra,
    widths,
    with_spectrum,
)

alphas = st.sampled_from([0, Fraction(1, 8), 0.5, 1 - 2.0**-20, 1])


@examples(30)
@given(shape=widths(2), activation=smooth_activations, count=samples, seed=seeds, alpha=alphas)
def test_operators_and_velocity_are_those_of_the_vector_field(
    shape: list[int], activation: str, count: int, seed: int, alpha: float
) -> None:
    problem, theta = random_problem(shape, activation, count, seed)
    at = problem.linearize(theta)
    d, inverse = at.jacobian(), pseudoinverse(at.jacobian())
    if inverse.gap < 1e6 or inverse.condition > 1e6:
        return  # no rank to speak of
    gradient = problem.cost.gradient(problem.data, at.stacked)
    field = homotopy_field(alpha)(problem, theta)
    stretch = np.abs(inverse.matrix()).max()
    units = {"size": max(d.shape), "condition": inverse.condition**2}
    velocity = output_velocity(problem, theta, alpha)
    scale = np.abs(gradient).max() * (1 + np.abs(d).max() ** 2)
    agree(velocity, at.push(field), scale=scale, **units)
    agree(velocity, -output_operator(d, alpha) @ gradient, scale=scale, **units)
    parameter_scale = np.abs(gradient).max() * (stretch + np.abs(d).max())
    agree(field, -parameter_operator(d, alpha) @ at.pull(gradient), scale=parameter_scale, **units)


@examples(40)
@given(spectrum=spectra(), seed=seeds, alpha=alphas)
def test_eigenvalues_are_the_rates_and_those_of_the_inverse_gram_matrix(
    spectrum: tuple[int, int, list[float]], seed: int, alpha: float
) -> None:
    rows, columns, sigma = spectrum
    d = with_spectrum(rows, columns, sigma, seed)
    weight, squares = float(alpha), np.array(sigma) ** 2
    inverse = pseudoinverse(d)
    rates = relaxation_rates(inverse, alpha)
    assert rates.shape == (len(sigma),)
    if sigma:
        agree(rates, weight + (1 - weight) * squares, size=max(d.shape), condition=inverse.condition)
    expected = np.zeros(rows)
    expected[: len(sigma)] = rates
    found = np.linalg.eigvalsh(output_operator(d, alpha))
    agree(found, np.sort(expected), scale=1.0, size=max(d.shape))
    expected = np.full(columns, 1 - weight)
    expected[: len(sigma)] += weight / squares
    found = np.linalg.eigvalsh(parameter_operator(d, alpha))
    units = {"size": max(d.shape), "condition": inverse.condition, "scale": 1 + expected.max()}
    agree(found, np.sort(expected), **units)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_over_the_rationals_both_operators_are_joined_by_the_jacobian(rank: int) -> None:
    # D A_alpha D^T = B_alpha, and A_alpha is affine in alpha.
    generator = np.random.default_rng(rank)
    d = RATIONAL.array(generator.integers(-3, 4, (3, rank)) @ generator.integers(-3, 4, (rank, 4)))
    alpha = RATIONAL.number(1, 3)
    a, b = parameter_operator(d, alpha), output_operator(d, alpha)
    assert (d @ a @ d.T == b).all()
    assert (a == a.T).all()
    assert (b == b.T).all()
    ends = 2 * parameter_operator(d, 0) + parameter_operator(d, 1)
    assert (3 * a == ends).all()


@pytest.mark.parametrize("arithmetic", [FLOAT32, get_arithmetic("mp30"), RATIONAL])
def test_results_stay_in_the_arithmetic_of_the_matrix(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([2, 3, 1], "square", 2, 5, arithmetic, bits=2)
    d = problem.linearize(theta).jacobian()
    for found in (
        parameter_operator(d, 0.25),
        output_operator(d, 0.25),
        output_velocity(problem, theta, 0.25),
    ):
        assert arithmetic_of(found) is arithmetic


def test_an_imposed_rank_cuts_the_inverse() -> None:
    d = np.diag([1.0, 0.125])
    assert np.array_equal(output_operator(d, 1, rank=1), np.diag([1.0, 0.0]))
    assert np.array_equal(parameter_operator(d, 1, rank=1), np.diag([1.0, 0.0]))
    problem, theta = random_problem([1, 1], "identity", 2, 3)
    whole, cut = (output_velocity(problem, theta, 1, rank=rank) for rank in (2, 1))
    assert not np.allclose(whole, cut)


@pytest.mark.parametrize("alpha", [-0.5, 1.5, float("nan")])
def test_alpha_outside_of_the_interval_is_refused(alpha: float) -> None:
    problem, theta = random_problem([1, 1], "identity", 2, 3)
    d = problem.linearize(theta).jacobian()
    for function in (parameter_operator, output_operator):
        with pytest.raises(ValueError, match="alpha"):
            function(d, alpha)
    with pytest.raises(ValueError, match="alpha"):
        output_velocity(problem, theta, alpha)
    with pytest.raises(ValueError, match="alpha"):
        relaxation_rates(pseudoinverse(d), alpha)


def test_exact_numbers_have_no_rates() -> None:
    with pytest.raises(ValueError, match="singular values"):
        relaxation_rates(pseudoinverse(RATIONAL.array([[1, 2]])), 0)
