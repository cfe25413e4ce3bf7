"""Results survive the file, merge claim by claim, and say of a claim what its rows say."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verification.machinery.environment import environment
from verification.machinery.results import (
    LAST_RUN,
    ResultsError,
    Row,
    is_proved,
    merge,
    read,
    rows_by_claim,
    slopes,
    summary,
    update_last_run,
    write,
)
from verification.machinery_tests.doubles import document, row

# ---- the file ---------------------------------------------------------------------------------


def test_a_run_survives_the_file(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "run.json"
    run = document(row(), row(ratio=math.inf, residual=math.inf, passed=False), row(residual=None))
    write(file, run)
    assert read(file) == run
    assert json.loads(file.read_text())["rows"][1]["ratio"] == "inf"
    assert [entry.name for entry in file.parent.iterdir()] == ["run.json"]


def test_numpy_numbers_become_python_floats(tmp_path: Path) -> None:
    file = tmp_path / "run.json"
    write(file, document(row(ratio=np.float32(0.5), residual=np.float64(np.inf))))
    assert read(file)["rows"][0]["ratio"] == 0.5
    assert read(file)["rows"][0]["residual"] == math.inf


BAD_ROWS: dict[str, tuple[dict[str, Any], str]] = {
    "nan ratio": ({"ratio": math.nan}, "row 1: ratio is nan"),
    "nan residual": ({"residual": np.float64("nan")}, "row 1: residual is nan"),
    "negative": ({"ratio": -1.0}, "row 1: ratio is -1.0"),
    "text": ({"ratio": "large"}, "row 1: ratio is 'large', expected a number"),
    "bool": ({"ratio": True}, "row 1: ratio is True, expected a number"),
    "no ratio": ({"ratio": None}, "row 1: ratio is None"),
    "role": ({"role": "mutant"}, "row 1: role is 'mutant'"),
    "threshold": ({"threshold": 0.0}, "row 1: threshold is 0.0"),
    "passed": ({"passed": 1}, "row 1: passed is 1, expected bool"),
    "seed": ({"seed": True}, "row 1: seed is True, expected int"),
    "claims": ({"claims": "alpha/model/a"}, "row 1: claims is 'alpha/model/a', expected list"),
    "no claims": ({"claims": []}, "row 1: claims is []"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    changes, message = BAD_ROWS[name]
    file = tmp_path / "run.json"
    write(file, document(row()))
    before = file.read_bytes()
    with pytest.raises(ResultsError) as caught:
        write(file, document(row(), row(**changes)))
    assert message in str(caught.value)
    assert file.read_bytes() == before


BAD_FILES = {
    "absent": (None, "no results can be read"),
    "no json": ("{", "no results can be read"),
    "nan": (json.dumps(document(row(ratio=math.nan))), "NaN is no result"),
    "bare infinity": (json.dumps(document(row(ratio=math.inf))), "Infinity is no result"),
    "other format": (json.dumps(document(format=2)), "format is 2, expected 1"),
    "no table": ("[]", "a list, expected a table"),
    "key too many": (json.dumps({**document(), "x": 1}), "unknown keys ['x']"),
    "key too few": (json.dumps({"format": 1}), "missing keys ['environment'"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused(tmp_path: Path, name: str) -> None:
    content, message = BAD_FILES[name]
    file = tmp_path / "run.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ResultsError) as caught:
        read(file)
    assert message in str(caught.value)
    assert str(file) in str(caught.value)


# ---- merging ----------------------------------------------------------------------------------


def test_merge_replaces_all_rows_of_the_claims_run_again() -> None:
    old = document(
        row(ratio=1.0),
        row(ratio=2.0, column="float32"),
        row(ratio=3.0, claims=["alpha/model/b"]),
        row(ratio=4.0, claims=["alpha/model/a", "alpha/model/c"]),
        seed=1,
    )
    merged = merge(old, document(row(ratio=5.0), seed=2))
    ratios = {
        claim: [entry["ratio"] for entry in rows]
        for claim, rows in rows_by_claim(merged["rows"]).items()
    }
    assert ratios == {"alpha/model/a": [5.0], "alpha/model/b": [3.0], "alpha/model/c": [4.0]}
    assert merged["seed"] == 2


def test_last_run_is_merged_in_its_place(tmp_path: Path) -> None:
    update_last_run(tmp_path, document(row(), row(claims=["alpha/model/b"])))
    path = update_last_run(tmp_path, document(row(ratio=7.0)))
    assert path == tmp_path / LAST_RUN
    assert [entry["ratio"] for entry in read(path)["rows"]] == [1.25, 7.0]


def test_an_unreadable_last_run_is_replaced_with_a_warning(tmp_path: Path) -> None:
    path = update_last_run(tmp_path, document(row()))
    path.write_text("{")
    with pytest.warns(UserWarning, match="results of earlier runs are lost"):
        update_last_run(tmp_path, document(row(ratio=7.0)))
    assert [entry["ratio"] for entry in read(path)["rows"]] == [7.0]


# ---- what the rows say ------------------------------------------------------------------------


def test_summary_takes_the_worst_of_each_column_and_the_weakest_control() -> None:
    said = summary(
        [
            row(ratio=1.0),
            row(ratio=20.0, scene="worse"),
            row(ratio=10.0, threshold=1.0, scene="worst"),
            row(ratio=2.0, column="float32", role="corrected"),
            row(ratio=6e3, role="control", bite=100.0, test="c1"),
            row(ratio=3e4, role="control", bite=100.0, test="c2"),
            row(ratio=math.inf, role="refuted", bite=100.0, test="r1"),
        ]
    )
    assert said.worst["float64"]["scene"] == "worst"
    assert said.worst["float32"]["ratio"] == 2.0
    assert said.smallest_bite == 200.0
    assert said.smallest_refutation == math.inf
    assert said.controls == ["c1", "c2"]
    assert said.checks == ["verification/alpha/test_model.py::test_cost"]
    assert said.passed


def test_summary_without_controls_or_refutations() -> None:
    said = summary([row(test="t", passed=False), row()])
    assert said.smallest_bite is None
    assert said.smallest_refutation is None
    assert said.failures == ["t"]
    assert not said.passed


def ladder(residuals: dict[str, float], **changes: Any) -> list[Row]:
    """Make rows whose residuals are given by column."""
    roundoffs = {
        "float32": 2.0**-23,
        "float64": 2.0**-52,
        "mp30": 1e-30,
        "mp50": 1e-50,
        "mp100": 1e-100,
        "torch-float64": 2.0**-52,
    }
    return [
        row(column=name, residual=r, roundoff=roundoffs[name], **changes)
        for name, r in residuals.items()
    ]


@pytest.mark.parametrize(
    ("changes", "proved"),
    [
        ({"column": "rational", "ratio": 0.0}, True),
        ({"column": "rational", "ratio": math.inf, "role": "refuted", "bite": 1e3}, True),
        ({}, False),
        ({"column": "rational", "kind": "property", "ratio": 0.0}, False),
        ({"column": "rational", "role": "control", "ratio": math.inf, "bite": 1e3}, False),
        ({"column": "rational", "role": "evidence", "ratio": 0.0}, False),
        ({"column": "rational", "ratio": math.inf, "passed": False}, False),
    ],
)
def test_rows_prove_a_claim_by_exact_identities_alone(changes: dict[str, Any], proved: bool) -> None:
    assert is_proved([row(), row(**changes)]) is proved


def test_slope_of_a_true_identity_is_one() -> None:
    true = {"float32": 3 * 2.0**-23, "float64": 3 * 2.0**-52, "mp30": 3e-30, "mp100": 3e-100}
    (slope,) = slopes([*ladder(true), *ladder({"torch-float64": 0.1})])
    assert slope.slope == pytest.approx(1.0, abs=1e-12)
    assert slope.columns == ("float32", "float64", "mp30", "mp100")
    assert slope.scene == "2-8-2-tanh"


def test_slope_of_a_wrong_formula_is_zero() -> None:
    (slope,) = slopes(ladder(dict.fromkeys(("float32", "mp50", "mp100"), 0.3)))
    assert slope.slope == pytest.approx(0.0, abs=1e-12)


def test_slope_agrees_with_polyfit() -> None:
    residuals = {"float32": 1e-6, "float64": 5e-16, "mp30": 1e-29, "mp50": 1e-48, "mp100": 1e-97}
    rows = ladder(residuals)
    (slope,) = slopes(rows)
    u = np.log10([float(entry["roundoff"] or 0) for entry in rows])
    r = np.log10([float(entry["residual"] or 0) for entry in rows])
    assert slope.slope == pytest.approx(np.polyfit(u, r, 1)[0], rel=1e-12)


def test_ladders_are_kept_apart_and_short_ones_left_out() -> None:
    three = {"float32": 1e-7, "float64": 1e-16, "mp50": 1e-50}
    rows = [
        *ladder(three),
        *ladder(three, scene="other"),
        *ladder(three, seed=1),
        *ladder({"float32": 1e-7, "float64": 1e-16, "mp50": 0.0}, scene="exact in one"),
        *ladder(dict.fromkeys(three, math.inf), scene="infinite"),
        *ladder(three, scene="control", role="control"),
    ]
    found = [(slope.scene, slope.seed) for slope in slopes(rows)]
    assert found == [("2-8-2-tanh", 0), ("other", 0), ("2-8-2-tanh", 1)]


def test_ladder_of_equal_roundoffs_has_no_slope() -> None:
    rows = ladder({"float32": 1e-7, "float64": 1e-8, "mp50": 1e-9})
    for entry in rows:
        entry["roundoff"] = 1e-10
    assert slopes(rows) == []


def test_environment_without_devices_does_not_ask_torch() -> None:
    found = environment(devices=False)
    assert found["packages"]["numpy"] == np.__version__
    assert found["blas"]
    assert found["devices"] == []
    json.dumps(found, allow_nan=False)
