"""Section 1.4.2: the map theta -> x[theta] from R^K to R^(QN), K < QN, called an embedding.

As printed, it is none: with a hidden layer it is never injective, whatever the activation and the data,
because a unit with no outgoing weight may have any incoming ones. There it is no immersion either.
Besides, tanh units may be turned, (w, b, v) -> (-w, -b, -v), and units of one layer exchanged. The
smallest counterexample is one tanh unit, K = 4, QN = 5.

What is true, and all that section 5 uses: near each theta at which D has rank K. There
|x' - x''| >= |theta' - theta''| / (2 |D^+|) for theta', theta'' close to theta, which makes x injective
with continuous inverse, and the inverse is computed by the method of Gauss and Newton. On all of R^K the
inequality holds for networks without hidden layer whose inputs span (rank [X, 1] = M + 1).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from geomdl.arithmetic import Array
from geomdl.output_manifold import recover_parameters
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, MP50, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity
from verification.scenes.networks import UNDER, network_scene
from verification.scenes.underparametrized import AFFINE, TWO_CLASSES, WITHOUT_RANK

ONE_UNIT = network_scene([1, 1, 1], "tanh", 5, facts=["under", "injective"])
SCENES = (ONE_UNIT, *UNDER)
Pair = Callable[[Point], tuple[Array, Array]]


def radius(at: Point) -> Any:
    """Return a power of two, small against the distance over which D changes by sigma_K."""
    return at.number(1, 2 ** (7 + int(np.ceil(np.log2(at.kappa)))))


def nearby(at: Point) -> tuple[Array, Array]:
    """Draw two points close to theta."""
    step = radius(at) * at.number(1, 4)
    return tuple(at.theta + step * at.random(len(at.theta)) for _ in range(2))


def anywhere(at: Point) -> tuple[Array, Array]:
    """Draw two points of R^K."""
    return at.random(len(at.theta)), at.random(len(at.theta))


def turned(at: Point) -> tuple[Array, Array]:
    """Turn the signs of all weights and the bias of one tanh unit."""
    (w, b), (v, c) = at.problem.network.layers(at.theta)
    sign = at.arithmetic.array([-1.0] + [1.0] * (len(b) - 1))
    return at.theta, at.problem.network.flatten([(sign[:, None] * w, sign * b), (v * sign, c)])


def exchanged(at: Point) -> tuple[Array, Array]:
    """Exchange two units."""
    (w, b), (v, c) = at.problem.network.layers(at.theta)
    return at.theta, at.problem.network.flatten([(w[::-1], b[::-1]), (v[:, ::-1], c)])


def without_outgoing_weights(at: Point) -> tuple[Array, Array]:
    """Move the bias of the hidden layer where the output layer has zero weights."""
    (w, b), (v, c) = at.problem.network.layers(at.theta)
    moved = [at.problem.network.flatten([(w, bias), (0 * v, c)]) for bias in (b, b + at.number(1))]
    return moved[0], moved[1]


def scaled(at: Point) -> tuple[Array, Array]:
    """Move a factor from what enters the units to what leaves them: a homogeneous activation."""
    (w, b), (v, c) = at.problem.network.layers(at.theta)
    factor = 1 + at.number(1, 2**12)
    return at.theta, at.problem.network.flatten([(factor * w, factor * b), (v / factor, c)])


@claim(
    "chen2023/under-embedding/a",
    scenes=SCENES,
    columns=(FLOAT64, MP50, RATIONAL),
    controls=[variant("rank below K: a factor moved", scenes=WITHOUT_RANK[:1], pair=scaled)],
    refuted=[
        variant("no outgoing weights", scenes=SCENES, pair=without_outgoing_weights),
        variant("a tanh unit turned", scenes=SCENES, pair=turned),
        variant("two units exchanged", scenes=UNDER[2:], pair=exchanged),
    ],
    corrected=[
        variant("near a point of rank K", scenes=(*SCENES, TWO_CLASSES), pair=nearby),
        variant("no hidden layer", scenes=AFFINE, pair=anywhere),
    ],
)
def test_parameters_are_no_farther_apart_than_their_outputs(at: Point, pair: Pair = anywhere) -> Ratio:
    one, other = pair(at)
    gap, moved = one - other, at.problem.stacked(one) - at.problem.stacked(other)
    # |theta' - theta''|^2 <= 4 |D^+|^2 |x' - x''|^2, and |D^+|^2 is at most tr (D^T D)^+.
    inverse = at.pinv.matrix()
    limit = 4 * (inverse * inverse).sum() * (moved * moved).sum()
    return bound((gap * gap).sum(), limit, note="squared distance of parameters")


def outputs_off_the_image(at: Point, theta: Array) -> Array:
    """Move the outputs once more, at random: off the image, as far as along it."""
    x, noise = at.problem.stacked(theta), at.random(len(at.x))
    return x + at.arithmetic.largest(x - at.x) * noise


def one_step(at: Point, outputs: Array) -> Array:
    """Return theta + D^+ (z - x): the inverse to first order."""
    return at.theta + at.pinv.apply(outputs - at.x)


def by_gauss_newton(at: Point, outputs: Array) -> Array:
    """Return the parameters near theta with these outputs."""
    return recover_parameters(at.at_theta, outputs, rank=at.rank).theta


@claim(
    "chen2023/under-embedding/a",
    scenes=(*SCENES, TWO_CLASSES, AFFINE[1]),
    columns=POINTWISE,
    controls=[
        variant("outputs off the image", given=outputs_off_the_image),
        variant("to first order only", columns=(MP50,), inverse=one_step),
        variant("rank below K", scenes=WITHOUT_RANK),
    ],
    refuted=[variant("a tanh unit turned", scenes=SCENES, pair=turned)],
    corrected=[variant("near a point of rank K", pair=nearby)],
)
def test_parameters_are_recovered_from_their_outputs(
    at: Point,
    pair: Pair = nearby,
    given: Callable[[Point, Array], Array] = lambda at, theta: at.problem.stacked(theta),
    inverse: Callable[[Point, Array], Array] = by_gauss_newton,
) -> Ratio:
    _, theta = pair(at)
    found = inverse(at, given(at, theta))
    # An output is rounded to |x| roundoffs, and sigma_K parameters away from the truth.
    sigma = np.linalg.norm(at.arithmetic.to_float64(at.D), 2) / at.kappa
    reach = at.arithmetic.largest(at.x) / at.arithmetic.array([sigma])[0]
    scale = max(at.arithmetic.largest(at.theta), reach)
    return identity(found, theta, scale=scale, size=at.size)
