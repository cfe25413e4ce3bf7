"""The references are right to extended precision, and a wrong result never passes for a right one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks import problems
from benchmarks.kernels import KERNELS
from benchmarks.problems import DTYPES, Case, Size, make_case
from benchmarks.references import THRESHOLD, Reference
from geomdl import Dataset, Problem
from geomdl.arithmetic import get_arithmetic

MP50 = get_arithmetic("mp50")
ROUNDOFF = float(np.finfo(np.longdouble).eps)


@pytest.fixture(scope="module")
def case() -> Case:
    return make_case("tiny")


def distance(found: np.ndarray, exact: Any) -> float:
    exact = np.array([np.longdouble(str(value)) for value in exact.ravel()]).reshape(exact.shape)
    return float(np.max(np.abs(found - exact)) / np.max(np.abs(exact)))


def test_rows_and_products_agree_with_fifty_digits(case: Case) -> None:
    reference = Reference(case)
    at = case.problem.to(MP50).linearize(MP50.array(case.theta))
    right = MP50.array(case.right)
    allowed = 100 * reference.chain * ROUNDOFF
    assert distance(reference.chosen_rows, at.jacobian()[reference.chosen]) < allowed
    assert distance(reference.push(case.theta.astype(np.longdouble)), at.push(at.theta)) < allowed
    assert distance(reference.pull(case.right.astype(np.longdouble)), at.pull(right)) < allowed


@pytest.mark.parametrize("widths", [(3, 6, 2), (2, 2, 1)])
def test_solutions_agree_with_fifty_digits(
    widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    from geomdl.pseudoinverses import pseudoinverse

    size = Size(4 if widths[0] == 3 else 12, widths)
    monkeypatch.setitem(problems.SIZES, "tiny", size)
    case = make_case("tiny")
    reference = Reference(case)
    jacobian = case.problem.to(MP50).linearize(MP50.array(case.theta)).jacobian()
    exact = pseudoinverse(jacobian).apply(MP50.array(case.right))
    allowed = 100 * reference.chain * reference.condition * ROUNDOFF
    assert distance(reference.solve(case.right), exact) < allowed


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kernel", [name for name in KERNELS if name != "orbit"])
def test_a_right_result_passes_and_a_wrong_digit_does_not(kernel: str, dtype: str) -> None:
    case = make_case("tiny", dtype)
    reference, chosen = Reference(case), KERNELS[kernel]
    right = np.array(chosen.prepare(case)())
    assert chosen.ratio(reference, right) <= 1
    digits = reference.unit * reference.chain * 2 * THRESHOLD * reference.condition
    assert chosen.ratio(reference, right * (1 + digits)) > THRESHOLD
    assert chosen.ratio(reference, -right) > 1000 * THRESHOLD
    assert not chosen.ratio(reference, np.full_like(right, np.nan)) <= THRESHOLD


def test_an_orbit_at_another_tolerance_or_time_is_noticed(case: Case) -> None:
    from geomdl.flows import adapted_field, integrate

    reference = Reference(case)
    end = case.size.end * case.size.samples
    coarse = integrate(case.problem, adapted_field(), case.theta, end, rtol=1e-4)
    early = integrate(case.problem, adapted_field(), case.theta, 0.99 * end, rtol=1e-8)
    assert reference.orbit_ratio(coarse.end) > THRESHOLD
    assert reference.orbit_ratio(early.end) > 1000 * THRESHOLD
    assert reference.orbit_ratio(KERNELS["orbit"].prepare(case)()) <= THRESHOLD


def test_another_shape_is_an_infinite_error(case: Case) -> None:
    assert Reference(case).push_ratio(np.zeros(3)) == np.inf


@pytest.mark.parametrize("widths", [(2, 3, 2), (3, 40, 2)], ids=["tall", "wide"])
def test_at_lost_rank_a_gradient_or_a_part_in_the_kernel_is_noticed(
    widths: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(problems.SIZES, "tiny", Size(12, widths))
    case = make_case("tiny")
    # A constant input of zero for the tall D, a sample that stands twice for the wide one.
    inputs, targets = case.problem.data.inputs.copy(), case.problem.data.targets
    if widths[1] == 3:
        inputs[:, 0] = 0
    else:
        inputs[3] = inputs[7]
    problem = Problem(case.problem.network, Dataset.regression(inputs, targets))
    reference = Reference(replace(case, problem=problem))
    assert reference.factor is None
    found = np.asarray(KERNELS["solve"].prepare(reference.case)())
    assert reference.solution_ratio(found) <= 1
    dropped = np.linalg.svd(problem.linearize(case.theta).jacobian())[2][-1]
    digits = reference.unit * reference.chain * 2 * THRESHOLD * reference.condition
    assert reference.solution_ratio(found + digits * np.linalg.norm(found) * dropped) > THRESHOLD
    assert reference.solution_ratio(found * (1 + digits)) > THRESHOLD
    assert reference.solution_ratio(0 * found) > 1000 * THRESHOLD
    assert not reference.solution_ratio(np.nan * found) <= THRESHOLD
    assert reference.solution_ratio(-found) > 1000 * THRESHOLD
