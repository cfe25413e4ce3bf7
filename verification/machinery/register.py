"""The register: every assertion of the texts, with the verdict that computing has found.

One TOML file a source. A file that cannot be parsed raises `RegisterError`; everything else that
is wrong with a register (unknown keys, missing companions of a verdict, dangling or cyclic
references) is collected by `register_problems`, one line each, so that one run shows all of it.
"""

from __future__ import annotations

import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, TypeVar

Entry = TypeVar("Entry")

VERDICTS = ("open", "holds", "needs", "fails", "undecidable")

# What a verdict has to be accompanied by; a companion is allowed nowhere else.
COMPANIONS: Mapping[str, tuple[str, ...]] = {
    "needs": ("needs", "counterexample"),
    "fails": ("corrected", "counterexample"),
    "undecidable": ("reason",),
}

_TEXT, _TEXTS, _TABLE, _TABLES = "a text", "a list of texts", "a table", "a list of tables"
_REQUIRED: Mapping[str, Mapping[str, str]] = {
    "file": {"source": _TABLE, "statement": _TABLES},
    "source": {"key": _TEXT, "title": _TEXT, "authors": _TEXT, "reference": _TEXT},
    "statement": {
        "id": _TEXT,
        "label": _TEXT,
        "title": _TEXT,
        "kind": _TEXT,
        "hypotheses": _TEXTS,
        "claim": _TABLES,
    },
    "claim": {"id": _TEXT, "says": _TEXT, "verdict": _TEXT},
}
_OPTIONAL: Mapping[str, Mapping[str, str]] = {
    "file": {},
    "source": {"numbering": _TEXTS},
    "statement": {"equations": _TEXTS, "depends_on": _TEXTS},
    "claim": {
        **dict.fromkeys(("needs", "corrected", "counterexample", "reason", "note", "same_as"), _TEXT),
        "proved": _TEXTS,
    },
}


class RegisterError(ValueError):
    """A register that cannot be read at all; the message names the file and the reason."""


class UnknownClaimError(LookupError):
    """Selectors that name no claim, statement or source, each with the nearest ids."""

    def __init__(self, nearest: Mapping[str, list[str]]) -> None:
        self.nearest = dict(nearest)
        super().__init__("\n".join(_unknown(name, ids) for name, ids in nearest.items()))


def _unknown(name: str, nearest: list[str]) -> str:
    advice = f"nearest: {', '.join(nearest)}" if nearest else "`claims` lists all ids"
    return f"unknown id {name!r}: expected a claim, a statement or a source ({advice})"


@dataclass(frozen=True)
class Source:
    """A text: the key is the file's name and the first part of every id in it."""

    key: str
    title: str
    authors: str
    reference: str
    numbering: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """One assertion of a statement; empty texts stand for absent entries.

    `proved` lists instances that a certificate decides, each the arguments of `certify` with the status
    that it has to end in: "rank iris --samples 20 --hidden 40: proved".
    """

    statement: str
    id: str
    says: str
    verdict: str
    needs: str = ""
    corrected: str = ""
    counterexample: str = ""
    reason: str = ""
    note: str = ""
    same_as: str = ""
    proved: tuple[str, ...] = ()

    @property
    def full_id(self) -> str:
        """The id by which everything else names the claim, e.g. "chen2023/model/a"."""
        return f"{self.statement}/{self.id}"


@dataclass(frozen=True)
class Statement:
    """A numbered or named place of a text, with its hypotheses and its claims."""

    id: str
    source: str
    label: str
    title: str
    kind: str
    hypotheses: tuple[str, ...]
    claims: tuple[Claim, ...]
    equations: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Register:
    """All sources with their statements; `problems` are those met while reading."""

    sources: tuple[Source, ...]
    statements: tuple[Statement, ...]
    problems: tuple[str, ...] = ()

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """All claims, in the order of the texts."""
        return tuple(claim for statement in self.statements for claim in statement.claims)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Everything that can be selected: source keys, statement ids, claim ids."""
        return (
            *(source.key for source in self.sources),
            *(statement.id for statement in self.statements),
            *self.claims_by_id,
        )

    @cached_property
    def claims_by_id(self) -> dict[str, Claim]:
        """The claims under their full ids."""
        return {claim.full_id: claim for claim in self.claims}

    @cached_property
    def open_copies(self) -> dict[str, set[str]]:
        """Full ids of the copies that leave their verdict to a claim, under its full id."""
        copies: defaultdict[str, set[str]] = defaultdict(set)
        for claim in self.claims:
            if self.deciding(claim) is not claim:
                copies[claim.same_as].add(claim.full_id)
        return dict(copies)

    @cached_property
    def _statements(self) -> dict[str, Statement]:
        return {statement.id: statement for statement in self.statements}

    @cached_property
    def _sources(self) -> dict[str, Source]:
        return {source.key: source for source in self.sources}

    def claim(self, full_id: str) -> Claim:
        """Return the claim of that id; `UnknownClaimError` when there is none."""
        return self._found(self.claims_by_id, full_id)

    def statement(self, id: str) -> Statement:
        """Return the statement of that id; `UnknownClaimError` when there is none."""
        return self._found(self._statements, id)

    def source(self, key: str) -> Source:
        """Return the source of that key; `UnknownClaimError` when there is none."""
        return self._found(self._sources, key)

    def _found(self, entries: Mapping[str, Entry], id: str) -> Entry:
        if id not in entries:
            raise UnknownClaimError({id: nearest_ids(id, self.ids)})
        return entries[id]

    def original(self, claim: Claim) -> Claim:
        """Return the claim that asserts the same thing first: itself when it is no copy."""
        return self.claims_by_id.get(claim.same_as, claim)

    def deciding(self, claim: Claim) -> Claim:
        """Return the claim whose verdict counts: itself, or, while that is open, its original's."""
        return self.original(claim) if claim.verdict == "open" else claim

    def effective_verdict(self, claim: Claim) -> str:
        """Return the verdict that counts for a claim, one of `VERDICTS` in a sound register."""
        return self.deciding(claim).verdict


def load_register(directory: Path | str | None = None) -> Register:
    """Read every *.toml of a folder, by default `verification/register`.

    Raises
    ------
    RegisterError
        When there is no such file, or one that is no TOML.
    """
    folder = Path(directory) if directory is not None else Path(__file__).parents[1] / "register"
    files = sorted(folder.glob("*.toml"))
    if not files:
        raise RegisterError(f"no *.toml file in {folder}: a register has one file a source")
    problems: list[str] = []
    sources, statements = [], []
    for file in files:
        source, found = _read_file(file, problems)
        sources.append(source)
        statements.extend(found)
    return Register(tuple(sources), tuple(statements), tuple(problems))


def resolve(register: Register, selectors: Iterable[str]) -> list[Claim]:
    """Select claims by claim ids, statement ids and source keys, in register order, once each.

    Raises
    ------
    UnknownClaimError
        When a selector names nothing; all such selectors are in the message, with the nearest ids.
    """
    wanted = set(selectors)
    unknown = sorted(wanted.difference(register.ids))
    if unknown:
        raise UnknownClaimError({name: nearest_ids(name, register.ids) for name in unknown})
    return [
        claim
        for statement in register.statements
        for claim in statement.claims
        if wanted & {statement.source, statement.id, claim.full_id}
    ]


def nearest_ids(name: str, ids: Iterable[str], count: int = 4) -> list[str]:
    """Return the ids most alike to `name`, with or without their source, best first."""

    def likeness(id: str) -> float:
        forms = (id, id.partition("/")[2])
        return max(SequenceMatcher(None, name.lower(), form.lower()).ratio() for form in forms)

    ranked = sorted(((likeness(id), id) for id in ids), key=lambda pair: (-pair[0], pair[1]))
    return [id for score, id in ranked[:count] if score >= 0.6]


def verdict_counts(register: Register, claims: Iterable[Claim]) -> dict[str, int]:
    """Count the claims of each verdict, a copy counting by its original's."""
    counted = Counter(register.effective_verdict(claim) for claim in claims)
    return {verdict: counted[verdict] for verdict in VERDICTS}


# ---- reading ----------------------------------------------------------------------------------


def _read_file(file: Path, problems: list[str]) -> tuple[Source, list[Statement]]:
    try:
        tables = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RegisterError(f"{file.name}: {error}") from error
    fields = _fields("file", tables, file.name, problems)
    source = Source(**_fields("source", fields.get("source") or {}, f"{file.name} [source]", problems))
    if source.key != file.stem:
        problems.append(f"{file.name} [source]: key is {source.key!r}, expected {file.stem!r}")
    statements = [
        _read_statement(table, file.stem, f"{file.name} statement {number}", problems)
        for number, table in enumerate(fields.get("statement") or (), start=1)
    ]
    return source, statements


def _read_statement(table: dict[str, Any], source: str, place: str, problems: list[str]) -> Statement:
    place = table["id"] if isinstance(table.get("id"), str) else place
    fields = _fields("statement", table, place, problems)
    tables = fields.pop("claim") or ()
    if not str(fields["id"]).startswith(f"{source}/"):
        problems.append(f"{place}: the id of a statement of this file begins with '{source}/'")
    claims = []
    for number, entry in enumerate(tables, start=1):
        name = f"{place}/{entry.get('id', f'claim {number}')}"
        claims.append(Claim(statement=fields["id"], **_fields("claim", entry, name, problems)))
    return Statement(source=source, claims=tuple(claims), **fields)


def _fields(kind: str, table: Mapping[str, Any], place: str, problems: list[str]) -> dict[str, Any]:
    """Return the well-formed entries, lists as tuples; what is malformed becomes a problem."""
    required, optional = _REQUIRED[kind], _OPTIONAL[kind]
    shapes = {**required, **optional}
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in shapes:
            problems.append(f"{place}: unknown key {key!r}; known: {', '.join(shapes)}")
        elif not _has_shape(value, shapes[key]):
            problems.append(f"{place}: {key} is {value!r:.60}, expected {shapes[key]}")
        else:
            found[key] = tuple(value) if isinstance(value, list) else value
    for key, shape in required.items():
        if key not in table:
            problems.append(f"{place}: {key} is missing, expected {shape}")
        found.setdefault(key, "" if shape == _TEXT else ())
    return found


def _has_shape(value: object, shape: str) -> bool:
    if shape == _TEXT:
        return isinstance(value, str) and bool(value.strip())
    if shape == _TABLE:
        return isinstance(value, dict)
    item = str if shape == _TEXTS else dict
    enough = shape == _TEXTS or bool(value)
    return isinstance(value, list) and enough and all(isinstance(entry, item) for entry in value)


# ---- consistency ------------------------------------------------------------------------------


def register_problems(register: Register) -> list[str]:
    """List everything that is wrong with a register, one readable line each; empty when it is sound."""
    problems = list(register.problems)
    # a statement given twice, claims and all, is one problem
    distinct = {statement.id: statement for statement in reversed(register.statements)}
    names = Counter(
        [
            *(source.key for source in register.sources),
            *(statement.id for statement in register.statements),
            *(claim.full_id for each in distinct.values() for claim in each.claims),
        ]
    )
    problems += [f"{name}: this id is given {n} times" for name, n in names.items() if n > 1]
    for claim in register.claims:
        problems += [f"{claim.full_id}: {line}" for line in _verdict_problems(claim)]
        problems += [f"{claim.full_id}: {line}" for line in _same_as_problems(register, claim)]
    return problems + _dependency_problems(register)


def _verdict_problems(claim: Claim) -> Iterable[str]:
    if claim.verdict not in VERDICTS:
        if claim.verdict:  # an absent verdict has been reported while reading
            yield f"verdict {claim.verdict!r} is none of {', '.join(VERDICTS)}"
        return
    owed = COMPANIONS.get(claim.verdict, ())
    for key in sorted({key for keys in COMPANIONS.values() for key in keys}):
        given = bool(getattr(claim, key))
        if key in owed and not given:
            yield f"verdict {claim.verdict!r} without {key!r}"
        if given and key not in owed:
            places = " or ".join(verdict for verdict, keys in COMPANIONS.items() if key in keys)
            yield f"{key!r} belongs to verdict {places}, not to {claim.verdict!r}"
    for instance in claim.proved:
        if instance.rpartition(": ")[2] not in ("proved", "refuted"):
            yield f"proved instance {instance!r} ends neither in ': proved' nor in ': refuted'"


def _same_as_problems(register: Register, claim: Claim) -> Iterable[str]:
    if not claim.same_as:
        return
    if claim.same_as == claim.full_id:
        yield "same_as names the claim itself"
    elif claim.same_as not in register.claims_by_id:
        nearest = nearest_ids(claim.same_as, register.claims_by_id)
        yield f"same_as names the unknown claim {claim.same_as!r} (nearest: {', '.join(nearest)})"
    elif further := register.original(claim).same_as:
        yield f"same_as names {claim.same_as!r}, itself a copy: name the original {further!r}"


def _dependency_problems(register: Register) -> list[str]:
    problems = []
    graph: dict[str, list[str]] = {statement.id: [] for statement in register.statements}
    for statement in register.statements:
        for other in dict.fromkeys(statement.depends_on):
            if other in graph:
                graph[statement.id].append(other)
            else:
                nearest = ", ".join(nearest_ids(other, graph))
                problems.append(
                    f"{statement.id}: depends_on names the unknown statement {other!r}"
                    f" (nearest: {nearest})"
                )
    while cycle := _cycle(graph):
        problems.append(f"{cycle[0]}: depends_on is cyclic: {' -> '.join(cycle)}")
        graph[cycle[0]].remove(cycle[1])
    return problems


def _cycle(graph: Mapping[str, list[str]]) -> list[str]:
    """Return one cycle as a path along depends_on, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []
