"""Printed and corrected form side by side: what differs is marked, and nothing else."""

from __future__ import annotations

import re

import pytest

from verification.machinery.register import load_register
from verification.report.differences import compared
from verification.report.mathematics import Typesetter

MARKS = re.compile(r"</?(?:del|ins)>")


def marked(html: str) -> list[str]:
    """Return the texts of all marks."""
    found = re.findall(
        r"<(?:del|ins)>(.*?)</(?:del|ins)>|<mrow class=\"(?:del|ins)\">(.*?)</mrow>", html, re.DOTALL
    )
    return [re.sub(r"<[^>]*>", "", a or b) for a, b in found]


def test_a_wrong_sign_is_marked_alone() -> None:
    old, new, is_marked = compared(r"$a = -b + c$ holds", r"$a = +b + c$ holds", Typesetter())
    assert is_marked
    assert marked(old) == ["−"]
    assert marked(new) == ["+"]


def test_added_words_are_one_mark() -> None:
    old, new, is_marked = compared(
        "the cost $C$ decreases", "the cost $C$ decreases for all times s", Typesetter()
    )
    assert is_marked
    assert marked(old) == []
    assert marked(new) == ["for all times s"]


def test_a_text_that_was_rewritten_is_not_marked() -> None:
    old, new, is_marked = compared("It is an embedding.", "Nothing alike: $x + y$", Typesetter())
    assert not is_marked
    assert marked(old) == marked(new) == []


def test_a_full_stop_at_the_end_is_no_difference() -> None:
    old, new, _ = compared("The cost $C$ decreases.", "The cost $C$ decreases", Typesetter())
    assert marked(old) == []
    assert marked(new) == []


def test_equal_texts_have_no_marks() -> None:
    old, new, _ = compared("same $x$", "same $x$", Typesetter())
    assert old == new
    assert marked(old) == []


@pytest.mark.parametrize(
    "claim", [c for c in load_register().claims if c.corrected], ids=lambda claim: claim.full_id
)
def test_marks_change_no_letter_of_the_register(claim: object) -> None:
    typesetter = Typesetter()

    def letters(html: str) -> str:
        return re.sub(r"<[^>]*>|\s", "", html)

    old, new, _ = compared(claim.says, claim.corrected, typesetter)  # type: ignore[attr-defined]
    assert letters(old) == letters(typesetter.text(claim.says))  # type: ignore[attr-defined]
    assert letters(new) == letters(typesetter.text(claim.corrected))  # type: ignore[attr-defined]
