"""(2.42)-(2.44): the ends of the family V_(x, alpha) of (2.41), and its zeros.

The last member of the family in alpha is the constrained Euclidean field -P g, g = grad_x C. The first
one is -D D^T g, the field of (2.18): what the standard flow (2.3) of theta does to the outputs. (2.42)
prints V_(theta, 0) = -grad_theta C instead, which is true but no member of V_(x, alpha): it is the flow
behind it, and has K components.

The factor alpha 1 + (1 - alpha) D D^T is at least alpha, and on ran D at least sigma_r^2 for alpha = 0,
so that with T = tr D D^T, S = |D^+|^2

    (alpha + (1 - alpha) / S) |P g| <= |V_(x, alpha)| <= (alpha + (1 - alpha) T) |P g|.

Outside of [0, 1] alpha can cancel against a singular value, alpha + (1 - alpha) sigma_i^2 = 0, and the
zeros change.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache

from geomdl import adapted_field, standard_field
from geomdl.arithmetic import Array
from geomdl.homotopy import output_velocity
from verification.chen2023.equilibria import at_most
from verification.chenewald2024.constrained_gradients import (
    EVERYWHERE,
    EXACT_OR_BOTH,
    GENERIC,
    definite,
    least_resolved,
)
from verification.chenewald2024.families import Family, alphas, approaches, complement_kept
from verification.chenewald2024.family_orbits import a_few_relaxations, printed_velocity
from verification.chenewald2024.matrices import Matrix, orthogonal_projector, plus
from verification.chenewald2024.path_integrals import outputs_move_by
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS, Column
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, identity
from verification.scenes.critical_exact import CRITICAL
from verification.scenes.networks import BORDERLINE, FULL_RANK, RANK_LOST, UNDER
from verification.scenes.pieces import pull, push, squared

# (2.42)-(2.43)


@lru_cache(maxsize=1024)
def _onto_range(scene: Scene, column: Column, seed: int) -> Array:
    at = scene.at(column, seed)
    return orthogonal_projector(at, at.D)


def onto_range(at: Point) -> Array:
    """Return P by Gram-Schmidt."""
    return _onto_range(at.scene, at.column, at.seed)


def printed(at: Point, alpha: Array, g: Array) -> Array:
    """Return (2.41), -(alpha 1 + (1 - alpha) D D^T) P g."""
    projected = onto_range(at) @ g
    return -(alpha * projected + (1 - alpha) * push(at, pull(at, projected)))


def reversed_family(at: Point, alpha: Array, g: Array) -> Array:
    """Return (2.41) for 1 - alpha."""
    return printed(at, 1 - alpha, g)


def jumping(at: Point, alpha: Array, g: Array) -> Array:
    """Return a family with the same ends that jumps between them."""
    return printed(at, at.number(int(alpha == 1)), g)


def in_unit_of_both_ends(at: Point, left: Array, right: Array, note: str) -> Ratio:
    """Measure equality of two velocities of the outputs."""
    scale = at.arithmetic.largest(at.g) * (1 + squared(at.D))
    return identity(left, right, scale=scale, size=at.size, condition=at.kappa, note=note)


def constrained_end(at: Point) -> Array:
    """Return -P g, with P = D D^+."""
    return -(at.D @ (plus(at) @ at.g))


def standard_end(at: Point) -> Array:
    """Return the velocity of the outputs when theta follows (2.3), theta' = -grad_theta C."""
    return push(at, -pull(at, at.g))


@claim(
    "chenewald2024/eq-2.42-2.43/b",
    scenes=EVERYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("alpha and 1 - alpha exchanged", scenes=GENERIC, family=reversed_family),
        variant("projector left out", scenes=GENERIC, family=complement_kept),
        variant("-grad_x C", scenes=GENERIC, end=lambda at: -at.g),
    ],
)
def test_output_family_ends_at_the_constrained_euclidean_field(
    at: Point, family: Family = printed, end: Matrix = constrained_end
) -> list[Ratio]:
    ratios = [in_unit_of_both_ends(at, family(at, at.number(1), at.g), end(at), "V_1")]
    for alpha in alphas(at):  # and it comes there in proportion to 1 - alpha
        rest = (1 - alpha) * (standard_end(at) - end(at))
        left = family(at, alpha, at.g) - end(at)
        ratios.append(in_unit_of_both_ends(at, left, rest, f"alpha {float(alpha)}"))
    if not at.is_matrix:
        found = output_velocity(at.problem, at.theta, 1, rank=at.rank)
        ratios.append(in_unit_of_both_ends(at, found, end(at), "of the package"))
    return ratios


def parameter_gradient(at: Point) -> Array:
    """Return -grad_theta C, read as a velocity of the outputs: defined for K = QN only."""
    return -pull(at, at.g)


@claim(
    "chenewald2024/eq-2.42-2.43/c",
    scenes=EVERYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("alpha and 1 - alpha exchanged", scenes=GENERIC, family=reversed_family),
        variant("a jump between the ends", scenes=GENERIC, family=jumping),
        variant("-grad_x C at alpha = 0", scenes=GENERIC, start=lambda at: -at.g),
        variant("(2.42) read for V_x, K = QN", scenes=BORDERLINE, start=parameter_gradient),
    ],
)
def test_output_family_joins_standard_dynamics_and_constrained_field_affinely(
    at: Point, family: Family = printed, start: Matrix = standard_end
) -> list[Ratio]:
    return [
        in_unit_of_both_ends(
            at,
            family(at, alpha, at.g),
            (1 - alpha) * start(at) + alpha * constrained_end(at),
            f"alpha {float(alpha)}",
        )
        for alpha in alphas(at)
    ]


@claim(
    "chenewald2024/eq-2.42-2.43/c",
    scenes=(RANK_LOST[0], FULL_RANK[0]),
    columns=ORBITS,
    controls=[
        variant("ends exchanged", scenes=RANK_LOST[:1], ends=(1.0, 0.0)),
        variant("halfway", scenes=RANK_LOST[:1], ends=(0.5, 0.5)),
    ],
)
def test_outputs_of_both_flows_travel_by_the_ends_of_the_family(
    at: Point, ends: tuple[float, float] = (0.0, 1.0)
) -> list[Ratio]:
    flows = (standard_field, adapted_field(rank=at.rank))
    return [
        ratio
        for flow, alpha in zip(flows, ends, strict=True)
        for ratio in outputs_move_by(
            at,
            flow,
            printed_velocity(alpha, at.rank),
            end=a_few_relaxations(at, float(flow is not standard_field)),
        )
    ]


# (2.44)


def factor(at: Point, alpha: Array) -> Array:
    """Return alpha 1 + (1 - alpha) D D^T."""
    return alpha * at.eye(len(at.D)) + (1 - alpha) * (at.D @ at.D.T)


def above_zero(at: Point) -> list[Array]:
    """Return values of alpha in (0, 1]: 1 and what is as close to 0 as rounding errors allow."""
    return [least_resolved(at, factor(at, at.number(0))), at.number(3, 4), at.number(1)]


@claim(
    "chenewald2024/eq-2.44/a",
    scenes=EVERYWHERE,
    columns=EXACT_OR_BOTH,
    controls=[
        variant("alpha = 0", scenes=(*GENERIC, UNDER[0]), chosen=lambda at: [at.number(0)]),
        variant("alpha < 0", scenes=(*GENERIC, UNDER[0]), chosen=lambda at: [at.number(-1, 2)]),
        variant("projected", scenes=(*GENERIC, UNDER[0]),
                matrix=lambda at, alpha: factor(at, alpha) @ onto_range(at)),
    ],
)  # fmt: skip
def test_factor_is_positive_definite_above_zero(
    at: Point,
    chosen: Callable[[Point], list[Array]] = above_zero,
    matrix: Callable[[Point, Array], Array] = factor,
) -> list[Ratio]:
    ratios = []
    for alpha in chosen(at):
        b = matrix(at, alpha)
        ratios.append(identity(b, b.T, scale=1 + squared(at.D), size=at.size, note="symmetric"))
        ratios += definite(at, b, alpha)
    return ratios


def everything(at: Point) -> Array:
    """Return the identity of output space."""
    return at.eye(len(at.D))


def beyond_range(at: Point) -> Array:
    """Return 1 - P."""
    return everything(at) - onto_range(at)


@claim(
    "chenewald2024/eq-2.44/b",
    scenes=EVERYWHERE,
    columns=EXACT_OR_BOTH,
    controls=[
        variant("on all of output space", scenes=(*GENERIC, UNDER[0]), project=everything),
        variant("on the kernel of D D^T", scenes=(*GENERIC, UNDER[0]), project=beyond_range),
    ],
)
def test_kernel_matrix_is_injective_on_the_range_of_the_projector(
    at: Point, project: Matrix = lambda at: onto_range(at)
) -> list[Ratio]:
    # |D D^T P v|^2 + |v - P v|^2 vanishes for v = 0 only.
    p, k = project(at), at.D @ at.D.T
    image, beside = k @ p, at.eye(len(p)) - p
    smallest = min(at.number(1), 1 / squared(plus(at)) ** 2) if at.rank else at.number(1)
    w = p @ at.random(len(p))
    return [
        *definite(at, image.T @ image + beside.T @ beside, smallest),
        at_most(at, w, squared(plus(at)) ** 2, k @ w, 1, "w by D D^T w"),
    ]


def cancelling(at: Point) -> list[Array]:
    """Return the alpha outside of [0, 1] at which alpha + (1 - alpha) sigma^2 = 0, sigma the largest."""
    square_of_largest = at.arithmetic.singular_values(at.D)[0] ** 2
    return [square_of_largest / (square_of_largest - 1)]


def strongest(at: Point) -> list[Array]:
    """Return the left singular vector of the largest singular value."""
    return [at.arithmetic.svd(at.D)[0][:, 0]]


Split = Callable[[Array, Array], Array]


@claim(
    "chenewald2024/eq-2.44/c",
    scenes=EVERYWHERE,
    columns=EXACT_OR_BOTH,
    controls=[
        variant("P left out on the left", scenes=CRITICAL[:5], moved=lambda p, g: g),
        variant("P left out on the right", scenes=CRITICAL[:5], resting=lambda p, g: g),
        variant("alpha outside of [0, 1]", scenes=GENERIC, chosen=cancelling, points=strongest),
    ],
)
def test_zeros_of_the_output_family_do_not_depend_on_alpha(
    at: Point,
    chosen: Callable[[Point], Iterable[Array]] = alphas,
    points: Callable[[Point], Iterable[Array]] = approaches,
    moved: Split = lambda p, g: p @ g,
    resting: Split = lambda p, g: p @ g,
) -> list[Ratio]:
    p, t, s = onto_range(at), squared(at.D), squared(plus(at))
    ratios = []
    for g in points(at):
        rest = resting(p, g)
        for alpha in chosen(at):
            w = factor(at, alpha) @ moved(p, g)
            upper, lower = alpha + (1 - alpha) * t, alpha * s + (1 - alpha)
            ratios += [
                at_most(at, lower * rest, s**2, w, lower**2, "P g by the field"),
                at_most(at, w, upper**2, rest, upper**2, "the field by P g"),
            ]
    return ratios
