"""What rests on what: layers, room between boxes, and how states propagate."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verification.core.strategies import examples
from verification.machinery_tests import small_register
from verification.report.gather import Material, gather
from verification.report.layout import apart, layout


@examples(100)
@given(st.lists(st.sets(st.integers(0, 11), max_size=4), min_size=1, max_size=12))
def test_edges_lead_to_the_right_and_implied_ones_are_left_out(numbers: list[set[int]]) -> None:
    needs = {str(n): [str(k) for k in sorted(found) if k < n] for n, found in enumerate(numbers)}
    found = layout(needs)
    column = {node: n for n, layer in enumerate(found.layers) for node in layer}
    for path in found.paths:
        assert [column[node] for node in path] == list(range(column[path[0]], column[path[-1]] + 1))
    assert {node for layer in found.layers for node in layer if isinstance(node, str)} == set(needs)

    def reach(edges: set[tuple[str, str]], start: str) -> set[str]:
        ahead = {b for a, b in edges if a == start}
        return ahead.union(*(reach(edges, each) for each in ahead))

    drawn = {(str(path[0]), str(path[-1])) for path in found.paths}
    every = {(other, node) for node, others in needs.items() for other in others}
    assert drawn <= every
    for node in needs:
        assert reach(drawn, node) == reach(every, node)


@examples(100)
@given(st.lists(st.floats(-50, 50), min_size=1, max_size=15))
def test_boxes_keep_their_order_and_distance(wanted: list[float]) -> None:
    found = apart(wanted, [1.0] * (len(wanted) - 1))
    assert all(b - a >= 1 - 1e-9 for a, b in pairwise(found))
    assert sum(found) == pytest.approx(sum(wanted), abs=1e-6)


def small(tmp_path: Path, edit: tuple[str, str] = ("", "")) -> Material:
    small_register(tmp_path, edit)
    return gather(tmp_path, tmp_path)


def test_a_statement_is_shown_by_its_gravest_claim(tmp_path: Path) -> None:
    states = small(tmp_path).states
    assert states == {"alpha/model": "open", "alpha/theorem-2.1": "fails", "beta/recall": "holds"}


def test_a_state_reflects_all_that_a_statement_rests_on(tmp_path: Path) -> None:
    material = small(tmp_path)
    assert material.footing("alpha/model") == "firm"
    assert material.footing("alpha/theorem-2.1") == "open"
    assert material.foundations["beta/recall"] == ["alpha/model", "alpha/theorem-2.1"]
    assert material.footing("beta/recall") == "fails"


def test_a_copy_rests_on_its_original(tmp_path: Path) -> None:
    material = small(tmp_path)
    assert material.repeats["beta/recall"] == ["alpha/model"]
    (entry,) = material.by_statement["beta/recall"]
    assert entry.deciding.full_id == "alpha/model/a"
    assert not entry.is_erratum


def test_every_statement_has_a_box_that_leads_to_it(material: Material) -> None:
    pytest.importorskip("jinja2")
    from verification.report.graph import svg
    from verification.report.sources import link

    for source in material.register.sources:
        drawn = svg(material, source.key)
        for statement in material.register.statements:
            if statement.source == source.key:
                assert f'href="{link(statement.id)}"' in drawn
