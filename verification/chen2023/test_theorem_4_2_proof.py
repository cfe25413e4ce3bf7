"""The proof of theorem 4.2: equilibria as the zeros of r functions (V_alpha, g).

V_alpha are r independent columns of D, r its rank, g = grad_x C. Functions and gradient vanish together:
|V|^-2 |(V_alpha, g)|^2 and |D^T g|^2 bound each other.

The proof takes columns of D for V_alpha on all of U. Near a point that is possible; on a whole U of
constant rank, one choice of columns need not do: 2-1-2 with N = 3 has nine points, in one connected set
of rank 5, at which each of the 21 choices fails at least once.
"""

from collections.abc import Callable
from itertools import combinations

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns
from verification.chen2023.equilibria import (
    ANYWHERE,
    EQUILIBRIA,
    ON_THE_SIMPLEX,
    algebraic_system,
    at_most,
    lost_rank,
    missed_by_the_others,
    on_the_simplex,
    terms,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.critical_points import BUILT, BUILT_EXACT, CLOSED_FORM, CRITICAL, MINIMIZERS
from verification.scenes.matrices import DEFICIENT
from verification.scenes.networks import FULL_RANK, RANK_LOST, UNDER
from verification.scenes.pieces import moore_penrose, projector_onto_range, squared

Vector = Callable[[Point], Array]


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
    p, kernel = projector_onto_range(at), at.D @ at.D.T
    projected, velocity = project(p, at.g), p @ (kernel @ at.g)  # (4.7) and (4.4)
    size, inverse = squared(at.D), squared(moore_penrose(at, at.D))
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
    inverse = moore_penrose(at, at.D)
    velocity = at_most(at, algebraic_system(at, at.g), 0, at.g, squared(inverse), "an equilibrium")
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
    v, p = fields(at), projector_onto_range(at)
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
    v, size = at.D[:, chosen], squared(at.D)
    functions, gradient = v.T @ g(at), at.D.T @ g(at)
    ratio = size * squared(pseudoinverse(v).matrix())
    return [
        at_most(at, functions, 1, gradient, size, "functions against gradient"),
        at_most(at, gradient, ratio, functions, size * ratio, "gradient against functions"),
    ]
