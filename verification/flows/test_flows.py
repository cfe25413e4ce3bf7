"""The studies of flows: what each has to find, in its quick profile."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from verification.flows.__main__ import FLOWS
from verification.flows.courses import RTOL, chosen, course
from verification.precision.__main__ import main
from verification.precision.tables import Settings
from verification.scenes.real_data import IRIS

Row = dict[str, Any]


@lru_cache(maxsize=16)
def rows(name: str) -> tuple[Row, ...]:
    result = FLOWS.study(name).run(Settings(quick=True))
    return tuple(dict(zip(result.columns, row, strict=True)) for row in result.rows)


def column(study: str, key: str, /, **wanted: Any) -> np.ndarray:
    found = [row[key] for row in rows(study) if all(row[k] == value for k, value in wanted.items())]
    return np.array(found, dtype=float)


def test_evaluations_are_counted_up_to_every_step() -> None:
    found = course(IRIS, "adapted", 2311)
    assert np.all(np.diff(found.evaluations) > 0)
    assert found.evaluations[0] == 1
    assert found.orbit.evaluations - 20 < found.evaluations[-1] <= found.orbit.evaluations


def test_chosen_steps_are_the_nearest_and_hold_both_ends() -> None:
    assert chosen(np.array([0.0, 0.4, 1.1, 5.0]), [0.9, 1.2, 3.0]).tolist() == [0, 2, 3]


@pytest.mark.parametrize("data", ["iris", "wine", "breast cancer"])
def test_adapted_cost_keeps_the_law_and_the_line_and_the_standard_one_neither(data: str) -> None:
    wanted = {"data": data, "flow": "adapted"}
    allowed = 30 * RTOL * np.exp(column("descent", "time", **wanted))
    assert np.all(column("descent", "off law", **wanted) < allowed)
    assert column("descent", "off line", **wanted).max() < 30 * RTOL
    other = {"data": data, "flow": "standard"}
    costs, law = (column("descent", key, **other) for key in ("cost", "law"))
    assert costs[-1] > 10 * law[-1]
    assert column("descent", "off line", **other).max() > 0.1


def test_stopping_times_are_met_as_predicted() -> None:
    assert column("stopping", "difference").max() < 30 * RTOL * column("stopping", "factor").max()
    np.testing.assert_allclose(column("stopping", "predicted"), np.log(column("stopping", "factor")) / 2)


def test_the_plane_shows_the_segment_and_says_what_it_does_not_show() -> None:
    assert np.abs(column("paths", "across", flow="adapted")).max() < 30 * RTOL
    farthest = column("paths", "across", flow="standard", data="iris").argmax()
    assert column("paths", "across", flow="standard").max() > 0.2
    assert column("paths", "rest", flow="standard", data="iris")[farthest] < 0.05


def test_no_singular_value_is_lost_along_either_flow() -> None:
    for data, size in (("iris", 90), ("wine", 36), ("breast cancer", 120)):
        assert set(column("spectrum", "QN", data=data)) == {size}
        assert column("spectrum", "sigma", data=data, index=size).min() > 1e-4


def test_the_standard_flow_is_slow_where_the_adapted_one_is_not() -> None:
    for situation in ("slow metric", "beside a critical point"):
        known = {"situation": situation, "flow": "adapted"}
        np.testing.assert_allclose(column("trapping", "rate", **known)[:5], 1, rtol=1e-4)
        known["flow"] = "standard"
        assert np.median(column("trapping", "rate", **known)) < 0.5


def test_orbits_end_when_predicted_at_full_rank() -> None:
    for name, size in (("peak", 3), ("xor", 4)):
        left = column("ending", "left", name=name)
        assert 0 < left[-1] < 1e-6
        assert set(column("ending", "rank", name=name)) == {size}
        assert np.all(np.diff(column("ending", "ratio", name=name)[-10:]) < 0)
        assert column("ending", "off law", name=name).max() < 1e-8
    assert column("ending", "time", name="monotone")[-1] == pytest.approx(6)


def test_classes_of_every_size_collapse_at_the_rate_of_the_law() -> None:
    for key in ("variance", "distance"):
        found, law = column("classes", key, flow="adapted"), column("classes", "law", flow="adapted")
        np.testing.assert_allclose(found, law, rtol=1e-3)
        assert (column("classes", key, flow="standard", data="wine") > 2 * law.min()).any()


def test_outputs_of_three_classes_reach_the_corners_of_a_triangle() -> None:
    corners = []
    for label in range(3):
        known = {"data": "wine", "flow": "adapted", "time": 4.0, "class": label}
        corners.append([column("collapse", key, **known).mean() for key in "uv"])
    sides = [np.linalg.norm(np.subtract(corners[i], corners[i - 1])) for i in range(3)]
    np.testing.assert_allclose(sides, np.sqrt(2), atol=0.1)


@pytest.mark.parametrize(
    ("example", "classes"), [("two clusters", 2), ("three clusters", 3), ("wine", 3)]
)
def test_every_layer_sends_one_class_to_its_apex(example: str, classes: int) -> None:
    for layer in range(1, classes + 1):
        sector = next(r for r in rows("sectors") if (r["example"], r["layer"]) == (example, layer))
        assert sector["between"] == 0
        known = {"example": example, "layer": layer, "class": sector["collapses"]}
        for key in "uv":
            np.testing.assert_allclose(column("layers", key, **known), sector[f"apex {key}"], atol=1e-12)
    assert max(row["error"] for row in rows("sectors")) < 1e-12


def test_forms_of_a_sector_vanish_at_its_apex() -> None:
    for row in rows("sectors"):
        value = row["a"] * row["apex u"] + row["b"] * row["apex v"] + row["c"]
        assert abs(value) < 1e-12


def test_the_command_writes_data_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["layers", "--quick", "--out", str(tmp_path)], FLOWS) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers.csv", "layers.txt"]
    assert main(["lairs", "--out", str(tmp_path)], FLOWS) == 2
    assert "did you mean layers" in capsys.readouterr().err
    assert main(["--list"], FLOWS) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in listed] == list(FLOWS.studies)
