"""Equilibria under rank loss, with r columns of D for the vectors V_alpha.

(b) g_alpha = (V_alpha, P g) = (V_alpha, g), g = grad_x C, because columns of D are in its range: these
are components of grad_theta C. (c) If r of them are independent and r is the rank, they vanish together
with all K components. The talk assumes V_alpha independent on U; one choice of columns serves near a
point, not always on all of U (see chen2023/test_theorem_4_2_proof).

(a) "Any" equilibrium: also global minimizers of cost zero at which rank is lost, with the same result.
The fibre of x through an equilibrium is a manifold of dimension K - r of equilibria, for any targets.
That the equilibria in U are no more than that, as (c) and the theorem of Sard are to say, needs the
Hessian to have rank r: so for almost every y in R^(QN), N targets moving one by one, but not for targets
with a symmetry, as in Theorem 4.2 of the paper.
"""

from collections.abc import Callable

import numpy as np

from geomdl import cost_hessian, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns, polish
from verification.chen2023.critical_fibres import (
    STEP,
    off_the_fibre,
    on_the_fibre,
    rests_beside,
    search_beside,
)
from verification.chen2023.equilibria import (
    ELSEWHERE,
    EQUILIBRIA,
    EXCEPTIONAL,
    ON_THE_SIMPLEX,
    at_most,
    cut,
    missed_by_the_others,
    terms,
)
from verification.chen2023.rank_loss_laws import complement
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP30
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.critical_points import BUILT, CLOSED_FORM, RANK_NOT_CONSTANT
from verification.scenes.networks import RANK_LOST
from verification.scenes.pieces import projector_onto_range, squared
from verification.scenes.rank_loss import LINEAR_SADDLE, LOCAL_MINIMUM, REACHED

DEFICIENT = (*RANK_LOST, ON_THE_SIMPLEX, CLOSED_FORM[0], BUILT[0], *REACHED[:1])


def independent_normals(at: Point, theta: Array) -> int:
    """Count the dimensions across which grad_theta C moves: the rank of its derivative."""
    sigma = at.arithmetic.singular_values(cost_hessian(at.problem, theta))
    return int(sum(bool(value > cut(at) * sigma[0]) for value in sigma))


@claim(
    "slides2024/critical-submanifold/a",
    scenes=(CLOSED_FORM[0], CLOSED_FORM[2], *BUILT[:3], *REACHED, LINEAR_SADDLE, LOCAL_MINIMUM),
    columns=(FLOAT64, MP30),
    controls=[
        variant("off the fibre", move=off_the_fibre),
        variant("dimension K - r + 1", more=1),
        variant("rank not constant", scenes=RANK_NOT_CONSTANT, move=search_beside),
    ],
    refuted=[variant("targets that are not generic", scenes=EXCEPTIONAL)],
)
def test_equilibria_are_a_manifold_of_dimension_K_minus_r(
    at: Point, move: Callable[[Point], Array] = on_the_fibre, more: int = 0
) -> list[Ratio]:
    # K - r dimensions of equilibria, the fibre, and no more of them at theta and beside it.
    found = [independent_normals(at, theta) for theta in (at.theta, move(at))]
    return [
        property_(at.rank < len(at.D), "rank below QN"),
        property_(found == [at.rank - more] * 2, f"ranks of the Hessian {found}, r = {at.rank}"),
        *rests_beside(at, move),
    ]


@claim(
    "slides2024/critical-submanifold/a",
    scenes=(CLOSED_FORM[0], LINEAR_SADDLE, LOCAL_MINIMUM, *REACHED[:1]),
    columns=(FLOAT64, MP30),
    controls=[variant("targets that are not generic", scenes=EXCEPTIONAL[:1])],
    evidence=True,
)
def test_equilibria_near_by_have_the_same_outputs(at: Point) -> list[Ratio]:
    # Found from all sides by Levenberg's method, they lie on the fibre.
    hessian = cost_hessian(at.problem, at.theta)
    sigma, vt = at.arithmetic.svd(hessian)[1:]
    counted = independent_normals(at, at.theta)
    # The search ends at gradients of up to 30 roundoffs, which the inverse of the Hessian magnifies.
    spread = 30 * float(at.arithmetic.largest(hessian) / sigma[counted - 1])
    scale = at.arithmetic.largest(terms(at)) * at.number(at.N)
    ratios = []
    for direction in (at.random(len(at.theta)), vt[counted]):
        length = np.linalg.norm(at.arithmetic.to_float64(direction))
        step = at.arithmetic.array([STEP / 16 / length])[0]
        found = polish(at.problem, at.theta + step * direction)
        ratios.append(property_(found.converged, "an equilibrium"))
        ratios.append(
            identity(
                at.problem.stacked(found.theta), at.x, scale=scale, size=at.size,
                condition=at.kappa * spread,
            )
        )  # fmt: skip
    return ratios


@claim(
    "slides2024/critical-submanifold/b",
    scenes=DEFICIENT,
    columns=ALGEBRAIC,
    controls=[
        variant("V_alpha outside the range", fields=lambda at: at.random(len(at.D), at.rank)),
        variant("the complement", project=complement),
    ],
)
def test_functions_are_components_of_the_gradient_with_and_without_projector(
    at: Point,
    fields: Callable[[Point], Array] = lambda at: at.D[:, independent_columns(at.D, at.rank)],
    project: Callable[[Point], Array] = projector_onto_range,
) -> list[Ratio]:
    v, chosen = fields(at), independent_columns(at.D, at.rank)
    projected, plain = v.T @ (project(at) @ at.g), v.T @ at.g
    scale = at.arithmetic.largest(abs(v).T @ terms(at)) * at.number(len(at.D))
    unit = {"scale": scale, "size": at.size}
    return [
        identity(projected, plain, condition=at.kappa, note="the projector may be dropped", **unit),
        identity(projected, at.grad_theta[chosen], condition=at.kappa, note="grad_theta C", **unit),
    ]


@claim(
    "slides2024/critical-submanifold/c",
    scenes=(*EQUILIBRIA, *ELSEWHERE),
    columns=ALGEBRAIC,
    controls=[
        variant("a function too few", scenes=RANK_LOST, count=-1, g=missed_by_the_others),
        variant(
            "g itself for grad_theta C",
            scenes=(CLOSED_FORM[0], BUILT[0]),
            matrix=lambda at: at.eye(len(at.D)),
        ),
    ],
)
def test_equilibria_are_the_common_zeros_of_r_components(
    at: Point,
    count: int = 0,
    g: Callable[[Point], Array] = lambda at: at.g,
    matrix: Callable[[Point], Array] = lambda at: at.D.T,
) -> list[Ratio]:
    chosen = independent_columns(at.D, at.rank)[: at.rank + count]
    v, size = at.D[:, chosen], squared(at.D)
    functions, gradient = v.T @ (projector_onto_range(at) @ g(at)), matrix(at) @ g(at)
    ratio = size * squared(pseudoinverse(v).matrix())
    return [
        at_most(at, functions, 1, gradient, size, "functions against gradient"),
        at_most(at, gradient, ratio, functions, size * ratio, "gradient against functions"),
    ]
