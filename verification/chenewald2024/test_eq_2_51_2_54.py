"""(2.51)-(2.54): the segment from x_0 to y, and the logarithmic change of time.

x^(t) = y + (1 - t)(x_0 - y) = (1 - t) x_0 + t y divides the segment in the ratio t : 1 - t. The maps
t = 1 - e^(-s/N) and s = -N ln(1 - t) are inverse to each other, increasing, and take 0 to 0; t stays
below 1 and comes closer than any eps > 0 from s = N ln(1/eps) on, which makes them onto.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, POINTWISE
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.critical_exact import MINIMUM
from verification.scenes.networks import BORDERLINE, FULL_RANK, FULL_RANK_EXACT, SMALLEST, UNDER

SCENES = (*FULL_RANK, *UNDER[:1], *BORDERLINE, *SMALLEST)

Map = Callable[[Point, Array], Array]


def logarithm(at: Point, z: Array) -> Array:
    """Return ln z entrywise; independent of the arithmetic's exponential function."""
    context = getattr(at.arithmetic, "context", np)
    with np.errstate(divide="ignore"):  # controls ask for ln 0
        return at.arithmetic.array([context.log(value) for value in z])


def to_t(at: Point, s: Array) -> Array:
    """Return t = 1 - e^(-s/N), (2.52)."""
    return 1 - at.arithmetic.exp(-s / at.number(at.N))


def to_s(at: Point, t: Array) -> Array:
    """Return s = -N ln(1 - t), (2.53)."""
    return -at.number(at.N) * logarithm(at, 1 - t)


@claim(
    "chenewald2024/eq-2.51-2.54/a",
    scenes=SCENES,
    columns=POINTWISE,
    controls=[
        variant("s = -ln(1 - t)", scenes=FULL_RANK[:2], time=lambda at, t: -logarithm(at, 1 - t)),
        variant("s = N ln(1 - t)", scenes=FULL_RANK[:2], time=lambda at, t: -to_s(at, t)),
        variant("s = -N ln t", scenes=FULL_RANK[:2], time=lambda at, t: to_s(at, 1 - t)),
        variant("t = 1 - e^(-s)", scenes=FULL_RANK[:2], fraction=lambda at, s: to_t(at, s * at.N)),
        variant("t = e^(-s/N)", scenes=FULL_RANK[:2], fraction=lambda at, s: 1 - to_t(at, s)),
    ],
)
def test_the_two_times_are_inverse_to_each_other(
    at: Point, fraction: Map = to_t, time: Map = to_s
) -> list[Ratio]:
    n, u = at.number(at.N), at.arithmetic.unit_roundoff
    t = at.arithmetic.array(np.arange(64) / 64)
    # Above s = N ln(1/u) no digit of 1 - t is left; s loses e^(s/N) roundoffs on the way there.
    s = n * at.arithmetic.array(np.linspace(0.0, 0.9, 64) * -np.log(u))
    loss = at.arithmetic.exp(s / n) * n
    there, back = fraction(at, s), time(at, t)
    eps = at.arithmetic.array(2.0 ** -np.arange(1, 20))
    late = fraction(at, n * logarithm(at, 2 / eps))
    return [
        identity(fraction(at, back), t, scale=at.number(1), note="s, then t"),
        identity(time(at, there) / loss, s / loss, scale=at.number(1), note="t, then s"),
        property_(fraction(at, s[:1])[0] == 0 and time(at, t[:1])[0] == 0, "0 goes to 0"),
        property_(bool(np.all((there >= 0) & (there < 1))), "t lies in [0, 1)"),
        property_(bool(np.all(there[1:] > there[:-1])), "t increases with s"),
        property_(bool(np.all(back[1:] > back[:-1]) and back[-1] > 0), "s increases with t"),
        property_(bool(np.all((late > 1 - eps) & (late < 1))), "t tends to 1"),
    ]


def segment(t: Any, start: Array, y: Array) -> Array:
    """Return (2.51), y + (1 - t)(x_0 - y)."""
    return y + (1 - t) * (start - y)


@claim(
    "chenewald2024/eq-2.51-2.54/b",
    scenes=(*SCENES, *FULL_RANK_EXACT, MINIMUM),
    columns=ALGEBRAIC,
    controls=[
        variant(
            "run through backwards", scenes=FULL_RANK[:2], path=lambda t, x, y: segment(1 - t, x, y)
        ),
        variant(
            "minus t y, as in (2.59)", scenes=FULL_RANK[:2], path=lambda t, x, y: (1 - t) * x - t * y
        ),
        variant(
            "a parabola", scenes=FULL_RANK[:2], path=lambda t, x, y: segment(t, x, y) + t * (1 - t) * x
        ),
    ],
)
def test_linear_interpolation_runs_along_the_segment(
    at: Point, path: Callable[[Any, Array, Array], Array] = segment
) -> list[Ratio]:
    x, y, one = at.x, at.y, at.number(1)
    whole = ((y - x) ** 2).sum()
    scale = at.arithmetic.largest(x) + at.arithmetic.largest(y)
    unit = {"scale": scale, "note": "ends"}
    ratios = [identity(path(0 * one, x, y), x, **unit), identity(path(one, x, y), y, **unit)]
    for t in (at.number(k, 7) for k in range(1, 7)):
        point = path(t, x, y)
        done, left = ((point - x) ** 2).sum(), ((point - y) ** 2).sum()
        ratios += [
            identity(point, (1 - t) * x + t * y, scale=scale, note="convex combination"),
            identity(done, t**2 * whole, scale=scale**2, size=len(x), note="|x^ - x_0| = t |y - x_0|"),
            identity(left, (1 - t) ** 2 * whole, scale=scale**2, size=len(x), note="what is left"),
        ]
    return ratios
