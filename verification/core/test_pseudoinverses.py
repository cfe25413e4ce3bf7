"""Pseudoinverses against the four Penrose conditions, the rank rule, and solving by the Gram matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import (
    FLOAT32,
    FLOAT64,
    RATIONAL,
    Network,
    arithmetic_of,
    get_arithmetic,
    linearize,
    pseudoinverse,
    solve_by_gram,
)
from geomdl.arithmetic import Arithmetic, SingularMatrixError
from verification.core.references import agree
from verification.core.strategies import examples, random_problem, seeds, spectra, with_spectrum

MP30, MP50 = get_arithmetic("mp30"), get_arithmetic("mp50")
EVERY = [FLOAT32, FLOAT64, MP30, RATIONAL]


def integer_matrix(rows: int, columns: int, rank: int, seed: int) -> np.ndarray:
    """Return an integer matrix of exactly this rank, with a condition number below 100."""
    generator = np.random.default_rng(seed)
    while True:
        left = generator.integers(-3, 4, (rows, rank))
        product = left @ generator.integers(-3, 4, (rank, columns))
        sigma = np.linalg.svd(product.astype(np.float64), compute_uv=False)
        if rank == 0 or sigma[rank - 1] * 100 > sigma[0]:
            return product


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
@examples(15)
@given(rows=st.integers(1, 5), columns=st.integers(1, 5), data=st.data(), seed=seeds)
def test_the_four_penrose_conditions_hold_at_every_rank(
    arithmetic: Arithmetic, rows: int, columns: int, data: st.DataObject, seed: int
) -> None:
    rank = data.draw(st.integers(0, min(rows, columns)))
    a = arithmetic.array(integer_matrix(rows, columns, rank, seed))
    inverse = pseudoinverse(a)
    assert inverse.rank == rank
    plus = inverse.matrix()
    assert plus.shape == (columns, rows)
    assert arithmetic_of(plus) is arithmetic
    kappa, size = (1.0 if arithmetic.exact else inverse.condition), max(rows, columns)
    agree(a @ plus @ a, a, condition=kappa, size=size)
    agree(plus @ a @ plus, plus, condition=kappa**2, size=size)
    one = arithmetic.number(1)
    for product, projector in (
        (a @ plus, inverse.range_projector()),
        (plus @ a, inverse.row_projector()),
    ):
        agree(product, product.T, scale=one, condition=kappa, size=size)
        agree(product, projector, scale=one, condition=kappa, size=size)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30], ids=repr)
@examples(20)
@given(case=spectra(), seed=seeds)
def test_rank_singular_values_and_condition_are_as_prescribed(
    arithmetic: Arithmetic, case: tuple[int, int, list[float]], seed: int
) -> None:
    rows, columns, spectrum = case
    matrix = with_spectrum(rows, columns, spectrum, seed)
    if arithmetic is MP30:  # the float64 rounding errors of the matrix would count in 30 digits
        matrix = np.round(matrix * 2**40) / 2**40
        inverse = pseudoinverse(arithmetic.array(matrix), rank=len(spectrum))
    else:
        inverse = pseudoinverse(arithmetic.array(matrix))
    assert inverse.rank == len(spectrum)
    assert inverse.singular_values is not None
    sigma = arithmetic.to_float64(inverse.singular_values)
    assert np.all(np.diff(sigma) <= 0)
    assert len(sigma) == min(rows, columns)
    if spectrum:
        assert np.allclose(sigma[: len(spectrum)], spectrum, rtol=1e-4)
        assert np.isclose(inverse.condition, spectrum[0] / spectrum[-1], rtol=1e-4)
    else:
        assert inverse.condition == 1


@examples(15)
@given(case=spectra(), seed=seeds)
def test_the_pseudoinverse_applied_to_a_vector_is_the_solution_of_minimum_norm(
    case: tuple[int, int, list[float]], seed: int
) -> None:
    rows, columns, spectrum = case
    matrix = with_spectrum(rows, columns, spectrum, seed)
    right = np.random.default_rng(seed).standard_normal((rows, 2))
    expected = np.linalg.lstsq(matrix, right, rcond=1e-10)[0]
    inverse = pseudoinverse(matrix)
    scale = 1 + np.abs(expected).max()
    agree(inverse.apply(right), expected, scale=scale, condition=inverse.condition, size=10)
    agree(inverse.apply(right[:, 0]), expected[:, 0], scale=scale, condition=inverse.condition, size=10)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30], ids=repr)
@pytest.mark.parametrize("shape", [(2, 2), (2, 5), (6, 3)])
def test_the_rank_rule_at_its_boundary(arithmetic: Arithmetic, shape: tuple[int, int]) -> None:
    cutoff = max(shape) * 2 * arithmetic.unit_roundoff
    for factor, counted in ((1.125, 2), (0.875, 1)):
        matrix = arithmetic.zeros(shape)
        matrix[0, 0] = arithmetic.number(1)
        matrix[1, 1] = arithmetic.array([factor * cutoff])[0]
        inverse = pseudoinverse(matrix)
        assert inverse.rank == counted
        assert np.isclose(float(inverse.tolerance), cutoff, rtol=1e-6, atol=0)


def test_the_gap_is_what_separates_counted_from_dropped() -> None:
    matrix = np.diag([1.0, 1e-3, 1e-18])
    inverse = pseudoinverse(matrix)
    assert inverse.rank == 2
    assert np.isclose(inverse.gap, 1e15, rtol=1e-6)
    assert np.isclose(inverse.condition, 1e3)
    assert pseudoinverse(np.diag([1.0, 0.0])).gap == np.inf
    assert pseudoinverse(np.eye(2, dtype=np.float64)).gap == np.inf
    assert np.isclose(pseudoinverse(matrix, rank=1).gap, 1e3)
    assert pseudoinverse(RATIONAL.eye(2)).gap == np.inf


def test_an_imposed_rank_truncates_and_never_inverts_rounding_noise() -> None:
    matrix = np.diag([4.0, 2.0, 1e-17])
    assert np.array_equal(pseudoinverse(matrix, rank=1).matrix(), np.diag([0.25, 0, 0]))
    assert np.array_equal(pseudoinverse(matrix, rank=2).matrix(), np.diag([0.25, 0.5, 0]))
    assert not np.any(pseudoinverse(matrix, rank=0).matrix())
    with pytest.raises(SingularMatrixError, match=r"rank 3 .*its singular value 3 is .* of the largest"):
        pseudoinverse(matrix, rank=3)


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2)])
def test_a_zero_matrix_has_rank_zero_and_a_zero_inverse_of_its_own_arithmetic(
    arithmetic: Arithmetic, shape: tuple[int, int]
) -> None:
    inverse = pseudoinverse(arithmetic.zeros(shape))
    assert inverse.rank == 0
    assert inverse.gap == np.inf
    right = arithmetic.array(np.ones(shape[0], dtype=np.float64))
    for array in (
        inverse.matrix(),
        inverse.apply(right),
        inverse.range_projector(),
        inverse.row_projector(),
    ):
        assert arithmetic_of(array) is arithmetic
        assert not np.any(arithmetic.to_float64(array))


def test_float32_ranks_and_inverses_are_honestly_single_precision() -> None:
    matrix = with_spectrum(5, 5, [1.0, 0.5, 1e-9], 3)
    assert pseudoinverse(matrix).rank == 3
    single = pseudoinverse(matrix.astype(np.float32))
    assert single.rank == 2
    assert single.singular_values is not None
    assert single.singular_values.dtype == single.matrix().dtype == np.float32
    # A float64 computation would leave 1e-17 of the dropped values of an exactly deficient matrix.
    product = integer_matrix(6, 6, 3, 1).astype(np.float32)
    sigma = pseudoinverse(product).singular_values
    assert sigma is not None
    assert np.max(sigma[3:]) > 1e-12 * sigma[0]


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_layout_and_write_protection_change_no_inverse(arithmetic: Arithmetic) -> None:
    a = arithmetic.array(integer_matrix(3, 5, 2, 0))
    plus = pseudoinverse(a).matrix()
    spaced = np.repeat(np.repeat(a, 2, axis=0), 2, axis=1)[::2, ::2]
    frozen = np.asfortranarray(a)
    frozen.flags.writeable = False
    before = a.copy()
    for moved in (spaced, frozen):
        agree(pseudoinverse(moved).matrix(), plus, condition=100.0, size=5)
    assert np.all(a == before)


@pytest.mark.parametrize(
    ("matrix", "words"),
    [
        (np.zeros(3), r"got an array of shape \(3,\); expected a nonempty matrix"),
        (np.zeros((0, 3)), r"got an array of shape \(0, 3\); expected a nonempty matrix"),
        (np.array([[1, np.nan]]), "got a matrix with NaN or infinite entries; expected finite numbers"),
        (np.array([[np.inf, 1]]), "got a matrix with NaN or infinite entries; expected finite numbers"),
    ],
)
def test_what_is_no_finite_matrix_is_refused(matrix: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pseudoinverse(matrix)


@pytest.mark.parametrize("rank", [-1, 3])
def test_an_impossible_rank_is_refused(rank: int) -> None:
    with pytest.raises(
        ValueError, match=rf"got rank={rank}; expected 0 to 2 for a matrix of shape \(2, 3\)"
    ):
        pseudoinverse(np.ones((2, 3), dtype=np.float64), rank=rank)


@pytest.mark.parametrize("rank", [1.5, 1.0, "1", True])
def test_a_rank_that_is_no_integer_is_refused(rank: object) -> None:
    with pytest.raises((TypeError, ValueError), match=r"got rank=.*expected"):
        pseudoinverse(np.eye(2, dtype=np.float64), rank=rank)  # type: ignore[arg-type]


def test_a_rank_that_contradicts_the_matrix_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rank.*2.*singular value 2 is "):
        pseudoinverse(np.diag([1.0, 0.0]), rank=2)
    with pytest.raises(ValueError, match="got rank=1 for a matrix of exact rank 2"):
        pseudoinverse(RATIONAL.eye(2), rank=1)


@pytest.mark.parametrize("wrong", [np.ones(2, dtype=np.float32), np.ones(2, dtype=int), [1.0, 1.0]])
def test_right_sides_of_another_arithmetic_are_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="got "):
        pseudoinverse(np.eye(2, dtype=np.float64)).apply(wrong)


def test_right_sides_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"got .*shape \(3,\).*expected"):
        pseudoinverse(np.eye(2, dtype=np.float64)).apply(np.ones(3, dtype=np.float64))


# ---- solving by the Gram matrix -----------------------------------------------------------------


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
@pytest.mark.parametrize("seed", range(4))
def test_the_solution_by_the_gram_matrix_is_accurate_to_50_digits_truth(
    arithmetic: Arithmetic, seed: int
) -> None:
    problem, theta = random_problem([2, 8, 2], "tanh", 3, seed, arithmetic)
    at = problem.linearize(theta)
    right = arithmetic.array(np.arange(6) / 4 - 1)
    found = solve_by_gram(at, right)
    precise = problem.to(MP50).linearize(MP50.array(theta)).jacobian()
    gram = precise @ precise.T
    truth = precise.T @ MP50.solve(gram, MP50.array(right))
    kappa = float(np.linalg.cond(MP50.to_float64(precise)))
    assert kappa < 1e3
    agree(found.solution, arithmetic.array(truth), condition=kappa, size=at.shape[1])
    assert found.solution.dtype == right.dtype
    assert found.residual < 100 * at.shape[1] * arithmetic.unit_roundoff * kappa
    assert found.refinements == 2


@pytest.mark.parametrize("seed", range(3))
def test_refinement_brings_the_error_from_kappa_squared_to_kappa(seed: int) -> None:
    network = Network([1, 12, 1], "tanh")
    theta, inputs = network.random_theta(seed), np.linspace(-0.1, 0.1, 4, dtype=np.float64)[:, None]
    at, right = linearize(network, theta, inputs), np.array([1.0, -1.0, 1.0, -1.0], dtype=np.float64)
    precise = linearize(network, MP50.array(theta), MP50.array(inputs)).jacobian()
    truth = MP50.to_float64(precise.T @ MP50.solve(precise @ precise.T, MP50.array(right)))
    raw, refined = (solve_by_gram(at, right, refinements=count) for count in (0, 2))
    kappa = float(np.linalg.cond(at.jacobian()))
    assert kappa > 1e3
    agree(refined.solution, truth, condition=kappa, size=at.shape[1])
    errors = [np.max(np.abs(found.solution - truth)) for found in (raw, refined)]
    assert errors[0] > 100 * errors[1]
    assert raw.residual > 100 * refined.residual


@pytest.mark.parametrize("arithmetic", [FLOAT64, MP30, RATIONAL], ids=repr)
def test_the_gram_route_and_the_pseudoinverse_agree(arithmetic: Arithmetic) -> None:
    problem, theta = random_problem([2, 3, 1], "square", 3, 5, arithmetic, bits=3)
    at = problem.linearize(theta)
    right = arithmetic.array([1, -2, 3])
    expected = pseudoinverse(at.jacobian()).apply(right)
    agree(solve_by_gram(at, right).solution, expected, condition=1e3, size=13)


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30, RATIONAL], ids=repr)
def test_a_rank_deficient_jacobian_is_refused(arithmetic: Arithmetic) -> None:
    network = Network([2, 3, 1], "square")
    inputs = arithmetic.array([[1, 2], [1, 2], [0, 1]])  # a repeated input repeats a row of D
    theta = arithmetic.array(np.arange(13) / 8 - 0.5)
    at = linearize(network, theta, inputs)
    with pytest.raises(SingularMatrixError, match=r"(?s)use .*"):
        solve_by_gram(at, arithmetic.array([1, -1, 0]))


def test_more_equations_than_parameters_are_refused_by_the_gram_route() -> None:
    problem, theta = random_problem([1, 1], "tanh", 4, 0)
    with pytest.raises(SingularMatrixError):
        solve_by_gram(problem.linearize(theta), np.array([1.0, -1.0, 1.0, -1.0], dtype=np.float64))


def test_a_zero_right_side_has_the_solution_zero() -> None:
    problem, theta = random_problem([2, 4, 1], "tanh", 3, 0)
    found = solve_by_gram(problem.linearize(theta), np.zeros(3, dtype=np.float64))
    assert not np.any(found.solution)
    assert found.residual == 0


@pytest.mark.parametrize(
    ("right", "error", "words"),
    [
        (np.ones(4), ValueError, r"got .*shape \(4,\).*expected"),
        (np.ones(3, dtype=np.float32), TypeError, "got arrays of different arithmetics"),
        (np.array([1, np.nan, 1]), ValueError, "NaN or infinite"),
    ],
)
def test_bad_right_sides_of_the_gram_route_are_refused(
    right: np.ndarray, error: type[Exception], words: str
) -> None:
    problem, theta = random_problem([2, 4, 1], "tanh", 3, 0)
    with pytest.raises(error, match=words) as caught:
        solve_by_gram(problem.linearize(theta), right)
    assert not isinstance(caught.value, SingularMatrixError)


def test_a_negative_number_of_refinements_is_refused() -> None:
    problem, theta = random_problem([2, 4, 1], "tanh", 3, 0)
    with pytest.raises(ValueError, match="got refinements=-1; expected") as caught:
        solve_by_gram(problem.linearize(theta), np.ones(3, dtype=np.float64), refinements=-1)
    assert not isinstance(caught.value, SingularMatrixError)
