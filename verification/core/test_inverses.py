"""The formed D^+ is the pseudoinverse of the formed D, with its rank, at every condition number."""

from __future__ import annotations

import numpy as np
import pytest

from geomdl import (
    FLOAT64,
    RATIONAL,
    Network,
    form_pseudoinverse,
    get_arithmetic,
    linearize,
    memory,
    pseudoinverse,
)
from geomdl.arithmetic import Arithmetic, SingularMatrixError
from verification.core.references import agree
from verification.core.strategies import HARDWARE, random_problem, with_condition

MP60 = get_arithmetic("mp60")


@pytest.mark.parametrize("widths", [[16, 32, 32, 4], [6, 40, 1], [3, 8, 8], [3, 2], [70, 1]], ids=str)
@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
def test_it_is_the_pseudoinverse_of_the_formed_jacobian(
    arithmetic: Arithmetic, widths: list[int]
) -> None:
    problem, theta = random_problem(widths, "tanh", 64 if widths[-1] == 8 else 40, 1, arithmetic)
    at = problem.linearize(theta)
    found, expected = form_pseudoinverse(at), pseudoinverse(at.jacobian())
    assert (found.method, found.rank) == ("cholesky", expected.rank)
    assert expected.condition / 4 <= found.condition <= 1.01 * expected.condition
    agree(found.matrix, expected.matrix(), condition=expected.condition, size=at.shape[1])


@pytest.mark.parametrize("exponent", [0, 2, 4, 5.5, 7, 9, 12])
@pytest.mark.parametrize("shape", [(20, 90), (60, 21)], ids=["wide", "tall"])
def test_the_error_is_that_of_the_singular_value_decomposition(
    shape: tuple[int, int], exponent: float
) -> None:
    at = with_condition(shape, exponent)
    jacobian = at.jacobian()
    exact = MP60.array(jacobian)
    if shape[0] <= shape[1]:
        truth = MP60.to_float64(exact.T @ MP60.solve(exact @ exact.T, MP60.eye(shape[0])))
    else:
        truth = MP60.to_float64(MP60.solve(exact.T @ exact, exact.T))
    found, kappa = form_pseudoinverse(at), float(np.linalg.cond(jacobian))
    error, of_svd = (
        np.linalg.norm(inverse - truth) / np.linalg.norm(truth)
        for inverse in (found.matrix, np.linalg.pinv(jacobian, rcond=1e-15))
    )
    # What two backward stable methods differ by is luck; the level is u kappa.
    assert error <= 3 * of_svd + kappa * FLOAT64.unit_roundoff
    assert found.rank == min(shape)
    assert (found.method == "cholesky") == (exponent <= 7)
    assert found.corrections >= 1 or found.method == "svd"
    if exponent in (5.5, 7):  # without a correction the error is that of the Gram matrix, kappa^2
        gram = jacobian @ jacobian.T if shape[0] <= shape[1] else jacobian.T @ jacobian
        inverse = FLOAT64.cholesky(gram)(np.eye(len(gram)))
        uncorrected = jacobian.T @ inverse if shape[0] <= shape[1] else inverse @ jacobian.T
        with pytest.raises(AssertionError, match="exceeds"):
            agree(uncorrected, truth, condition=kappa, size=shape[1])


@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
def test_a_lost_rank_is_left_to_singular_values(arithmetic: Arithmetic) -> None:
    network, rng = Network([6, 60, 4], "tanh"), np.random.default_rng(0)
    inputs = rng.standard_normal((40, 6))
    inputs[7] = inputs[3]  # equal rows of D
    theta = arithmetic.array(network.random_theta(1))
    at = linearize(network, theta, arithmetic.array(inputs))
    found, expected = form_pseudoinverse(at), pseudoinverse(at.jacobian())
    assert (found.method, found.rank) == ("svd", 156)
    assert "cholesky" in found.reason or "rank in question" in found.reason
    agree(found.matrix, expected.matrix(), condition=expected.condition, size=at.shape[1])
    with pytest.raises(SingularMatrixError):
        form_pseudoinverse(at, rank=160)


def test_over_the_rationals_it_is_exact() -> None:
    problem, theta = random_problem([2, 3, 2], "square", 3, 1, RATIONAL, bits=2)
    at = problem.linearize(theta)
    found = form_pseudoinverse(at)
    assert found.method == "rational"
    assert (at.jacobian() @ found.matrix == RATIONAL.eye(6)).all()


def test_an_imposed_lower_rank_is_taken() -> None:
    at = with_condition((20, 90), 3)
    found = form_pseudoinverse(at, rank=7)
    assert (found.method, found.rank) == ("svd", 7)
    expected = pseudoinverse(at.jacobian(), rank=7)
    assert np.array_equal(found.matrix, expected.matrix())


@pytest.mark.parametrize("widths", [[16, 32, 32, 4], [3, 8, 8], [6, 60, 4]], ids=["wide", "tall", "svd"])
@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
def test_it_goes_to_memory_of_the_caller(arithmetic: Arithmetic, widths: list[int]) -> None:
    problem, theta = random_problem(widths, "tanh", 40, 1, arithmetic)
    inputs = problem.data.inputs
    if widths[1] == 60:
        inputs = arithmetic.concatenate([inputs, inputs[:1]])  # a sample twice: the rank is lost
    at = linearize(problem.network, theta, inputs)
    expected = form_pseudoinverse(at)
    assert (expected.method == "svd") == (widths[1] == 60)
    rows, columns = at.shape
    for out in (arithmetic.zeros((columns, rows)), arithmetic.zeros((rows, columns)).T):
        found = form_pseudoinverse(at, out=out)
        assert found.matrix is out
        agree(out, expected.matrix, condition=expected.condition, size=columns)
    with pytest.raises(ValueError, match="got out of shape"):
        form_pseudoinverse(at, out=arithmetic.zeros((rows + 1, columns)))


def test_what_does_not_fit_into_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, theta = random_problem([40, 60, 30], "tanh", 100, 1, FLOAT64)
    monkeypatch.setattr(memory, "available_memory", lambda: 2 * 10**8)
    with pytest.raises(MemoryError, match=r"the pseudoinverse of D .* solve does not form it"):
        form_pseudoinverse(problem.linearize(theta))
