"""Proof of Theorem 2.1, (2.9)-(2.11): the chain of identities and the limits that follow from it.

At full row rank the adapted velocity theta' = -D^T (D D^T)^-2 D grad_theta C gives

    x' = D theta' = -D D^T (D D^T)^-2 D grad_theta C = -(D D^T)^-1 D D^T grad_x C = -grad_x C,

hence x(s) - y = e^(-s/N) (x(0) - y). Orbits are run to s = 18 N and extrapolated to infinite s: with
q = e^(-s/N), x is linear in q, C is quadratic, and theta is smooth up to q = 0 where the rank is full
at its limit. The scenes keep the rank for s >= 0, which is all that the limits use; the affine ones
keep it for all real s.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from geomdl import (
    CLASS_WEIGHTED,
    LEAST_SQUARES,
    MEAN_SQUARE,
    Cost,
    Network,
    Orbit,
    Problem,
    load_real_data,
    standard_field,
)
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.adapted_fields import by_gram_power
from verification.chen2023.orbit_laws import limit, long_orbit, outputs_along
from verification.chen2023.printed_formulas import (
    Piece,
    printed_cost,
    reference_arithmetic,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import RANK_CUT, Point, Scene
from verification.machinery.ratios import Ratio, along_orbit, identity, property_
from verification.scenes.labelled import ANY_NETWORK
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    inside_window,
    network_scene,
)
from verification.scenes.rank_missing import TOO_FEW, TWINS

Product = Callable[[Array], Array]
NO_FULL_RANK = variant(
    "rank lost or K < QN", scenes=(*DEFICIENT[3:], *FULL_COLUMN_RANK, *RANK_LOST, *UNDER)
)
AFFINE = network_scene([3, 2], "identity", 2, bits=3, facts=["full rank", "over"])
"""D does not depend on theta: the rank is full on all of R^K, and orbits exist for all s in R."""

NETWORKS = (*FULL_RANK, FULL_RANK_EXACT[0], AFFINE, *BORDERLINE, *SMALLEST)


def unit_of_chain(at: Point) -> dict[str, Any]:
    """Return kappa^2 for the solves with D D^T."""
    return {"size": at.size, "condition": at.kappa**2}


@claim(
    "chen2023/theorem-2.1-proof/a",
    scenes=NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost or K < QN", scenes=(*RANK_LOST, *UNDER)),
        variant("the power -1", power=1),
        variant("the power -3", power=3),
        variant("D grad_theta C without (1.18)", output_gradient=lambda at: at.D @ at.grad_theta),
    ],
)
def test_adapted_velocity_moves_the_outputs_along_their_euclidean_gradient(
    at: Point, power: int = 2, output_gradient: Piece = lambda at: at.g
) -> list[Ratio]:
    gram, velocity, g = at.D @ at.D.T, by_gram_power(at, power), output_gradient(at)
    product = at.D @ at.grad_theta
    for _ in range(power):
        product = at.arithmetic.solve(gram, product)
    unit = unit_of_chain(at)
    return [
        identity(outputs_along(at, velocity), at.D @ velocity, note="x' = D theta'", **unit),
        identity(at.D @ velocity, -g, note="first line", **unit),
        identity(-gram @ product, -g, note="second line", **unit),
        identity(-at.arithmetic.solve(gram, gram @ at.g), -g, note="third line", **unit),
    ]


@claim(
    "chen2023/theorem-2.1-proof/b",
    scenes=(*NETWORKS, *FULL_ROW_RANK[2:]),
    columns=ALGEBRAIC,
    controls=[
        NO_FULL_RANK,
        variant("the power -1", power=1),
        variant("the power -3", power=3),
        variant("no transpose, K = QN", scenes=BORDERLINE[1:], product=lambda pen: pen @ pen),
        variant("factors exchanged, K = QN", scenes=BORDERLINE[1:], product=lambda pen: pen.T @ pen),
    ],
)
def test_inverse_square_of_the_gram_matrix_between_jacobians_is_the_product_of_right_inverses(
    at: Point, power: int = 2, product: Product = lambda pen: pen @ pen.T
) -> Ratio:
    inner = at.D
    for _ in range(power):
        inner = at.arithmetic.solve(at.D @ at.D.T, inner)
    pen = at.pinv.matrix()
    return identity(at.D.T @ inner, product(pen), **unit_of_chain(at))


@claim(
    "chen2023/theorem-2.1-proof/e",
    scenes=ANY_NETWORK,
    columns=ALGEBRAIC,
    controls=[
        variant("2 N", factor=lambda at: at.number(2 * at.N)),
        variant("1/2", factor=lambda at: at.number(1, 2)),
        variant("1/(2 N)", factor=lambda at: at.number(1, 2 * at.N)),
        variant("the cost without 1/2", cost=MEAN_SQUARE),
        variant("the cost weighted by classes", cost=CLASS_WEIGHTED),
    ],
)
def test_cost_is_half_N_times_the_squared_output_gradient(
    at: Point, factor: Piece = lambda at: at.number(at.N, 2), cost: Cost = LEAST_SQUARES
) -> list[Ratio]:
    data, found = at.problem.data, []
    for x in (at.x, at.y + at.random(len(at.y))):
        gradient = cost.gradient(data, x)
        right = factor(at) * (gradient * gradient).sum()
        rows = reference_arithmetic(at.arithmetic).array(x.reshape(at.N, -1)).tolist()
        printed = at.arithmetic.array([printed_cost(at, rows)])[0]
        found += [
            identity(cost.value(data, x), right, size=len(x), note="the cost of the library"),
            identity(printed, right, size=len(x), note="the printed cost"),
        ]
    return found


def wine(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    """Draw 12 wines, four of each class, and the parameters of a 13-8-3 network."""
    network = Network([13, 8, 3], "tanh")
    data = load_real_data("wine", 12, seed=int(generator.integers(2**31)))
    return Problem(network, data), network.random_theta(generator)


WINE = Scene(
    "wine-13-8-3-tanh-N12", inside_window(wine, 36, "wine"), frozenset({"real data", "full rank"})
)


TRAINING = (*FULL_RANK, AFFINE, *BORDERLINE[:1], *SMALLEST, WINE)
WITHOUT_RANK = variant("rank lost or K < QN", scenes=(TWINS, TOO_FEW), hypotheses=False)
Limit = Callable[[np.ndarray], np.ndarray]


def keeps_full_rank(orbit: Orbit) -> Ratio:
    """Tell whether (2.1) holds at every step."""
    convert = orbit.problem.data.arithmetic.array
    for theta in orbit.thetas:
        jacobian = orbit.problem.linearize(convert(theta)).jacobian()
        sigma = np.linalg.svd(np.asarray(jacobian, dtype=np.float64), compute_uv=False)
        if len(sigma) < len(jacobian) or sigma[-1] < RANK_CUT * sigma[0]:
            return property_(False, "the rank is lost: the scene does not meet the hypothesis")
    return property_(orbit.status == "completed", "the orbit exists and has full rank")


@claim(
    "chen2023/theorem-2.1-proof/c",
    scenes=TRAINING,
    columns=ORBITS,
    controls=[WITHOUT_RANK, variant("the standard flow", field=standard_field, hypotheses=False)],
)
def test_cost_tends_to_zero_and_the_outputs_to_the_targets(
    at: Point, field: Field | None = None, hypotheses: bool = True
) -> list[Ratio]:
    orbit, marks = long_orbit(at, field)
    outputs, costs, targets = orbit.outputs(), orbit.costs(), at.arithmetic.to_float64(at.y)
    scale = max(np.abs(outputs[0]).max(), np.abs(targets).max())
    law = targets + np.exp(-orbit.times / at.N)[:, None] * (outputs[0] - targets)
    unit = {"rtol": at.rtol, "scale": scale}
    unit_of_cost = {"rtol": at.rtol, "scale": scale**2 * len(targets) / at.N}
    return [
        along_orbit(outputs, law, note="the law whose limit is y", **unit),
        along_orbit(limit(outputs[marks]), targets, note="the limit of x", **unit),
        along_orbit(limit(costs[marks]), 0.0, note="the limit of C", **unit_of_cost),
        *([keeps_full_rank(orbit)] if hypotheses else []),
    ]


@claim(
    "chen2023/theorem-2.1-proof/d",
    "chen2023/theorem-2.1/e",
    scenes=TRAINING,
    columns=ORBITS,
    controls=[
        WITHOUT_RANK,
        variant("the standard flow", field=standard_field, hypotheses=False),
        variant("the parameters at s = 6 N", limit_of_theta=lambda thetas: thetas[0]),
    ],
)
def test_cost_vanishes_at_the_limit_of_the_parameters(
    at: Point, field: Field | None = None, hypotheses: bool = True, limit_of_theta: Limit = limit
) -> list[Ratio]:
    orbit, marks = long_orbit(at, field)
    thetas, targets = orbit.thetas[marks], at.arithmetic.to_float64(at.y)
    at_limit = at.problem.linearize(at.arithmetic.array(limit_of_theta(thetas)))
    cost = float(at.problem.cost.value(at.problem.data, at_limit.stacked))
    scale = max(np.abs(orbit.outputs()[0]).max(), np.abs(targets).max())
    unit_of_cost = {"rtol": at.rtol, "scale": scale**2 * len(targets) / at.N}
    moved = [float(np.abs(later - earlier).max()) for earlier, later in pairwise(thetas)]
    converges = moved[1] <= np.exp(-3.0) * moved[0] + 30 * at.rtol * float(np.abs(thetas).max())
    return [
        along_orbit(at_limit.stacked, targets, rtol=at.rtol, scale=scale, note="x[theta_*] = y"),
        along_orbit([cost, limit(orbit.costs()[marks])], [0.0, cost], note="the costs", **unit_of_cost),
        *([property_(converges, "theta converges"), keeps_full_rank(orbit)] if hypotheses else []),
    ]
