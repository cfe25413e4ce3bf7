"""The speed pages: bars are what the file says, everybody without a bar is told, gaps have commands."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("matplotlib", reason="the report needs the extra report")

from verification.report import races, speed, speed_devices, speed_overview, timings, trends
from verification.report.gather import ROOT, Material, ReportError
from verification.report.palette import CONTENDERS, contender
from verification.report.site import Missing, Page

CPU, GPU, QUICK = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"


def run(date: str, machine: str = "Some processor, 2 cores", clock: str = "cpu") -> dict[str, Any]:
    return {
        "date": date, "machine": machine, "threads": 1, "clock": clock, "python": "3.11.7",
        "versions": {"geomdl-verify": "0.1.0", "numpy": "2.4.6"},
    }  # fmt: skip


def one(contender: str, role: str = "peer", **values: Any) -> dict[str, Any]:
    """Return a record as benchmarks/README.md describes it, 2 ms and twice our time unless said."""
    nothing: dict[str, Any] = dict.fromkeys(
        ("reason", "version", "cpu_seconds", "rounds", "floor", "floor_seconds", "floor_ratio", "error")
    )
    return {
        **nothing, "kernel": "gram", "size": "small", "dtype": "float64", "backend": "numpy",
        "contender": contender, "role": role, "status": "timed", "seconds": 2e-3, "wall_seconds": 3e-3,
        "low": 1.9e-3, "high": 2.1e-3, "ratio": 2.0, "ratio_low": 1.5, "ratio_high": 2.5,
        "problem": "32, 16-32-32-4", "rows": 128, "columns": 1732, "run": CPU, **values,
    }  # fmt: skip


def ours(**values: Any) -> dict[str, Any]:
    known = {"seconds": 1e-3, "ratio": 1.0, "ratio_low": None, "ratio_high": None, "floor": "SYRK",
             "floor_seconds": 2.5e-4, "floor_ratio": 4.0}  # fmt: skip
    return one("geomdl", "geomdl", **{**known, **values})


def untimed(contender: str, status: str, reason: str) -> dict[str, Any]:
    nothing: dict[str, Any] = dict.fromkeys(
        ("seconds", "wall_seconds", "ratio", "ratio_low", "ratio_high")
    )
    return one(contender, status=status, reason=reason, **nothing)


CASES = [
    one("floor", "floor", seconds=2.5e-4, ratio=None),
    ours(),
    one("geomdl torch:cpu", "geomdl", ratio=3.0),
    one("jax", version="0.10.2", ratio=0.5, ratio_low=0.4, ratio_high=0.6),
    one("torch.func", ratio=8.0),
    untimed("BackPACK", "disagrees", "its result is off by 1.2e+05 times what rounding allows"),
    untimed("nngeometry", "skipped", "nngeometry needs about 23 GB, 20 GB are available"),
    untimed("torchjd", "failed", "exit code 1: <no message>"),
    untimed("neural-tangents", "absent", "not installed"),
    ours(kernel="orbit", floor=None, floor_seconds=None, floor_ratio=None),
    one("diffrax", kernel="orbit", ratio=6.0),
]
ON_GPU = [
    ours(backend="torch:cuda", run=GPU, wall_seconds=1e-4, floor_ratio=2.0),
    one("torch.func", backend="torch:cuda", run=GPU),
    ours(backend="torch:cuda", run=GPU, size="wide", rows=2560, columns=301066),
]


def write(folder: Path, records: list[dict[str, Any]], name: str = "peers.json") -> Path:
    speed_folder = folder / "reports" / "speed"
    speed_folder.mkdir(parents=True, exist_ok=True)
    runs = {CPU: run(CPU), GPU: run(GPU, "Another, 16 cores", "wall"), QUICK: run(QUICK)}
    document = {"format": 1, "runs": runs, "records": records}
    (speed_folder / name).write_text(json.dumps(document), encoding="utf-8")
    return speed_folder


def known(folder: Path, records: list[dict[str, Any]] = CASES) -> timings.Timings:
    found = timings.read(write(folder, records))
    assert found is not None
    return found


def built(material: Material, root: Path) -> tuple[dict[str, Page], dict[str, str]]:
    made = speed.pages(replace(material, root=root))
    pages = {each.name: each for each in made if isinstance(each, Page)}
    return pages, {each.what: each.command for each in made if isinstance(each, Missing)}


# ---- what the file says ------------------------------------------------------------------------


def test_a_bar_is_the_ratio_to_ours_times_ours_over_the_floor(tmp_path: Path) -> None:
    (race,) = known(tmp_path).of(kernel="gram")
    over = {t.name: race.over_unit(t) for t in race.timings}
    assert over["geomdl"] == (4.0, 4.0, 4.0)
    assert over["jax"] == pytest.approx((1.6, 2.0, 2.4))
    assert over["BackPACK"] is None
    assert "floor" not in over
    assert race.best_peer is not None
    assert race.best_peer.name == "jax"


def test_without_a_floor_bars_are_relative_to_this_project(tmp_path: Path) -> None:
    (race,) = known(tmp_path).of(kernel="orbit")
    assert race.unit == "geomdl"
    assert race.over_unit(race.timings[1]) == (1.5, 6.0, 2.5)


def test_this_project_comes_first_and_others_by_pace(tmp_path: Path) -> None:
    order = timings.by_pace(known(tmp_path).of(kernel="gram"))
    assert order[:4] == ["geomdl", "geomdl torch:cpu", "jax", "torch.func"]
    assert "neural-tangents" not in order


def test_a_quick_run_yields_to_a_full_one_and_an_old_one_to_a_new_one(tmp_path: Path) -> None:
    write(tmp_path, [one("jax", run=QUICK, ratio=9.0), one("torch.func", run=QUICK)], "quick.json")
    write(tmp_path, [one("jax", run=QUICK, ratio=3.0)], "renewed.json")
    (race,) = known(tmp_path, [ours(), one("jax")]).races
    ratios = {t.name: t.over_ours[1] for t in race.timings if t.over_ours}
    assert ratios == {"geomdl": 1.0, "jax": 3.0, "torch.func": 2.0}


def test_other_machines_stand_apart(tmp_path: Path) -> None:
    found = known(tmp_path, [*CASES, *ON_GPU])
    assert [str(where) for where in found.different("where")] == [
        "Some processor, 2 cores; 1 thread; process CPU time",
        "Another, 16 cores; 1 thread; wall time",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "peers.json"),
        ('{"format": 2}', "format 1"),
        ('{"format": 1, "runs": {}, "records": [{"run": "x"}]}', "lacks 'x'"),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_with_what_to_do(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "peers.json").write_text(text)
    with pytest.raises(ReportError, match=said) as caught:
        timings.read(tmp_path)
    assert "python -m geomdl bench" in str(caught.value)


# ---- the pages --------------------------------------------------------------------------------


def test_every_figure_has_its_data_and_its_table_beside_it(material: Material, tmp_path: Path) -> None:
    write(tmp_path, [*CASES, *ON_GPU])
    pages, _ = built(material, tmp_path)
    assert set(pages) == {"speed", "speed-gram", "speed-orbit", "speed-devices"}
    for page in pages.values():
        figures = re.findall(r'<figure id="([^"]+)">(.*?)</figure>', page.html, flags=re.DOTALL)
        assert figures
        for id, html in figures:
            assert f"figures/{id}.svg" in page.files
            links = re.findall(r'<a href="([^"]+)">(?:data|table)</a>', html)
            assert len(links) == 2
            assert set(links) <= set(page.files)


def test_data_beside_a_figure_are_what_is_drawn(material: Material, tmp_path: Path) -> None:
    write(tmp_path, CASES)
    pages, _ = built(material, tmp_path)
    lines = csv.DictReader(io.StringIO(str(pages["speed-gram"].files["data/speed-gram.csv"])))
    rows = {line["contender"]: line for line in lines}
    assert float(rows["jax"]["over_floor"]) == 2.0
    assert float(rows["jax"]["over_geomdl"]) == 0.5
    assert rows["BackPACK"]["over_floor"] == ""
    assert (
        "time over SYRK: geomdl 4, geomdl torch:cpu 12, jax 2, torch.func 32" in pages["speed-gram"].html
    )


def test_who_has_no_bar_is_told_in_words(material: Material, tmp_path: Path) -> None:
    write(tmp_path, CASES)
    html = built(material, tmp_path)[0]["speed-gram"].html
    assert "BackPACK wrong result: its result is off by 1.2e+05 times" in html
    assert "nngeometry did not fit: nngeometry needs about 23 GB" in html
    assert "torchjd failed: exit code 1: &lt;no message&gt;" in html
    assert "Not installed where this was measured: neural-tangents" in html


def test_where_a_peer_is_faster_is_said_in_front(material: Material, tmp_path: Path) -> None:
    write(tmp_path, CASES)
    page = built(material, tmp_path)[0]["speed"]
    assert "at 1 of 2 kernels and sizes. It is not at" in page.html
    assert "<li>gram small: jax takes 0.5 of our time</li>" in page.html
    assert "for want of a floor: orbit small" in page.html


def test_machine_versions_threads_and_date_stand_on_every_page(
    material: Material, tmp_path: Path
) -> None:
    write(tmp_path, [*CASES, *ON_GPU])
    pages, _ = built(material, tmp_path)
    for page in pages.values():
        assert "2026-01-01 00:00:00Z" in page.html
        assert "Some processor, 2 cores; 1 thread; process CPU time" in page.html
        assert "numpy 2.4.6" in page.html
    assert "Another, 16 cores" not in pages["speed-orbit"].html


def test_no_results_on_a_gpu_is_said_with_the_command(material: Material, tmp_path: Path) -> None:
    write(tmp_path, CASES)
    pages, missing = built(material, tmp_path)
    assert "speed-devices" not in pages
    assert "There are no results on a GPU here" in pages["speed"].html
    assert "python -m geomdl bench --backend torch:cuda" in missing.values()


def test_a_gpu_stands_beside_the_cpu_on_the_wall_clock(tmp_path: Path) -> None:
    pairs = speed_devices.pairs(known(tmp_path, [*CASES, *ON_GPU]))
    assert [pair.label for pair in pairs] == ["gram small", "gram wide"]
    assert [pairs[0].wall(each) for each in ("numpy", "torch:cpu", "torch:cuda")] == [3e-3, 3e-3, 1e-4]
    assert [pairs[0].over_floor(each) for each in ("numpy", "torch:cuda")] == [4.0, 2.0]
    assert pairs[0].gain == pytest.approx(30.0)
    parts = speed_devices.parts(pairs, {})
    assert "Timed on the GPU only: gram wide" in str(parts[-1])


def test_nothing_there_names_the_commands(material: Material, tmp_path: Path) -> None:
    pages, missing = built(material, tmp_path)
    assert not pages
    assert list(missing.values()) == ["python -m geomdl bench", 'asv run "HEAD^!"', "asv publish"]


def test_a_kernel_that_is_new_here_has_a_page(material: Material, tmp_path: Path) -> None:
    write(tmp_path, [ours(kernel="trace", floor="dots"), one("jax", kernel="trace")])
    page = built(material, tmp_path)[0]["speed-trace"]
    assert page.title == "Trace"
    assert "dots" in page.html


def test_every_kernel_floor_and_contender_of_the_comparison_is_known_here() -> None:
    sources = ROOT / "benchmarks"
    kernels = (sources / "kernels.py").read_text(encoding="utf-8")
    table = kernels[kernels.index("KERNELS: dict") :]
    assert set(re.findall(r'^    "([a-z-]+)": Kernel\(', table, flags=re.MULTILINE)) == set(
        speed.KERNELS
    )
    assert all(f'"{floor}"' in table for floor in races.FLOORS)
    rivals = (sources / "comparison" / "contenders.py").read_text(encoding="utf-8")
    assert set(re.findall(r'Contender\("([^"]+)"', rivals)) <= set(CONTENDERS)
    suite = (sources / "suite.py").read_text(encoding="utf-8")
    for kernel, floor in trends.FLOORS.items():
        assert f"class {kernel}(_Kernel)" in suite
        assert f"class {floor}(_Floor)" in suite


def test_within_a_kernel_no_two_contenders_look_alike() -> None:
    text = (ROOT / "benchmarks" / "comparison" / "contenders.py").read_text(encoding="utf-8")
    for block in re.findall(r'^    "[a-z-]+": \((.*?)^    \),', text, flags=re.MULTILINE | re.DOTALL):
        names = ["geomdl", "geomdl torch:cpu", *re.findall(r'Contender\("([^"]+)"', block)]
        looks = [(contender(name).colour, contender(name).marker) for name in names]
        assert len(set(looks)) == len(looks), names


# ---- asv --------------------------------------------------------------------------------------

COLUMNS = ["result", "params", "version"]
PARAMS = [["'small'", "'wide'"], ["'float64'"], ["'numpy'", "'torch:cuda'"]]


def asv_results(root: Path, commit: str, date: int, gram: list[float | None], version: int = 2) -> None:
    """Write a file as asv does: parameters as text, results in the order of their product."""
    folder = root / "benchmarks" / "results" / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "machine.json").write_text('{"machine": "reference", "version": 1}')
    results = {
        "suite.Gram.time_kernel": [gram, PARAMS, "v"],
        "suite.GramSyrk.time_floor": [[1e-3, 1e-3, 1e-2, None], PARAMS, "v"],
        "suite.Gram.track_ratio": [[0.5, None, 0.7, None], PARAMS, "v"],
        "suite.Push.time_kernel": [[1e-4], [["'small'"], ["'float64'"], ["'numpy'"]], "v"],
        "suite.Import.timeraw_geomdl": [[1.0], [], "v"],
    }
    document = {
        "commit_hash": commit, "env_name": "x", "date": date, "python": "/somewhere/bin/python",
        "params": {"machine": "reference", "cpu": "Some processor"}, "requirements": {},
        "env_vars": {}, "result_columns": COLUMNS, "results": results, "version": version,
    }  # fmt: skip
    (folder / f"{commit[:8]}-x.json").write_text(json.dumps(document))


def test_the_newest_commit_of_a_machine_is_held_against_the_floors(tmp_path: Path) -> None:
    asv_results(tmp_path, "a" * 40, 1_700_000_000_000, [9.0, 9.0, 9.0, 9.0])
    asv_results(tmp_path, "b" * 40, 1_800_000_000_000, [4e-3, 2e-3, float("nan"), 5e-3])
    (commit,) = trends.read(tmp_path / "benchmarks" / "results")
    assert (commit.commit, commit.commits, commit.python) == ("b" * 8, 2, "")  # a path is no version
    seen = {(c.kernel, c.size, c.backend): (c.over_floor, c.error) for c in commit.clocked}
    assert seen == {
        ("Gram", "small", "numpy"): (4.0, 0.5),
        ("Gram", "small", "torch:cuda"): (2.0, None),
        ("Gram", "wide", "torch:cuda"): (None, None),
        ("Push", "small", "numpy"): (None, None),
    }


def test_asv_pages_are_linked_once_they_are_published(material: Material, tmp_path: Path) -> None:
    asv_results(tmp_path, "b" * 40, 1_800_000_000_000, [4e-3, 2e-3, None, None])
    pages, missing = built(material, tmp_path)
    page = pages["speed-commits"]
    assert trends.LINK not in page.html
    assert missing["asv's pages with the trends over commits"] == "asv publish"
    assert "Commit bbbbbbbb of 2027-01-15" in page.html
    assert "Without a floor, in the table only: Push" in page.html
    published = tmp_path / trends.PAGES
    published.parent.mkdir(parents=True)
    published.write_text("")
    pages, missing = built(material, tmp_path)
    assert f'href="{trends.LINK}"' in pages["speed-commits"].html
    assert (tmp_path / "reports" / "site" / trends.LINK).resolve() == published.resolve()
    assert "asv publish" not in missing.values()


def test_where_asv_puts_its_pages_is_where_the_link_leads() -> None:
    configured = re.search(
        r'"html_dir": "([^"]+)"', (ROOT / "asv.conf.json").read_text(encoding="utf-8")
    )
    assert configured is not None
    assert Path(configured[1]) / "index.html" == trends.PAGES


def test_another_format_of_asv_is_refused_with_what_to_do(tmp_path: Path) -> None:
    asv_results(tmp_path, "b" * 40, 0, [1.0], version=1)
    with pytest.raises(ReportError, match="asv update"):
        trends.read(tmp_path / "benchmarks" / "results")


# ---- words ------------------------------------------------------------------------------------


def test_the_overview_as_text_has_a_line_for_each_race(tmp_path: Path) -> None:
    text = speed_overview.as_text(known(tmp_path, [*CASES, *ON_GPU]).races)
    assert re.search(r"gram small +SYRK +0.25 +1 +4 +jax +0.5\n", text)
    assert "gram wide, torch:cuda" in text


@pytest.mark.parametrize(
    ("status", "reason", "said"),
    [
        ("disagrees", "", "wrong result"),
        ("skipped", "out of memory", "did not fit"),
        ("skipped", "more than 180 s", "took too long"),
        ("skipped", "no such thing", "left out"),
        ("failed", "", "failed"),
    ],
)
def test_a_reason_has_a_few_words(tmp_path: Path, status: str, reason: str, said: str) -> None:
    (race,) = known(tmp_path, [ours(), untimed("jax", status, reason)]).races
    assert race.timings[1].said == said
