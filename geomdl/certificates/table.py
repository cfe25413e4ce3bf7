"""For which networks on real data the conjecture on the rank is a theorem, and for which it is false.

The conjecture (arXiv:2311.15487, section 2.1) expects rank D = QN with high probability for random
parameters, K >= QN large enough. For a real-analytic activation it is true with probability 1 or with
probability 0. For every data set and activation the table holds the smallest width h of one hidden layer
that structure allows; where the certificate succeeds at it, the question is settled for every network
with one hidden layer: a theorem from h on, false below.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from geomdl.activations import ACTIVATIONS
from geomdl.certificates.files import REAL_DATA
from geomdl.certificates.generic import certify_generic, smallest_width
from geomdl.certificates.structure import distinct_inputs, rank_upper_bound
from geomdl.data import Dataset, load_real_data
from geomdl.networks import Network
from geomdl.problems import Problem

Progress = Callable[[str], None]

ROOT = Path(__file__).resolve().parents[2]
NAME = "rank_conjecture"
VERDICTS = {"proved": "theorem", "refuted": "false", "unknown": "open"}
MANY, FOR_MANY = 1000, ("tanh",)
"""Samples from which on only one activation is tried: it takes minutes."""

SAMPLES = 200
"""Of digits, in the quick table."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``extends`` says which other networks the verdict covers."""

    data: str
    samples: int
    network: str
    equations: int
    parameters: int
    verdict: str
    why: str
    extends: str
    seconds: float


def rows(full: bool, progress: Progress) -> Iterator[Row]:
    """Decide data set by data set; ``full`` takes all of digits too."""
    parts: list[tuple[str, int | None]] = [(name, None) for name in REAL_DATA if name != "digits"]
    parts += [("digits", SAMPLES), *([("digits", None)] if full else [])]
    for name, samples in parts:
        data = load_real_data(name, samples)
        label = f"{name}, {samples} drawn" if samples else name
        features, outputs = data.inputs.shape[1], data.targets.shape[1]
        distinct = distinct_inputs(data.inputs)
        if repeated := data.size - len(distinct.first):
            generous = Network([features, 4 * data.size, outputs], "tanh")
            least = f"{repeated} input{'s' if repeated > 1 else ''} repeated"
            yield _false(label, data, generous, least, "every network, whatever its activation")
            data = Dataset(distinct.inputs, data.labels[distinct.first], data.targets)
            label += ", each input once"
        yield _false(
            label, data, Network([features, 64 * data.size, 1, outputs], "tanh"),
            "a last hidden layer of width 1", "every network with such a last hidden layer",
        )  # fmt: skip
        for activation, facts in ACTIVATIONS.items():
            if not facts.analytic:
                continue
            if data.size > MANY and activation not in FOR_MANY:
                continue
            yield from _of_activation(label, data, activation, progress)


def _of_activation(label: str, data: Dataset, activation: str, progress: Progress) -> Iterator[Row]:
    features, outputs = data.inputs.shape[1], data.targets.shape[1]
    hidden = smallest_width(data.inputs, outputs, activation)
    if hidden is None:
        wide = Network([features, 4 * data.size, outputs], activation)
        reason = (
            "an affine network" if activation == "identity" else "polynomials of degree 2 in the inputs"
        )
        yield _false(label, data, wide, reason, "every width of one hidden layer")
        return
    narrow = Network([features, hidden - 1, outputs], activation) if hidden > 1 else None
    if narrow is not None:
        reason = "the width allows no more"
        yield _false(label, data, narrow, reason, f"one hidden layer of width < {hidden}")
    network = Network([features, hidden, outputs], activation)
    progress(f"{label}: {network}")
    begin = time.perf_counter()
    found = certify_generic(Problem(network, data), progress=progress)
    yield Row(
        label, data.size, str(network), outputs * data.size, network.parameter_count,
        VERDICTS[found.status], found.method.partition(": ")[2].partition(" (tried")[0],
        str(found.details.get("extends_to", "")), round(time.perf_counter() - begin, 1),
    )  # fmt: skip


def _false(label: str, data: Dataset, network: Network, why: str, extends: str) -> Row:
    """Make a row for an architecture in which structure forbids rank QN; checked here."""
    equations = network.outputs * data.size
    bound = rank_upper_bound(network, data.inputs)
    if bound >= equations:
        raise AssertionError(f"structure allows rank {bound} to {network} on {label}")
    return Row(
        label, data.size, str(network), equations, network.parameter_count, "false",
        f"{why}: rank <= {bound} at every theta", extends, 0.0,
    )  # fmt: skip


def markdown(found: list[Row]) -> str:
    """Return the table for people."""
    lines = [
        "# The rank conjecture on real data",
        "",
        "Made by `python -m geomdl certify table`, all of digits with `--full`. A theorem: rank "
        "D[theta] = QN for almost every theta, hence with probability 1 for every law with a density. "
        "False: rank QN at no theta.",
        "",
        "| data | N | network | QN | K | verdict | why | covers |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.data} | {row.samples} | {row.network} | {row.equations} | {row.parameters} | "
        f"{row.verdict} | {row.why} | {row.extends} |"
        for row in found
    ]
    return "\n".join(lines) + "\n"


def main(directory: Path | None, full: bool, progress: Progress) -> int:
    """Write the table as JSON and Markdown, row by row, and return the exit code."""
    directory = ROOT / "reports" / "certificates" if directory is None else directory
    directory.mkdir(parents=True, exist_ok=True)
    found: list[Row] = []
    for row in rows(full, progress):
        found.append(row)
        print(f"{row.verdict:8} {row.data}: {row.network} ({row.why})", flush=True)
        values = [asdict(each) for each in found]
        text = json.dumps({"numpy": np.__version__, "rows": values}, indent=1, ensure_ascii=False)
        (directory / f"{NAME}.json").write_text(text + "\n", encoding="utf-8")
        (directory / f"{NAME}.md").write_text(markdown(found), encoding="utf-8")
    return 0
