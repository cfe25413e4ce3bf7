"""Theorem 4.2: both flows have the same equilibria, and these form a critical manifold.

(a) theta' = -grad_theta C = -D^T g and theta' = -D^T Psi, Psi minimizing |D D^T Psi + g| (or (2.4) at
full rank), vanish together, at any rank: |D|^-2 |grad_theta C| <= |velocity| <= |D^+|^2 |grad_theta C|.

(b) Where D has rank r in a neighbourhood, the r functions g_alpha = (V_alpha, g), V_alpha independent
columns of D, vanish together with grad_theta C, and the zero set is a manifold of dimension K - r where
the Hessian of the cost has rank r. The derivative of (g_alpha) by y is -V^T / N, of rank r, so that by
the parametric form of Sard's theorem this is so for almost every y in R^(QN), with N targets free to
move one by one. "Generically" must mean this. It must not mean: at most equilibria of a given problem;
nor: for almost all class targets y_1, ..., y_Q. The text itself applies Sard's theorem to the one value
0 of (g_alpha), of which the theorem says nothing. Two exceptions:

- one-hot targets with classes of equal size: singular values of the centered targets coincide, and the
  equilibria of a narrow layer turn freely in the singular space: dimension K - r + 1;
- two concentric 9-gons and their centre as three classes, activation z^2: equilibria come in circles,
  dimension K - r + 1, whatever y_1, y_2, y_3 are.

Other equilibria lie outside of (b): weights zero and split units lower the rank at the point itself, and
the dimension is not K - r (controls).
"""

from collections.abc import Callable
from typing import Any

from geomdl import cost_hessian, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import (
    hessian_kernel,
    independent_columns,
    normal_directions,
    polish,
    width_one_critical_point,
)
from verification.chen2023.equilibria import (
    ANYWHERE,
    EXCEPTIONAL,
    algebraic_system,
    at_most,
    cut,
    terms,
    weakest_direction,
    with_targets,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP30, MP50, MP100, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_points import (
    BUILT,
    CLOSED_FORM,
    CRITICAL,
    FOUND,
    NOT_GLOBAL,
    ONE_HOT,
    POLISHED,
    POLYGONS,
    RANK_NOT_CONSTANT,
)
from verification.scenes.networks import RANK_LOST
from verification.scenes.pieces import moore_penrose, squared

Vector = Callable[[Point], Array]


def one_rank_too_low(at: Point, g: Array) -> Array:
    """Solve with the smallest nonzero singular value of D taken for zero."""
    return pseudoinverse(at.D, rank=at.rank - 1).apply(g)


@claim(
    "chen2023/theorem-4.2/a",
    scenes=ANYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("the adapted field of targets 2 y", scenes=CRITICAL[:2],
                field=lambda at, g: algebraic_system(at, g - at.y / at.number(at.N))),
        variant("outputs at rest: g = 0", scenes=CRITICAL[:2], field=lambda at, g: g),
        variant("a rank too low", scenes=RANK_LOST, field=one_rank_too_low, g=weakest_direction),
    ],
)  # fmt: skip
def test_equilibria_of_the_standard_and_the_adapted_flow_coincide(
    at: Point, field: Callable[[Point, Array], Array] = algebraic_system, g: Vector = lambda at: at.g
) -> list[Ratio]:
    velocities = [field(at, g(at))]
    if at.rank == len(at.D) and field is algebraic_system:
        velocities.append(-at.pen @ (at.pen.T @ (at.D.T @ g(at))))  # (2.4)
    gradient, inverse = at.D.T @ g(at), squared(moore_penrose(at, at.D))
    return [
        measured
        for velocity in velocities
        for measured in (
            at_most(at, velocity, inverse**2, gradient, inverse, "adapted against standard"),
            at_most(
                at, gradient, squared(at.D) ** 2, velocity, squared(at.D), "standard against adapted"
            ),
        )
    ]


BOTH = ("chen2023/theorem-4.2/b", "chen2023/theorem-4.2-proof/e")
SPECIAL_TARGETS = variant("targets that are not generic", scenes=EXCEPTIONAL)
NOT_OPEN = variant("rank constant in no neighbourhood", scenes=(*RANK_NOT_CONSTANT, FOUND[0]))


@claim(
    *BOTH,
    scenes=(*CRITICAL, *POLISHED),
    columns=(FLOAT64, MP30, MP50, MP100, RATIONAL),
    controls=[NOT_OPEN, variant("dimension K - r + 1", more=1)],
    refuted=[SPECIAL_TARGETS],
)
def test_gradients_of_the_r_functions_are_independent(at: Point, more: int = 0) -> list[Ratio]:
    # Then the equilibria are a manifold of dimension K - r near theta; the Hessian has the same rank.
    normals = normal_directions(at.problem, at.theta, independent_columns(at.D, at.rank))
    matrices = {"functions": normals, "Hessian": cost_hessian(at.problem, at.theta)}
    ratios = [property_(at.rank < len(at.D), "rank below QN")]
    for name, matrix in matrices.items():
        if at.arithmetic.exact:
            found = pseudoinverse(matrix).rank
        else:
            sigma = at.arithmetic.singular_values(matrix)
            found, rest = int(sum(bool(value > cut(at) * sigma[0]) for value in sigma)), sigma[at.rank :]
            if len(rest):
                limit = 30 * at.size * at.arithmetic.unit_roundoff * float(sigma[0])
                ratios.append(bound(rest[0], limit, note=f"what follows sigma_r of {name}"))
        ratios.append(property_(found == at.rank - more, f"rank {found} of {name}, r = {at.rank}"))
    return ratios


def one_by_one(at: Point) -> list[Array]:
    """Return all moves of the N targets."""
    return [unit.reshape(at.N, -1) for unit in at.eye(len(at.y))]


def class_by_class(at: Point) -> list[Array]:
    """Return the moves of the targets that keep those of a class equal."""
    data = at.problem.data
    members = at.eye(len(data.targets))[:, data.labels]
    return [each[:, None] * unit[None, :] for each in members for unit in at.eye(data.targets.shape[1])]


@claim(
    *BOTH,
    scenes=(*CRITICAL, *EXCEPTIONAL),
    columns=(FLOAT64, RATIONAL),
    controls=[
        variant("class targets", scenes=[POLYGONS], moves=class_by_class),
        variant("a factor N", share=lambda at: at.number(1)),
    ],
)
def test_zero_is_a_regular_value_where_targets_move_one_by_one(
    at: Point,
    moves: Callable[[Point], list[Array]] = one_by_one,
    share: Callable[[Point], Any] = lambda at: at.number(1, at.N),
) -> list[Ratio]:
    # The hypothesis of the parametric form of Sard's theorem: the derivative of (g_alpha) by y, here
    # from backpropagated gradients, which are affine in y, is -V^T / N and onto.
    chosen, targets = independent_columns(at.D, at.rank), at.y.reshape(at.N, -1)
    gradients = [with_targets(at, targets + move).gradient(at.theta) for move in moves(at)]
    derivative = at.arithmetic.stack([(moved - at.grad_theta)[chosen] for moved in gradients], axis=1)
    printed = at.arithmetic.stack([at.D[:, chosen].T @ move.reshape(-1) for move in moves(at)], axis=1)
    found = pseudoinverse(derivative).rank
    scale = at.arithmetic.largest(abs(at.D).T @ (terms(at) + 1))
    return [
        identity(derivative, -share(at) * printed, scale=scale, size=at.size),
        property_(found == at.rank, f"rank {found} of the derivative by y, r = {at.rank}"),
    ]


@claim(
    *BOTH,
    scenes=[ONE_HOT],
    columns=(FLOAT64, MP50),
    controls=[variant("targets not moved", amount=0)],
)
def test_exceptional_targets_become_generic_when_they_are_moved(at: Point, amount: int = 1) -> Ratio:
    # Branch 2 of the targets moved by 1/16 at random, one by one.
    targets = at.y.reshape(at.N, -1)
    targets = targets + at.number(amount, 16) * at.random(*targets.shape)
    problem = with_targets(at, targets)
    theta = width_one_critical_point(problem.data.inputs, targets, branch=2)
    sigma = at.arithmetic.singular_values(cost_hessian(problem, theta))
    found = int(sum(bool(value > cut(at) * sigma[0]) for value in sigma))
    return property_(found == at.rank, f"rank {found} of the Hessian, r = {at.rank}")


def along_the_kernel(at: Point, kernel: Array) -> Array:
    """Draw a unit vector of the kernel of the Hessian."""
    direction = kernel @ at.random(kernel.shape[1])
    return direction / at.arithmetic.sqrt(squared(direction))


def across(at: Point, kernel: Array) -> Array:
    """Return a unit vector normal to the equilibria."""
    normal = normal_directions(at.problem, at.theta, independent_columns(at.D, 1))[0]
    normal = normal - kernel @ (kernel.T @ normal)
    return normal / at.arithmetic.sqrt(squared(normal))


def continues(at: Point, kernel: Array, direction: Array) -> list[Ratio]:
    """Measure whether a critical point is found beside theta in this direction, at the same rank."""
    step = at.number(1, 2048)
    moved = polish(at.problem, at.theta + step * direction)
    drift = moved.theta - at.theta - step * direction
    jacobian = at.problem.linearize(moved.theta).jacobian()
    return [
        Ratio(moved.gradient / at.size, "identity", moved.gradient * at.arithmetic.unit_roundoff,
              at.arithmetic.unit_roundoff, "gradient beside theta"),
        bound(squared(drift), (step / at.number(100)) ** 2, note="step on the equilibria"),
        property_(pseudoinverse(jacobian).rank == at.rank, "rank beside theta"),
    ]  # fmt: skip


@claim(
    *BOTH,
    scenes=(CLOSED_FORM[0], CLOSED_FORM[2], *BUILT[:2]),
    columns=(FLOAT64, MP30),
    controls=[NOT_OPEN, variant("a normal direction", choose=across)],
    refuted=[SPECIAL_TARGETS],
)
def test_equilibria_continue_in_K_minus_r_dimensions(
    at: Point, choose: Callable[[Point, Array], Array] = along_the_kernel
) -> list[Ratio]:
    kernel = hessian_kernel(at.problem, at.theta, cut=cut(at))
    dimension = at.D.shape[1] - at.rank
    return [
        property_(kernel.shape[1] == dimension, f"dimension {kernel.shape[1]}, K - r = {dimension}"),
        *continues(at, kernel, choose(at, kernel)),
    ]


@claim(
    "chen2023/theorem-4.2/b",
    scenes=EXCEPTIONAL,
    columns=(FLOAT64,),
    controls=[
        variant("a normal direction", choose=across),
        variant("generic targets", scenes=CLOSED_FORM),
    ],
    evidence=True,
)
def test_equilibria_of_exceptional_targets_continue_in_one_dimension_more(
    at: Point, choose: Callable[[Point, Array], Array] = along_the_kernel
) -> list[Ratio]:
    kernel = hessian_kernel(at.problem, at.theta, cut=cut(at))
    dimension = at.D.shape[1] - at.rank + 1
    return [
        property_(kernel.shape[1] == dimension, f"dimension {kernel.shape[1]}, K - r + 1 = {dimension}"),
        *continues(at, kernel, choose(at, kernel)),
    ]


@claim(
    "chen2023/theorem-4.2/b",
    scenes=(*NOT_GLOBAL, ONE_HOT),
    columns=POINTWISE,
    controls=[variant("the best branch itself", scenes=CLOSED_FORM[1:2])],
)
def test_local_equilibria_that_are_not_global_exist(at: Point) -> list[Ratio]:
    data = at.problem.data
    best = width_one_critical_point(data.inputs, data.targets[data.labels], branch=1)
    here, there = at.problem.value(at.theta), at.problem.value(best)
    scale = at.arithmetic.largest(abs(at.D).T @ terms(at))
    return [
        identity(at.grad_theta, 0 * at.grad_theta, scale=scale, size=at.size, note="an equilibrium"),
        property_(
            there < here * at.number(99, 100), f"cost {float(here):.3g}, elsewhere {float(there):.3g}"
        ),
    ]
