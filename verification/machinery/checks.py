"""How a claim becomes a check: the decorator ``claim`` and the cases that it generates.

A check is a function of a point (a scene in an arithmetic) that returns a ratio. Its keyword
parameters are the pieces of the printed formula, with the printed values as defaults; a control, a
refutation or a correction is the same function with another piece or another scene::

    @claim(
        "chen2023/output-flow/c",
        scenes=TRAINING,
        columns=ORBITS,
        controls=[variant("rate 1/N", rate=1)],
    )
    def test_cost_decays_at_twice_the_rate(at, rate=2):
        orbit = at.orbit(end=5)
        ...
        return along_orbit(costs, np.exp(-rate * orbit.times / at.N) * costs[0], rtol=at.rtol)

so that nothing is copied, and what distinguishes the claim from its control is one word.

Roles of the cases: ``printed`` must hold; a ``control`` must break the threshold by orders of
magnitude; ``refuted`` is the printed form in a scene that breaks it; ``corrected`` is the mended form;
``evidence`` is what is shown for an undecidable claim.
"""

from __future__ import annotations

import importlib
import inspect
import math
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from geomdl.arithmetic import SingularMatrixError, UnsupportedOperationError
from verification.machinery.columns import FLOAT64, POINTWISE, RATIONAL, Column
from verification.machinery.points import Scene
from verification.machinery.ratios import Ratio, worst
from verification.machinery.results import ASSERTED, BROKEN

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("chen2023", "chenewald2024", "slides2023", "slides2024")


@dataclass(frozen=True)
class Variant:
    """The check with other pieces of the formula, or in other scenes; see :func:`variant`."""

    label: str
    scenes: tuple[Scene, ...] | None
    columns: tuple[Column, ...] | None
    changes: dict[str, Any]


def variant(
    label: str,
    *,
    scenes: Sequence[Scene] | None = None,
    columns: Sequence[Column] | None = None,
    **changes: Any,
) -> Variant:
    """Describe a control, a refutation or a correction of a check.

    Parameters
    ----------
    label : str
        What is different, in words: "rate 1/N", "rank lost".
    scenes, columns : optional
        Where it runs. By default corrections run everywhere the check does; controls and refutations
        in the first scene and its reference column (float64, the finest tolerance, or rational).
    **changes
        Keyword arguments of the check function.
    """
    return Variant(
        label,
        tuple(scenes) if scenes is not None else None,
        tuple(columns) if columns is not None else None,
        changes,
    )


@dataclass(frozen=True)
class Case:
    """One test: a check in a role, a scene and a column."""

    check: Check
    role: str
    scene: Scene
    column: Column
    variant: Variant | None = None
    position: int = 0

    @property
    def is_quick(self) -> bool:
        """Whether the case belongs to the quick profile.

        The first scene runs in all columns that are cheap; the second in the reference column, unless
        it needs an orbit of its own.
        """
        if self.position == 0:
            return True
        again = self.column.rtol is None and self.column in self.check.reference(self.scene)
        return self.position == 1 and again

    @property
    def label(self) -> str:
        """What distinguishes a variant, empty for the printed form."""
        return self.variant.label if self.variant else ""

    @property
    def id(self) -> str:
        """The part of the test id in brackets."""
        label = f"{self.role}: {self.label}-" if self.role != "printed" else ""
        return f"{label}{self.scene.name}-{self.column.name}"

    def measure(self, seed: int) -> Ratio:
        """Run the check function for one seed and return its worst ratio."""
        at = self.scene.at(self.column, seed)
        changes = self.variant.changes if self.variant else {}
        try:
            return worst(self.check.function(at, **changes))
        except UnsupportedOperationError as error:
            # Numbers that do not offer an operation decide nothing about a formula.
            pytest.skip(str(error))
        except SingularMatrixError as error:
            # A formula that needs an inverse which is not there breaks down; that is a finding.
            return Ratio(math.inf, "property", note=f"not defined: {error}")

    def passes(self, ratio: Ratio) -> bool:
        """Judge a ratio by the role; a NaN decides nothing and never passes."""
        if math.isnan(ratio.value):
            return False
        if self.role in ASSERTED:
            return bool(ratio.value <= ratio.threshold)
        return bool(ratio.value >= ratio.bite * ratio.threshold)


@dataclass(frozen=True, eq=False, repr=False)
class Check:
    """A check function with the claims it decides and everything it runs on."""

    claims: tuple[str, ...]
    function: Callable[..., Any]
    scenes: tuple[Scene, ...]
    columns: tuple[Column, ...]
    control_variants: tuple[Variant, ...] = ()
    refuted: tuple[Variant, ...] = ()
    corrected: tuple[Variant, ...] = ()
    evidence: bool = False

    @property
    def node(self) -> str:
        """File and function, as pytest writes them."""
        file = Path(inspect.getfile(self.function)).resolve()
        where = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
        return f"{where.as_posix()}::{self.function.__name__}"

    @property
    def controls(self) -> tuple[str, ...]:
        """Labels of the controls."""
        return tuple(each.label for each in self.control_variants)

    @property
    def roles(self) -> frozenset[str]:
        """The roles for which there are cases."""
        return frozenset(case.role for case in self.cases())

    def cases(self) -> Iterator[Case]:
        """Generate all cases: scenes times columns for what must hold, the reference for the rest."""
        if not self.corrected:
            own = "evidence" if self.evidence else "printed"
            yield from self._cases(own, None, self.scenes, self.columns)
        for each in self.corrected:
            yield from self._cases("corrected", each, each.scenes or self.scenes, self.columns)
        for role, variants in (("control", self.control_variants), ("refuted", self.refuted)):
            for each in variants:
                for position, scene in enumerate(each.scenes or self.scenes[:1]):
                    for case in self._cases(role, each, (scene,), self.reference(scene)):
                        yield replace(case, position=position)

    def _cases(
        self, role: str, each: Variant | None, scenes: Sequence[Scene], columns: Sequence[Column]
    ) -> Iterator[Case]:
        columns = each.columns or columns if each is not None else columns
        for position, scene in enumerate(scenes):
            for column in columns:
                if scene.runs_in(column):
                    yield Case(self, role, scene, column, each, position)

    def reference(self, scene: Scene) -> tuple[Column, ...]:
        """Return the column in which a difference shows best: the finest tolerance, or float64."""
        usable = [column for column in self.columns if scene.runs_in(column)]
        if any(column.rtol is not None for column in usable):
            return (min(usable, key=lambda column: column.rtol or 1.0),)
        preferred = [column for column in (FLOAT64, RATIONAL) if column in usable]
        return tuple([*preferred, *usable][:1])


CHECKS: list[Check] = []
"""All checks of the modules imported so far."""


def claim(
    *claims: str,
    scenes: Sequence[Scene],
    columns: Sequence[Column] = POINTWISE,
    controls: Sequence[Variant],
    refuted: Sequence[Variant] = (),
    corrected: Sequence[Variant] = (),
    evidence: bool = False,
) -> Callable[[Callable[..., Any]], Callable[..., None]]:
    """Turn a function of a point into the test that decides claims of the register.

    Parameters
    ----------
    *claims : str
        Full ids, such as ``"chen2023/output-flow/c"``.
    scenes : sequence of Scene
        Where the printed form must hold; with a correction, where the corrected form must hold (the
        printed form then only appears among the refuted cases).
    columns : sequence of Column
        Arithmetics or tolerances.
    controls : sequence of Variant
        At least one; each must break the threshold by orders of magnitude.
    refuted, corrected : sequence of Variant
        For verdicts ``needs`` and ``fails``.
    evidence : bool
        The check shows evidence for an undecidable claim.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., None]:
        check = Check(
            claims, function, tuple(scenes), tuple(columns), tuple(controls), tuple(refuted),
            tuple(corrected), evidence,
        )  # fmt: skip
        _require_cases(check)
        CHECKS.append(check)

        @pytest.mark.claim(*claims)
        @pytest.mark.parametrize("case", [_parameter(case) for case in check.cases()])
        def test(case: Case, verdicts: Judge) -> None:
            verdicts(case)

        test.__name__ = test.__qualname__ = function.__name__
        test.__doc__ = function.__doc__
        test.__module__ = function.__module__
        test.check = check  # type: ignore[attr-defined]
        return test

    return decorate


def _require_cases(check: Check) -> None:
    """Refuse a check or a variant that would vanish without a trace, and misspelled pieces."""
    cases = list(check.cases())
    if not any(case.role in ASSERTED for case in cases):
        raise ValueError(f"{check.node} generates no case: none of its scenes runs in its columns")
    known = set(inspect.signature(check.function).parameters)
    for each in (*check.control_variants, *check.refuted, *check.corrected):
        if unknown := sorted(set(each.changes) - known):
            raise TypeError(
                f"{check.node}: variant {each.label!r} changes {', '.join(unknown)}; expected some of "
                f"the parameters {', '.join(sorted(known))}"
            )
        if not any(case.variant is each for case in cases):
            raise ValueError(
                f"{check.node}: variant {each.label!r} generates no case: give it scenes that run in "
                "its columns"
            )


def _parameter(case: Case) -> Any:
    absent = case.column.absent
    needs = f'{case.column.name} is absent: pip install "geomdl-verify[{absent}]"'
    return pytest.param(case, id=case.id, marks=[pytest.mark.skip(reason=needs)] if absent else [])


Judge = Callable[[Case], None]
"""The fixture ``verdicts`` of the plugin: measures a case for all seeds, records it, and judges it."""


def rows_of(case: Case, test: str, seeds: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Measure a case for each seed and yield the rows of the result file."""
    for seed in seeds:
        begin = time.perf_counter()
        try:
            ratio = case.measure(seed)
            passed = case.passes(ratio)
            if math.isnan(ratio.value):
                note = f"the ratio is NaN {ratio.note}"
                ratio = replace(ratio, value=math.inf, residual=None, note=note)
        except Exception as error:
            # A crash is a row that fails in every role, so that no summary can miss it; the test
            # goes on to the next seed and reports all of them.
            crash = "".join(traceback.format_exception(error)[-3:])
            ratio, passed = Ratio(math.inf, "property", note=crash), False
        yield {
            "claims": list(case.check.claims),
            "check": case.check.node,
            "test": test,
            "role": case.role,
            "label": case.label,
            "scene": case.scene.name,
            "column": case.column.name,
            "ratio": ratio.value,
            "threshold": ratio.threshold,
            "bite": ratio.bite if case.role in BROKEN else None,
            "residual": ratio.residual,
            "roundoff": ratio.roundoff,
            "kind": ratio.kind,
            "seed": seed,
            "seconds": time.perf_counter() - begin,
            "passed": passed,
            "message": ratio.note,
        }


def collect_checks() -> list[Check]:
    """Import every module of claims and return all checks."""
    for source in SOURCES:
        for file in sorted((ROOT / "verification" / source).glob("test_*.py")):
            importlib.import_module(f"verification.{source}.{file.stem}")
    return list(CHECKS)
