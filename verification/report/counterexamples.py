"""The scenes in which printed forms break, as numbers one can copy into a shell.

The scenes of refutations are drawn again from their seeds and kept in `reports/data`, where they are
small; a report reads that file only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from geomdl import CLASS_WEIGHTED, LEAST_SQUARES, MEAN_SQUARE, Problem
from geomdl.activations import ACTIVATIONS
from verification.machinery.columns import FLOAT64
from verification.machinery.files import replace_text
from verification.report.measured import Run

KEPT = Path("reports") / "data" / "counterexamples.json"
LARGEST = 130
"""Scenes of more numbers are left out: nobody copies them."""

_COSTS = {LEAST_SQUARES: "", MEAN_SQUARE: "MEAN_SQUARE", CLASS_WEIGHTED: "CLASS_WEIGHTED"}

Numbers = Mapping[str, Any]


def key(scene: str, seed: int) -> str:
    """Return the name under which a scene is kept."""
    return f"{scene}, seed {seed}"


def collect(run: Run) -> dict[str, Numbers]:
    """Draw the scenes of all refutations of a run; this imports every check."""
    from verification.machinery.checks import collect_checks

    scenes = {case.scene.name: case.scene for check in collect_checks() for case in check.cases()}
    wanted = {(case.scene, case.seed) for each in run.claims.values() for case in each.refutations}
    found: dict[str, Numbers] = {}
    for name, seed in sorted(wanted):
        if name in scenes:
            at = scenes[name].at(FLOAT64, seed)
            numbers = _matrix(at.D, at.g) if at.is_matrix else _network(at.problem, at.theta)
            is_small = sum(np.size(value) for value in numbers.values()) <= LARGEST
            # an activation that only the checks have builds nothing elsewhere
            if is_small and numbers.get("activation", "tanh") in ACTIVATIONS:
                found[key(name, seed)] = numbers
    return found


def _matrix(D: np.ndarray, g: np.ndarray) -> Numbers:
    return {"D": np.asarray(D, dtype=float).tolist(), "g": np.asarray(g, dtype=float).tolist()}


def _network(problem: Problem, theta: np.ndarray) -> Numbers:
    data = problem.data
    return {
        "widths": list(problem.network.widths),
        "activation": problem.network.activation.name,
        "cost": _COSTS.get(problem.cost, type(problem.cost).__name__),
        "inputs": data.inputs.tolist(),
        "labels": data.labels.tolist(),
        "targets": data.targets.tolist(),
        "theta": theta.tolist(),
    }


def write(path: Path, found: Mapping[str, Numbers]) -> None:
    """Write scenes, one a line."""
    body = ",\n".join(f"{json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in found.items())
    replace_text(path, f"{{\n{body}\n}}\n")


def read(root: Path) -> dict[str, Numbers]:
    """Return the scenes that a tree has kept, none without the file."""
    path = root / KEPT
    kept: dict[str, Numbers] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return kept


def snippet(numbers: Numbers) -> str:
    """Return Python text that builds the scene."""
    return "\n".join(_lines(numbers))


def _lines(numbers: Numbers) -> Iterator[str]:
    yield "import numpy as np"
    if "D" in numbers:
        yield f"D = np.array({numbers['D']})"
        yield f"g = np.array({numbers['g']})"
        return
    yield "import geomdl"
    for name in ("inputs", "labels", "targets"):
        yield f"{name} = np.array({numbers[name]})"
    yield "data = geomdl.Dataset(inputs, labels, targets)"
    yield f'network = geomdl.Network({numbers["widths"]}, "{numbers["activation"]}")'
    cost = numbers["cost"]
    if cost in _COSTS.values():
        yield f"problem = geomdl.Problem(network, data{f', geomdl.{cost}' * bool(cost)})"
    else:
        yield f"problem = geomdl.Problem(network, data)  # the claim is about another cost: {cost}"
    yield f"theta = np.array({numbers['theta']})"
