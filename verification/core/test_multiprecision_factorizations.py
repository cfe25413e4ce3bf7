"""Factorizations beyond machine numbers: fixed-point QR, normal equations, balls, rationals, tensors.

Everything is held against another route: mpmath against FLINT, FLINT's kernels against elimination
without it, QR against the SVD, exact numbers against modular ranks.
"""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from geomdl import FLOAT32, FLOAT64, RATIONAL, Network, get_arithmetic, linearize, pseudoinverse
from geomdl.activations import ACTIVATIONS
from geomdl.arithmetic import (
    Arithmetic,
    SingularMatrixError,
    UnsupportedOperationError,
    arithmetic_of,
    missing_extra,
)
from geomdl.arithmetic import rationals as rationals_module
from verification.core.strategies import with_spectrum


def arithmetic_named(name: str) -> Any:
    """Return an arithmetic with all that its class adds."""
    return get_arithmetic(name)


MP50 = arithmetic_named("mp50")
needs_flint = pytest.mark.skipif(missing_extra("arb50") is not None, reason="extra `rigorous` is absent")
needs_torch = pytest.mark.skipif(
    missing_extra("torch:cpu:float64") is not None, reason="extra `torch` is absent"
)


def generator(seed: int = 0) -> np.random.Generator:
    """Return a generator for this module."""
    return np.random.default_rng([seed, 50])


def deficient(rows: int, columns: int, rank: int, seed: int = 0) -> np.ndarray:
    """Return an integer matrix of this rank."""
    random = generator(seed)
    return random.integers(-3, 4, (rows, rank)) @ random.integers(-3, 4, (rank, columns))


# ---- multiprecision ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (3, 7), (12, 12)])
@pytest.mark.parametrize("digits", [10, 50, 100])
def test_pivoted_qr_reproduces_the_matrix_to_all_digits(shape: tuple[int, int], digits: int) -> None:
    mp = arithmetic_named(f"mp{digits}")
    matrix = mp.array(generator().standard_normal(shape)) / 3
    q, r, order = mp.pivoted_qr(matrix)
    unit = 10 * max(shape) * mp.unit_roundoff
    assert float(mp.largest(q @ r - matrix[:, order])) < unit
    assert float(mp.largest(q.T @ q - mp.eye(min(shape)))) < unit
    assert all(r[i, j] == 0 for i in range(len(r)) for j in range(i))
    diagonal = [abs(float(entry)) for entry in r.diagonal()]
    assert diagonal == sorted(diagonal, reverse=True)


def test_a_product_is_the_exact_one_rounded_once() -> None:
    random = generator()
    left = random.standard_normal((4, 6)) * 10.0 ** random.integers(-30, 30, (4, 6))
    right = random.standard_normal((6, 3))
    found = MP50.array(left) @ MP50.array(right)
    exact = RATIONAL.array(left) @ RATIONAL.array(right)
    assert np.all(np.asarray(found) == np.asarray(MP50.array(exact)))


def test_products_of_numbers_too_far_apart_and_of_infinities_go_number_by_number() -> None:
    mp = MP50.context.mpf
    far = MP50.array([[mp(2) ** 9000, mp(1)]])
    assert (far @ MP50.array([[1.0], [1.0]]))[0, 0] == mp(2) ** 9000
    assert (MP50.array([[float("inf"), 1.0]]) @ MP50.array([[1.0], [1.0]]))[0, 0] == mp("inf")


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
@pytest.mark.parametrize("kappa", [1e0, 1e8, 1e24])
def test_all_methods_agree_far_beyond_float64(shape: tuple[int, int], kappa: float) -> None:
    size = min(shape)
    sigma = [Fraction(1) / Fraction(kappa) ** i for i in (0, *[1] * (size - 1))]
    q = [
        MP50.pivoted_qr(MP50.array(generator(i).standard_normal((side, size))))[0]
        for i, side in enumerate(shape)
    ]
    matrix = (q[0] * MP50.array(sigma)) @ q[1].T
    inverse = (q[1] / MP50.array(sigma)) @ q[0].T
    for method in ("svd", "qr", "normal"):
        found = pseudoinverse(matrix, method=method)
        error = float(MP50.largest(found.matrix() - inverse) / MP50.largest(inverse))
        assert found.rank == size
        assert error < 100 * max(shape) * kappa * MP50.unit_roundoff, method


@pytest.mark.parametrize(("rows", "columns", "rank"), [(5, 8, 3), (8, 5, 3), (6, 6, 1), (4, 4, 0)])
def test_qr_finds_the_rank_of_deficient_matrices(rows: int, columns: int, rank: int) -> None:
    matrix = deficient(rows, columns, rank)
    exact = MP50.array(pseudoinverse(RATIONAL.array(matrix)).matrix())
    for arithmetic in (MP50, FLOAT64, FLOAT32):
        found = pseudoinverse(arithmetic.array(matrix), method="qr")
        assert (found.rank, found.method) == (rank, "qr")
        error = arithmetic.largest(found.matrix() - arithmetic.array(exact))
        assert float(error) < 1e4 * arithmetic.unit_roundoff
        for projector in (found.range_projector(), found.row_projector()):
            assert (
                float(arithmetic.largest(projector @ projector - projector))
                < 1e3 * arithmetic.unit_roundoff
            )


def test_qr_hands_a_rank_in_question_to_the_svd() -> None:
    cutoff = 6 * 2 * FLOAT64.unit_roundoff
    for seed in range(5):
        matrix = with_spectrum(6, 3, [1.0, 0.5, 1.05 * cutoff], seed)
        by_svd, by_qr = pseudoinverse(matrix), pseudoinverse(matrix, method="qr")
        assert by_qr.method == "svd"
        assert by_qr.rank == by_svd.rank


def test_singular_values_after_qr_are_those_of_the_svd() -> None:
    matrix = MP50.array(deficient(5, 7, 3))
    found, reference = pseudoinverse(matrix, method="qr"), pseudoinverse(matrix, method="svd")
    assert found.singular_values is not None
    assert float(MP50.largest(found.singular_values - reference.singular_values)) < 1e-47
    assert found.gap > 1e40
    assert found.condition == pytest.approx(reference.condition)


# ---- singular systems ------------------------------------------------------------------------


ALL_NAMES = ["float32", "float64", "mp30", "mp50", "rational"]
OPTIONAL_NAMES = [
    pytest.param("arb50", marks=needs_flint),
    *(pytest.param(f"torch:cpu:float{bits}", marks=needs_torch) for bits in (32, 64)),
]


@pytest.mark.parametrize("name", [*ALL_NAMES, *OPTIONAL_NAMES])
@pytest.mark.parametrize("seed", range(5))
def test_a_singular_system_asked_to_be_solved_at_full_rank_is_an_error(name: str, seed: int) -> None:
    arithmetic = arithmetic_named(name)
    matrix = arithmetic.array(deficient(5, 8, 4, seed))
    for method in (None, *arithmetic.pseudoinverse_methods):
        with pytest.raises(SingularMatrixError, match="rank"):
            pseudoinverse(matrix, rank=5, method=method)
    if arithmetic.pseudoinverse_methods[0] != "rational":
        with pytest.raises(SingularMatrixError):
            pseudoinverse(matrix, method="normal")


@pytest.mark.parametrize("name", ["float64", *OPTIONAL_NAMES, "mp50", "rational"])
def test_a_method_that_an_arithmetic_does_not_offer_is_refused(name: str) -> None:
    arithmetic = arithmetic_named(name)
    for method in {"svd", "qr", "normal", "rational"} - set(arithmetic.pseudoinverse_methods):
        with pytest.raises(UnsupportedOperationError) as caught:
            pseudoinverse(arithmetic.eye(2), method=method)
        assert all(repr(offered) in str(caught.value) for offered in arithmetic.pseudoinverse_methods)
    with pytest.raises(ValueError, match="'inverse'"):
        pseudoinverse(arithmetic.eye(2), method="inverse")


# ---- balls -----------------------------------------------------------------------------------


@needs_flint
def test_balls_and_mpmath_give_the_same_pseudoinverse_to_the_last_digits() -> None:
    arb = arithmetic_named("arb50")
    matrix = generator().standard_normal((20, 60))
    enclosed = pseudoinverse(arb.array(matrix)).matrix()
    for method in ("qr", "normal"):
        found = pseudoinverse(MP50.array(matrix), method=method).matrix()
        gap = MP50.largest(found - MP50.array(enclosed)) / MP50.largest(found)
        assert float(gap) < 100 * MP50.unit_roundoff
    assert arb.radius(enclosed) < 1e-50


@needs_flint
def test_balls_contain_the_exact_pseudoinverse() -> None:
    arb = arithmetic_named("arb30")
    matrix = deficient(4, 9, 4)
    exact = pseudoinverse(RATIONAL.array(matrix)).matrix()
    assert arb.contains(pseudoinverse(arb.array(matrix)).matrix(), exact)
    assert not arb.contains(pseudoinverse(arb.array(matrix)).matrix(), exact + Fraction(1, 10**9))


@needs_flint
def test_flint_keeps_the_precision_that_it_had() -> None:
    import flint

    before = flint.ctx.prec
    for name in ("arb20", "arb80"):
        arb = arithmetic_named(name)
        third = arb.array([1.0, 2.0]) / 3
        for found in (
            third @ third,
            third.sum(),
            np.dot(third, third),
            arb.exp(third),
            third[0] * third[1],
        ):
            assert arithmetic_of(np.atleast_1d(found)) is arb
            assert arb.radius(found) < 10 * arb.unit_roundoff  # type: ignore[attr-defined]
        assert flint.ctx.prec == before
    with pytest.raises(SingularMatrixError):
        arb.solve(arb.array([[1.0, 1.0], [1.0, 1.0]]), arb.eye(2))
    assert flint.ctx.prec == before
    with pytest.raises(TypeError, match="arb20, arb80"):
        arithmetic_named("arb20").eye(2) + arb.eye(2)


@needs_flint
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_in_balls_enclose_those_of_mpmath(name: str) -> None:
    arb, mp100 = arithmetic_named("arb30"), arithmetic_named("mp100")
    points = np.array([-40.0, -1.5, -0.25, 0.375, 3.0, 40.0])
    enclosed = ACTIVATIONS[name].jet(arb, arb.array(points))
    for balls, numbers in zip(enclosed, ACTIVATIONS[name].jet(mp100, mp100.array(points)), strict=True):
        # the reference is rounded too: at a few hundred bits less than the radius of a ball
        difference = balls - arb.array(numbers)
        assert all(ball.contains(0) for ball in np.asarray(difference))
        assert float(arb.largest(difference)) < 1e-26


# ---- rationals -------------------------------------------------------------------------------


@needs_flint
def test_flint_changes_no_rational_number(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = RATIONAL.array(deficient(6, 9, 4)) / Fraction(7, 3)
    square = RATIONAL.array(generator().integers(-5, 6, (6, 6)))

    def everything() -> list[np.ndarray]:
        inverse = pseudoinverse(matrix)
        echelon, pivots = RATIONAL.row_echelon(matrix)
        parts = [
            inverse.matrix(),
            inverse.range_projector(),
            matrix @ matrix.T,
            echelon,
            np.array(pivots),
        ]
        return [*parts, RATIONAL.solve(square, square[0]), np.array([RATIONAL.rank_modulo(matrix)])]

    with_flint = everything()
    monkeypatch.setattr(rationals_module, "_flint", lambda: None)
    for mine, other in zip(everything(), with_flint, strict=True):
        assert mine.shape == other.shape
        assert np.all(np.asarray(mine) == np.asarray(other))
    assert isinstance(with_flint[0][0, 0], Fraction)


@pytest.mark.parametrize("rank", [40, 25])
def test_algebra_holds_exactly_at_40_by_120(rank: int) -> None:
    matrix = RATIONAL.array(deficient(40, 120, rank))
    found = pseudoinverse(matrix)
    inverse = found.matrix()
    assert found.rank == RATIONAL.rank_modulo(matrix) == rank
    if missing_extra("arb50") is None:  # without FLINT this takes minutes
        left, right = matrix @ inverse, inverse @ matrix
        for this, that in (
            (left @ matrix, matrix),
            (right @ inverse, inverse),
            (left.T, left),
            (right.T, right),
        ):
            assert np.all(np.asarray(this) == np.asarray(that))


def test_a_rank_modulo_a_prime_is_a_lower_bound() -> None:
    matrix = RATIONAL.array([[1, 2], [3, 13]])
    assert [RATIONAL.rank_modulo(matrix, prime) for prime in (7, 11)] == [1, 2]


# ---- tensors ---------------------------------------------------------------------------------


@needs_torch
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_formulas_run_unchanged_on_tensors(dtype: str) -> None:
    torch, numpy_ = get_arithmetic(f"torch:cpu:{dtype}"), get_arithmetic(dtype)
    network = Network([2, 5, 3], "gelu")
    theta, inputs = network.random_theta(0), generator().standard_normal((4, 2))

    def everything(arithmetic: Arithmetic) -> list[np.ndarray]:
        at = linearize(network, arithmetic.array(theta), arithmetic.array(inputs))
        assert at.arithmetic is arithmetic
        covector = arithmetic.array(np.arange(12.0))
        inverse = pseudoinverse(at.jacobian()).apply(covector)
        found = [
            at.stacked,
            at.jacobian(),
            at.gram(),
            at.pull(covector),
            at.push(at.pull(covector)),
            inverse,
        ]
        return [arithmetic.to_float64(array) for array in found]

    for ours, theirs in zip(everything(torch), everything(numpy_), strict=True):
        assert np.abs(ours - theirs).max() < 1e3 * numpy_.unit_roundoff * np.abs(theirs).max()


@needs_torch
def test_devices_and_dtypes_that_do_not_exist_are_refused() -> None:
    import torch

    for name, words in (("torch:cpu:float16", "float16"), ("torch:gpu:float64", "'gpu'")):
        with pytest.raises(ValueError, match=words):
            arithmetic_named(name)
    if not torch.cuda.is_available():
        assert missing_extra("torch:cuda:float64") == "a CUDA device"
        with pytest.raises(UnsupportedOperationError, match="torch:cpu:float64"):
            get_arithmetic("torch:cuda:float64")
    with pytest.raises(TypeError, match="int64"):
        arithmetic_of(torch.ones(2, dtype=torch.int64))


def test_neither_torch_nor_flint_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, geomdl; print([name for name in ('torch', 'flint') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
