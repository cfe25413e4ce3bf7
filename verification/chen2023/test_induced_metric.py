"""Sections 1.4 and 3: the induced flow as a gradient flow for a metric (D D^T)^-1 on output space.

At one theta of rank QN, G = (D D^T)^-1 is an inner product on output space, and w = D D^T grad_x C is
the gradient for it: G w = dC. The right-hand side of (1.22) is -w, minus the gradient; and where the
rank is lost there is no G.

A metric on output space has one tensor at every x. D D^T has many: it changes along the fibres f^-1(x)
of f: theta -> x[theta], in the smallest network with a hidden layer (x = w_2 (w_1 t + b_1) + b_2, one
input, D D^T = w_2^2 (1 + t^2) + (w_1 t + b_1)^2 + 1) as in all others here with K > QN. With the tensor
of another theta on the same fibre, w is not the gradient, and x alone does not say how the outputs
move. The tensor has one value on every fibre where D is constant, as without hidden layer, and where
K = QN and f is one-to-one up to symmetries. Then f is a Riemannian submersion, and G is the metric that
it passes on: <Du, Du'>_G = <u, u'> for u, u' orthogonal to ker D.
"""

from collections.abc import Callable
from typing import Any

from geomdl.arithmetic import Array
from geomdl.output_metrics import kernel_derivative
from verification.chen2023.moves import CURVED, SINGLE_VALUED, Move, differential, kernel_at, stay
from verification.chen2023.orbit_laws import outputs_along
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.critical_exact import CRITICAL_RANK_LOST
from verification.scenes.induced import AFFINE, HIDDEN_EXACT, move_in_fibre
from verification.scenes.networks import BORDERLINE, FULL_RANK, RANK_LOST, SMALLEST

Kernel = Callable[[Point, Array], Array]
POINTS = (*HIDDEN_EXACT, *AFFINE[:1], *FULL_RANK[:3], *BORDERLINE, *SMALLEST)


def right_hand_side(at: Point) -> Array:
    """Return -D D^T grad_x C, (1.22), by backward and forward differentiation."""
    return -at.at_theta.push(at.at_theta.pull(at.g))


def is_gradient_for(at: Point, kernel: Array, field: Array) -> Ratio:
    """Measure G field = dC, the definition of the gradient for the tensor G = kernel^-1."""
    scale = (at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)) / at.N
    lowered = at.arithmetic.solve(kernel, field)
    return identity(lowered, differential(at), scale=scale, size=at.size, condition=at.kappa**2)


@claim(
    "chen2023/induced-metric/a",
    scenes=POINTS,
    columns=ALGEBRAIC,
    controls=[
        variant(
            "the metric D D^T, not inverted",
            sign=-1,
            kernel=lambda at, theta: at.inverse(kernel_at(at, theta)),
        ),
        variant("the Euclidean metric", sign=-1, kernel=lambda at, theta: at.eye(len(at.x))),
    ],
    refuted=[
        variant("printed without the minus sign", scenes=POINTS),
        variant("rank lost", scenes=(*RANK_LOST, *CRITICAL_RANK_LOST), sign=-1),
        variant(
            "a tensor on output space: another theta of the fibre",
            scenes=CURVED,
            sign=-1,
            move=move_in_fibre,
        ),
    ],
    corrected=[variant("minus the gradient, for the inner product of this theta", sign=-1)],
)
def test_right_hand_side_of_the_induced_flow_is_the_gradient_for_the_inverse_kernel(
    at: Point, sign: int = 1, move: Move = stay, kernel: Kernel = kernel_at
) -> list[Ratio]:
    return [
        property_(at.rank == len(at.x), "D D^T has an inverse"),
        is_gradient_for(at, kernel(at, move(at)), sign * right_hand_side(at)),
    ]


@claim(
    "chen2023/induced-metric/c",
    "slides2023/output-flow/d",
    scenes=SINGLE_VALUED,
    columns=ALGEBRAIC,
    controls=[
        variant("minus the gradient", sign=-1),
        variant(
            "the metric D D^T, not inverted", kernel=lambda at, theta: at.inverse(kernel_at(at, theta))
        ),
    ],
    refuted=[variant("a hidden layer and K > QN", scenes=CURVED)],
)
def test_kernel_times_output_gradient_is_the_gradient_for_one_metric_on_output_space(
    at: Point, sign: int = 1, kernel: Kernel = kernel_at
) -> Ratio:
    return is_gradient_for(at, kernel(at, move_in_fibre(at)), -sign * right_hand_side(at))


def lift(at: Point, velocity: Array) -> Array:
    """Return the shortest u with D u = v, by the pseudoinverse."""
    return at.pinv.apply(velocity)


def lift_with_rest(at: Point, velocity: Array) -> Array:
    """Return another u with D u = v, which has a part in ker D."""
    u = at.random(len(at.theta))
    return lift(at, velocity) + u - at.pinv.row_projector() @ u


@claim(
    "chen2023/induced-metric/b",
    scenes=SINGLE_VALUED,
    columns=ALGEBRAIC,
    controls=[
        variant("vectors with a part in ker D", scenes=AFFINE, lift=lift_with_rest),
        variant("the tensor D D^T", kernel=lambda at, theta: at.inverse(kernel_at(at, theta))),
    ],
    refuted=[variant("a hidden layer and K > QN", scenes=CURVED)],
)
def test_induced_metric_is_the_euclidean_one_pushed_forward(
    at: Point, lift: Callable[[Point, Array], Array] = lift, kernel: Kernel = kernel_at
) -> list[Ratio]:
    own, elsewhere = kernel_at(at, at.theta), kernel(at, move_in_fibre(at))
    v, w = (own @ at.random(len(at.x)) for _ in range(2))
    u = at.random(len(at.theta))
    moved = at.at_theta.push(u)
    unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    largest, roundoff = at.arithmetic.largest, at.arithmetic.unit_roundoff
    shortest = moved @ at.arithmetic.solve(elsewhere, moved)
    in_kernel = u - at.pinv.row_projector() @ u
    return [
        identity(
            lift(at, v) @ lift(at, w),
            v @ at.arithmetic.solve(elsewhere, w),
            scale=len(v) * largest(v) * largest(w) / largest(own),
            **unit,
        ),
        bound(shortest, u @ u, slack=1000 * at.size * at.kappa**2 * roundoff, note="|Du| <= |u|"),
        identity(
            kernel_derivative(at.at_theta, in_kernel),
            at.arithmetic.zeros(own.shape),
            scale=largest(own) * (1 + largest(u)),
            note="along ker D",
            **unit,
        ),
    ]


def loss_per_time(at: Point) -> Any:
    """Return -dC/ds along the standard flow: differences of C in x, and of x along grad_theta C."""
    return differential(at) @ outputs_along(at, at.at_theta.pull(at.g))


@claim(
    "slides2023/output-flow/e",
    scenes=POINTS,
    columns=ALGEBRAIC,
    controls=[
        variant(
            "the metric D D^T, not inverted",
            move=stay,
            kernel=lambda at, theta: at.inverse(kernel_at(at, theta)),
        ),
        variant("the Euclidean metric", move=stay, kernel=lambda at, theta: at.eye(len(at.x))),
    ],
    refuted=[
        variant("another theta of the fibre", scenes=CURVED),
        variant("equilibria off the targets: no inverse", scenes=CRITICAL_RANK_LOST, move=stay),
    ],
    corrected=[variant("one inner product for every theta of rank QN", move=stay)],
)
def test_inverse_kernel_is_a_metric_in_which_the_outputs_descend(
    at: Point, move: Move = move_in_fibre, kernel: Kernel = kernel_at
) -> list[Ratio]:
    if at.rank < len(at.x):
        return [property_(False, "D D^T has no inverse")]
    velocity, loss = right_hand_side(at), loss_per_time(at)
    g = at.g @ at.g
    slack = 1000 * at.size * at.kappa**2 * at.arithmetic.unit_roundoff
    squares = (at.D * at.D).sum()
    inverse_squares = (at.pinv.matrix() * at.pinv.matrix()).sum()
    size = at.arithmetic.largest(at.x) + at.arithmetic.largest(at.y)
    scale = squares * size * size * len(at.x) / at.N**2
    length = velocity @ at.arithmetic.solve(kernel(at, move(at)), velocity)
    return [
        identity(length, loss, scale=scale, size=at.size, condition=at.kappa**2, note="|x'|^2 = -dC/ds"),
        bound(loss, squares * g, slack=slack, note="largest eigenvalue"),
        bound(g, inverse_squares * loss, slack=slack, note="smallest eigenvalue"),
    ]
