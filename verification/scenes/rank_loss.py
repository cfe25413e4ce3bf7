"""Rank loss: known diagonalizations, equilibria one cannot leave downhill, isolated ones, a fork.

A quartic: 1-1-1-1 with activation z^2 and inputs t = -2, ..., 2 has outputs
W ((t + beta)^2 + gamma)^2 + c, up to scalings of the layers that change nothing: K = 6 > QN = 5, and D
has rank r = 4 wherever no weight is zero. At theta_* = (1, 0, 1, 0, 1, 0) the outputs are t^4, the range
of D is spanned by t^4, t^3, t^2, 1, its complement by n = (1, -8, 0, 8, -1). With targets y = t^4 - s n,
theta_* is critical for every s. Modulo the scalings, the Hessian is singular at s^2 = 1040/707 only: for
smaller s theta_* is a local minimum, for larger s a saddle.

A sine: 1-1-1 with activation sin and inputs -1, 0, 1: at w = pi, b = pi/2 all slopes of the hidden unit
vanish and its values are -1, 1, -1. The range of D is spanned by them and 1: rank 2 < QN = 3 < K = 4.
The least-squares solution for (W, c) makes it critical. The Hessian consists of an invertible block for
(W, c) and one for (w, b) with zeros on, and W (y_1 - y_3) / N off the diagonal: it is invertible.

A fork: the affine network 1-1-1, x(t) = W (w t + b) + c, on the inputs -1 and 1 with targets m -+ delta.
At w = b = W = 0, c = m the rank of D is 1, and the velocity of the adapted flow zero. Yet
w = W = +-(delta (1 - e^(-s/N)))^(1/2) leave from there, and solve its equation at all times s > 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from scipy.optimize import least_squares

from geomdl import RATIONAL, Dataset, Network, Problem, cost_hessian, get_arithmetic, linearize
from geomdl.arithmetic import Array
from geomdl.critical_points import critical_targets, polish
from verification.machinery.points import Scene
from verification.scenes.critical_points import critical_scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import ATTEMPTS, RANK_LOST, SMALLEST_COUNTED, rank_of

MANY_DIGITS = get_arithmetic("mp120")


def rational_rotation(size: int) -> np.ndarray:
    """Return a matrix of SO(size) with entries k / 5^(size - 1), as fractions: turns by (3, 4) / 5."""
    rotation = np.array(
        [[Fraction(int(i == j)) for j in range(size)] for i in range(size)], dtype=object
    )
    for i in range(size - 1):
        turn = np.array([[3, 4], [-4, 3]], dtype=object) * Fraction(1, 5)
        rotation[i : i + 2] = turn @ rotation[i : i + 2]
    return rotation


def rotated_scene(rows: int, columns: int, rank: int) -> Scene:
    """Make a scene of an integer matrix D with D D^T = R^T Lambda R for the rational rotation R.

    D is a multiple of R^T S, where S has one entry from 1 to 3 in each of ``rank`` rows and columns.
    """

    def draw(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        spread = np.zeros((rows, columns), dtype=np.int64)
        chosen = generator.permutation(rows)[:rank], generator.permutation(columns)[:rank]
        spread[chosen] = generator.choice([-3, -2, -1, 1, 2, 3], size=rank)
        scaled = (5 ** (rows - 1) * rational_rotation(rows)).astype(np.int64)
        return scaled.T @ spread, generator.integers(-4, 5, size=rows)

    fact = "rank lost" if rank < min(rows, columns) else "full rank" if rank == rows else "injective"
    name = f"rotated-{rows}x{columns}-rank{rank}"
    return Scene(name, draw, frozenset({fact, "rotated"}), exact=True)


ROTATED = tuple(
    rotated_scene(*shape) for shape in ((3, 5, 2), (1, 1, 0), (2, 3, 0), (2, 3, 1), (4, 9, 2), (5, 3, 3))
)
"""Rank below QN, zero included, with the diagonalization known exactly."""

ROTATED_FULL = rotated_scene(3, 5, 3)
"""The same with full rank."""


QUARTIC = Network([1, 1, 1, 1], "square")
ABSCISSAS = np.arange(-2.0, 3.0)
COMPLEMENT = np.array([1.0, -8.0, 0.0, 8.0, -1.0])


def _quartic(name: str, share: Fraction | None, *facts: str) -> Scene:
    def draw(_: np.random.Generator) -> tuple[Problem, Array]:
        arithmetic = MANY_DIGITS if share is None else RATIONAL
        t = arithmetic.array(ABSCISSAS)
        s = (
            arithmetic.sqrt(arithmetic.number(1040, 707))
            if share is None
            else arithmetic.from_fraction(share)
        )
        targets = t**4 - s * arithmetic.array(COMPLEMENT)
        theta = arithmetic.array(np.array([1.0, 0.0, 1.0, 0.0, 1.0, 0.0]))
        return Problem(QUARTIC, Dataset.regression(t[:, None], targets[:, None])), theta

    known = ["constant rank", "over", *facts]
    return critical_scene(f"{name}-{QUARTIC}-N5", draw, 4, known, exact=share is not None)


LOCAL_MINIMUM = _quartic("trap", Fraction(1, 2), "local minimum")
"""The quartic with s = 1/2: a local minimum of cost 13/4 that is not global, see ``BELOW_THE_TRAP``."""

BELOW_THE_TRAP = np.array([0.1875, 0.5625, -9.0, 4.0, 1.25, -3.25])
"""Parameters of the quartic at which the cost is lower than at its local minimum."""

QUARTIC_SADDLE = _quartic("quartic-saddle", Fraction(2), "saddle")
"""The quartic with s = 2: one negative eigenvalue, small against the others."""

DEGENERATE = _quartic("degenerate", None, "degenerate")
"""The quartic with s^2 = 1040/707: the Hessian has rank 3, one less than D."""


def _linear_saddle(generator: np.random.Generator) -> tuple[Problem, Array]:
    larger, smaller = generator.integers(2, 5), generator.choice([-1, 1])
    # Centered targets with orthogonal columns; the hidden unit follows the smaller one.
    targets = np.array([[larger, smaller], [-larger, smaller], [0, -2 * smaller]], dtype=np.float64)
    hidden = np.array([1.0, 1.0, -2.0]) / 2
    theta = np.array([hidden[1] - hidden[0], hidden[2] - hidden[0], hidden[0], 0, 2 * smaller, 0, 0])
    data = Dataset.regression(np.eye(3, 2, -1), targets)
    return Problem(Network([2, 1, 2], "identity"), data).to(RATIONAL), RATIONAL.array(theta)


LINEAR_SADDLE = critical_scene(
    "linear-saddle-2-1-2-identity-N3",
    _linear_saddle,
    5,
    ["constant rank", "over", "saddle"],
    exact=True,
)
"""The simplest saddle: an affine network of two layers and one hidden unit that follows the smaller
singular value of the centered targets. K = 7 > QN = 6; costs are quartic polynomials of theta."""


def far_saddle_scene(widths: Sequence[int], activation: str, bits: int | None = None) -> Scene:
    """Make a saddle by targets that are far away, about a hundred times the size of the outputs.

    Selected: for some column k, the row V = H e_k of the Hessian H has (V, H V) < 0. With targets of the
    size of the outputs this is rare.
    """
    network = Network(widths, activation)
    arithmetic = MANY_DIGITS if bits is None else RATIONAL

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        for _ in range(ATTEMPTS):
            points, start = (
                generator.standard_normal((4, network.inputs)),
                network.random_theta(generator),
            )
            residual = np.round(100 * generator.standard_normal(4 * network.outputs))
            if bits is not None:
                points, start = (few_bits(each, bits) for each in (points, start))
            if (
                rank_of(Problem(network, Dataset.regression(points, residual.reshape(4, -1))), start)
                != 6
            ):
                continue
            near = critical_targets(linearize(network, start, points), residual, rank=6)
            hessian = cost_hessian(Problem(network, Dataset.regression(points, near)), start)
            curvatures = np.diag(hessian @ hessian @ hessian)
            if not curvatures.min() < -LEAST_CURVATURE * curvatures.max():
                continue
            theta, inputs = arithmetic.array(start), arithmetic.array(points)
            at = linearize(network, theta, inputs)
            targets = critical_targets(at, arithmetic.array(residual), rank=6)
            return Problem(network, Dataset.regression(inputs, targets)), theta
        raise RuntimeError(f"no draw of {ATTEMPTS} has a row of negative curvature")

    facts = ["constant rank", "saddle", "far"]
    return critical_scene(f"far-saddle-{network}-N4", draw, 6, facts, exact=bits is not None)


LEAST_CURVATURE = 1e-5
FAR_SADDLES = (far_saddle_scene([3, 2, 1, 2], "tanh"), far_saddle_scene([3, 1, 2], "square", bits=2))
"""Saddles at which a row of the Hessian is a direction of descent. Rank 6 < QN = 8."""


def _sine(generator: np.random.Generator) -> tuple[Problem, Array]:
    a = MANY_DIGITS
    y = generator.integers(-16, 17, size=3) / 8
    while abs(y[0] - y[2]) < 1 or abs((y[0] + y[2]) / 2 - y[1]) < 1:
        y = generator.integers(-16, 17, size=3) / 8
    outer, middle = (y[0] + y[2]) / 2, y[1]
    rest = a.array(np.array([(middle - outer) / 2, (middle + outer) / 2]))
    theta = a.concatenate([a.zeros(2), rest])
    theta[0], theta[1] = a.pi(), a.pi() / a.number(2)
    inputs = a.array(np.array([[-1.0], [0.0], [1.0]]))
    return Problem(Network([1, 1, 1], "sin"), Dataset.regression(inputs, a.array(y[:, None]))), theta


ISOLATED_SINE = critical_scene("isolated-1-1-1-sin-N3", _sine, 2, ["over", "isolated"])
"""An isolated equilibrium in closed form; targets drawn at random. K = 4 > QN = 3."""


def _isolated(generator: np.random.Generator) -> tuple[Problem, Array]:
    """Solve D^T u = 0, |u| = 1 for (theta, u) from a random start, and take y = x - u for targets."""
    network, samples = Network([2, 2, 1], "tanh"), 8
    size = network.parameter_count
    for _ in range(ATTEMPTS):
        inputs = few_bits(generator.standard_normal((samples, 2)))
        start = 1.5 * network.random_theta(generator)

        def equations(state: np.ndarray, inputs: np.ndarray = inputs) -> np.ndarray:
            jacobian, u = linearize(network, state[:size], inputs).jacobian(), state[size:]
            return np.append(jacobian.T @ u, u @ u - 1)

        weakest = np.linalg.svd(linearize(network, start, inputs).jacobian())[0][:, -1]
        unit = np.append(start, weakest)
        found = least_squares(equations, unit, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=100)
        theta = found.x[:size]
        at = linearize(network, theta, inputs)
        sigma = np.linalg.svd(at.jacobian(), compute_uv=False)
        if np.abs(found.fun).max() > 1e-12 or sigma[-2] < 10 * SMALLEST_COUNTED * sigma[0]:
            continue
        targets = critical_targets(at, found.x[size:], rank=samples - 1)
        problem = Problem(network, Dataset.regression(inputs, targets))
        curvature = np.abs(np.linalg.eigvalsh(cost_hessian(problem, theta)))
        if curvature.min() < LEAST_CURVATURE * curvature.max():
            continue
        many = problem.to(MANY_DIGITS)
        return many, polish(many, MANY_DIGITS.array(theta)).theta
    raise RuntimeError(f"no draw of {ATTEMPTS} gives an isolated equilibrium")


ISOLATED_TANH = critical_scene("isolated-2-2-1-tanh-N8", _isolated, 7, ["over", "isolated"])
"""K = 9 > QN = 8, rank 7 at theta_* and 8 nearby. Selected: the Hessian is invertible, so that the
equilibrium is isolated, for these targets and for all that are near them."""

ISOLATED = (ISOLATED_SINE, ISOLATED_TANH)
"""Equilibria with nonzero output gradient that are isolated, in networks with K > QN."""


def reached_scene(base: Scene) -> Scene:
    """Replace the targets of a scene by the outputs at theta: cost zero, whatever the rank."""

    def draw(generator: np.random.Generator) -> tuple[Problem, Array]:
        problem, theta = base.draw(generator)
        many, start = problem.to(MANY_DIGITS), MANY_DIGITS.array(theta)
        targets = many.linearize(start).outputs
        return Problem(problem.network, Dataset.regression(many.data.inputs, targets)), start

    facts = ["constant rank", "minimizer"]
    return critical_scene(f"reached-{base.name}", draw, 6, facts)


REACHED = tuple(reached_scene(base) for base in RANK_LOST)
"""Global minimizers of cost zero at which D has rank 6 < QN = 8."""


def _fork(activation: str) -> Scene:
    network = Network([1, 1, 1], activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        mean, half = generator.integers(-4, 5) / 2, generator.integers(2, 5) / 2
        inputs, targets = np.array([[-1.0], [1.0]]), np.array([[mean - half], [mean + half]])
        problem = Problem(network, Dataset.regression(inputs, targets))
        return problem, np.array([0.0, 0.0, 0.0, mean])

    facts = frozenset({"rank lost", "over", "fork"})
    return Scene(f"fork-{network}-N2", draw, facts, exact=activation == "identity")


FORK, FORK_TANH = _fork("identity"), _fork("tanh")
"""Rank 1 at theta, 2 nearby."""
