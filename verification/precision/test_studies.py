"""The precision studies: their command, their files, and what each has to find."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geomdl import FLOAT32, get_arithmetic, pseudoinverse
from verification.precision import condition, explicit, ladder, ranks, single
from verification.precision.__main__ import PRECISION, STUDIES, main
from verification.precision.spectra import MODES, spectrum, with_spectrum
from verification.precision.tables import Result, Settings, Study, aligned, write

MP = get_arithmetic("mp100")


def test_an_unknown_study_ends_with_the_nearest_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rank", "--out", str(tmp_path / "new")]) == 2
    assert "did you mean ranks" in capsys.readouterr().err
    assert main(["single", "zzz", "--out", str(tmp_path / "new")]) == 2
    assert "condition, ranks" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()  # nothing runs before all names are known


def test_a_folder_that_cannot_be_written_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["single", "--quick", "--out", str(tmp_path / "file")]) == 2
    assert "--out" in capsys.readouterr().err


def test_every_study_is_listed_with_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(STUDIES)
    assert all(len(line.split()) > 4 for line in lines)


def test_a_data_file_says_what_it_holds_and_reads_back(tmp_path: Path) -> None:
    result = Result({"a": "metres", "b": "none"}, [(1.5, "x"), (None, "y")], ["a table"], ["torch"])
    data, text = write(Study("name", "Title.\n\nMore.", lambda _: result), result, Settings(7), tmp_path)
    lines = data.read_text().splitlines()
    comments = [line for line in lines if line.startswith("#")]
    assert any("seed: 7" in line and "numpy" in line for line in comments)
    assert {"# column a: metres", "# absent: torch"} <= set(comments)
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    assert rows == [{"a": "1.5", "b": "x"}, {"a": "", "b": "y"}]
    assert "a table" in text.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["name.csv", "name.txt"]


def test_tables_align_text_left_and_numbers_right() -> None:
    assert aligned(["word", "x"], [["a", 1.0], ["bcdef", None]]) == ["word   x", "a      1", "bcdef  ."]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kappa", [1e0, 1e5, 1e16])
def test_spectra_have_their_condition_and_matrices_their_spectrum(mode: int, kappa: float) -> None:
    generator = np.random.default_rng(0)
    sigma = MP.to_float64(spectrum(mode, 5, kappa, generator))
    assert sigma[0] == pytest.approx(1)
    assert sigma[0] / sigma[-1] == pytest.approx(kappa, rel=1e-12)
    assert np.all(np.diff(sigma) <= 0)
    matrix = with_spectrum(5, 7, MP.array(sigma), generator)
    found = MP.to_float64(MP.singular_values(matrix))
    assert found == pytest.approx(sigma, rel=1e-12)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode 6"):
        spectrum(6, 5, 10.0, np.random.default_rng(0))


def test_errors_of_the_routes_grow_with_the_power_that_theory_gives() -> None:
    generator = np.random.default_rng(0)
    kappas = (1e1, 1e3, 1e5)
    errors: dict[str, list[float]] = {}
    for kappa in kappas:
        exact = with_spectrum(
            condition.ROWS, condition.COLUMNS, spectrum(3, condition.ROWS, kappa, generator), generator
        )
        for row in condition._measure("float64", 3, 0, exact, generator.standard_normal(condition.ROWS)):
            assert row[5] == "solved"
            errors.setdefault(str(row[4]), []).append(float(row[6] or 0))
    growth = {
        route: np.polyfit(np.log10(kappas), np.log10(found), 1)[0] for route, found in errors.items()
    }
    assert growth["normal"] == pytest.approx(2, abs=0.5)
    for route in ("svd", "qr", "cg", "lsmr"):
        assert growth[route] == pytest.approx(1, abs=0.5)
    assert errors["refined"][-1] < errors["normal"][-1] / 100


def test_no_route_answers_a_singular_matrix_with_a_number_except_those_that_never_refuse() -> None:
    exact = with_spectrum(10, 16, MP.array([*[1.0] * 9, 1e-30]), np.random.default_rng(0))
    rows = condition._measure("float32", 2, 30, exact, np.ones(10))
    assert {row[4]: row[5] for row in rows if row[4] != "cg"} == dict.fromkeys(
        ("svd", "qr", "normal", "refined"), "refused"
    )


def test_only_a_cutoff_that_knows_the_precision_finds_the_rank_in_float32() -> None:
    matrix, truth = ranks._matrix(FLOAT32, None, 0)
    found = {name: ranks.RULES[name](matrix) for name in ("geomdl svd", "scipy pinv", "numpy pinv")}
    assert found["geomdl svd"][0] == found["scipy pinv"][0] == ranks.RANK
    assert found["numpy pinv"][0] > ranks.RANK
    errors = {
        name: np.abs(answer[1] - truth).max() / np.abs(truth).max()
        for name, answer in found.items()
        if answer[1] is not None
    }
    assert errors["geomdl svd"] < 1e-4 < 1 < errors["numpy pinv"]
    gap = found["geomdl svd"][2]
    assert gap is not None
    assert gap > 1e4
    assert pseudoinverse(matrix).rank == ranks.RANK


def test_numpy_computes_float32_inverses_in_float64_and_scipy_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ("inv", "solve")
    functions = {name: single._library(name) for name in ("numpy", "scipy")}
    chosen = {
        name: {word: f for word, f in mine.items() if word in words} for name, mine in functions.items()
    }
    monkeypatch.setattr(single, "_library", lambda name: chosen.get(name, {}))
    rows = {(row[0], row[1]): row for row in single.run(Settings(quick=True)).rows}
    for word in words:
        assert rows["numpy", word][4] == 1.0
        assert float(rows["scipy", word][4] or 0) < 0.5
    assert float(rows["scipy", "inv"][3] or 0) > 10 > float(rows["numpy", "inv"][3] or 0)


def test_the_ladder_runs_afresh_where_there_is_no_last_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ladder, "ROOT", tmp_path)
    monkeypatch.setattr(ladder, "QUICK_CHECKS", 3)
    result = ladder.run(Settings(quick=True))
    assert result.rows
    assert "a fresh run" in result.table[0]
    for row in result.rows:
        assert abs(float(row[2] or 0) - 1) < 0.1
        assert row[4] == 0


def test_studies_name_their_module() -> None:
    assert [PRECISION.study(name).name for name in STUDIES] == list(STUDIES)


def test_explicit_networks_fit_exactly_what_is_separable_and_certify_what_is_not() -> None:
    result = explicit.run(Settings(quick=True))
    rows: list[dict[str, Any]] = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    assert {row["data"] for row in rows if row["network"] is None} == {"iris"}
    assert any("iris (raw, all): no order" in line and "holds exactly" in line for line in result.table)
    for row in rows:
        if row["network"] is not None:
            assert row["rational"] == 0
            assert 0 <= row["exact cost"] <= row["floor"] < 1e-12
    assert all(0.8 < row["test"] <= 1 for row in rows if row["test"] is not None)
