"""D^+ r: never worse than QR without saying so, and the rank decided as the pseudoinverse does."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy import linalg

from geomdl import (
    FLOAT32,
    FLOAT64,
    RATIONAL,
    Linearization,
    Network,
    Problem,
    adapted_field,
    cholesky_solves,
    dependencies,
    get_arithmetic,
    linearize,
    memory,
    pseudoinverse,
    solve,
    solves,
)
from geomdl.arithmetic import Arithmetic, SingularMatrixError
from geomdl.arithmetic.lookup import missing_extra
from geomdl.data import Dataset
from geomdl.dependencies import Dependencies, find_dependencies
from geomdl.normal_systems import NormalSystem
from verification.core.references import agree
from verification.core.strategies import HARDWARE, random_problem, with_condition
from verification.machinery.ratios import THRESHOLDS

MP60 = get_arithmetic("mp60")
SINGLE = [arithmetic for arithmetic in HARDWARE if arithmetic.bytes_per_number == 8]


@cache
def in_many_digits(
    shape: tuple[int, int], exponent: float, in_range: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return a right side and D^+ of it, from 60 digits and the normal equations."""
    at = with_condition(shape, exponent)
    rng = np.random.default_rng(1)
    jacobian = at.jacobian()
    right = jacobian @ rng.standard_normal(shape[1]) if in_range else rng.standard_normal(shape[0])
    exact, target = MP60.array(jacobian), MP60.array(right)
    if shape[0] <= shape[1]:
        truth = exact.T @ MP60.cholesky(exact @ exact.T)(target)
    else:
        truth = MP60.cholesky(exact.T @ exact)(exact.T @ target)
    return right, MP60.to_float64(truth)


def by_qr(jacobian: np.ndarray, right: np.ndarray) -> np.ndarray:
    if jacobian.shape[0] <= jacobian.shape[1]:
        q, r = linalg.qr(jacobian.T, mode="economic")
        return q @ linalg.solve_triangular(r, right, trans=1)
    q, r = linalg.qr(jacobian, mode="economic")
    return linalg.solve_triangular(r, q.T @ right)


@pytest.mark.parametrize("exponent", [0, 2, 4, 5.5, 7, 8, 10])
@pytest.mark.parametrize("in_range", [True, False], ids=["consistent", "not consistent"])
@pytest.mark.parametrize("shape", [(32, 320), (96, 33)], ids=["wide", "tall"])
def test_the_error_is_that_of_qr(
    shape: tuple[int, int], in_range: bool, exponent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solves, "_DIRECT_BELOW", 0)
    at = with_condition(shape, exponent)
    right, truth = in_many_digits(shape, exponent, in_range)
    jacobian = at.jacobian()
    kappa = np.linalg.cond(jacobian)
    found, size = solve(at, right), np.linalg.norm(truth)
    error, of_qr = (np.linalg.norm(w - truth) / size for w in (found.solution, by_qr(jacobian, right)))
    # What two backward stable methods differ by is luck; the level is u kappa.
    assert error <= 3 * of_qr + kappa * FLOAT64.unit_roundoff
    assert found.rank == min(shape)
    assert kappa / 4 <= found.condition <= 4 * kappa
    assert (
        found.method
        in {
            0: ["cholesky"],
            2: ["cholesky"],
            4: ["cholesky"],
            5.5: ["cholesky"],
            7: ["cholesky", "shifted cholesky"],
            8: ["cholesky", "shifted cholesky", "qr"],
            10: ["shifted cholesky", "qr"],
        }[exponent]
    )
    assert found.optimality < 1e-12
    assert (found.residual < 1e-6) == (in_range or shape[0] <= shape[1])


def test_the_methods_come_in_their_order_and_each_says_why_it_gave_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solves, "_DIRECT_BELOW", 0)
    found = [solve(with_condition((40, 120), exponent), np.ones(40)) for exponent in range(0, 15)]
    order = ["cholesky", "shifted cholesky", "qr", "svd"]
    places = [order.index(one.method) for one in found]
    assert places == sorted(places)
    assert set(places) == {0, 1, 2, 3}
    for one in found:
        assert [name in one.reason for name in order[: order.index(one.method)]].count(False) <= 1
    assert all(one.rank == 40 for one in found if one.method != "svd")


@pytest.mark.parametrize("widths", [[6, 60, 4], [4, 8, 8]], ids=["wide", "tall"])
@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
def test_a_lost_rank_is_decided_as_the_pseudoinverse_does(
    arithmetic: Arithmetic, widths: list[int]
) -> None:
    network, rng = Network(widths, "tanh"), np.random.default_rng(0)
    inputs = rng.standard_normal((40, widths[0]))
    theta = network.random_theta(1)
    if widths[1] == 60:
        inputs[7] = inputs[3]  # equal rows of D
    else:
        theta[5 * 4 : 6 * 4] = theta[4 * 4 : 5 * 4]  # two hidden units of equal weights and biases
        theta[8 * 4 + 5] = theta[8 * 4 + 4]
    at = linearize(network, arithmetic.array(theta), arithmetic.array(inputs))
    right = arithmetic.array(rng.standard_normal(at.shape[0]))
    found, expected = solve(at, right), pseudoinverse(at.jacobian())
    in_numpy = arithmetic in (FLOAT32, FLOAT64)  # torch has no pivoted Cholesky factorization
    assert found.method == ("pivoted cholesky" if in_numpy else "svd")
    assert found.rank == expected.rank < min(at.shape)
    assert ("are combinations of the others" if in_numpy else "singular values decided") in found.reason
    agree(found.solution, expected.apply(right), condition=expected.condition, size=at.shape[1])


def test_a_device_that_is_not_waited_for_says_that_its_factorization_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if missing_extra("torch:cpu:float64"):
        pytest.skip('torch is not installed: pip install "geomdl-verify[torch]"')
    arithmetic = get_arithmetic("torch:cpu:float64")
    problem, theta = random_problem([6, 60, 4], "tanh", 40, 2, arithmetic)
    at = problem.linearize(theta)
    right = arithmetic.array(np.arange(at.shape[0]) / 7)
    assert solve(at, right).method == "cholesky"
    monkeypatch.setattr(arithmetic, "asynchronous", True)
    factor, one = arithmetic.cholesky_in_place, arithmetic.array([1])[0]
    # A factor that looks well, and the word that it is none.
    monkeypatch.setattr(arithmetic, "cholesky_in_place", lambda lower: (factor(lower)[0], one))
    found, expected = solve(at, right), pseudoinverse(at.jacobian())
    assert (found.method, found.rank) == ("qr", expected.rank)
    agree(found.solution, expected.apply(right), condition=expected.condition, size=at.shape[1])


def repeated(exponent: float, tall: bool) -> Linearization:
    """D with a prescribed condition number, of which some rows or columns are combinations of others."""
    at = with_condition((90, 31) if tall else (30, 120), exponent)
    inputs, rng = at.inputs, np.random.default_rng(3)
    if tall:
        mixed = inputs @ rng.standard_normal((inputs.shape[1], 4)) / 3
        inputs = np.concatenate([inputs, mixed, 0 * mixed[:, :2]], axis=1)
    else:
        inputs = np.concatenate([inputs, inputs[[3, 3, 17]]])
    columns = inputs.shape[1] + 1
    return linearize(Network([columns - 1, 1], "tanh"), np.zeros(columns), inputs)


@pytest.mark.parametrize("exponent", [0, 1, 2, 4, 5.5, 7, 9, 11])
@pytest.mark.parametrize("tall", [False, True], ids=["rows", "columns"])
def test_dependent_rows_and_columns_are_left_out_without_a_worse_answer(
    tall: bool, exponent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solves, "_DIRECT_BELOW", 0)
    at = repeated(exponent, tall)
    right = np.random.default_rng(1).standard_normal(at.shape[0])
    found, expected = solve(at, right), pseudoinverse(at.jacobian())
    assert found.rank == expected.rank == (31 if tall else 30)
    assert found.method in (["pivoted cholesky"] if exponent <= 5.5 else ["pivoted cholesky", "svd"])
    assert expected.condition / 4 <= found.condition <= 4 * expected.condition
    truth = expected.apply(right)
    # Least squares with a residual: the pseudoinverse itself moves by u kappa^2 |residual| / |D w|.
    moved = np.linalg.norm(right - at.push(truth)) / np.linalg.norm(at.push(truth))
    kappa = expected.condition * (1 + moved * expected.condition)
    error = np.linalg.norm(found.solution - truth) / np.linalg.norm(truth)
    assert error <= THRESHOLDS["identity"] * FLOAT64.unit_roundoff * kappa
    assert found.optimality < 1e-13


@pytest.mark.parametrize("tall", [False, True], ids=["rows", "columns"])
def test_without_the_projection_dependent_rows_and_columns_spoil_the_answer(
    tall: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solves, "_DIRECT_BELOW", 0)
    at = repeated(1, tall)
    right = np.random.default_rng(1).standard_normal(at.shape[0])
    found = find_dependencies

    def unprojected(system: NormalSystem) -> Dependencies:
        return replace(found(system), project=lambda vector: vector)

    monkeypatch.setattr(cholesky_solves, "find_dependencies", unprojected)
    wrong, expected = solve(at, right), pseudoinverse(at.jacobian())
    assert wrong.method == "pivoted cholesky"
    with pytest.raises(AssertionError, match="exceeds"):
        agree(wrong.solution, expected.apply(right), condition=expected.condition**2, size=at.shape[1])


@pytest.mark.parametrize("exponent", [7.5, 9, 11])
def test_a_small_singular_value_is_not_taken_for_a_dependency(
    exponent: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solves, "_DIRECT_BELOW", 0)
    at = with_condition((40, 120), 1)
    inputs = at.inputs.copy()
    inputs[5] = inputs[9] + 10.0**-exponent * inputs[11]
    near = linearize(at.network, at.theta, inputs)
    found, expected = solve(near, np.ones(40)), pseudoinverse(near.jacobian())
    assert found.rank == expected.rank == 40
    assert found.method != "pivoted cholesky"
    if exponent > 8:  # as the pivots alone would have it
        monkeypatch.setattr(dependencies, "_refined", lambda system, inverse, vanishing, top: vanishing)
        unconfirmed = solve(near, np.ones(40))
        assert (unconfirmed.method, unconfirmed.rank) == ("pivoted cholesky", 39)


@pytest.mark.parametrize("widths", [[16, 32, 32, 4], [6, 40, 1], [3, 8, 8]], ids=str)
@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
def test_networks_are_solved_by_cholesky_as_by_the_pseudoinverse(
    arithmetic: Arithmetic, widths: list[int]
) -> None:
    problem, theta = random_problem(widths, "tanh", 64 if widths[-1] == 8 else 40, 1, arithmetic)
    at = problem.linearize(theta)
    right = arithmetic.array(np.random.default_rng(0).standard_normal(at.shape[0]))
    found, expected = solve(at, right), pseudoinverse(at.jacobian())
    assert found.rank == expected.rank
    assert found.condition <= 1.01 * expected.condition
    agree(found.solution, expected.apply(right), condition=expected.condition, size=at.shape[1])
    if arithmetic.bytes_per_number == 8:
        assert found.method == "cholesky"


@pytest.mark.parametrize("arithmetic", SINGLE, ids=repr)
def test_a_single_precision_factor_gives_double_precision_or_steps_aside(
    arithmetic: Arithmetic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(solves, "_SINGLE_FROM", 1)
    problem, theta = random_problem([16, 32, 32, 4], "tanh", 32, 1, arithmetic)
    at = problem.linearize(theta)
    right = arithmetic.array(np.cos(np.arange(at.shape[0])))
    one, other = solve(at, right, condition=30.0), solve(at, right)
    assert (one.method, other.method) == ("single cholesky", "cholesky")
    assert one.refinements > other.refinements
    agree(one.solution, other.solution, condition=other.condition, size=at.shape[1])
    hard = with_condition((64, 400), 5)
    ill = linearize(hard.network, arithmetic.array(hard.theta), arithmetic.array(hard.inputs))
    wrong = solve(ill, arithmetic.array(np.ones(64)), condition=30.0)
    assert wrong.method == "cholesky"
    assert "single cholesky" in wrong.reason


def test_imposed_ranks_mean_what_they_mean_for_the_pseudoinverse() -> None:
    problem, theta = random_problem([6, 40, 4], "tanh", 30, 2)
    at, right = problem.linearize(theta), np.sin(np.arange(120))
    for rank in (120, 100):
        found, expected = solve(at, right, rank=rank), pseudoinverse(at.jacobian(), rank=rank)
        assert found.rank == rank
        agree(found.solution, expected.apply(right), condition=expected.condition, size=at.shape[1])
    inputs = problem.data.inputs.copy()
    inputs[1] = inputs[0]
    with pytest.raises(SingularMatrixError, match="does not have rank 120"):
        solve(linearize(problem.network, theta, inputs), right, rank=120)


@pytest.mark.parametrize("name", ["float64", "float32", "mp30", "rational"])
def test_small_problems_and_exact_ones_are_solved_directly(name: str) -> None:
    arithmetic = get_arithmetic(name)
    problem, theta = random_problem([2, 3, 2], "square", 3, 5, arithmetic, bits=3)
    at, right = problem.linearize(theta), arithmetic.array([1, -2, 3, 0, 1, 1])
    found, expected = solve(at, right), pseudoinverse(at.jacobian())
    assert bool(np.all(found.solution == expected.apply(right)))
    assert (found.method, found.rank) == (expected.method, expected.rank)
    if arithmetic is RATIONAL:
        assert found.residual == 0


@pytest.mark.parametrize("widths", [[2, 3, 2], [8, 60, 4]], ids=str)
def test_a_right_side_of_zero_has_the_solution_zero(widths: list[int]) -> None:
    problem, theta = random_problem(widths, "tanh", 30, 0)
    found = solve(problem.linearize(theta), np.zeros(30 * widths[-1]))
    assert not found.solution.any()
    assert (found.residual, found.optimality) == (0, 0)


@pytest.mark.parametrize("scale", [1e-250, 1e250])
def test_extreme_right_sides_are_solved_to_the_same_digits(scale: float) -> None:
    problem, theta = random_problem([8, 60, 4], "tanh", 30, 0)
    at, right = problem.linearize(theta), np.cos(np.arange(120))
    one, other = solve(at, right), solve(at, scale * right)
    agree(other.solution / scale, one.solution, condition=one.condition, size=at.shape[1])


@pytest.mark.parametrize(
    ("right", "error", "words"),
    [
        (np.ones(4), ValueError, r"got a right side of shape \(4,\)"),
        (np.ones(3, dtype=np.float32), TypeError, "got arrays of different arithmetics"),
        (np.array([1, np.nan, 1]), ValueError, "NaN or infinite"),
    ],
    ids=["shape", "dtype", "nan"],
)
def test_bad_right_sides_are_refused(right: np.ndarray, error: type[Exception], words: str) -> None:
    problem, theta = random_problem([2, 4, 1], "tanh", 3, 0)
    with pytest.raises(error, match=words):
        solve(problem.linearize(theta), right)


def test_a_matrix_that_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, theta = random_problem([40, 60, 30], "tanh", 100, 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 10**7)
    with pytest.raises(MemoryError, match=r"needs 0.072 GB .* take fewer samples"):
        solve(problem.linearize(theta), np.ones(3000))


@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
def test_the_adapted_field_is_the_same_by_every_method(arithmetic: Arithmetic) -> None:
    network, rng = Network([8, 40, 4], "tanh"), np.random.default_rng(3)
    data = Dataset.regression(rng.standard_normal((32, 8)), rng.standard_normal((32, 4))).to(arithmetic)
    problem, field = Problem(network, data), adapted_field()
    for before, seed in pairwise(range(3)):
        theta = arithmetic.array(network.random_theta(seed) + before / 8)
        kappa = np.linalg.cond(problem.linearize(theta).jacobian())
        expected = adapted_field(method="svd")(problem, theta)
        agree(field(problem, theta), expected, condition=kappa, size=network.parameter_count)
