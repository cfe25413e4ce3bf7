"""Section 2.1: the expectation that D D^T has rank QN with high probability for K > QN large.

(a) For a real-analytic activation the determinant of D D^T is a real-analytic function on R^K: zero
everywhere or almost nowhere. Rank QN at one theta therefore is rank QN with probability 1 for every law
of theta with a density, which the draws show, in several laws, none selected. Without it the
probability is 0, and no number of parameters helps: a last hidden layer of width 1 (rank
N + 2 (Q - 1) < QN with distinct inputs, Q >= 2, N >= 3), an input twice, inputs on a line without a
hidden layer. K grows without bound in all three. For ReLU the probability is neither 0 nor 1, and may
fall as K grows: a deep network of width 2 is constant near almost every theta.

(b) leaves open to which extent the directions e_j behave randomly. Shown as evidence: they never are
independent with a density on the sphere. Those of the output biases are the same for every theta; those
of the weights of a unit are its bias direction times the coordinates of the inputs; and the smallest
singular value of the directions is, on iris, a hundredth of that of as many independent uniform points.
"""

from collections.abc import Callable, Sequence

import numpy as np

from geomdl import Network, Problem, get_arithmetic, pseudoinverse
from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import FLOAT64, ONLY_FLOAT64, POINTWISE, RATIONAL
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, bound, identity, property_
from verification.scenes.networks import FULL_RANK, FULL_RANK_EXACT, network_scene
from verification.scenes.rank_condition import DYING, LINE, NARROW, TWINS, UNIFORM
from verification.scenes.real_data import IRIS

Draw = Callable[[Network, np.random.Generator], np.ndarray]

DRAWS = 10
FAILURES_ALLOWED = 0.05
"""What "high probability" leaves: one draw in twenty."""

DIGITS = 100
CLEAR = 1e3


def in_a_box(network: Network, generator: np.random.Generator) -> np.ndarray:
    """Draw theta uniformly from [-2, 2]^K."""
    return generator.uniform(-2, 2, size=network.parameter_count)


def with_heavy_tails(network: Network, generator: np.random.Generator) -> np.ndarray:
    """Draw independent parameters of infinite variance, which saturate many units."""
    return generator.standard_t(2, size=network.parameter_count)


WITH_DENSITY = (Network.random_theta, in_a_box, with_heavy_tails)


def with_equal_units(network: Network, generator: np.random.Generator) -> np.ndarray:
    """Give all units of the first hidden layer the same weights, in and out: a null set of R^K."""
    layers = network.layers(network.random_theta(generator))
    (weight, bias), (outgoing, _), *_ = layers
    weight[:], bias[:], outgoing[:] = weight[0], bias[0], outgoing[:, :1]
    return network.flatten(layers)


def with_random_biases_only(network: Network, generator: np.random.Generator) -> np.ndarray:
    """Set all weights to zero."""
    return network.flatten([(0 * w, b) for w, b in network.layers(network.random_theta(generator))])


def has_full_rank(problem: Problem, theta: np.ndarray) -> bool:
    """Decide whether rank D = QN: far beyond rounding, else with 100 digits; exactly for rationals."""
    own = problem.data.arithmetic
    jacobian = problem.linearize(own.array(theta)).jacobian()
    if not own.exact:
        sigma = own.singular_values(jacobian)
        noise = CLEAR * max(jacobian.shape) * own.unit_roundoff * sigma[0]
        if len(sigma) == problem.equations and sigma[-1] > noise:
            return True
        many = get_arithmetic(f"mp{DIGITS}")
        jacobian = problem.to(many).linearize(many.array(theta)).jacobian()
    return pseudoinverse(jacobian).rank == problem.equations


@claim(
    "chen2023/rank-conjecture/a",
    scenes=(*FULL_RANK, FULL_RANK_EXACT[0], network_scene([3, 9, 2], "gelu", 5), IRIS),
    columns=(FLOAT64, RATIONAL),
    controls=[
        variant("equal units", laws=[with_equal_units]),
        variant("weights zero", laws=[with_random_biases_only]),
    ],
    refuted=[
        variant("a last hidden layer of width 1", scenes=NARROW),
        variant("an input twice", scenes=[TWINS]),
        variant("inputs on a line, no hidden layer", scenes=[LINE]),
        variant("deep narrow ReLU", scenes=[DYING], laws=[Network.random_theta]),
    ],
)
def test_kernel_has_full_rank_at_almost_all_random_parameters(
    at: Point, laws: Sequence[Draw] = WITH_DENSITY
) -> list[Ratio]:
    ratios = []
    for law in laws:
        thetas = [law(at.problem.network, at.generator) for _ in range(DRAWS)]
        lost = sum(not has_full_rank(at.problem, theta) for theta in thetas)
        note = f"{law.__name__}: rank lost in {lost} of {DRAWS} draws"
        ratios.append(bound(lost, FAILURES_ALLOWED * DRAWS, note=note))
    return ratios


def output_biases(network: Network) -> slice:
    """Return where theta holds b_(L+1)."""
    return slice(network.parameter_count - network.outputs, network.parameter_count)


def first_biases(network: Network) -> slice:
    """Return where theta holds b_1."""
    narrow, wide = network.widths[:2]
    return slice(narrow * wide, narrow * wide + wide)


def directions(jacobian: Array, at: Point) -> Array:
    """Normalize the columns of D."""
    return jacobian / at.arithmetic.sqrt((jacobian * jacobian).sum(axis=0))


@claim(
    "chen2023/rank-conjecture/b",
    scenes=FULL_RANK[:3],
    columns=POINTWISE,
    controls=[variant("the biases of the first layer", where=first_biases)],
    evidence=True,
)
def test_directions_of_output_biases_are_not_random(
    at: Point, where: Callable[[Network], slice] = output_biases
) -> Ratio:
    # Their law is a point mass, whatever the law of theta.
    elsewhere = at.problem.linearize(at.theta + at.random(len(at.theta))).jacobian()
    part = where(at.problem.network)
    return identity(directions(at.D, at)[:, part], directions(elsewhere, at)[:, part], size=at.N)


@claim(
    "chen2023/rank-conjecture/b",
    scenes=FULL_RANK[:3],
    columns=POINTWISE,
    controls=[variant("the bias of the next unit", step=1)],
    evidence=True,
)
def test_directions_of_weights_are_determined_by_those_of_biases(at: Point, step: int = 0) -> Ratio:
    # Forward derivatives: d x / d W_(i, m) = X_m d x / d b_i for the first layer, sample by sample.
    network, inputs, units = at.problem.network, at.problem.data.inputs, at.eye(len(at.theta))
    narrow, wide = network.widths[:2]
    weights = [at.at_theta.push(unit) for unit in units[: narrow * wide]]
    biases = [at.at_theta.push(unit) for unit in units[first_biases(network)]]
    repeated = np.repeat(inputs, network.outputs, axis=0)
    expected = [repeated[:, m] * biases[(i + step) % wide] for i in range(wide) for m in range(narrow)]
    return identity(at.arithmetic.stack(weights), at.arithmetic.stack(expected), size=at.size)


@claim(
    "chen2023/rank-conjecture/b",
    scenes=[IRIS],
    columns=ONLY_FLOAT64,
    controls=[variant("independent uniform points", independent=True)],
    evidence=True,
)
def test_directions_span_far_less_evenly_than_independent_points(
    at: Point, independent: bool = False
) -> list[Ratio]:
    def least(points: np.ndarray) -> float:
        return float(np.linalg.svd(points, compute_uv=False)[-1])

    rows, columns = at.D.shape
    compared = [least(UNIFORM.draw(at.generator, rows, columns)) for _ in range(20)]
    own = UNIFORM.draw(at.generator, rows, columns).T if independent else directions(at.D, at)
    return [
        property_(own.shape == (rows, columns), "as many points"),
        bound(least(own), min(compared) / 30, note=f"{least(own):.2g} against {min(compared):.2g}"),
    ]
