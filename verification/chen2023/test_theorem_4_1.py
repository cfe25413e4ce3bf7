"""Theorem 4.1 and its proof: the adapted flow as a differential-algebraic system, at any rank.

With g = grad_x C and G = D D^T, the minimizers Psi of |G Psi + g| are -G^+ g + n with D^T n = 0. (4.5)
prints

    theta' = -D^T Psi = +D^+ g,     hence x' = +P g and dC/ds = +|P g|^2:

the cost grows, like e^(+2 s/N) at full rank. With theta' = +D^T Psi, as in the talk of 2024, the theorem
holds: at rank QN this is (2.4), below it x' = -P g, (4.7). The proof loses the sign in the third line of
(4.11): -G Psi is +P g, not -P g.

(4.10) is one minimizer, the shortest; under rank loss there are others, with the same D^T Psi.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import adapted_field, standard_field
from geomdl.arithmetic import Array
from geomdl.flows import Field
from geomdl.rank_deficiency import differential_algebraic_field
from verification.chen2023.adapted_fields import by_two_factors, unit_of_velocity
from verification.chen2023.equilibria import ON_THE_SIMPLEX
from verification.chen2023.orbit_laws import cost_law
from verification.chen2023.rank_loss_laws import (
    ANYWHERE,
    back,
    basic,
    complement,
    diagonalize,
    gram,
    kernel_vector,
    output_velocity_matches,
    shortest,
)
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, ORBITS
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, along_orbit, bound, identity, property_
from verification.scenes.matrices import FULL_ROW_RANK
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, RANK_LOST, SMALLEST
from verification.scenes.pieces import projector_onto_range
from verification.scenes.rank_loss import ROTATED
from verification.scenes.rank_missing import TWINS
from verification.scenes.real_data import IRIS_TWINS

DEFICIENT = (*RANK_LOST, ON_THE_SIMPLEX)
FULL = (*SMALLEST[:1], *FULL_RANK, *FULL_RANK_EXACT, *BORDERLINE, *SMALLEST[1:])
DESCENT = variant("theta' = +D^T Psi", sign=1)
END = 2.0

Vector = Callable[[Point], Array]


def unit_of_psi(at: Point, psi: Array) -> dict[str, Any]:
    """Return the size |D D^T| |Psi| + |g| of the terms, and kappa for the rest."""
    scale = at.arithmetic.largest(abs(gram(at))) * at.arithmetic.largest(abs(psi))
    scale = scale + at.arithmetic.largest(at.g)
    return {"scale": scale, "size": at.size, "condition": at.kappa}


@claim(
    "chen2023/theorem-4.1/a",
    "slides2024/rank-loss-dae/a",
    scenes=ANYWHERE,
    columns=ALGEBRAIC,
    controls=[
        variant("the sign of g", psi=lambda at: -shortest(at)),
        variant("one solve with D only", scenes=RANK_LOST[:1], psi=lambda at: -at.pinv.matrix() @ at.g),
        variant("no minimizer", psi=lambda at: shortest(at) + at.D @ at.random(at.D.shape[1])),
    ],
)
def test_minimizer_solves_the_equation_with_least_error(
    at: Point, psi: Vector = shortest
) -> list[Ratio]:
    ratios = []
    for solution in (psi(at), psi(at) + kernel_vector(at)):
        unit = unit_of_psi(at, solution)
        error = gram(at) @ solution + at.g
        # The least error is the part of g that no D D^T Psi reaches; any other Psi has a larger one.
        ratios.append(identity(error, complement(at) @ at.g, note="the error", **unit))
        other = gram(at) @ (solution + at.random(len(at.D))) + at.g
        slack = 60 * at.size * at.kappa * at.arithmetic.unit_roundoff
        limit = (other * other).sum() + at.arithmetic.array([slack])[0] ** 2 * unit["scale"] ** 2
        ratios.append(bound((error * error).sum(), limit, slack=slack, note="least"))
    return ratios


@claim(
    "chen2023/theorem-4.1/b",
    scenes=(*FULL, *FULL_ROW_RANK),
    columns=ALGEBRAIC,
    controls=[
        variant(
            "the standard velocity", scenes=FULL_RANK[:1], sign=1, adapted=lambda at: -at.grad_theta
        ),
        variant("half of it", scenes=FULL_RANK[:1], sign=1, adapted=lambda at: by_two_factors(at) / 2),
    ],
    refuted=[variant("the sign as printed", scenes=(*SMALLEST[:1], *FULL_RANK[:1]))],
    corrected=[DESCENT],
)
def test_differential_algebraic_velocity_at_full_rank_is_the_adapted_one(
    at: Point, sign: int = -1, adapted: Vector = by_two_factors
) -> Ratio:
    psi = at.arithmetic.solve(gram(at), -at.g)
    return identity(sign * (at.D.T @ psi), adapted(at), **unit_of_velocity(at))


@claim(
    "chen2023/theorem-4.1/b",
    scenes=(*FULL_RANK[:3], *SMALLEST),
    columns=ORBITS[1:],  # in float32 two solves with D lose more digits than the tolerance leaves
    controls=[
        variant("the standard flow", scenes=FULL_RANK[:1], field=lambda sign: standard_field),
        variant("rank lost", scenes=(TWINS,), sign=1),
    ],
    refuted=[variant("the sign as printed", scenes=(*SMALLEST[:1], *FULL_RANK[:1]))],
    corrected=[DESCENT],
)
def test_cost_of_the_differential_algebraic_flow_decays_at_rate_two_over_N(
    at: Point,
    sign: int = -1,
    field: Callable[[int], Field] = lambda sign: differential_algebraic_field(sign=sign),
) -> Ratio:
    return cost_law(at, at.orbit(field(sign), end=END))


@claim(
    "chen2023/theorem-4.1/c",
    scenes=(*DEFICIENT, TWINS),
    columns=ALGEBRAIC,
    controls=[
        variant("the standard velocity", sign=1, velocity=lambda at: -at.grad_theta),
        variant("without P", sign=1, projector=lambda at: at.eye(len(at.D))),
        variant("the complement", sign=1, projector=complement),
    ],
    refuted=[variant("the sign as printed", scenes=(*DEFICIENT, TWINS))],
    corrected=[DESCENT],
)
def test_outputs_of_the_differential_algebraic_flow_follow_the_projected_gradient(
    at: Point,
    sign: int = -1,
    velocity: Vector | None = None,
    projector: Vector = projector_onto_range,
) -> list[Ratio]:
    theta_dot = sign * (at.D.T @ shortest(at)) if velocity is None else velocity(at)
    return [
        property_(at.rank < len(at.D), "rank lost"),
        output_velocity_matches(at, theta_dot, -(projector(at) @ at.g)),
    ]


@claim(
    "chen2023/theorem-4.1/c",
    scenes=(TWINS, IRIS_TWINS),
    columns=ORBITS[1:],
    controls=[
        variant("without P", scenes=(TWINS,), sign=1, constrained=False),
        variant("the standard flow", scenes=(TWINS,), field=lambda sign, rank: standard_field),
    ],
    refuted=[variant("the sign as printed", scenes=(TWINS,))],
    corrected=[DESCENT],
)
def test_outputs_relax_inside_the_range_where_the_projector_is_constant(
    at: Point,
    sign: int = -1,
    constrained: bool = True,
    field: Callable[[int, int], Field] = lambda sign, rank: differential_algebraic_field(
        sign=sign, rank=rank
    ),
) -> list[Ratio]:
    # A duplicated input: P averages over the two samples, for every theta. Then (4.7) is solved by
    # x - y = e^(-s/N) P (x_0 - y) + (1 - P)(x_0 - y).
    orbit = at.orbit(field(sign, at.rank), end=END)
    outputs, targets = orbit.outputs(), at.arithmetic.to_float64(at.y)
    p = at.arithmetic.to_float64(projector_onto_range(at)) if constrained else np.eye(len(targets))
    inside = p @ (outputs[0] - targets)
    law = outputs[0] + np.expm1(-orbit.times / at.N)[:, None] * inside
    costs = orbit.costs()
    return [
        along_orbit(
            outputs, law, rtol=at.rtol, scale=max(np.abs(outputs[0]).max(), np.abs(targets).max())
        ),
        property_(bool(np.all(np.diff(costs) < 0)), "the cost decreases"),
    ]


@claim(
    "chen2023/theorem-4.1-proof/a",
    scenes=(*ROTATED, *RANK_LOST, ON_THE_SIMPLEX),
    columns=ALGEBRAIC,
    controls=[
        variant("without the last term", last=0),
        variant("the last term with D D^T Psi", beside=1, scenes=RANK_LOST),
        variant("P twice", scenes=RANK_LOST, second=projector_onto_range),
    ],
)
def test_error_splits_into_a_part_in_the_range_and_one_across(
    at: Point, last: int = 1, beside: int = 0, second: Vector = complement
) -> Ratio:
    image, p = gram(at) @ at.random(len(at.D)), projector_onto_range(at)
    left, inside = image + at.g, p @ image + p @ at.g
    outside = second(at) @ at.g + beside * image
    right = (inside * inside).sum() + last * (outside * outside).sum()
    scale = (at.arithmetic.largest(abs(image)) + at.arithmetic.largest(at.g)) ** 2 * len(at.g)
    return identity((left * left).sum(), right, scale=scale, size=at.size, condition=at.kappa)


@claim(
    "chen2023/theorem-4.1-proof/b",
    scenes=(*ROTATED, *RANK_LOST, ON_THE_SIMPLEX),
    columns=ALGEBRAIC,
    controls=[
        variant("the sign of g", psi=lambda at: -shortest(at)),
        variant("no solution of (4.9)", psi=lambda at: shortest(at) + at.D @ at.random(at.D.shape[1])),
        variant("the complement", projector=complement),
    ],
)
def test_minimum_is_reached_by_the_solutions_of_the_normal_equation(
    at: Point, psi: Vector = basic, projector: Vector = projector_onto_range
) -> list[Ratio]:
    p, g, matrix = projector(at), at.g, gram(at)
    solution = psi(at)
    unit = unit_of_psi(at, solution)
    unit["condition"] = at.kappa**2
    of_gram = {"scale": at.arithmetic.largest(abs(matrix)), "size": at.size, "condition": at.kappa}
    # Off a solution by phi, the squared error is larger by |D D^T phi|^2.
    phi = at.random(len(g))
    off, moved = matrix @ (solution + phi) + g, matrix @ phi
    least = complement(at) @ g
    excess = {**unit, "scale": (unit["scale"] + at.arithmetic.largest(abs(moved))) ** 2 * len(g)}
    return [
        identity(p @ matrix, matrix, note="P D D^T = D D^T", **of_gram),
        identity(matrix @ p, matrix, note="D D^T P = D D^T", **of_gram),
        identity(p @ matrix @ p @ solution, -(p @ g), note="(4.9)", **unit),
        identity(
            (off * off).sum(),
            (least * least).sum() + (moved * moved).sum(),
            note="the minimum",
            **excess,
        ),
    ]


@claim(
    "chen2023/theorem-4.1-proof/c",
    scenes=(ROTATED[0], *RANK_LOST, *ROTATED[1:]),
    columns=ALGEBRAIC,
    controls=[
        variant("the sign of g", scenes=(ROTATED[0], RANK_LOST[0]), sign=1),
        variant("D D^T not inverted", scenes=(ROTATED[0], RANK_LOST[0]), inverse=gram),
    ],
    refuted=[variant("any minimizer", scenes=(ROTATED[0], *RANK_LOST), choose=lambda p, psi: psi)],
)
def test_shortest_minimizer_is_the_projected_gradient_divided_by_the_gram_matrix(
    at: Point,
    sign: int = -1,
    choose: Callable[[Array, Array], Array] = lambda p, psi: p @ psi,
    inverse: Vector | None = None,
) -> Ratio:
    found = diagonalize(at)
    p = back(found.rotation, found.support)
    inner = back(found.rotation, found.inverse) if inverse is None else inverse(at)
    psi = basic(at)
    scale = at.arithmetic.largest(psi) + at.arithmetic.largest(shortest(at))
    return identity(
        choose(p, psi), sign * (inner @ (p @ at.g)), scale=scale, size=at.size, condition=at.kappa**2
    )


@claim(
    "chen2023/theorem-4.1-proof/d",
    scenes=(*DEFICIENT, TWINS),
    columns=ALGEBRAIC,
    controls=[
        variant("without the inverse", sign=1, inverse=lambda at: projector_onto_range(at)),
        variant("the complement", sign=1, projector=complement),
    ],
    refuted=[variant("the sign as printed", scenes=(*DEFICIENT, TWINS))],
    corrected=[DESCENT],
)
def test_chain_from_the_velocity_of_the_outputs_to_the_projected_gradient(
    at: Point, sign: int = -1, inverse: Vector | None = None, projector: Vector = projector_onto_range
) -> list[Ratio]:
    p, g, psi, factor = projector(at), at.g, shortest(at), at.pinv.matrix()
    theta_dot, matrix = sign * (at.D.T @ psi), gram(at)
    inner = factor.T @ factor if inverse is None else inverse(at)
    second, third, last = sign * (matrix @ psi), -(p @ matrix @ p) @ (inner @ (p @ g)), -(p @ g)
    unit = unit_of_psi(at, psi)
    return [
        output_velocity_matches(at, theta_dot, second),
        identity(second, third, note="third line", **unit),
        identity(third, last, note="last line", **unit),
    ]


@claim(
    "chen2023/theorem-4.1-proof/d",
    scenes=(TWINS, *RANK_LOST, *FULL_RANK[:2], IRIS_TWINS),
    columns=ORBITS[1:],
    controls=[variant("the standard field", scenes=(TWINS,), sign=1, other=standard_field)],
    refuted=[variant("the sign as printed", scenes=(TWINS, *RANK_LOST))],
    corrected=[DESCENT],
)
def test_orbits_with_the_sign_of_descent_are_those_of_the_adapted_flow(
    at: Point, sign: int = -1, other: Field | None = None
) -> Ratio:
    found = at.orbit(differential_algebraic_field(sign=sign, rank=at.rank), end=0.5, times=(0.2,))
    adapted = at.orbit(adapted_field(rank=at.rank) if other is None else other, end=0.5)
    size = np.abs(adapted.thetas).max()
    return along_orbit(found.end, adapted.end, rtol=at.rtol, scale=size)
