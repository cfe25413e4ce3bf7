"""Register and checks that do not belong together are reported, claim by claim."""

from dataclasses import replace
from pathlib import Path

import pytest

from verification.machinery.coverage import checks_of, coverage_problems
from verification.machinery_tests import small_register
from verification.machinery_tests.doubles import FAILS, HOLDS, NEEDS, SOUND, UNDECIDABLE, FakeCheck, fake


def without(check: FakeCheck, role: str) -> FakeCheck:
    return replace(check, roles=check.roles - {role})


def test_sound_checks_cover_the_register(tmp_path: Path) -> None:
    assert coverage_problems(small_register(tmp_path), SOUND) == []


BROKEN = {
    "holds unchecked": ([NEEDS, FAILS, UNDECIDABLE], "alpha/model/a: verdict 'holds' without any"),
    "needs unchecked": ([HOLDS, FAILS, UNDECIDABLE], "theorem-2.1/a: verdict 'needs' without any"),
    "fails unchecked": ([HOLDS, NEEDS, UNDECIDABLE], "theorem-2.1/b: verdict 'fails' without any"),
    "undecidable unchecked": ([HOLDS, NEEDS, FAILS], "theorem-2.1/c: verdict 'undecidable' witho"),
    "no control": (
        [replace(HOLDS, controls=()), NEEDS, FAILS, UNDECIDABLE],
        "test_holds.py::test_holds: has no control",
    ),
    "evidence without control": (
        [HOLDS, NEEDS, FAILS, replace(UNDECIDABLE, controls=())],
        "test_undecidable.py::test_undecidable: has no control",
    ),
    "unknown claim": (
        [*SOUND, fake("new", "alpha/modle/a", "printed")],
        "names the unknown claim 'alpha/modle/a' (nearest: alpha/model/a",
    ),
    "no claim": ([*SOUND, replace(HOLDS, claims=())], "test_holds: names no claim"),
    "open though checked": (
        [*SOUND, fake("open", "alpha/model/b", "printed")],
        "alpha/model/b: verdict 'open' although checked by test_open.py::test_open",
    ),
    "holds but refuted": (
        [*SOUND, fake("doubt", "alpha/model/a", "printed", "refuted")],
        "alpha/model/a: verdict 'holds' but test_doubt.py::test_doubt refutes",
    ),
    "holds unasserted": (
        [without(HOLDS, "printed"), NEEDS, FAILS, UNDECIDABLE],
        "alpha/model/a: verdict 'holds' but no check asserts the printed form",
    ),
    "needs unrefuted": (
        [HOLDS, without(NEEDS, "refuted"), FAILS, UNDECIDABLE],
        "alpha/theorem-2.1/a: verdict 'needs' but no check refutes the printed form",
    ),
    "needs unasserted": (
        [HOLDS, without(NEEDS, "printed"), FAILS, UNDECIDABLE],
        "alpha/theorem-2.1/a: verdict 'needs' but no check asserts it under the added hypothesis",
    ),
    "fails unrefuted": (
        [HOLDS, NEEDS, without(FAILS, "refuted"), UNDECIDABLE],
        "alpha/theorem-2.1/b: verdict 'fails' but no check refutes the printed form",
    ),
    "fails uncorrected": (
        [HOLDS, NEEDS, without(FAILS, "corrected"), UNDECIDABLE],
        "alpha/theorem-2.1/b: verdict 'fails' but no check asserts the corrected form",
    ),
    "undecidable without evidence": (
        [HOLDS, NEEDS, FAILS, without(UNDECIDABLE, "evidence")],
        "alpha/theorem-2.1/c: verdict 'undecidable' but no check shows the evidence",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_gap_is_one_problem(tmp_path: Path, name: str) -> None:
    checks, expected = BROKEN[name]
    problems = coverage_problems(small_register(tmp_path), checks)
    assert len(problems) == 1
    assert expected in problems[0]


def test_roles_may_be_spread_over_the_checks_of_a_claim(tmp_path: Path) -> None:
    parts = [without(FAILS, "refuted"), without(FAILS, "corrected")]
    assert coverage_problems(small_register(tmp_path), [HOLDS, NEEDS, UNDECIDABLE, *parts]) == []


def test_the_checks_of_the_original_serve_a_decided_copy(tmp_path: Path) -> None:
    register = small_register(tmp_path, beta=('"open"', '"holds"'))
    copy = register.claim("beta/recall/a")
    assert checks_of(register, copy, SOUND) == [HOLDS]
    assert coverage_problems(register, SOUND) == []


def test_a_check_may_name_a_copy_left_open(tmp_path: Path) -> None:
    register = small_register(tmp_path)
    both = replace(HOLDS, claims=("alpha/model/a", "beta/recall/a"))
    assert coverage_problems(register, [both, NEEDS, FAILS, UNDECIDABLE]) == []
