"""Section 4.1, (4.1)-(4.3): D D^T = R^T Lambda R where rank is lost, and the projector onto its range.

Pure linear algebra at each theta, and true there: with P_Lambda the 0-1 matrix of the support of Lambda,
P = R^T P_Lambda R is the orthogonal projector onto the range of D D^T, which is that of D. On it,
D D^T = P D D^T P has the inverse R^T Lambda^-1 R (the tilde of (4.3) is explained nowhere: it is read as
the generalized inverse). "Effectively underparametrized": r = rank D columns V of D have the same range,
and with the r parameters that belong to them the formula (5.3) of the underparametrized case,
V (V^T V)^-1 V^T, gives the same projector.

R comes from singular vectors of D, or it is a known rational rotation (scenes ``ROTATED``), which makes
everything exact. R can be chosen for each theta; it cannot be chosen continuously on all of U': around
W = 0 in 1-1-2 with a duplicated input, an eigenvector turns once as W does.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl import Dataset, Network, Problem, pseudoinverse
from geomdl.arithmetic import Array
from geomdl.critical_points import independent_columns
from verification.chen2023.rank_loss_laws import back, diagonalize
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT32, FLOAT64, RATIONAL
from verification.machinery.points import Point, Scene
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.networks import FULL_RANK, RANK_LOST
from verification.scenes.pieces import moore_penrose
from verification.scenes.rank_loss import ROTATED, ROTATED_FULL

SCENES = (ROTATED[0], *RANK_LOST, *ROTATED[1:])
NOT_ZERO = (ROTATED[0], RANK_LOST[0])
NO_RANK_LOST = variant("full rank", scenes=(ROTATED_FULL, FULL_RANK[0]))


def rotated_projector(at: Point) -> Array:
    """Return P of (4.2), R^T times the diagonal projector times R."""
    found = diagonalize(at)
    return back(found.rotation, found.support)


def size_of_gram(at: Point) -> dict[str, Any]:
    """Return the unit of quantities of the size of D D^T."""
    scale = at.arithmetic.largest(abs(at.D) @ abs(at.D).T)
    return {"scale": scale, "size": at.size}


@claim(
    "chen2023/rank-loss-projector/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        NO_RANK_LOST,
        variant("one parameter fewer", scenes=NOT_ZERO, fewer=1),
        variant(
            "the complement",
            scenes=NOT_ZERO,
            projector=lambda at: at.eye(len(at.D)) - rotated_projector(at),
        ),
    ],
)
def test_outputs_move_as_if_there_were_r_parameters(
    at: Point, fewer: int = 0, projector: Callable[[Point], Array] = rotated_projector
) -> list[Ratio]:
    rows = len(at.D)
    lost = property_(at.rank < rows, f"rank {at.rank} below QN = {rows}")
    if at.rank == 0:
        return [lost, identity(at.D, 0 * at.D, scale=at.number(1), note="no parameter moves anything")]
    v = at.D[:, independent_columns(at.D, at.rank)[fewer:]]
    underparametrized = v @ at.arithmetic.solve(v.T @ v, v.T)
    condition = at.kappa if at.arithmetic.exact else pseudoinverse(v).condition
    # Every velocity D theta' is a combination of the r columns.
    velocity = at.D @ at.random(at.D.shape[1])
    unit: dict[str, Any] = {"size": at.size, "condition": max(condition, at.kappa) ** 2}
    return [
        lost,
        identity(underparametrized, projector(at), note="(5.3)", **unit),
        identity(underparametrized @ velocity, velocity, note="velocities", **unit),
    ]


@claim(
    "chen2023/rank-loss-projector/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("R and its transpose exchanged", scenes=NOT_ZERO, back=lambda r, v: back(r.T, v)),
        variant("Lambda once more", scenes=NOT_ZERO, back=lambda r, v: back(r, v * v)),
        variant("no rotation", scenes=NOT_ZERO, back=lambda r, v: back(0 * r + np.eye(len(r)), v)),
    ],
)
def test_gram_matrix_is_diagonalized_by_a_rotation(
    at: Point, back: Callable[[Array, Array], Array] = back
) -> list[Ratio]:
    found, unit = diagonalize(at), size_of_gram(at)
    rotation = at.arithmetic.to_float64(found.rotation)
    noise = 30 * at.size * at.arithmetic.unit_roundoff * float(unit["scale"])
    return [
        identity(at.D @ at.D.T, back(found.rotation, found.values), note="(4.1)", **unit),
        identity(found.rotation @ found.rotation.T, at.eye(len(at.D)), size=at.size, note="orthogonal"),
        property_(bool(np.linalg.det(rotation) > 0.5), "det R = 1"),
        bound(-min(found.values), noise, note="Lambda is positive semi-definite"),
    ]


def _twins_of_one_unit(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    network = Network([1, 1, 2], "tanh")
    inputs = np.full((2, 1), generator.standard_normal())
    data = Dataset.regression(inputs, generator.standard_normal((2, 2)))
    return Problem(network, data), network.random_theta(generator)


TWINS_OF_ONE_UNIT = Scene(
    "1-1-2-tanh-N2-twins", _twins_of_one_unit, frozenset({"rank lost", "over"})
)  # rank 2 < QN = 4 for every theta


@claim(
    "chen2023/rank-loss-projector/b",
    scenes=[TWINS_OF_ONE_UNIT],
    columns=(FLOAT64,),
    controls=[variant("a circle beside W = 0", center=(3.0, 0.0))],
    evidence=True,
)
def test_no_choice_of_R_is_continuous_on_all_of_U(
    at: Point, center: tuple[float, float] = (0.0, 0.0)
) -> list[Ratio]:
    # A row of a continuous R would turn as often around every circle of W, around small ones not at all.
    ratios = []
    for radius in (1.0, 2.0**-6, 2.0**-12):
        directions, jacobians = [], []
        for angle in np.linspace(0, 2 * np.pi, 33):
            theta = at.theta.copy()
            theta[2:4] = np.array(center) + radius * np.array([np.cos(angle), np.sin(angle)])
            jacobians.append(at.problem.linearize(theta).jacobian())
            row = np.linalg.svd(jacobians[-1])[0][:, 0]
            directions.append(complex(row[0] + row[2], row[1] + row[3]))
        line = np.array(directions) ** 2  # rows are continuous up to sign
        turns = np.angle(line[1:] / line[:-1]).sum() / (4 * np.pi)
        lost = max(np.linalg.matrix_rank(jacobian) for jacobian in jacobians) < len(at.D)
        ratios += [
            property_(abs(turns - 1) < 0.01, f"{turns:.3f} turns at radius {radius}"),
            property_(bool(lost), "rank lost all the way"),
        ]
    return ratios


@claim(
    "chen2023/rank-loss-projector/c",
    scenes=SCENES,
    columns=(FLOAT32, FLOAT64, RATIONAL),
    controls=[
        variant("not inverted", scenes=NOT_ZERO, inverse=lambda at, matrix: matrix),
        variant(
            "regularized instead of generalized",
            scenes=NOT_ZERO,
            inverse=lambda at, matrix: at.inverse(matrix + at.eye(len(matrix))),
        ),
    ],
)
def test_product_with_the_generalized_inverse_is_the_diagonal_projector(
    at: Point, inverse: Callable[[Point, Array], Array] = moore_penrose
) -> list[Ratio]:
    found = diagonalize(at)
    matrix, projector = at.arithmetic.diagonal(found.values), at.arithmetic.diagonal(found.support)
    generalized = inverse(at, matrix)
    unit: dict[str, Any] = {"size": at.size, "condition": at.kappa**2}
    return [
        identity(matrix @ generalized, projector, note="from the left", **unit),
        identity(generalized @ matrix, projector, note="from the right", **unit),
        identity(projector @ matrix, matrix, note="ones where Lambda is not zero", **size_of_gram(at)),
    ]


@claim(
    "chen2023/rank-loss-projector/d",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("R and its transpose exchanged", scenes=NOT_ZERO, back=lambda r, v: back(r.T, v)),
        variant("the complement", scenes=NOT_ZERO, back=lambda r, v: back(r, 1 - v)),
        variant(
            "Lambda normalized by its trace",
            scenes=NOT_ZERO,
            back=lambda r, v: back(r, v / (2 * v.sum())),
        ),
    ],
)
def test_projector_is_the_orthogonal_one_onto_the_range_of_the_gram_matrix(
    at: Point, back: Callable[[Array, Array], Array] = back
) -> list[Ratio]:
    found, gram = diagonalize(at), at.D @ at.D.T
    p, unit = back(found.rotation, found.support), {"size": at.size}
    # Symmetric, idempotent, the identity on the range, and of no larger trace: there is one such matrix.
    return [
        identity(p @ p, p, note="P P = P", **unit),
        identity(p.T, p, note="P^T = P", **unit),
        identity(p @ gram, gram, note="the identity on the range", **size_of_gram(at)),
        identity(p.trace(), at.number(pseudoinverse(at.D).rank), note="the rank of D D^T", **unit),
    ]


@claim(
    "chen2023/rank-loss-projector/e",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("vectors outside of the range", scenes=NOT_ZERO, choose=lambda p, v: v),
        variant(
            "the complement",
            scenes=NOT_ZERO,
            projector=lambda at: at.eye(len(at.D)) - rotated_projector(at),
        ),
    ],
)
def test_gram_matrix_has_full_rank_on_the_range_of_the_projector(
    at: Point,
    choose: Callable[[Array, Array], Array] = lambda p, v: p @ v,
    projector: Callable[[Point], Array] = rotated_projector,
) -> list[Ratio]:
    p, gram, v = projector(at), at.D @ at.D.T, at.random(len(at.D))
    inside = choose(p, v)
    # v is recovered from D D^T v by two solves with D: nothing of the range is lost.
    inverse = pseudoinverse(at.D, rank=at.rank).matrix()
    recovered = inverse.T @ (inverse @ (gram @ inside))
    return [
        identity(p @ gram @ p, gram, note="D D^T = P D D^T P", **size_of_gram(at)),
        identity(recovered, inside, scale=at.arithmetic.largest(v), size=at.size, condition=at.kappa**2),
    ]


@claim(
    "chen2023/rank-loss-projector/f",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("R and its transpose exchanged", scenes=NOT_ZERO, back=lambda r, v: back(r.T, v)),
        variant("Lambda itself", scenes=NOT_ZERO, back=lambda r, v: back(r, 1 / (v + 1))),
        variant("no restriction to the range", scenes=NOT_ZERO, restrict=lambda p, v: v),
    ],
)
def test_inverse_on_the_range_is_the_rotated_generalized_inverse(
    at: Point,
    back: Callable[[Array, Array], Array] = back,
    restrict: Callable[[Array, Array], Array] = lambda p, v: p @ v,
) -> list[Ratio]:
    found, p, gram = diagonalize(at), rotated_projector(at), at.D @ at.D.T
    inverse, inner = back(found.rotation, found.inverse), p @ gram @ p
    v = restrict(p, at.random(len(at.D)))
    unit = {"scale": at.number(2), "size": at.size, "condition": at.kappa**2}
    factor = pseudoinverse(at.D, rank=at.rank).matrix()
    return [
        identity(inner @ (inverse @ v), v, note="from the right", **unit),
        identity(inverse @ (inner @ v), v, note="from the left", **unit),
        identity(inverse, factor.T @ factor, size=at.size, condition=at.kappa, note="(D D^T)^+"),
    ]
