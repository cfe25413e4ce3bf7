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

The proof takes columns of D for V_alpha on all of U. Near a point that is possible; on a whole U of
constant rank, one choice of columns need not do: 2-1-2 with N = 3 has nine points, in one connected set
of rank 5, at which each of the 21 choices fails at least once.
"""

from collections.abc import Callable
from itertools import combinations
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
    ELSEWHERE,
    EQUILIBRIA,
    EXCEPTIONAL,
    ON_THE_SIMPLEX,
    algebraic_system,
    at_most,
    cut,
    lost_rank,
    missed_by_the_others,
    on_the_simplex,
    pinv,
    square,
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
    BUILT_EXACT,
    CLOSED_FORM,
    CRITICAL,
    FOUND,
    MINIMIZERS,
    NOT_GLOBAL,
    ONE_HOT,
    POLISHED,
    POLYGONS,
    RANK_NOT_CONSTANT,
)
from verification.scenes.matrices import ANY_MATRIX, DEFICIENT
from verification.scenes.networks import FULL_RANK, RANK_LOST, UNDER

ANYWHERE = (*EQUILIBRIA, *ELSEWHERE, *ANY_MATRIX)

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
    gradient, inverse = at.D.T @ g(at), square(pinv(at).matrix())
    return [
        measured
        for velocity in velocities
        for measured in (
            at_most(at, velocity, inverse**2, gradient, inverse, "adapted against standard"),
            at_most(at, gradient, square(at.D) ** 2, velocity, square(at.D), "standard against adapted"),
        )
    ]


@claim(
    "chen2023/theorem-4.2-proof/a",
    scenes=ANYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("the complementary projector", scenes=CRITICAL[:2], project=lambda p, g: g - p @ g),
        variant("no projector", scenes=CRITICAL[:2], project=lambda p, g: g),
    ],
)
def test_equilibria_of_both_output_flows_have_no_projected_gradient(
    at: Point, project: Callable[[Array, Array], Array] = lambda p, g: p @ g
) -> list[Ratio]:
    p, kernel = pinv(at).range_projector(), at.D @ at.D.T
    projected, velocity = project(p, at.g), p @ (kernel @ at.g)  # (4.7) and (4.4)
    size, inverse = square(at.D), square(pinv(at).matrix())
    unit = {"scale": size, "size": at.size, "condition": at.kappa} if size != 0 else {}
    return [
        identity(p @ kernel, kernel @ p, note="the projector commutes with D D^T", **unit),
        at_most(at, projected, inverse**2, velocity, 1, "(4.7) against (4.4)"),
        at_most(at, velocity, size**2, projected, size**2, "(4.4) against (4.7)"),
    ]


@claim(
    "chen2023/theorem-4.2-proof/b",
    scenes=EQUILIBRIA,
    columns=ALGEBRAIC,
    controls=[
        variant("a global minimizer", scenes=MINIMIZERS),
        variant("no equilibrium", scenes=(*FULL_RANK[:1], *RANK_LOST[:1])),
    ],
)
def test_equilibria_of_the_adapted_flow_that_are_not_global_have_lost_rank(at: Point) -> list[Ratio]:
    scale = at.arithmetic.largest(abs(at.D).T @ terms(at))
    resting = identity(at.D.T @ at.g, at.arithmetic.zeros(at.D.shape[1]), scale=scale, size=at.size)
    inverse = pinv(at).matrix()
    velocity = at_most(at, algebraic_system(at, at.g), 0, at.g, square(inverse), "an equilibrium")
    return [velocity, resting, lost_rank(at)]


def combinations_of_columns(at: Point) -> Array:
    """Draw rank D combinations of the columns of D."""
    return at.D @ at.random(at.D.shape[1], max(at.rank, 1))


@claim(
    "chen2023/theorem-4.2-proof/c",
    scenes=(*RANK_LOST, CLOSED_FORM[0], BUILT[1], BUILT_EXACT[0], *UNDER[:1], *DEFICIENT[1:]),
    columns=ALGEBRAIC,
    controls=[
        variant("V_alpha outside the range", fields=lambda at: at.random(len(at.D), at.rank)),
        variant("the complementary projector", project=lambda p, g: g - p @ g),
    ],
)
def test_projector_may_be_dropped_next_to_fields_in_its_range(
    at: Point,
    fields: Vector = combinations_of_columns,
    project: Callable[[Array, Array], Array] = lambda p, g: p @ g,
) -> Ratio:
    v, p = fields(at), pinv(at).range_projector()
    scale = at.arithmetic.largest(abs(v).T @ terms(at)) * at.number(len(at.D))
    return identity(v.T @ project(p, at.g), v.T @ at.g, scale=scale, size=at.size, condition=at.kappa)


def whole_region(at: Point) -> list[Array]:
    """Return points of U = {pre-activations positive and not all equal, W_2 != 0}, which is connected.

    There rank D = 5: row (j, q) is made of e_j W_2, z_j e_q and e_q.
    """
    values = [(1, 2, 1), (1, 1.5, 1.5), (1, 1, 2)]
    return [
        at.arithmetic.array(on_the_simplex(hidden, outgoing))
        for hidden in values
        for outgoing in ((1, 0), (1, 1), (0, 1))
    ]


def nearby(at: Point) -> list[Array]:
    """Draw points close to theta."""
    return [at.theta, *(at.theta + at.random(len(at.theta)) / at.number(1024) for _ in range(3))]


def suitable(at: Point) -> list[list[int]]:
    """Return one choice of columns, by pivoting at theta."""
    return [independent_columns(at.D, at.rank)]


def every_choice(at: Point) -> list[list[int]]:
    """Return all choices of r columns."""
    return [list(choice) for choice in combinations(range(at.D.shape[1]), at.rank)]


@claim(
    "chen2023/theorem-4.2-proof/d",
    scenes=(*RANK_LOST, CLOSED_FORM[0], CLOSED_FORM[3], BUILT[2], BUILT_EXACT[0], ON_THE_SIMPLEX),
    columns=ALGEBRAIC,
    controls=[
        variant("a column too few", choices=lambda at: [suitable(at)[0][1:]]),
        variant("the first r columns", choices=lambda at: [list(range(at.rank))]),
    ],
    refuted=[variant("on all of U", scenes=[ON_THE_SIMPLEX], points=whole_region, choices=every_choice)],
)
def test_suitable_columns_of_D_span_the_range(
    at: Point,
    choices: Callable[[Point], list[list[int]]] = suitable,
    points: Callable[[Point], list[Array]] = nearby,
) -> Ratio:
    jacobians = [at.problem.linearize(theta).jacobian() for theta in points(at)]
    if any(pseudoinverse(jacobian).rank != at.rank for jacobian in jacobians):
        raise ValueError("the rank of D is not constant on the points chosen from U")

    def worst_over_points(choice: list[int]) -> Ratio:
        ratios = []
        for jacobian in jacobians:
            chosen = pseudoinverse(jacobian[:, choice])
            condition = at.kappa if at.arithmetic.exact else max(at.kappa, chosen.condition)
            projector = pseudoinverse(jacobian, rank=at.rank).range_projector()
            ratios.append(
                identity(chosen.range_projector(), projector, size=at.size, condition=condition)
            )
        return max(ratios, key=lambda ratio: ratio.value)

    return min((worst_over_points(choice) for choice in choices(at)), key=lambda ratio: ratio.value)


@claim(
    "chen2023/theorem-4.2-proof/e",
    scenes=(*EQUILIBRIA, *RANK_LOST, *UNDER[:1]),
    columns=ALGEBRAIC,
    controls=[variant("one function too few", scenes=RANK_LOST, count=-1, g=missed_by_the_others)],
)
def test_equilibria_are_the_common_zeros_of_r_functions(
    at: Point, count: int = 0, g: Vector = lambda at: at.g
) -> list[Ratio]:
    chosen = independent_columns(at.D, at.rank)[: at.rank + count]
    v, size = at.D[:, chosen], square(at.D)
    functions, gradient = v.T @ g(at), at.D.T @ g(at)
    ratio = size * square(pseudoinverse(v).matrix())
    return [
        at_most(at, functions, 1, gradient, size, "functions against gradient"),
        at_most(at, gradient, ratio, functions, size * ratio, "gradient against functions"),
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
    return direction / at.arithmetic.sqrt(square(direction))


def across(at: Point, kernel: Array) -> Array:
    """Return a unit vector normal to the equilibria."""
    normal = normal_directions(at.problem, at.theta, independent_columns(at.D, 1))[0]
    normal = normal - kernel @ (kernel.T @ normal)
    return normal / at.arithmetic.sqrt(square(normal))


def continues(at: Point, kernel: Array, direction: Array) -> list[Ratio]:
    """Measure whether a critical point is found beside theta in this direction, at the same rank."""
    step = at.number(1, 2048)
    moved = polish(at.problem, at.theta + step * direction)
    drift = moved.theta - at.theta - step * direction
    jacobian = at.problem.linearize(moved.theta).jacobian()
    return [
        Ratio(moved.gradient / at.size, "identity", moved.gradient * at.arithmetic.unit_roundoff,
              at.arithmetic.unit_roundoff, "gradient beside theta"),
        bound(square(drift), (step / at.number(100)) ** 2, note="step on the equilibria"),
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
