"""(3.14)-(3.16): the tangent kernel in blocks, and when it is positive definite.

Theta(x, x') = Df(x) Df(x')^T is Q x Q, and the blocks of D D^T are Theta(x_i, x_j) if Df(x) is the
derivative of theta -> f_theta(x). "The Jacobian of f_theta: R^M -> R^Q at x", as it is printed, is
Q x M: with that one the product is Q x Q as well, but (3.15) fails.

The quadratic form in (3.16) is |D^T u|^2, at least sigma_QN^2 |u|^2. "Stronger than" the condition for
the functions of a class F is true as an implication for every F: each f in F is one u. It is strictly
stronger for an F that on the data misses what the kernel of D^T consists of (constant functions: the
output biases see them); for F all functions and distinct points it is the same condition.
"""

from collections.abc import Callable
from typing import Any

from geomdl import Linearization, linearize
from geomdl.arithmetic import Array
from geomdl.tangent_kernels import kernel_block, tangent_kernel
from verification.chenewald2024.matrices import SQUARED, kernel, plus
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.networks import (
    BORDERLINE,
    FULL_RANK,
    FULL_RANK_EXACT,
    RANK_LOST,
    SMALLEST,
    UNDER,
)
from verification.scenes.paths import DEEP
from verification.scenes.pieces import squared

NETWORKS = (*DEEP, *FULL_RANK[:2], *FULL_RANK_EXACT, RANK_LOST[1], UNDER[1], BORDERLINE[0], SMALLEST[0])


# (3.14)-(3.15)

Derivative = Callable[[Point, Array], Array]


def at_one_input(at: Point, point: Array) -> Linearization:
    """Return the network linearized at a single input, on the training set or off it."""
    return linearize(at.problem.network, at.theta, point[None, :])


def derivative_in_theta(at: Point, point: Array) -> Array:
    """Return the Q x K derivative of f_theta(x) with respect to theta, column by column."""
    there = at_one_input(at, point)
    return at.arithmetic.stack([there.push(e) for e in at.eye(len(at.theta))], axis=1)


def derivative_in_the_input(at: Point, point: Array) -> Array:
    """Return the Q x M Jacobian of f_theta: R^M -> R^Q at x."""
    there = at_one_input(at, point)
    weight = there.layers[0][0]
    return there.sensitivities[0][0] @ weight if there.slopes else weight


@claim(
    "chenewald2024/eq-3.14-3.15/a",
    scenes=(*DEEP, *FULL_RANK[:2], RANK_LOST[1], UNDER[1], SMALLEST[0]),
    columns=ALGEBRAIC,
    controls=[
        variant("the product in the other order", product=lambda one, two: one.T @ two),
        variant("both factors at x", product=lambda one, two: one @ one.T),
    ],
)
def test_tangent_kernel_of_two_inputs_has_q_rows_and_q_columns(
    at: Point, product: Callable[[Array, Array], Array] = lambda one, two: one @ two.T
) -> list[Ratio]:
    q, m = at.problem.network.outputs, at.problem.network.inputs
    ratios = []
    for x, y in ((at.random(m) / 2, at.random(m) / 2), (at.problem.data.inputs[0], at.random(m))):
        one, two = derivative_in_theta(at, x), derivative_in_theta(at, y)
        theta = product(one, two)
        if theta.shape != (q, q):
            return [property_(False, f"shape {theta.shape}")]
        of_inputs = product(derivative_in_the_input(at, x), derivative_in_the_input(at, y))
        by_layers = tangent_kernel(at.at_theta, x[None, :], y[None, :])
        swapped = tangent_kernel(at.at_theta, y[None, :], x[None, :])
        scale = abs(one) @ abs(two).T
        ratios += [
            property_(of_inputs.shape == (q, q), "whichever Jacobian is meant"),
            identity(theta, by_layers, scale=scale, size=at.size),
            identity(theta.T, swapped, scale=scale, size=at.size, note="Theta(y, x)"),
        ]
    return ratios


Placed = Callable[[Array, int, int, int], Array]


def by_component(matrix: Array, i: int, j: int, q: int) -> Array:
    """Return block (i, j) as if outputs were stacked component by component."""
    count = len(matrix) // q
    return matrix[i::count][:, j::count]


@claim(
    "chenewald2024/eq-3.14-3.15/b",
    scenes=(*DEEP, *FULL_RANK[:2], RANK_LOST[1], UNDER[1], SMALLEST[0]),
    columns=ALGEBRAIC,
    controls=[
        variant("block (j, i)", scenes=DEEP, block=lambda m, i, j, q: kernel_block(m, j, i, q)),
        variant("stacked component by component", scenes=DEEP, block=by_component),
    ],
    refuted=[
        variant(
            "Df(x) the Jacobian of the map f_theta of inputs",
            scenes=(*DEEP, FULL_RANK[0]),
            derivative=derivative_in_the_input,
        )
    ],
)
def test_blocks_of_the_gram_matrix_are_tangent_kernels_of_pairs_of_inputs(
    at: Point, derivative: Derivative = derivative_in_theta, block: Placed = kernel_block
) -> list[Ratio]:
    q, gram = at.problem.network.outputs, at.D @ at.D.T
    scale = at.arithmetic.largest(abs(at.D) @ abs(at.D).T)
    each = [derivative(at, point) for point in at.problem.data.inputs]
    return [
        identity(block(gram, i, j, q), each[i] @ each[j].T, scale=scale, size=at.size, note=f"({i},{j})")
        for i in range(at.N)
        for j in range(at.N)
    ]


# (3.16)


def pivots(at: Point, matrix: Array) -> list[Any]:
    """Return the pivots of a symmetric matrix, eliminated in the order of their size."""
    left, found = matrix, []
    for _ in range(len(matrix)):
        diagonal = at.arithmetic.to_float64(left.diagonal())
        k = int(diagonal.argmax())
        found.append(left[k, k])
        if not left[k, k] > threshold(at, matrix):
            break
        left = left - left[:, k][:, None] * left[k][None, :] / left[k, k]
        keep = [row for row in range(len(left)) if row != k]
        left = left[keep][:, keep]
    return found


def threshold(at: Point, matrix: Array) -> Any:
    """Return below which size a pivot counts as zero: rounding, or 0 in exact arithmetic."""
    if at.arithmetic.exact:
        return at.number(0)
    return 30 * at.size * at.arithmetic.unit_roundoff * at.arithmetic.largest(matrix)


def positive_definite(at: Point, matrix: Array) -> bool:
    """Decide by the signs of the pivots."""
    found = pivots(at, matrix)
    return len(found) == len(matrix) and bool(found[-1] > threshold(at, matrix))


Pairs = Callable[[int, int], bool]


def quadratic_form(at: Point, u: Array, pairs: Pairs) -> Any:
    """Return the double sum of (3.16) over pairs of inputs."""
    q, inputs = at.problem.network.outputs, at.problem.data.inputs
    theta, total = tangent_kernel(at.at_theta, inputs, inputs), at.number(0)
    for i in range(at.N):
        for j in range(at.N):
            if pairs(i, j):
                block = kernel_block(theta, i, j, q)
                total = total + u[i * q : (i + 1) * q] @ block @ u[j * q : (j + 1) * q]
    return total


def every_pair(i: int, j: int) -> bool:
    """All pairs."""
    return True


@claim(
    "chenewald2024/eq-3.16/a",
    scenes=(*NETWORKS, *RANK_LOST[:1], *CRITICAL),
    columns=SQUARED,
    controls=[
        variant("pairs of one input only", pairs=lambda i, j: i == j),
        variant("each pair once", pairs=lambda i, j: i <= j),
    ],
)
def test_quadratic_form_of_the_kernel_is_positive_exactly_when_the_gram_matrix_is(
    at: Point, pairs: Pairs = every_pair
) -> list[Ratio]:
    gram, null = at.D @ at.D.T, kernel(at, at.D.T)
    definite, reach = positive_definite(at, gram), squared(plus(at))
    terms, ratios = abs(at.D) @ abs(at.D).T, [property_(definite == (null.shape[1] == 0), "iff")]
    for u in (at.random(len(gram)), *null.T):
        form, size = quadratic_form(at, u, pairs), abs(u) @ terms @ abs(u)
        pulled = at.D.T @ u
        ratios.append(identity(form, squared(pulled), scale=size, size=at.size, note="|D^T u|^2"))
        if definite:
            ratios.append(bound(squared(u), 2 * reach * form, note="positive"))
    for u in null.T:
        zero, size = quadratic_form(at, u, pairs), abs(u) @ terms @ abs(u)
        ratios.append(identity(zero, 0 * zero, scale=size, size=at.size, condition=at.kappa))
    return ratios


Family = Callable[[Point], Array]


def constant_functions(at: Point) -> Array:
    """Return the values of constant functions on the data, as columns."""
    return at.arithmetic.concatenate([at.eye(at.problem.network.outputs)] * at.N)


def affine_functions(at: Point) -> Array:
    """Return the values of affine functions of the first coordinate, as columns."""
    one, first = at.eye(at.problem.network.outputs), at.problem.data.inputs[:, 0]
    rows = [at.arithmetic.concatenate([one, one * x], axis=1) for x in first]
    return at.arithmetic.concatenate(rows)


def all_functions(at: Point) -> Array:
    """Return the values of all functions on the data: any, because the inputs are distinct."""
    return at.eye(at.D.shape[0])


@claim(
    "chenewald2024/eq-3.16/b",
    scenes=(*DEEP, *FULL_RANK[:2], *FULL_RANK_EXACT, *BORDERLINE),
    columns=SQUARED,
    controls=[variant("the condition fails", scenes=RANK_LOST, families=(all_functions,))],
)
def test_condition_implies_the_one_for_the_functions_of_any_class(
    at: Point, families: tuple[Family, ...] = (constant_functions, affine_functions, all_functions)
) -> list[Ratio]:
    ratios, reach = [], squared(plus(at))
    for family in families:
        values = family(at)
        # The functions of the class of which the kernel sees least: random ones, and its null vectors.
        null = kernel(at, at.D.T) if at.rank < len(at.D) else at.arithmetic.zeros((len(at.D), 0))
        random = values @ at.random(values.shape[1], 4)
        for u in (*random.T, *null.T):
            pulled = squared(at.at_theta.pull(u))
            ratios.append(bound(squared(u), 2 * reach * pulled, note="|u|^2 / sigma^2"))
    return ratios


@claim(
    "chenewald2024/eq-3.16/b",
    scenes=(*RANK_LOST, *CRITICAL[:4], UNDER[0]),
    columns=SQUARED,
    controls=[variant("a kernel that is positive definite", scenes=FULL_RANK[:2])],
    refuted=[variant("all functions on distinct points", scenes=RANK_LOST, family=all_functions)],
)
def test_condition_for_constant_functions_may_hold_where_the_one_for_all_vectors_fails(
    at: Point, family: Family = constant_functions
) -> list[Ratio]:
    inputs, values = at.problem.data.inputs, family(at)
    theta = tangent_kernel(at.at_theta, inputs, inputs)
    return [
        property_(positive_definite(at, values.T @ theta @ values), "for the functions of the class"),
        property_(not positive_definite(at, theta), "not for all u"),
    ]
