"""Trapping: where the standard flow stands still, and whether the adapted flow does.

Along either flow dC/ds = -(2/N) rate C, with rate = |D^T g|^2 / |g|^2 for the standard flow and
|P g|^2 / |g|^2 for the adapted one, g = grad_x C and P the projector onto the range of D. At rank QN the
second is 1; the first can be as small as sigma_QN^2. Three situations, from the same theta for both:

slow metric: rank QN, and g along the direction that D D^T contracts most. beside a critical point: theta
is the critical point with all weights zero (rank Q) plus random numbers of size 0.1; nearby the rank is
QN. local minimum of lost rank: rank 4 < QN = 5 in a whole neighbourhood, g in the kernel of D^T at the
minimum, and lower costs elsewhere; theta is 0.05 away. At the minimum every field -A D^T g vanishes,
whatever A. "rest" is the cost at the critical point itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from geomdl import Orbit, adapted_field, integrate, pseudoinverse, rank_loss, standard_field
from geomdl.arithmetic import Array
from verification.flows.courses import FLOWS, RTOL, chosen, drawn
from verification.machinery.points import Point, Scene
from verification.precision.tables import Result, Settings, Value, aligned, counted
from verification.scenes.critical_exact import RANK_CHANGES
from verification.scenes.rank_condition import LEAST
from verification.scenes.rank_loss import BELOW_THE_TRAP, LOCAL_MINIMUM

POINTS, LOOK = 81, 3.0
"""Rows of an orbit in the data file; the time in units of N at which costs are compared."""


@dataclass(frozen=True)
class Situation:
    """A scene, how far from its theta the orbits start, the rank of D there, and the final time / N."""

    name: str
    scene: Scene
    away: float
    rank: Callable[[Point], int]
    end: float

    def start(self, at: Point) -> Array:
        """Return the common start of both flows."""
        return at.theta + self.away * at.generator.standard_normal(len(at.theta))


def _full(at: Point) -> int:
    return len(at.y)


def _own(at: Point) -> int:
    return at.rank


SITUATIONS = (
    Situation("slow metric", LEAST[0], 0.0, _full, 40.0),
    Situation("beside a critical point", RANK_CHANGES[0], 0.1, _full, 40.0),
    Situation("local minimum of lost rank", LOCAL_MINIMUM, 0.05, _own, 6.0),
)


def run(settings: Settings) -> Result:
    """Follow the cost and its rate in every situation."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    known = SITUATIONS[: 2 if settings.quick else None]
    cases = [(situation, flow) for situation in known for flow in FLOWS]
    for situation, flow in counted(cases, settings, "trapping: orbit"):
        at = drawn(situation.scene, settings.seed)
        rank, start = situation.rank(at), situation.start(drawn(situation.scene, settings.seed))
        field = standard_field if flow == "standard" else adapted_field(rank=rank)
        watch = [rank_loss(rank)] if flow == "adapted" else []
        orbit = integrate(
            at.problem, field, start, situation.end * at.N, rtol=RTOL, events=watch, times=[LOOK * at.N]
        )
        times, costs = orbit.times / at.N, orbit.costs()
        rest = float(at.problem.value(at.theta) / costs[0]) if situation.away else None
        kept = chosen(times, np.sort([*np.linspace(0, situation.end, POINTS), LOOK]))
        rates = [rate(orbit, i, flow, rank) for i in kept]
        for i, speed in zip(kept, rates, strict=True):
            law = float(np.exp(-2 * times[i]))
            rows.append((situation.name, situation.scene.name, flow, float(times[i]),
                         float(costs[i] / costs[0]), law, speed, rest))  # fmt: skip
        look = float(costs[np.argmin(np.abs(times - LOOK))] / costs[0])
        body.append([situation.name, flow, rank, len(at.y), rest, look, float(costs[-1] / costs[0]),
                     float(times[-1]), min(rates), orbit.status])  # fmt: skip
    columns = {
        "situation": "where the orbits start",
        "scene": "name in verification/scenes",
        "flow": "adapted or standard",
        "time": "s / N",
        "cost": "C(s) / C(0)",
        "law": "e^(-2 s/N)",
        "rate": "-(N/2) d/ds log C: 1 where the law holds",
        "rest": "cost at the critical point beside which the orbit starts, over C(0)",
    }
    head = ["situation", "flow", "rank", "QN", "rest", f"C/C0 at {LOOK:g} N", "at the end", "end",
            "least rate", "status"]  # fmt: skip
    minimum = drawn(LOCAL_MINIMUM, settings.seed)
    lower = float(minimum.problem.value(BELOW_THE_TRAP) / minimum.problem.value(minimum.theta))
    notes = [
        f"the law asks for {np.exp(-2 * LOOK):.3g} at {LOOK:g} N; end in units of N",
        f"elsewhere the network of the local minimum attains {lower:.3g} of the cost there, or less", "",
    ]  # fmt: skip
    return Result(columns, rows, [*notes, *aligned(head, body), ""])


def rate(orbit: Orbit, step: int, flow: str, rank: int) -> float:
    """Return -(N/2) d/ds log C at a step."""
    at = orbit.problem.linearize(orbit.thetas[step])
    g = at.stacked - orbit.problem.data.stacked_targets
    d = at.jacobian()
    moved = d.T @ g if flow == "standard" else pseudoinverse(d, rank=rank).range_dual @ g
    return float(moved @ moved / (g @ g))
