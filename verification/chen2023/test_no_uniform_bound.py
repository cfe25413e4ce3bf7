"""Section 3.1, (3.2)-(3.3): D D^T has no positive lower bound that is uniform in theta.

With a hidden layer and at least two samples this is true at once: where all weights vanish, all outputs
are the output bias, equal for all samples, and D D^T has rank Q < QN. So the infimum (3.3) is 0, it is
attained, and "D D^T > 0" cannot be true at all theta; restricted to theta of full rank it is 0 as
well, along scaled parameters t theta, t -> 0, and along hidden biases that saturate the units.

Two kinds of networks with K > QN do have a uniform bound, although nothing in the text excludes them:
without a hidden layer D is constant, D D^T = (X X^T + 1 1^T) (x) 1_Q; and for one sample, N = 1, the
output biases alone give D D^T >= 1, at any depth.
"""

import math
from collections.abc import Callable

from geomdl import pseudoinverse
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC, FLOAT64, MP30, MP50, MP100
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, property_
from verification.scenes.brackets import AFFINE
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, SMALLEST, network_scene

ONE_SAMPLE = network_scene([2, 3, 2], "square", 1, bits=3, facts=["full rank", "over"])
BOUNDED = (*SMALLEST[1:], ONE_SAMPLE, AFFINE)
SCENES = (*FULL_RANK, *FULL_RANK_EXACT)
WITH_DIGITS_TO_SPARE = (FLOAT64, MP30, MP50, MP100)
"""An eigenvalue that is small and positive cannot be shown in float32."""

Move = Callable[[Point], Array]


def without_weights(at: Point) -> Array:
    """Set all weights to zero and keep the biases."""
    network = at.problem.network
    return network.flatten([(0 * weight, bias) for weight, bias in network.layers(at.theta)])


def without_outgoing_weights(at: Point) -> Array:
    """Set the weights of the output layer to zero."""
    network = at.problem.network
    *hidden, (weight, bias) = network.layers(at.theta)
    return network.flatten([*hidden, (0 * weight, bias)])


@claim(
    "chen2023/no-uniform-bound/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("theta of the scene", move=lambda at: at.theta),
        variant("only the output layer without weights", move=without_outgoing_weights),
    ],
    refuted=[variant("one sample, or no hidden layer", scenes=BOUNDED)],
)
def test_no_positive_number_bounds_the_kernel_from_below(
    at: Point, move: Move = without_weights
) -> Ratio:
    jacobian = at.problem.linearize(move(at)).jacobian()
    if at.arithmetic.exact:
        found = pseudoinverse(jacobian).rank
        return property_(found < len(jacobian), f"rank {found} of {len(jacobian)}")
    sigma = at.arithmetic.singular_values(jacobian)
    rounding = 30 * at.size * at.arithmetic.unit_roundoff * sigma[0]
    return bound(sigma[-1], rounding, note="smallest singular value of D at one theta")


def small(at: Point) -> float:
    """Return t: a tenth of the digits of the column, so that t^5 is still far above rounding."""
    return float(at.arithmetic.unit_roundoff**0.1)


def scaled(at: Point) -> Array:
    """Multiply all parameters by t."""
    return at.arithmetic.array([small(at)])[0] * at.theta


def scaled_outgoing(at: Point) -> Array:
    """Multiply the weights of the output layer by t."""
    network, t = at.problem.network, at.arithmetic.array([small(at)])[0]
    *hidden, (weight, bias) = network.layers(at.theta)
    return network.flatten([*hidden, (t * weight, bias)])


def saturated(at: Point) -> Array:
    """Add log(1/t) to the biases of the first hidden layer: slopes of tanh fall like t^2."""
    network = at.problem.network
    (weight, bias), *rest = network.layers(at.theta)
    shift = at.arithmetic.array([-math.log(small(at))])[0]
    return network.flatten([(weight, bias + shift), *rest])


def shrinks(at: Point, move: Move) -> list[Ratio]:
    """Measure whether the smallest eigenvalue of D D^T falls by t at least, and stays positive."""
    sigma = at.arithmetic.singular_values(at.problem.linearize(move(at)).jacobian())
    start = at.arithmetic.singular_values(at.D)
    rounding = 30 * at.size * at.arithmetic.unit_roundoff * sigma[0]
    return [
        bound((sigma[-1] / start[-1]) ** 2, small(at), note="smallest eigenvalue"),
        property_(bool(sigma[-1] > rounding), "the kernel is positive definite"),
    ]


@claim(
    "chen2023/no-uniform-bound/b",
    scenes=SCENES,
    columns=WITH_DIGITS_TO_SPARE,
    controls=[
        variant("only outgoing weights", move=scaled_outgoing, columns=[MP50]),
        variant("theta of the scene", move=lambda at: at.theta),
    ],
    refuted=[variant("one sample, or no hidden layer", scenes=BOUNDED, columns=[MP50])],
)
def test_kernel_is_positive_and_arbitrarily_small_at_scaled_parameters(
    at: Point, move: Move = scaled
) -> list[Ratio]:
    return shrinks(at, move)


@claim(
    "chen2023/no-uniform-bound/b",
    scenes=(FULL_RANK[0], FULL_RANK[3]),
    columns=WITH_DIGITS_TO_SPARE[1:],
    controls=[variant("theta of the scene", move=lambda at: at.theta)],
)
def test_kernel_is_positive_and_arbitrarily_small_at_saturated_units(
    at: Point, move: Move = saturated
) -> list[Ratio]:
    return shrinks(at, move)
