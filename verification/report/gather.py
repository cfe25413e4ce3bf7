"""Everything the report knows: the register, what was measured, where the checks stand.

Checks are found by reading their modules, not by importing them, so that a report needs neither
pytest nor a tree in which every module works.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from verification.machinery.register import Claim, Register, Statement, load_register, register_problems
from verification.report import counterexamples
from verification.report.mathematics import Typesetter
from verification.report.measured import Measured, Run, available
from verification.report.palette import gravest

ROOT = Path(__file__).resolve().parents[2]


class ReportError(ValueError):
    """Data from which no report can be made; the message says what is wrong and what to do."""


@dataclass(frozen=True)
class Place:
    """Where a check stands in the tree."""

    node: str
    file: str
    function: str
    line: int | None


@dataclass(frozen=True)
class Entry:
    """A claim with all that is known about it; a copy has the numbers of its original."""

    claim: Claim
    statement: Statement
    verdict: str
    deciding: Claim
    measured: Measured | None
    places: Sequence[Place]

    @property
    def id(self) -> str:
        """The full id."""
        return self.claim.full_id

    @property
    def anchor(self) -> str:
        """The id of the claim's element on the page of its source."""
        return f"{anchor(self.statement.id)}--{self.claim.id}"

    @property
    def page(self) -> str:
        """The address of the claim, from the front page."""
        return f"{self.statement.source}.html#{self.anchor}"

    @property
    def is_erratum(self) -> bool:
        """Whether the printed form needs a hypothesis or a correction, and the claim is no mere copy."""
        return self.verdict in ("needs", "fails") and self.deciding is self.claim


def anchor(statement: str) -> str:
    """Return the id of a statement's element on the page of its source."""
    return statement.partition("/")[2].replace("/", "-")


@dataclass(frozen=True)
class Material:
    """All of it, in the order of the texts."""

    root: Path
    register: Register
    entries: Sequence[Entry]
    run: Run | None
    scenes: Mapping[str, counterexamples.Numbers] = field(default_factory=dict)

    @cached_property
    def typesetter(self) -> Typesetter:
        """Sets texts; ids of statements and claims in them become links."""
        statements = {s.id: f"{s.source}.html#{anchor(s.id)}" for s in self.register.statements}
        return Typesetter({**statements, **{entry.id: entry.page for entry in self.entries}})

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """The claims under their full ids."""
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def by_statement(self) -> dict[str, list[Entry]]:
        """The claims of each statement."""
        found: dict[str, list[Entry]] = {statement.id: [] for statement in self.register.statements}
        for entry in self.entries:
            found[entry.statement.id].append(entry)
        return found

    @cached_property
    def states(self) -> dict[str, str]:
        """The verdict by which each statement is shown: the gravest of its claims."""
        return {id: gravest(e.verdict for e in mine) for id, mine in self.by_statement.items()}

    @cached_property
    def repeats(self) -> dict[str, list[str]]:
        """For each statement the others whose claims it repeats."""
        return {
            statement.id: list(
                dict.fromkeys(
                    original.statement
                    for claim in statement.claims
                    if (original := self.register.original(claim)).statement != statement.id
                )
            )
            for statement in self.register.statements
        }

    @cached_property
    def foundations(self) -> dict[str, list[str]]:
        """For each statement all others that it rests on; a copy rests on its original."""
        direct = {s.id: [*s.depends_on, *self.repeats[s.id]] for s in self.register.statements}
        found = {}
        for id in direct:
            below: dict[str, None] = {}
            ahead = list(direct[id])
            while ahead:
                other = ahead.pop()
                if other not in below and other != id:
                    below[other] = None
                    ahead += direct[other]
            found[id] = [s.id for s in self.register.statements if s.id in below]
        return found

    def footing(self, statement: str) -> str:
        """Return the gravest state of what a statement rests on; "firm" where none is grave."""
        state = gravest(["holds", *(self.states[id] for id in self.foundations[statement])])
        return state if state in ("fails", "needs", "open") else "firm"

    def copies(self, claim: Claim) -> list[str]:
        """Return the full ids of the claims that repeat this one."""
        return self._copies.get(claim.full_id, [])

    @cached_property
    def _copies(self) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for claim in self.register.claims:
            if claim.same_as:
                found[claim.same_as].append(claim.full_id)
        return dict(found)

    @cached_property
    def errata(self) -> list[Entry]:
        """The claims that do not hold as printed."""
        return [entry for entry in self.entries if entry.is_erratum]

    @cached_property
    def not_run(self) -> list[Entry]:
        """The decided claims of which there are no results."""
        return [e for e in self.entries if e.verdict != "open" and e.measured is None]

    @cached_property
    def failing(self) -> list[Entry]:
        """The claims that behaved otherwise than recorded."""
        return [e for e in self.entries if e.measured is not None and e.measured.failures]


def gather(root: Path = ROOT, register: Path | None = None) -> Material:
    """Read register, results and check modules of a source tree.

    Raises
    ------
    ReportError
        When the register is not sound.
    ResultsError
        When results are there and cannot be read.
    """
    texts = load_register(register or root / "verification" / "register")
    if problems := register_problems(texts):
        raise ReportError(
            "the register is not sound: "
            + "; ".join(problems[:3])
            + (f"; and {len(problems) - 3} more" if len(problems) > 3 else "")
            + "\n`python -m geomdl claims check` lists all of it"
        )
    run = available(root)
    named, lines = check_places(root)
    numbers = {id: _in_this_tree(each, lines) for id, each in (run.claims if run else {}).items()}
    entries = []
    for statement in texts.statements:
        for claim in statement.claims:
            ids = dict.fromkeys((claim.full_id, texts.original(claim).full_id))
            mine = next((numbers[id] for id in ids if id in numbers), None)
            nodes = [*(node for id in ids for node in named.get(id, ())), *(mine.checks if mine else ())]
            entries.append(
                Entry(
                    claim=claim,
                    statement=statement,
                    verdict=texts.effective_verdict(claim),
                    deciding=texts.deciding(claim),
                    measured=mine,
                    places=[_place(node, lines) for node in dict.fromkeys(nodes)],
                )
            )
    return Material(root, texts, entries, run, counterexamples.read(root))


def check_places(root: Path) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Find the checks of the tree: their ids by the claims they name, and the line of each."""
    named: defaultdict[str, list[str]] = defaultdict(list)
    lines: dict[str, int] = {}
    for file in sorted((root / "verification").glob("*/test_*.py")):
        try:
            tree = ast.parse(file.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue  # a module that is being written has no places yet
        for function in tree.body:
            if not isinstance(function, ast.FunctionDef):
                continue
            for decorator in function.decorator_list:
                if not (
                    isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "claim"
                ):
                    continue
                node = f"{file.relative_to(root).as_posix()}::{function.name}"
                lines[node] = decorator.lineno
                for argument in decorator.args:
                    if isinstance(argument, ast.Constant):
                        named[str(argument.value)].append(node)
    return dict(named), lines


def _in_this_tree(each: Measured, lines: Mapping[str, int]) -> Measured:
    """Name the checks of a run as the tree does now: a module may have been divided since."""
    return replace(each, checks=[_standing(node, lines) for node in each.checks])


def _standing(node: str, lines: Mapping[str, int]) -> str:
    """Return where a check stands: where it was, or else the only one of its name in the same folder."""
    if node in lines:
        return node
    file, _, function = node.partition("::")
    ends = file.rpartition("/")[0], function
    found = [other for other in lines if (other.rpartition("/")[0], other.partition("::")[2]) == ends]
    return found[0] if len(found) == 1 else node


def _place(node: str, lines: Mapping[str, int]) -> Place:
    file, _, function = node.partition("::")
    return Place(node, file, function, lines.get(node))
