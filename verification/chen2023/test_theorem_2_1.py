"""Theorem 2.1: the adapted flow converges to a global minimum at a uniform exponential rate.

K >= QN, rank D = QN along theta(s), s >= 0, and theta' = -Pen[D] Pen[D]^T grad_theta C. Then the
outputs solve x' = -grad_x C, so that x - y = e^(-s/N) (x_0 - y) and C = e^(-2s/N) C_0, on synthetic
data and on iris, breast cancer and digits. (a) is decided with the right inverse in test_penrose, (e)
with the limits in test_theorem_2_1_proof.
"""

import numpy as np

from geomdl import standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.problems import Problem
from verification.chen2023.orbit_laws import END, comparison_orbit, cost_law, outputs_law
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALL_ORBITS, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit
from verification.scenes.networks import BORDERLINE, FULL_RANK, SMALLEST
from verification.scenes.obstructed import AT_TARGETS, BORDERLINE_CLOSE, MONOTONE
from verification.scenes.rank_missing import TOO_FEW, TWINS
from verification.scenes.real_data import TRAINING

SYNTHETIC = (*FULL_RANK, MONOTONE, *BORDERLINE[:1], *BORDERLINE_CLOSE, *SMALLEST)
SCENES = (*SYNTHETIC, *TRAINING)
RANK_LOST = variant("rank lost or K < QN", scenes=(TWINS, TOO_FEW))
STANDARD = variant("the standard flow", field=standard_field)


def once_inverted(problem: Problem, theta: Array) -> Array:
    """-Pen[D] grad_x C taken of the cost gradient in theta: the inverse applied once too little."""
    gradient = problem.gradient(theta)
    jacobian = problem.linearize(theta).jacobian()
    return -jacobian.T @ np.linalg.solve(jacobian @ jacobian.T, jacobian @ gradient)


@claim(
    "chen2023/theorem-2.1/b",
    scenes=SYNTHETIC,
    columns=ORBITS,
    controls=[RANK_LOST, STANDARD, variant("the inverse applied once", field=once_inverted)],
)
def test_outputs_of_the_adapted_flow_solve_the_euclidean_gradient_flow(
    at: Point, field: Field | None = None
) -> Ratio:
    orbit = at.orbit(field, end=END)
    outputs = orbit.outputs()
    _, states, targets = comparison_orbit(at, END, orbit.times)
    scale = max(np.abs(outputs[0]).max(), np.abs(targets).max())
    return along_orbit(outputs, states, rtol=at.rtol, scale=scale)


@claim(
    "chen2023/theorem-2.1/c",
    "chen2023/adapted-flow-output/a",
    scenes=(*SCENES, AT_TARGETS),
    columns=ALL_ORBITS,
    controls=[
        RANK_LOST,
        STANDARD,
        variant("rate 1/N", scenes=(FULL_RANK[0], TRAINING[0]), rate=1.0),
        variant("rate 4/N, as of the cost |x - y|^2 / N", rate=4.0),
    ],
)
def test_cost_of_the_adapted_flow_decays_at_rate_two_over_N(
    at: Point, field: Field | None = None, rate: float = 2.0
) -> Ratio:
    return cost_law(at, at.orbit(field, end=END), rate)


@claim(
    "chen2023/theorem-2.1/d",
    "chen2023/adapted-flow-output/a",
    scenes=(*SCENES, AT_TARGETS),
    columns=ALL_ORBITS,
    controls=[
        RANK_LOST,
        STANDARD,
        variant("rate 2/N", scenes=(FULL_RANK[0], TRAINING[0]), rate=2.0),
    ],
)
def test_outputs_of_the_adapted_flow_run_straight_to_the_targets(
    at: Point, field: Field | None = None, rate: float = 1.0
) -> Ratio:
    return outputs_law(at, at.orbit(field, end=END), rate)
