"""Lemma 3.2: equilibria of the standard flow with a nonzero output gradient force a loss of rank.

With g = grad_x C: grad_theta C = D^T g = 0 and g != 0 put g into ker D^T, which is {0} at rank QN.

The statement takes "not a global minimizer of the cost" and "g != 0" for the same. One direction holds:
C = (N/2) |g|^2, so g = 0 is the cost zero. The other needs targets that the network can reach,

    C[theta] - min C = (N/2) |g|^2     if and only if     min C = 0,

and fails where it cannot: for equal inputs with different targets (1-1 affine, N = 2, K = QN), for three
distinct inputs on a line (3-1 affine, K = 4 > QN = 3), for K < QN. There the least-squares solution is a
global minimizer with g != 0.
"""

from collections.abc import Callable

from geomdl import Dataset, Problem, linearize, pseudoinverse
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_points import (
    COLLINEAR,
    CONFLICT,
    CRITICAL,
    DEAD_UNITS,
    FOUND,
    MINIMIZERS,
    RANK_NOT_CONSTANT,
)
from verification.scenes.matrices import DEFICIENT, FULL_ROW_RANK
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
    network_scene,
)

EQUILIBRIA = (*CRITICAL, *FOUND, *RANK_NOT_CONSTANT, DEAD_UNITS, COLLINEAR, CONFLICT)
LEAST_SQUARES = (COLLINEAR, CONFLICT, network_scene([2, 2], "identity", 6, bits=3, facts=["under"]))


def terms(at: Point) -> Array:
    """Return the size of the terms of g, which cancel where outputs are near their targets."""
    return (abs(at.x) + abs(at.y)) / at.number(at.N)


@claim(
    "chen2023/lemma-3.2/a",
    scenes=EQUILIBRIA,
    columns=ALGEBRAIC,
    controls=[
        variant("g = 0", scenes=MINIMIZERS),
        variant("no equilibrium", scenes=FULL_RANK[:2]),
    ],
)
def test_rank_is_lost_at_equilibria_with_a_nonzero_output_gradient(at: Point) -> list[Ratio]:
    rows, columns = at.D.shape
    if at.arithmetic.exact or columns < rows:
        return [property_(at.pinv.rank < rows, "rank of D below QN")]
    sigma = at.arithmetic.singular_values(at.D)
    unit = 30 * at.size * at.arithmetic.unit_roundoff
    # Quantitatively, sigma_QN |g| <= |D^T g| at any theta.
    left, rounding = sigma[-1] ** 2 * (at.g * at.g).sum(), (unit * sigma[0]) ** 2
    right = (at.grad_theta * at.grad_theta).sum() + rounding * (terms(at) * terms(at)).sum()
    return [
        bound(left, right, slack=unit * at.kappa, note="sigma_QN |g| against |D^T g|"),
        bound(sigma[-1], unit * sigma[0], note="sigma_QN"),
    ]


@claim(
    "chen2023/lemma-3.2/b",
    scenes=EQUILIBRIA,
    columns=ALGEBRAIC,
    controls=[
        variant("no equilibrium", scenes=(*FULL_RANK[:1], *RANK_LOST)),
        variant("the outputs in the place of the gradient", covector=lambda at: at.x),
    ],
)
def test_output_gradient_lies_in_the_kernel(
    at: Point, covector: Callable[[Point], Array] = lambda at: at.g
) -> list[Ratio]:
    g, inverse = covector(at), pseudoinverse(at.D, rank=at.rank)
    along, size = inverse.range_basis @ (inverse.range_dual @ g), at.arithmetic.largest(terms(at))
    pulled = at.arithmetic.largest(abs(at.D).T @ terms(at))
    return [
        identity(at.D.T @ g, at.arithmetic.zeros(at.D.shape[1]), scale=pulled, size=at.size),
        identity(along, 0 * along, scale=size, size=at.size, condition=at.kappa, note="range of D"),
    ]


def reachable(at: Point) -> tuple[Problem, Array]:
    """Return the problem with the outputs at another theta as targets, and that theta."""
    teacher = at.random(len(at.theta)) / at.number(2)
    inputs = at.problem.data.inputs
    targets = linearize(at.problem.network, teacher, inputs).outputs
    return Problem(at.problem.network, Dataset.regression(inputs, targets)), teacher


def as_given(at: Point) -> tuple[Problem, Array]:
    """Return the problem of an affine network, and its least-squares solution."""
    return at.problem, at.theta - pseudoinverse(at.D, rank=at.rank).apply(at.x - at.y)


@claim(
    "chen2023/lemma-3.2/c",
    scenes=(*FULL_RANK[:2], *FULL_RANK_EXACT, *RANK_LOST, *UNDER[:1], *BORDERLINE, *SMALLEST, COLLINEAR),
    columns=ALGEBRAIC,
    controls=[
        variant("grad_theta C in the place of grad_x C", gradient=Problem.gradient),
        variant("N in the place of N/2", factor=2),
    ],
    refuted=[variant("targets out of reach", scenes=LEAST_SQUARES, targets=as_given)],
)
def test_not_being_a_global_minimizer_is_a_nonzero_output_gradient(
    at: Point,
    targets: Callable[[Point], tuple[Problem, Array]] = reachable,
    gradient: Callable[[Problem, Array], Array] = lambda problem, theta: problem.cost.gradient(
        problem.data, problem.stacked(theta)
    ),
    factor: int = 1,
) -> Ratio:
    problem, minimizer = targets(at)
    excess = problem.value(at.theta) - problem.value(minimizer)
    g = gradient(problem, at.theta)
    return identity(excess, at.number(at.N * factor, 2) * (g * g).sum(), size=len(g))


@claim(
    "chen2023/lemma-3.2/d",
    scenes=(*FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST, *FULL_ROW_RANK),
    columns=ALGEBRAIC,
    controls=[
        variant("rank lost", scenes=(*RANK_LOST, *DEFICIENT[1:])),
        variant("K < QN", scenes=UNDER),
    ],
)
def test_transpose_has_no_kernel_at_full_rank(at: Point) -> Ratio:
    # v is recovered from D^T v, so that D^T v = 0 only for v = 0.
    v, inverse = at.random(at.D.shape[0]), pseudoinverse(at.D, rank=at.rank).matrix()
    return identity(inverse.T @ (at.D.T @ v), v, size=at.size, condition=at.kappa)
