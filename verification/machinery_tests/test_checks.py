"""Checks: a false claim fails, a control must bite, NaN decides nothing, nothing is left out."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from verification.machinery import checks, ratios
from verification.machinery.checks import Case, Check, claim, rows_of, variant
from verification.machinery.columns import FLOAT32, FLOAT64, MP30, ORBITS, POINTWISE, RATIONAL, Column
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.machinery.results import Document, write
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, RANK_LOST

SCENE, OTHER = FULL_RANK[:2]
EXACT = FULL_RANK_EXACT[0]


def gram(at: Point, factor: int = 1, power: int = 1) -> Ratio:
    """Compare D D^T by two routes; the factor and the power break it."""
    norm = at.arithmetic.largest(at.D)
    formed = at.number(factor) * (at.D @ at.D.T)
    return identity(at.at_theta.gram() ** power, formed, scale=norm * norm, size=at.size)


def make(function: Callable[..., Any] = gram, **changes: Any) -> Check:
    """Make a check of the function in two scenes, with one control."""
    parts: dict[str, Any] = {
        "claims": ("alpha/model/a",),
        "function": function,
        "scenes": (SCENE, OTHER),
        "columns": (FLOAT32, FLOAT64, MP30),
        "control_variants": (variant("twice", factor=2),),
        **changes,
    }
    return Check(**parts)


def cases(check: Check, role: str) -> list[Case]:
    """Cases of one role."""
    return [case for case in check.cases() if case.role == role]


def measured(function: Callable[..., Any], role: str = "printed") -> tuple[bool, dict[str, Any]]:
    """Verdict and row of a function, as the printed form or as a control of itself."""
    check = make(function, columns=(FLOAT64,), control_variants=(variant("itself"),))
    (row,) = rows_of(cases(check, role)[0], "test.py::test[id]", [7])
    return row["passed"], row


# ---- what must hold and what must break ---------------------------------------------------------


@pytest.mark.parametrize("column", [*POINTWISE, RATIONAL], ids=lambda column: column.name)
def test_a_true_claim_passes_and_a_false_one_fails_in_every_column(column: Column) -> None:
    for function, expected in (
        (gram, True),
        (lambda at: gram(at, factor=2), False),
        (lambda at: gram(at, factor=-1), False),
    ):
        check = make(function, scenes=(EXACT,), columns=(column,))
        (case,) = cases(check, "printed")
        assert case.passes(case.measure(1)) is expected


def test_a_control_that_bites_passes_and_one_that_does_not_fails() -> None:
    check = make(control_variants=(variant("twice", factor=2), variant("nothing changed", factor=1)))
    biting, idle = cases(check, "control")
    assert biting.passes(biting.measure(1))
    assert not idle.passes(idle.measure(1))


@pytest.mark.parametrize(
    ("excess", "holds", "breaks"),
    [(0.5, True, False), (1.0, True, False), (1.01, False, False), (1e3, False, True)],
)
def test_between_threshold_and_bite_neither_role_passes(
    excess: float, holds: bool, breaks: bool
) -> None:
    def ratio(at: Point) -> Ratio:
        return Ratio(30.0 * excess, "identity", 1e-9, 2.0**-53)

    assert measured(ratio)[0] is holds
    assert measured(ratio, "control")[0] is breaks


@pytest.mark.parametrize("kind", ratios.THRESHOLDS)
def test_the_verdict_follows_the_one_table(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def five(at: Point) -> Ratio:
        return Ratio(5.0, kind)

    monkeypatch.setitem(ratios.THRESHOLDS, kind, 5.0)
    monkeypatch.setitem(ratios.BITES, kind, 1.0)
    assert measured(five)[0]
    assert measured(five, "control")[0]
    monkeypatch.setitem(ratios.THRESHOLDS, kind, 4.9)
    assert not measured(five)[0]
    monkeypatch.setitem(ratios.BITES, kind, 2.0)
    assert not measured(five, "control")[0]


@pytest.mark.parametrize("role", ["printed", "control"])
@pytest.mark.parametrize(
    "values", [[math.nan], [0.0, math.nan], [math.inf, math.nan], [math.nan, math.inf]], ids=str
)
def test_nan_never_passes_and_is_recorded_as_a_failure(role: str, values: list[float]) -> None:
    passed, row = measured(lambda at: [Ratio(value, "identity") for value in values], role)
    assert not passed
    assert row["ratio"] == math.inf
    assert "NaN" in row["message"]


@pytest.mark.parametrize("role", ["printed", "control"])
def test_a_nan_of_the_formula_itself_never_passes(role: str) -> None:
    def spoilt(at: Point) -> Ratio:
        theta = at.theta.copy()
        theta[0] = np.nan
        return identity(theta, at.theta)

    assert not measured(spoilt, role)[0]


def test_a_formula_that_needs_an_absent_inverse_breaks_down_as_a_finding() -> None:
    check = make(lambda at: identity(at.D @ at.pen @ at.D, at.D), scenes=(EXACT,), columns=(RATIONAL,))
    assert cases(check, "printed")[0].measure(1).value == 0

    def inverse_of_singular(at: Point) -> Ratio:
        at.arithmetic.solve(at.arithmetic.zeros((2, 2)), at.eye(2))
        return property_(True)

    passed, row = measured(inverse_of_singular)
    assert not passed
    assert row["ratio"] == math.inf
    assert "not defined" in row["message"]


@pytest.mark.parametrize("role", ["printed", "control"])
def test_other_errors_of_a_check_fail_in_every_role_and_are_shown(role: str) -> None:
    def mistaken(at: Point) -> Ratio:
        raise ValueError("a mistake in the check")

    passed, row = measured(mistaken, role)
    assert not passed
    assert row["ratio"] == math.inf
    assert "ValueError: a mistake in the check" in row["message"]


@pytest.mark.parametrize("role", ["printed", "control"])
def test_a_check_that_measures_nothing_fails(role: str) -> None:
    passed, row = measured(lambda at: [], role)
    assert not passed
    assert "got no ratio at all" in row["message"]


# ---- which cases there are ----------------------------------------------------------------------


def test_the_printed_form_runs_in_all_scenes_and_columns() -> None:
    names = {(case.scene.name, case.column.name) for case in cases(make(), "printed")}
    assert names == {
        (scene.name, column.name) for scene in (SCENE, OTHER) for column in (FLOAT32, FLOAT64, MP30)
    }
    only = make(scenes=(SCENE, EXACT), columns=(RATIONAL, FLOAT64))
    assert [case.id for case in cases(only, "printed")] == [
        f"{SCENE.name}-float64",
        f"{EXACT.name}-rational",
        f"{EXACT.name}-float64",
    ]


def test_a_control_runs_in_the_first_scene_where_it_shows_best() -> None:
    (control,) = cases(make(), "control")
    assert (control.scene, control.column, control.label) == (SCENE, FLOAT64, "twice")
    (control,) = cases(make(columns=ORBITS), "control")
    assert control.column.name == "float64@1e-10"
    (control,) = cases(make(scenes=(EXACT,), columns=(RATIONAL,)), "control")
    assert control.column is RATIONAL
    elsewhere = make(control_variants=(variant("rank lost", scenes=RANK_LOST, columns=(FLOAT32,)),))
    assert [case.id for case in cases(elsewhere, "control")] == [
        f"control: rank lost-{scene.name}-float32" for scene in RANK_LOST
    ]


def test_with_a_correction_the_printed_form_only_appears_refuted() -> None:
    check = make(
        corrected=(variant("to the power 1", factor=1),),
        refuted=(variant("as printed", factor=2),),
    )
    assert check.roles == {"corrected", "refuted", "control"}
    for case in check.cases():
        assert case.passes(case.measure(3)), case.id
    assert make(evidence=True).roles == {"evidence", "control"}


def test_a_refutation_that_does_not_break_fails() -> None:
    (case,) = cases(make(refuted=(variant("harmless", scenes=(OTHER,)),)), "refuted")
    assert not case.passes(case.measure(1))


@pytest.fixture
def own_checks(monkeypatch: pytest.MonkeyPatch) -> list[Check]:
    """Let the decorator register its checks in a list of the test."""
    found: list[Check] = []
    monkeypatch.setattr(checks, "CHECKS", found)
    return found


def decorated(**changes: Any) -> Callable[..., None]:
    """Decorate a copy of the true check, with changes."""
    parts: dict[str, Any] = {
        "scenes": [SCENE],
        "columns": [FLOAT64],
        "controls": [variant("twice", factor=2)],
        **changes,
    }

    def test_two_routes_agree(at: Point, factor: int = 1) -> Ratio:
        """Two routes."""
        return gram(at, factor)

    return claim("alpha/model/a", **parts)(test_two_routes_agree)


def test_the_decorator_keeps_name_and_text_and_registers_the_check(own_checks: list[Check]) -> None:
    test = decorated()
    (check,) = own_checks
    assert test.check is check  # type: ignore[attr-defined]
    assert (test.__name__, test.__doc__) == ("test_two_routes_agree", "Two routes.")
    assert check.node == "verification/machinery_tests/test_checks.py::test_two_routes_agree"
    assert check.controls == ("twice",)
    marks = {mark.name: mark for mark in test.pytestmark}  # type: ignore[attr-defined]
    assert marks["claim"].args == ("alpha/model/a",)
    assert [case.id for case in marks["parametrize"].args[1]] == [case.id for case in check.cases()]


@pytest.mark.parametrize(
    "changes",
    [
        # no column in which the scene of the control could run: rationals ask for exact numbers
        {"scenes": [EXACT], "columns": [RATIONAL], "controls": [variant("elsewhere", scenes=[SCENE])]},
        {
            "scenes": [EXACT],
            "columns": [FLOAT64],
            "refuted": [variant("x", scenes=[SCENE], columns=[RATIONAL])],
        },
        {"scenes": [SCENE], "columns": [RATIONAL]},
    ],
    ids=["control", "refuted", "printed"],
)
def test_a_variant_without_any_case_is_refused_and_not_left_out(
    own_checks: list[Check], changes: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="no case"):
        decorated(**changes)


def test_a_variant_of_an_unknown_piece_is_refused_when_it_is_declared(own_checks: list[Check]) -> None:
    with pytest.raises(TypeError, match="fctor"):
        decorated(controls=[variant("a typing mistake", fctor=2)])


# ---- rows ---------------------------------------------------------------------------------------


def test_seeds_reproduce_rows_and_differ_among_each_other() -> None:
    case = cases(make(), "printed")[1]
    first, again = (list(rows_of(case, "test.py::test[id]", [1, 2, 3])) for _ in range(2))
    for one, other in zip(first, again, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
    assert [row["seed"] for row in first] == [1, 2, 3]
    assert len({row["residual"] for row in first}) > 1


def test_rows_name_everything_and_can_be_written(tmp_path: Any) -> None:
    def with_numpy_condition(at: Point, factor: int = 1) -> Ratio:
        return identity(
            at.at_theta.gram(),
            at.number(factor) * (at.D @ at.D.T),
            condition=np.float64(9.0),
            size=at.size,
        )

    check = make(with_numpy_condition)
    rows = [row for case in check.cases() for row in rows_of(case, "test.py::test[id]", [1])]
    document: Document = {
        "format": 1, "started": "", "finished": "", "interrupted": False, "profile": "quick", "seed": 1,
        "environment": {}, "rows": rows,  # type: ignore[typeddict-item]
    }  # fmt: skip
    write(tmp_path / "rows.json", document)
    control = next(row for row in rows if row["role"] == "control")
    assert control["bite"] == ratios.BITES["identity"]
    assert control["label"] == "twice"
    printed = rows[0]
    assert printed["bite"] is None
    assert printed["scene"] == SCENE.name
    assert printed["column"] == "float32"
    assert printed["roundoff"] == 2.0**-24
    assert printed["kind"] == "identity"
    assert printed["check"].endswith("test_checks.py::with_numpy_condition")


def test_a_bound_of_a_negative_value_can_be_written(tmp_path: Any) -> None:
    _, row = measured(lambda at: ratios.bound(-0.5, 1.0))
    document: Any = {
        "format": 1, "started": "", "finished": "", "interrupted": False, "profile": "quick", "seed": 1,
        "environment": {}, "rows": [row],
    }  # fmt: skip
    write(tmp_path / "rows.json", document)
