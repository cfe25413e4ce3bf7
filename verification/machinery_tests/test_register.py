"""A sound register has no problems; every way to break it is reported in one readable line."""

from itertools import pairwise
from pathlib import Path

import pytest

from verification.machinery.register import (
    RegisterError,
    UnknownClaimError,
    load_register,
    nearest_ids,
    register_problems,
    resolve,
    verdict_counts,
)
from verification.machinery_tests import ALPHA, small_register

NOTHING = ("", "")


def test_sound_register_has_no_problems(tmp_path: Path) -> None:
    register = small_register(tmp_path)
    assert register_problems(register) == []
    assert [claim.full_id for claim in register.claims] == [
        "alpha/model/a",
        "alpha/model/b",
        "alpha/theorem-2.1/a",
        "alpha/theorem-2.1/b",
        "alpha/theorem-2.1/c",
        "beta/recall/a",
    ]
    assert register.statement("alpha/model").hypotheses == ("$N > 0$",)
    assert register.source("alpha").numbering == ("as printed",)
    assert register.claim("alpha/theorem-2.1/b").corrected == "Once."


def test_a_copy_left_open_takes_the_verdict_of_its_original(tmp_path: Path) -> None:
    register = small_register(tmp_path)
    copy = register.claim("beta/recall/a")
    assert copy.verdict == "open"
    assert register.effective_verdict(copy) == "holds"
    assert verdict_counts(register, register.claims) == {
        "open": 1,
        "holds": 2,
        "needs": 1,
        "fails": 1,
        "undecidable": 1,
    }


def test_a_copy_with_a_verdict_keeps_it(tmp_path: Path) -> None:
    register = small_register(
        tmp_path, beta=('"open"', '"fails"\ncorrected = "c"\ncounterexample = "s: c"')
    )
    copy = register.claim("beta/recall/a")
    assert register.effective_verdict(copy) == "fails"
    assert register.deciding(copy) is copy
    assert register.original(copy).full_id == "alpha/model/a"


BROKEN = {
    "unknown key of a claim": (
        ('verdict = "holds"', 'verdict = "holds"\nverdct = "holds"'),
        NOTHING,
        "alpha/model/a: unknown key 'verdct'",
    ),
    "unknown key of a statement": (
        ('kind = "flow"', 'kind = "flow"\nclaims = []'),
        NOTHING,
        "alpha/theorem-2.1: unknown key 'claims'",
    ),
    "unknown key of a source": (
        ('key = "alpha"', 'key = "alpha"\npaper = "x"'),
        NOTHING,
        "alpha.toml [source]: unknown key 'paper'",
    ),
    "unknown key of a file": (("\n[source]", "title = 'x'\n[source]"), NOTHING, "alpha.toml: unkn"),
    "a text that is none": (("says = 'Always.'", "says = 3"), NOTHING, "says is 3, expected a t"),
    "an empty text": (("'Always.'", "' '"), NOTHING, "alpha/theorem-2.1/a: says is ' ', expected"),
    "a list that is none": (("['$N > 0$']", "'$N > 0$'"), NOTHING, "expected a list of texts"),
    "no verdict": (('verdict = "holds"\n', ""), NOTHING, "alpha/model/a: verdict is missing"),
    "no claim": (
        ("", "[[statement]]\nid='alpha/x'\nlabel='x'\ntitle='x'\nkind='x'\nhypotheses=[]"),
        NOTHING,
        "alpha/x: claim is missing, expected a list of tables",
    ),
    "wrong verdict": (('"holds"', '"true"'), NOTHING, "alpha/model/a: verdict 'true' is none of"),
    "the same statement twice": (
        ("", "[[statement]]\n" + ALPHA.split("[[statement]]\n")[1]),
        NOTHING,
        "alpha/model: this id is given 2 times",
    ),
    "the same claim twice": (
        ('id = "b"', 'id = "a"'),
        NOTHING,
        "alpha/model/a: this id is given 2 times",
    ),
    "key is not the file": (
        NOTHING,
        ('key = "beta"', 'key = "gamma"'),
        "beta.toml [source]: key is 'gamma', expected 'beta'",
    ),
    "foreign statement": (
        NOTHING,
        ('"beta/recall"', '"alpha/recall"'),
        "alpha/recall: the id of a statement of this file begins with 'beta/'",
    ),
    "needs nothing": (
        ("needs = '$K = QN$'\n", ""),
        NOTHING,
        "alpha/theorem-2.1/a: verdict 'needs' without 'needs'",
    ),
    "needs without counterexample": (
        ("counterexample = 'dead-units: rank 0'\n", ""),
        NOTHING,
        "alpha/theorem-2.1/a: verdict 'needs' without 'counterexample'",
    ),
    "fails uncorrected": (
        ("corrected = 'Once.'\n", ""),
        NOTHING,
        "alpha/theorem-2.1/b: verdict 'fails' without 'corrected'",
    ),
    "fails without counterexample": (
        ("counterexample = 'one-input: once'\n", ""),
        NOTHING,
        "alpha/theorem-2.1/b: verdict 'fails' without 'counterexample'",
    ),
    "undecidable without reason": (
        ("reason = 'a measure'\n", ""),
        NOTHING,
        "alpha/theorem-2.1/c: verdict 'undecidable' without 'reason'",
    ),
    "a companion of another verdict": (
        ('verdict = "holds"', 'verdict = "holds"\ncorrected = "x"'),
        NOTHING,
        "alpha/model/a: 'corrected' belongs to verdict fails, not to 'holds'",
    ),
    "dangling same_as": (
        NOTHING,
        ('same_as = "alpha/model/a"', 'same_as = "alpha/modell/a"'),
        "names the unknown claim 'alpha/modell/a' (nearest: alpha/model/a",
    ),
    "same as itself": (
        NOTHING,
        ('same_as = "alpha/model/a"', 'same_as = "beta/recall/a"'),
        "beta/recall/a: same_as names the claim itself",
    ),
    "copy of a copy": (
        ('verdict = "holds"', 'verdict = "holds"\nsame_as = "alpha/model/b"'),
        NOTHING,
        "same_as names 'alpha/model/a', itself a copy: name the original 'alpha/model/b'",
    ),
    "unknown dependency": (
        ('depends_on = ["alpha/model"]', 'depends_on = ["alpha/modl"]'),
        NOTHING,
        "depends_on names the unknown statement 'alpha/modl' (nearest: alpha/model",
    ),
    "cycle": (
        ("hypotheses = ['$N > 0$']", "hypotheses = []\ndepends_on = ['beta/recall']"),
        NOTHING,
        "depends_on is cyclic: ",
    ),
    "statement on itself": (
        ('depends_on = ["alpha/model"]', 'depends_on = ["alpha/theorem-2.1"]'),
        NOTHING,
        "alpha/theorem-2.1: depends_on is cyclic: alpha/theorem-2.1 -> alpha/theorem-2.1",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_break_is_one_problem(tmp_path: Path, name: str) -> None:
    alpha, beta, expected = BROKEN[name]
    problems = register_problems(small_register(tmp_path, alpha, beta))
    assert len(problems) == 1
    assert expected in problems[0]
    assert "\n" not in problems[0]


def test_a_cycle_is_printed_along_depends_on(tmp_path: Path) -> None:
    edit = ("hypotheses = ['$N > 0$']", "hypotheses = []\ndepends_on = ['beta/recall']")
    (problem,) = register_problems(small_register(tmp_path, edit))
    path = problem.partition("cyclic: ")[2].split(" -> ")
    register = load_register(tmp_path)
    assert path[0] == path[-1]
    assert len(path) == 4
    for statement, next_one in pairwise(path):
        assert next_one in register.statement(statement).depends_on


def test_two_cycles_are_two_problems(tmp_path: Path) -> None:
    register = small_register(
        tmp_path,
        ("hypotheses = ['$N > 0$']", "hypotheses = []\ndepends_on = ['alpha/theorem-2.1']"),
        ('depends_on = ["alpha/theorem-2.1"]', 'depends_on = ["beta/recall"]'),
    )
    assert len(register_problems(register)) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"[source\n", "line 1"), (b'[source]\nkey = "\xff"', "decode"), (b"a = 1\na = 2", "a")],
    ids=["syntax", "encoding", "key-twice"],
)
def test_a_file_that_cannot_be_parsed_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    small_register(tmp_path)
    (tmp_path / "gamma.toml").write_bytes(content)
    with pytest.raises(RegisterError, match=rf"^gamma\.toml: .*{reason}"):
        load_register(tmp_path)


def test_an_empty_folder_is_no_register(tmp_path: Path) -> None:
    with pytest.raises(RegisterError, match=r"no \*\.toml file"):
        load_register(tmp_path)


@pytest.mark.parametrize(
    ("selectors", "count"),
    [
        (["alpha"], 5),
        (["alpha/theorem-2.1"], 3),
        (["beta/recall/a", "alpha/model/b"], 2),
        (["alpha/model/b", "alpha/model", "beta"], 3),
        ([], 0),
    ],
)
def test_selectors(tmp_path: Path, selectors: list[str], count: int) -> None:
    register = small_register(tmp_path)
    claims = resolve(register, selectors)
    assert len(claims) == count
    assert claims == sorted(claims, key=register.claims.index)


def test_unknown_ids_are_all_named_with_the_nearest(tmp_path: Path) -> None:
    register = small_register(tmp_path)
    with pytest.raises(UnknownClaimError) as caught:
        resolve(register, ["alpha/modle/b", "theorem-2.1", "zzzz", "beta"])
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert "'alpha/modle/b'" in lines[0]
    assert "nearest: alpha/model/b" in lines[0]
    assert "nearest: alpha/theorem-2.1" in lines[1]
    assert "`claims` lists all ids" in lines[2]
    for lookup in (register.claim, register.statement, register.source):
        with pytest.raises(UnknownClaimError, match="nearest: alpha"):
            lookup("alpa")


def test_nearest_ids_ignore_case_and_source() -> None:
    ids = ["chen2023/theorem-2.1", "chen2023/theorem-2.3", "chen2023/model", "slides/model"]
    assert nearest_ids("Theorem-2.3", ids)[0] == "chen2023/theorem-2.3"
    assert nearest_ids("model", ids, count=2) == ["chen2023/model", "slides/model"]
