"""Arithmetics: roundoff, conversion, elementary functions, factorizations, and what they refuse."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import FLOAT32, FLOAT64, RATIONAL, arithmetic_of, get_arithmetic
from geomdl.arithmetic import Arithmetic, SingularMatrixError
from geomdl.arithmetic.multiprecision import multiprecision
from verification.core.references import agree
from verification.core.strategies import examples, seeds, spectra, with_spectrum

MP30, MP50 = get_arithmetic("mp30"), get_arithmetic("mp50")
ROUNDED = [FLOAT32, FLOAT64, MP30]
EVERY = [*ROUNDED, RATIONAL]


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30, MP50], ids=repr)
def test_the_unit_roundoff_is_where_one_plus_it_starts_to_count(arithmetic: Arithmetic) -> None:
    one = arithmetic.number(1)
    unit = arithmetic.array([arithmetic.unit_roundoff])[0]
    assert one + unit * 2 > one
    assert one + unit / 2 == one


@pytest.mark.parametrize("digits", [10, 50, 300, 400, 1000])
def test_no_roundoff_of_rounded_numbers_is_zero(digits: int) -> None:
    assert 0 < multiprecision(digits).unit_roundoff < 10.0 ** (1 - min(digits, 300))


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_an_arithmetic_is_found_by_its_name_and_by_its_arrays(arithmetic: Arithmetic) -> None:
    assert get_arithmetic(arithmetic.name) is arithmetic
    for array in (arithmetic.array([1, 2]), arithmetic.zeros(3), arithmetic.eye(2)):
        assert arithmetic_of(array) is arithmetic
    assert (
        arithmetic_of(arithmetic.concatenate([arithmetic.zeros(1), arithmetic.eye(2)[0]])) is arithmetic
    )


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_binary_fractions_convert_exactly_between_all(arithmetic: Arithmetic) -> None:
    values = np.array([[0.5, -3.25], [2.0**-20, 0.0]], dtype=np.float64)
    assert np.array_equal(arithmetic.to_float64(arithmetic.array(values)), values)
    for other in ROUNDED:
        assert np.array_equal(other.to_float64(other.array(arithmetic.array(values))), values)


def test_rational_numbers_take_the_exact_value_of_any_real_number() -> None:
    assert RATIONAL.array([0.1])[0] == Fraction(0.1)
    assert RATIONAL.array(np.array([0.1], dtype=np.float32))[0] == Fraction(float(np.float32(0.1)))
    assert RATIONAL.array(MP50.array([0.1]))[0] == Fraction(0.1)


def test_more_digits_are_rounded_to_fewer_and_stay_their_own() -> None:
    third = MP50.array([Fraction(1, 3)])
    rounded = MP30.array(third)
    assert arithmetic_of(rounded) is MP30
    assert rounded[0] == MP30.number(1, 3)
    assert MP50.array(rounded)[0] != third[0]
    assert arithmetic_of(MP50.array(rounded) + third) is MP50


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64, MP30, RATIONAL], ids=repr)
def test_complex_numbers_are_refused_and_never_truncated(arithmetic: Arithmetic) -> None:
    with pytest.raises(TypeError, match="complex"):
        arithmetic.array(np.array([1 + 2j]))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rational_numbers_refuse_nan_and_infinity(bad: float) -> None:
    with pytest.raises(ValueError, match="expected finite numbers"):
        RATIONAL.array(np.array([1.0, bad]))


@examples(30)
@given(size=st.integers(1, 6), seed=seeds, arithmetic=st.sampled_from(EVERY), columns=st.integers(0, 3))
def test_a_linear_system_is_solved(size: int, seed: int, arithmetic: Arithmetic, columns: int) -> None:
    generator = np.random.default_rng(seed)
    matrix = arithmetic.array(generator.integers(-8, 9, (size, size)) / 8 + 4 * np.eye(size))
    shape = (size, columns) if columns else (size,)
    solution = arithmetic.array(generator.integers(-8, 9, shape) / 8)
    agree(arithmetic.solve(matrix, matrix @ solution), solution, scale=arithmetic.number(8), size=size)


@pytest.mark.parametrize("arithmetic", ROUNDED, ids=repr)
@examples(10)
@given(size=st.integers(2, 6), seed=seeds)
def test_a_system_that_is_singular_to_the_precision_is_refused(
    arithmetic: Arithmetic, size: int, seed: int
) -> None:
    vectors = np.random.default_rng(seed).integers(-5, 6, size=(size, size - 1)).astype(np.float64)
    matrix = arithmetic.array(vectors @ vectors.T)  # integers: singular without any rounding
    with pytest.raises(
        SingularMatrixError, match=rf"{size} x {size} matrix is singular to {arithmetic.name}"
    ):
        arithmetic.solve(matrix, arithmetic.eye(size))


def test_a_singular_rational_system_is_refused() -> None:
    with pytest.raises(SingularMatrixError, match=r"2 x 2 matrix.* is singular.*use pseudoinverse"):
        RATIONAL.solve(RATIONAL.array([[1, 2], [2, 4]]), RATIONAL.array([1, 2]))


@pytest.mark.parametrize("arithmetic", ROUNDED, ids=repr)
@examples(12)
@given(case=spectra(), seed=seeds)
def test_the_svd_finds_the_prescribed_spectrum(
    arithmetic: Arithmetic, case: tuple[int, int, list[float]], seed: int
) -> None:
    rows, columns, spectrum = case
    matrix = with_spectrum(rows, columns, spectrum, seed)
    left, sigma, right = arithmetic.svd(arithmetic.array(matrix))
    smaller = min(rows, columns)
    assert (left.shape, sigma.shape, right.shape) == ((rows, smaller), (smaller,), (smaller, columns))
    padded = np.array(spectrum + [0.0] * (smaller - len(spectrum)), dtype=np.float64)
    # The matrix itself carries float64 rounding errors.
    error = np.max(np.abs(arithmetic.to_float64(sigma) - padded))
    assert error <= 30 * max(rows, columns) * max(arithmetic.unit_roundoff, FLOAT64.unit_roundoff)
    size, one = max(rows, columns), arithmetic.number(1)
    agree((left * sigma) @ right, arithmetic.array(matrix), scale=one, size=size)
    agree(left.T @ left, arithmetic.eye(smaller), size=size)
    agree(right @ right.T, arithmetic.eye(smaller), size=size)


def test_single_precision_factorizations_are_computed_in_single_precision() -> None:
    matrix = np.random.default_rng(0).standard_normal((30, 20)).astype(np.float32)
    sigma = FLOAT32.svd(matrix)[1]
    exact = np.linalg.svd(matrix.astype(np.float64), compute_uv=False)
    assert sigma.dtype == np.float32
    # A float64 computation rounded at the end would be right to half a unit in the last place.
    half_unit = np.spacing(exact.astype(np.float32)) / 2
    assert np.max(np.abs(sigma - exact) / half_unit) > 1.5
    gram = matrix.T @ matrix
    right = np.ones(20, dtype=np.float32)
    for solution in (FLOAT32.solve(gram, right), FLOAT32.cholesky(gram)(right)):
        assert solution.dtype == np.float32
        truth = np.linalg.solve(gram.astype(np.float64), right.astype(np.float64))
        error = np.max(np.abs(solution - truth)) / np.max(np.abs(truth))
        assert 2.0**-25 < error < 2.0**-24 * 30 * np.linalg.cond(gram.astype(np.float64))


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_cholesky_solves_a_positive_definite_system(arithmetic: Arithmetic) -> None:
    factor = arithmetic.array([[2, 0, 0], [1, 2, 0], [-1, 1, 2]])
    solution = arithmetic.array([1, -2, 3])
    solve = arithmetic.cholesky(factor @ factor.T)
    agree(solve(factor @ (factor.T @ solution)), solution, condition=30.0)


def test_cholesky_refuses_an_indefinite_matrix() -> None:
    with pytest.raises(
        SingularMatrixError, match="2 x 2 Gram matrix is not positive definite to float64"
    ):
        FLOAT64.cholesky(np.diag([1.0, -1.0]))


@examples(30)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6), rank=st.integers(0, 6), seed=seeds)
def test_a_rational_matrix_factors_through_its_rank(
    rows: int, columns: int, rank: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    left = generator.integers(-3, 4, size=(rows, rank))
    product = left @ generator.integers(-3, 4, size=(rank, columns))
    f, g = RATIONAL.rank_factorization(RATIONAL.array(product))
    found = int(np.linalg.matrix_rank(product))
    assert (f.shape, g.shape) == ((rows, found), (found, columns))
    assert np.all(f @ g == product)


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_the_largest_entry_counts_nan_and_absolute_values(arithmetic: Arithmetic) -> None:
    assert arithmetic.largest(arithmetic.array([1, -3, 2])) == 3
    assert arithmetic.largest(arithmetic.zeros((0,))) == 0
    if not arithmetic.exact:
        for position in range(3):
            values = np.ones(3, dtype=np.float64)
            values[position] = np.nan
            largest = arithmetic.largest(arithmetic.array(values))
            assert largest != largest, f"NaN at position {position} is lost"


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(
        ValueError, match=r"got arithmetic 'flaot64'; expected one of.*did you mean 'float64'"
    ):
        get_arithmetic("flaot64")
    with pytest.raises(ValueError, match="got arithmetic 'mp'; expected one of"):
        get_arithmetic("mp")
    with pytest.raises(ValueError, match="got arithmetic 'mp²'; expected one of"):
        get_arithmetic("mp²")
    with pytest.raises((TypeError, ValueError), match="got arithmetic 64; expected one of"):
        get_arithmetic(64)  # type: ignore[arg-type]


@pytest.mark.parametrize("digits", [9, 0, -5, 50.0, "50", True, None])
def test_a_precision_below_ten_digits_or_no_integer_is_refused(digits: object) -> None:
    get_arithmetic("mp50")
    with pytest.raises(
        ValueError, match=r"got a precision of .* digits; expected an integer of at least 10"
    ):
        multiprecision(digits)
    with pytest.raises(
        ValueError, match="got a precision of 9 digits; expected an integer of at least 10"
    ):
        get_arithmetic("mp9")


def test_one_foreign_number_in_an_array_is_noticed() -> None:
    half = 0.5
    for first, foreign in (
        (Fraction(1, 3), half),
        (MP50.number(1, 3), half),
        (MP50.number(1, 3), MP30.number(1, 3)),
        (MP50.number(1, 3), 1),
    ):
        mixed = np.empty(2, dtype=object)
        mixed[:] = [first, foreign]
        with pytest.raises(TypeError, match="got "):
            arithmetic_of(mixed)


def test_arrays_of_nothing_known_are_refused() -> None:
    for array in (np.array(["a"]), np.array([None]), np.zeros(2, dtype=np.complex128)):
        with pytest.raises(TypeError, match=r"got an .*array of .*expected"):
            arithmetic_of(array)
