"""The precision ladder from end to end: three planted faults that it catches, and truths that pass.

Each formula runs on the five rungs as a check does; the judgement is that of the plugin,
`results.broken_ladders`. A fault that one rung alone does not show is what the ladder is for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import pytest

from geomdl import FLOAT64, pseudoinverse
from geomdl.arithmetic import Array
from verification.machinery.checks import Case, Check, rows_of
from verification.machinery.columns import FLOAT32, MP30, MP50, MP100, POINTWISE
from verification.machinery.columns import FLOAT64 as FLOAT64_COLUMN
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, identity
from verification.machinery.results import LADDER, Row, broken_ladders, slopes, summary
from verification.scenes.networks import BORDERLINE, FULL_RANK

SEED = 2311
UPPER = ("mp30", "mp50", "mp100")
SQUARE = BORDERLINE[1]  # K = QN: a transposed inverse still has the right shape


def climb(function: Callable[[Point], Ratio], scene: Scene, seed: int = SEED) -> list[Row]:
    """Measure a formula on all rungs of the ladder."""
    check = Check(("none/at/all",), function, (scene,), POINTWISE)
    cases = (Case(check, "printed", scene, column) for column in POINTWISE)
    return [cast(Row, row) for case in cases for row in rows_of(case, function.__name__, [seed])]


def own_inverse(at: Point) -> Array:
    """Return D^+ in the arithmetic of the column."""
    return at.pinv.matrix()


def leaked_inverse(at: Point) -> Array:
    """D^+ computed in float64 and converted: no later step can tell."""
    return at.arithmetic.array(pseudoinverse(FLOAT64.array(at.D)).matrix())


def transposed_inverse(at: Point) -> Array:
    """Return the transpose of D^+."""
    return own_inverse(at).T


def inverse_law(inverse: Callable[[Point], Array]) -> Callable[[Point], Ratio]:
    """D D^+ D = D with a given D^+."""

    def law(at: Point) -> Ratio:
        return identity(at.D @ inverse(at) @ at.D, at.D, size=at.size, condition=at.kappa)

    return law


def gradient_law(divisor: Callable[[Point], int]) -> Callable[[Point], Ratio]:
    """grad_theta C = D^T (x - y) / N, by backpropagation and by the Jacobian."""

    def law(at: Point) -> Ratio:
        error = (at.x - at.y) / at.number(divisor(at))
        return identity(at.grad_theta, at.D.T @ error, size=at.size)

    return law


TRUE_LAWS = [
    *((inverse_law(own_inverse), scene) for scene in (*FULL_RANK, SQUARE)),
    *((gradient_law(lambda at: at.N), scene) for scene in FULL_RANK),
]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("law", "scene"), TRUE_LAWS)
def test_a_true_identity_has_slope_one(law: Callable[[Point], Ratio], scene: Scene, seed: int) -> None:
    rows = climb(law, scene, seed)
    assert all(row["passed"] for row in rows)
    (found,) = slopes(rows)
    assert found.complete
    assert found.slope == pytest.approx(1, abs=0.05)
    assert broken_ladders(rows) == []
    assert summary(rows).passed


@pytest.mark.parametrize("scene", FULL_RANK, ids=lambda scene: scene.name)
def test_a_float64_pseudoinverse_in_a_chain_of_50_digits_is_caught(scene: Scene) -> None:
    rows = climb(inverse_law(leaked_inverse), scene)
    by_column = {row["column"]: row for row in rows}
    assert by_column["float64"]["passed"]  # what a test in float64 alone would say
    (found,) = slopes(rows)
    assert found.broken
    upper = [row for row in rows if row["column"] in UPPER]
    assert abs(_slope(upper)) < 0.02
    assert len(broken_ladders(rows)) == 1
    assert broken_ladders(rows)[0] in summary(rows).failures


@pytest.mark.parametrize(
    ("law", "scene"),
    [
        pytest.param(inverse_law(transposed_inverse), SQUARE, id="a transposed factor"),
        pytest.param(gradient_law(lambda at: 1), FULL_RANK[0], id="a dropped 1/N"),
    ],
)
def test_a_wrong_formula_does_not_follow_the_roundoff(
    law: Callable[[Point], Ratio], scene: Scene
) -> None:
    rows = climb(law, scene)
    (found,) = slopes(rows)
    assert found.broken
    assert found.slope == pytest.approx(0, abs=0.02)
    assert not summary(rows).passed


def test_a_leak_of_fifty_digits_into_a_hundred_is_caught() -> None:
    def law(at: Point) -> Ratio:
        at_most_50 = (
            at if at.column in (FLOAT32, FLOAT64_COLUMN, MP30, MP50) else at.scene.at(MP50, SEED)
        )
        return identity(
            at.D @ at.arithmetic.array(at_most_50.pinv.matrix()) @ at.D, at.D, size=at.size,
            condition=at.kappa,
        )  # fmt: skip

    rows = climb(law, FULL_RANK[0])
    assert [row["column"] for row in rows if not row["passed"]] == [MP100.name]
    (found,) = slopes(rows)
    assert found.broken


def test_a_residual_of_zero_on_one_rung_neither_breaks_nor_saves_a_ladder() -> None:
    for inverse, expected in ((own_inverse, False), (leaked_inverse, True)):
        rows = climb(inverse_law(inverse), FULL_RANK[0])
        for row in rows:
            if row["column"] == "mp50":
                row["residual"] = 0.0
        (found,) = slopes(rows)
        assert found.complete
        assert "mp50" not in found.columns
        assert found.broken is expected


def test_a_ladder_that_was_not_climbed_to_the_top_is_not_judged() -> None:
    rows = [row for row in climb(inverse_law(leaked_inverse), FULL_RANK[0]) if row["column"] != "mp100"]
    (found,) = slopes(rows)
    assert not found.complete
    assert broken_ladders(rows) == []


def _slope(rows: list[Row]) -> float:
    u = [np.log10(row["roundoff"] or np.nan) for row in rows]
    r = [np.log10(row["residual"] or np.nan) for row in rows]
    return float(np.polyfit(u, r, 1)[0])


def test_the_rungs_of_the_columns_are_those_of_the_judgement() -> None:
    assert tuple(column.name for column in POINTWISE) == LADDER
