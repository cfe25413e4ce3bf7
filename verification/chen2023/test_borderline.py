"""Section 6: at K = QN and rank K both modified flows are one.

D is a square invertible matrix, Pen[D] = D^T (D D^T)^-1 = D^-1, and both (2.4) and (5.2) read
theta' = -D^-1 D^-T grad_theta C, so that x' = -grad_x C: (6.4) is the comparison system, as long as the
orbit of theta lives. It need not live for all times, see chen2023/adapted-flow-output/c.

The order of the factors matters, D^-1 D^-T and not D^-T D^-1. At K < QN (2.4) is undefined, at K > QN
(5.2) (controls).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import blow_up, pseudoinverse, rank_loss, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from verification.chen2023.adapted_fields import printed_field as over_field
from verification.chen2023.orbit_laws import STILL_FULL, comparison_orbit, outputs_along
from verification.chen2023.under_laws import printed_field as under_field
from verification.chen2023.under_laws import printed_velocity as under
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, identity, property_
from verification.scenes.matrices import DEFICIENT, FULL_COLUMN_RANK, FULL_ROW_RANK
from verification.scenes.networks import BORDERLINE, FULL_RANK, UNDER, network_scene
from verification.scenes.obstructed import BORDERLINE_CLOSE

EXACT = network_scene([2, 1], "identity", 3, bits=3, facts=["full rank", "borderline"], suffix="-exact")
NETWORKS = (*BORDERLINE[1:], EXACT, *BORDERLINE_CLOSE)
SQUARE = tuple(
    scene for scene in FULL_ROW_RANK if scene.name in ("matrix-1x1-rank1", "matrix-3x3-rank3")
)
SCENES = (*NETWORKS, *SQUARE)
RANK_LOST = variant("rank lost at K = QN", scenes=(DEFICIENT[2], DEFICIENT[5]))
K_ABOVE = variant("K > QN, where D^T D is singular", scenes=(FULL_RANK[0], FULL_ROW_RANK[-1]))
K_BELOW = variant("K < QN, where D D^T is singular", scenes=(UNDER[0], FULL_COLUMN_RANK[-1]))
Matrix = Callable[[Point], Array]


def inverse(at: Point) -> Array:
    """D^-1, by elimination on D itself."""
    return at.inverse(at.D)


def unit(at: Point, power: int = 2) -> dict[str, Any]:
    """Return the size and kappa^power."""
    return {"size": at.size, "condition": at.kappa**power}


def unit_of_velocity(at: Point) -> dict[str, Any]:
    """Return |g| / sigma, the size of the velocity, and kappa^2 for solves with Gram matrices."""
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    return {"scale": at.arithmetic.largest(at.g) * at.arithmetic.array([1 / sigma])[0], **unit(at)}


def single(at: Point) -> Array:
    """-D^-1 (D^-T grad_theta C), (6.2)."""
    return -at.arithmetic.solve(at.D, at.arithmetic.solve(at.D.T, at.grad_theta))


def over(at: Point) -> Array:
    """-Pen[D] Pen[D]^T grad_theta C, (2.4)."""
    return -at.pen @ (at.pen.T @ at.grad_theta)


def exchanged(at: Point) -> Array:
    """-D^-T (D^-1 grad_theta C)."""
    return -at.arithmetic.solve(at.D.T, at.arithmetic.solve(at.D, at.grad_theta))


@claim(
    "chen2023/borderline/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        RANK_LOST,
        variant("transposed", scenes=NETWORKS, pen=lambda at: at.pen.T),
        variant("not inverted", scenes=NETWORKS, pen=lambda at: at.D.T),
    ],
)
def test_right_inverse_is_the_inverse(at: Point, pen: Matrix = lambda at: at.pen) -> list[Ratio]:
    found, d, one = inverse(at), at.D, at.eye(len(at.D))
    rank = pseudoinverse(d).rank
    return [
        property_(rank == len(d) == len(d.T), f"rank {rank} of a matrix of shape {d.shape}"),
        identity(d @ found, one, note="D D^-1", **unit(at)),
        identity(found @ d, one, note="D^-1 D", **unit(at)),
        identity(pen(at), found, note="Pen[D]", **unit(at)),
    ]


@claim(
    "chen2023/borderline/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        RANK_LOST,
        K_BELOW,
        variant("the factors exchanged", scenes=NETWORKS, velocity=exchanged),
        variant("one inverse only", velocity=lambda at: -at.arithmetic.solve(at.D, at.grad_theta)),
        variant("uphill", velocity=lambda at: -single(at)),
    ],
)
def test_overparametrized_velocity_takes_the_inverse(at: Point, velocity: Matrix = single) -> Ratio:
    return identity(over(at), velocity(at), **unit_of_velocity(at))


@claim(
    "chen2023/borderline/c",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        RANK_LOST,
        K_ABOVE,
        variant("the factors exchanged", scenes=NETWORKS, product=lambda found: found.T @ found),
        variant("no transpose", scenes=NETWORKS, product=lambda found: found @ found),
    ],
)
def test_inverse_of_the_gram_matrix_is_the_product_of_inverses(
    at: Point, product: Callable[[Array], Array] = lambda found: found @ found.T
) -> list[Ratio]:
    gram = at.D.T @ at.D
    return [
        identity(at.inverse(gram), product(inverse(at)), note="(6.3)", **unit(at)),
        identity(under(at), -product(inverse(at)) @ at.grad_theta, **unit_of_velocity(at)),
        identity(under(at), over(at), note="(5.2) against (2.4)", **unit_of_velocity(at)),
    ]


def orbit_of(at: Point, field: Field, times: tuple[float, ...]) -> Any:
    """Integrate to s = 4 N; the events stop controls that run to infinity."""
    return at.orbit(field, end=4.0, times=times, events=[rank_loss(at.rank, STILL_FULL), blow_up(1e3)])


@claim(
    "chen2023/borderline/c",
    scenes=(*BORDERLINE_CLOSE, EXACT),
    columns=ORBITS[1:],  # in float32 the printed inverses lose more digits than the tolerance leaves
    controls=[
        variant("the standard flow", field=standard_field),
        variant("uphill", field=lambda problem, theta: under_field(problem, theta, sign=1)),
    ],
)
def test_orbits_of_both_flows_are_the_same(at: Point, field: Field = under_field) -> Ratio:
    # Other stops and so other steps, lest the agreement be an echo.
    one, other = orbit_of(at, over_field, (1.0, 2.0)), orbit_of(at, field, (0.7, 1.0, 2.0))
    marks = [[int(np.argmin(np.abs(o.times - s * at.N))) for s in (1.0, 2.0, 4.0)] for o in (one, other)]
    scale = np.abs(one.thetas).max() * at.kappa
    return along_orbit(other.thetas[marks[1]], one.thetas[marks[0]], rtol=at.rtol, scale=scale)


@claim(
    "chen2023/borderline/d",
    scenes=NETWORKS,
    columns=ALGEBRAIC,
    controls=[
        variant("K < QN", scenes=UNDER, velocity=under),
        variant("the factors exchanged", velocity=exchanged),
        variant("the standard velocity", velocity=lambda at: -at.grad_theta),
        variant("twice the gradient", factor=2),
    ],
)
def test_outputs_move_by_minus_their_gradient(
    at: Point, velocity: Matrix = single, factor: int = 1
) -> list[Ratio]:
    moved, expected = velocity(at), -at.number(factor) * (at.x - at.y) / at.number(at.N)
    back = at.arithmetic.solve(at.D, expected) if at.D.shape[0] == at.D.shape[1] else moved
    return [
        identity(outputs_along(at, moved), expected, note="x' by differences", **unit(at)),
        identity(moved, back, note="theta' from x'", **unit_of_velocity(at)),
    ]


@claim(
    "chen2023/borderline/d",
    scenes=(*BORDERLINE_CLOSE, EXACT),
    columns=ORBITS[1:],
    controls=[
        variant("the standard flow", field=standard_field),
        variant("uphill", field=lambda problem, theta: under_field(problem, theta, sign=1)),
    ],
)
def test_outputs_solve_the_comparison_system(at: Point, field: Field = under_field) -> Ratio:
    orbit = orbit_of(at, field, ())
    outputs = orbit.outputs()
    _, states, targets = comparison_orbit(at, float(orbit.times[-1] / at.N), orbit.times)
    scale = max(np.abs(outputs[0]).max(), np.abs(targets).max())
    return along_orbit(outputs, states, rtol=at.rtol, scale=scale)
