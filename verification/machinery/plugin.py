"""The pytest plugin: profiles, columns and seeds; the fixture that judges; the table; the JSON file.

The rows of a test travel to the controlling process on its report, so that runs with pytest-xdist
give the same table and file as runs without.
"""

from __future__ import annotations

import shlex
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from verification.machinery import table
from verification.machinery.checks import ROOT, Case, Judge, rows_of
from verification.machinery.columns import ARITHMETICS, PROFILES, seeds_of
from verification.machinery.environment import environment
from verification.machinery.results import (
    ASSERTED,
    Document,
    Row,
    broken_ladders,
    update_last_run,
    write,
)

DEFAULT_SEED = 2311

_STARTED = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the verification tree."""
    group = parser.getgroup("verification", "verification of claims")
    group.addoption("--claim", action="append", default=[], metavar="ID", help="only this claim")
    group.addoption("--profile", choices=PROFILES, default="default", help="how much is run")
    group.addoption(
        "--arithmetic", metavar="A[,B]", help="only these columns: " + ", ".join(ARITHMETICS)
    )
    group.addoption("--seed", type=int, default=DEFAULT_SEED, help="first seed (default %(default)s)")
    group.addoption("--seeds", type=int, help="number of seeds, instead of the profile's")
    group.addoption("--claims-json", metavar="PATH", help="write the results of the claims here")


def pytest_configure(config: pytest.Config) -> None:
    """Refuse unknown arithmetics before anything runs, and note the time."""
    config.stash[_STARTED] = datetime.now(UTC).isoformat(timespec="seconds")
    for name, least in (("seed", 0), ("seeds", 1)):
        value = config.getoption(f"--{name}")
        if value is not None and value < least:
            raise pytest.UsageError(f"got {name} {value}; expected a whole number >= {least}")
    unknown = sorted(set(_arithmetics(config) or ()) - set(ARITHMETICS))
    if unknown:
        raise pytest.UsageError(
            f"got arithmetic {', '.join(unknown)}; expected some of {', '.join(ARITHMETICS)}"
        )


def _arithmetics(config: pytest.Config) -> list[str] | None:
    given = config.getoption("--arithmetic")
    return [name.strip() for name in given.split(",")] if given else None


def _case(item: pytest.Item) -> Case | None:
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, Case) else None


def _seeds(config: pytest.Config, case: Case) -> range:
    first = config.getoption("--seed")
    count = config.getoption("--seeds")
    return range(first, first + (count or seeds_of(case.column, config.getoption("--profile"))))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the cases that the claims, the columns or the profile leave out."""
    claims = set(config.getoption("--claim"))
    arithmetics = _arithmetics(config)
    reach = PROFILES.index(config.getoption("--profile"))

    def wanted(item: pytest.Item) -> bool:
        case = _case(item)
        if case is None:
            return not claims and (reach == 2 or item.get_closest_marker("slow") is None)
        return (
            (not claims or bool(claims & set(case.check.claims)))
            and (arithmetics is None or case.column.arithmetic_name in arithmetics)
            and PROFILES.index(case.scene.profile) <= reach
            and (reach > 0 or case.is_quick)
            and len(_seeds(config, case)) > 0
        )

    kept = [item for item in items if wanted(item)]
    if len(kept) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if not wanted(item)])
        items[:] = kept


@pytest.fixture
def verdicts(request: pytest.FixtureRequest) -> Judge:
    """Measure a case for all seeds, record the rows, and fail with a line that reproduces a failure."""
    item = request.node
    item.claim_rows = []

    def judge(case: Case) -> None:
        failures = []
        for row in rows_of(case, item.nodeid, _seeds(request.config, case)):
            item.claim_rows.append(row)
            if not row["passed"]:
                failures.append(_explain(case, row))
        worst = max(item.claim_rows, key=lambda row: row["ratio"] * (1 if row["passed"] else 1e300))
        for name in ("role", "label", "scene", "column", "ratio", "threshold", "seed"):
            request.node.user_properties.append((name, worst[name]))
        request.node.user_properties.append(("claims", " ".join(case.check.claims)))
        if failures:
            pytest.fail("\n".join(failures), pytrace=False)

    return judge


def _explain(case: Case, row: dict[str, Any]) -> str:
    ratio, threshold = row["ratio"], row["threshold"]
    if case.role in ASSERTED:
        what = f"the ratio {ratio:.3g} exceeds the threshold {threshold:g}"
    else:
        what = (
            f"the {case.role} form does not break: ratio {ratio:.3g}, expected at least "
            f"{row['bite'] * threshold:g}"
        )
    claims = ", ".join(case.check.claims)
    return (
        f"{claims} [{case.role}{': ' + case.label if case.label else ''}] in {case.scene.name}, "
        f"{case.column.name}, seed {row['seed']}: {what}. {row['message']}\n"
        f"  reproduce: python -m pytest {shlex.quote(row['test'])} --seed {row['seed']} --seeds 1 "
        "--profile deep"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, Any, Any]:
    """Put the rows of a test on its report, which pytest-xdist carries to the controller."""
    report = yield
    if report.when == "call":
        report.claim_rows = getattr(item, "claim_rows", [])
    return report


class Collector:
    """Collects rows in the controlling process and writes table and file at the end."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.rows: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take over the rows of a finished test."""
        self.rows.extend(getattr(report, "claim_rows", []))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write what was measured, also when the run was interrupted; judge the ladders.

        A ladder has five tests, one a rung, each of which may pass alone: a residual that does not
        follow the roundoff is seen only here, and fails the run.
        """
        if not self.rows:
            return
        if broken_ladders(self.rows) and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        document: Document = {
            "format": 1,
            "started": self.config.stash[_STARTED],
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "interrupted": exitstatus == pytest.ExitCode.INTERRUPTED,
            "profile": self.config.getoption("--profile"),
            "seed": self.config.getoption("--seed"),
            "environment": environment(devices=False),
            "rows": self.rows,
        }
        update_last_run(ROOT, document)
        path = self.config.getoption("--claims-json")
        if path:
            write(Path(path), document)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the table of statements."""
        if self.rows:
            seed = self.config.getoption("--seed")
            terminalreporter.section(
                f"claims ({self.config.getoption('--profile')} profile, first seed {seed})"
            )
            for line in table.lines(self.rows):
                terminalreporter.write_line(line)
            for line in broken_ladders(self.rows):
                terminalreporter.write_line(f"BROKEN LADDER {line}", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start collecting in the controlling process (a worker of pytest-xdist has an input)."""
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(Collector(session.config), "claim-collector")
