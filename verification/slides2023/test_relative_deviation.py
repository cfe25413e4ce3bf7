"""delta_P, the largest relative deviation, of which the upper bounds of the cost are made.

It is the largest distance |kappa - e_j| of barycentric coordinates from the corner of their class. It
grows with the noise and falls with the signal: it is the inverse of a signal to noise ratio.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.truncation import barycentric_coordinates
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity
from verification.scenes.clusters import CLUSTERED, LOOSE, TRUNCATING, class_means
from verification.slides2023.deviation_norms import (
    SCENES,
    behind_truncations,
    condition,
    largest_deviation_squared,
)


def of_the_truncated(at: Point, points: Array) -> Array:
    """Return the truncated class means."""
    return at.problem.data.class_averages(points)


@claim(
    "slides2024/cost-upper-bound/c",
    scenes=(*SCENES[:6], *TRUNCATING[1:]),
    columns=ALGEBRAIC,
    controls=[
        variant(
            "means of the inputs",
            scenes=CLUSTERED[1:2],
            means=lambda at, points: class_means(at.problem.data),
        ),
        variant("transposed", scenes=[LOOSE], means=lambda at, points: of_the_truncated(at, points).T),
        variant("coordinates of another corner", turn=1),
    ],
)
def test_relative_deviation_is_the_distance_of_coordinates_from_the_corner_of_the_class(
    at: Point, means: Callable[[Point, Array], Array] = of_the_truncated, turn: int = 0
) -> list[Ratio]:
    data, ratios = at.problem.data, []
    for points in behind_truncations(at):
        # delta_P as printed, with the inverse formed, against kappa - e_j with kappa solved for.
        inverse = at.inverse(of_the_truncated(at, points).T)
        printed = data.class_deviations(points) @ inverse.T
        corners = means(at, points)
        kappa = barycentric_coordinates(corners, points)
        from_corner = kappa - np.roll(at.eye(len(corners)), turn, axis=0)[data.labels]
        unit: dict[str, Any] = {"size": len(corners), "condition": condition(at, points)}
        scale = at.number(1) + at.arithmetic.largest(kappa)
        ratios += [
            identity(printed, from_corner, scale=scale, note="T^-1 Delta t = kappa - e_j", **unit),
            identity(
                (printed**2).sum(axis=1).max(),
                (from_corner**2).sum(axis=1).max(),
                scale=scale**2,
                note="delta_P^2",
                **unit,
            ),
        ]
    return ratios


@claim(
    "slides2023/cost-upper-bound/d",
    scenes=(*SCENES[:6], *TRUNCATING[1:]),
    columns=ALGEBRAIC,
    controls=[
        variant("grows with the signal", exponents=(-1, 1)),
        variant("does not see the signal", exponents=(1, 0)),
        variant("deviations not divided by class means", divided=False),
    ],
)
def test_largest_relative_deviation_is_noise_divided_by_signal(
    at: Point, exponents: tuple[int, int] = (1, -1), divided: bool = True
) -> list[Ratio]:
    data, ratios = at.problem.data, []
    mixing = at.eye(len(data.targets)) * 3 + at.arithmetic.array(np.tri(len(data.targets), k=-1))
    for points in behind_truncations(at):
        signal, noise = data.class_averages(points)[data.labels], data.class_deviations(points)
        delta = largest_deviation_squared(at, points)
        for more_noise, more_signal in ((4, 1), (1, 2), (3, 3)):
            rescaled = more_signal * signal + more_noise * noise
            if divided:
                found = largest_deviation_squared(at, rescaled @ mixing.T)
            else:
                found = ((more_noise * noise) ** 2).sum(axis=1).max()
            factor = at.number(more_noise) ** exponents[0] * at.number(more_signal) ** exponents[1]
            limit = condition(at, points) * condition(at, points @ mixing.T)
            scale = (at.number(1) + found) * 4
            ratios.append(
                identity(found, factor**2 * delta, scale=scale, size=len(mixing), condition=limit)
            )
    return ratios
