"""What claims cost: one of each kind, in every arithmetic that it runs in.

A claim's own cost decides how many scenes and digits the profiles can afford.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

CHECKS = {
    "an identity of the Jacobian": "chen2023.test_jacobian",
    "the Penrose conditions": "chen2023.test_penrose",
    "an orbit of the adapted flow": "chen2023.test_output_flow",
    "a collapse of classes": "chenewald2024.test_slides_collapse",
}


def _cases() -> list[Any]:
    cases = []
    for kind, name in CHECKS.items():
        module = importlib.import_module(f"verification.{name}")
        check = next(test.check for test in vars(module).values() if hasattr(test, "check"))
        asserted = [case for case in check.cases() if case.role in ("printed", "corrected")]
        cases += [
            pytest.param(kind, case, id=f"{check.claims[0]}-{case.id}")
            for case in asserted
            if case.position == 0 and not case.column.absent
        ]
    return cases


@pytest.mark.parametrize(("kind", "case"), _cases())
def test_cost_of_a_claim(benchmark: Any, kind: str, case: Any) -> None:
    benchmark.group = f"{kind} ({', '.join(case.check.claims)})"
    ratio = benchmark.pedantic(case.measure, args=(2311,), rounds=3)
    assert case.passes(ratio)
