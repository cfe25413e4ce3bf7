"""Small networks whose gradient flow is known: closed forms, escapes to infinity, kinks, a staircase.

SADDLE, BLOW_UP: inputs -1, 1, targets -y, y, two layers of the identity without biases (b = c = 0 is
invariant), C = (W w - y)^2 / 2. With q = W w and kappa = w^2 - W^2, which is conserved,

    q' = -(q - y) (kappa^2 + 4 q^2)^(1/2):

q -> y, except from w = -W, where q -> 0. Backwards from w = W, p = w^2 > y, p' = 2 p (p - y) blows up
after (1 / (2 y)) log(p / (p - y)).

PARABOLA: W (w t + b)^2 + c with inputs -1, 0, 1 runs through all A t^2 + B t + G except those with A =
0, B != 0: for the targets -1, 0, 1 the infimum of the cost is 0 and no theta attains it. The second
unit of PARABOLA_SPARE is zero and stays zero, though with it t = ((t + 1)^2 - (t - 1)^2) / 4 attains
the targets.

STEP: targets 0, 1, 1 and one tanh neuron, strictly monotone or constant in t: again no minimum,
infimum 0.

STAIRCASE: two pairs of inputs +-1, +-T, targets +-4, -+40, an odd activation, b = c = 0 invariant:

    C = ((W sigma(w) - 4)^2 + (W sigma(T w) + 40)^2) / 4.

sigma(z) = z (1 + |z|)^-2 E(|z|/T) E(|z|/T^2) ..., so that sigma(T w) / sigma(w) = R(w) E(w) / T with R
= ((1 + 1/w) / (1 + 1/(T w)))^2. E goes from 1 down to a positive limit by steps of height 1/(2 w_k)
and width 1/(2 w_k) at w_k = 4, 8, 16, ...: its slope reaches the same height at every step, and still
sigma' is Lipschitz, as the factor 1/z makes up for the growing curvature.

Why for ever. At the best W the cost is a function of sigma(T w) / sigma(w) alone and strictly
decreases in w: there is no critical point with w, W > 0 below the initial cost, which keeps A = W
sigma(w) between 1.8 and 5.3. A bounded orbit would have a critical limit point; so w, and W with it,
is unbounded. In the middle of each step, through which w must pass, the derivative of C by w is at
least (40 A 0.012 (15/8) - 0.2) / 2 > 0.7: the term of sigma'(w) / sigma(w) <= 2/w + 0.03 is small.
Near the best W, A = 3.5, it is 1.6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from geomdl import Dataset, Network, Problem
from geomdl.activations import Activation
from geomdl.arithmetic import Arithmetic, Array
from verification.machinery.points import Scene
from verification.scenes.networks import network_scene

Draw = Callable[[np.random.Generator], Sequence[float] | np.ndarray]


def regression_scene(
    name: str,
    network: Network,
    inputs: Sequence[float],
    targets: Sequence[float],
    start: Draw,
    *facts: str,
    exact: bool = False,
    profile: str = "quick",
) -> Scene:
    """Make a scene of one input and one output with a start that is drawn or fixed."""
    data = Dataset.regression(
        np.array(inputs, dtype=np.float64)[:, None], np.array(targets, dtype=np.float64)[:, None]
    )

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        return Problem(network, data), np.array(start(generator), dtype=np.float64)

    full_name = f"{name}-{network}-N{len(inputs)}"
    return Scene(full_name, draw, frozenset(facts), exact=exact, profile=profile)


IDENTITY = Network([1, 1, 1], "identity")


def _identity_pair(name: str, w: float, outgoing: float) -> Scene:
    start = (w, 0.0, outgoing, 0.0)
    return regression_scene(name, IDENTITY, (-1, 1), (-1, 1), lambda _: start, "closed form", exact=True)


SADDLE = _identity_pair("on-the-stable-manifold", 1.0, -1.0)
"""w = -W: the orbit runs into the saddle 0, C_* = 1/2."""

BESIDE = _identity_pair("beside-the-stable-manifold", 2.0, -0.5)
"""The same outputs as SADDLE at the start; the orbit goes to C_* = 0."""

ORIGIN = _identity_pair("at-the-saddle", 0.0, 0.0)
"""Outputs 0, at rest."""

NEAR_ORIGIN = _identity_pair("off-the-saddle", 1.0, 0.0)
"""Outputs 0 as at ORIGIN, C_* = 0."""

BLOW_UP = _identity_pair("equal-weights", 2.0, 2.0)
"""w = W = 2: backwards the orbit ends at s = -log(4/3) / 2."""

BLOW_UP_OTHERS = tuple(
    network_scene([1, 2, 1], activation, 3, facts=["full rank"], suffix="-unbounded")
    for activation in ("square",)
)
"""Random networks with an unbounded activation."""

BOUNDED_ACTIVATION = (
    network_scene([2, 8, 2], "tanh", 4, classes=2, facts=["full rank", "over"], suffix="-two-classes"),
    network_scene([1, 4, 2], "sin", 3, facts=["full rank"]),
    network_scene([3, 6, 5, 1], "sigmoid", 3, facts=["full rank"]),
)
"""sigma and sigma' bounded, one and two hidden layers."""

LINE = (-1.0, 0.0, 1.0)


def _with_parabola(generator: np.random.Generator) -> Sequence[float]:
    """Draw w and W away from 0, such that the coefficient B has the sign of the targets' slope."""
    w, b, outgoing = generator.uniform(0.5, 1.0, size=3)
    return (w, b, outgoing, 0.3 * generator.standard_normal())


PARABOLA = regression_scene(
    "unattained-slope", Network([1, 1, 1], "square"), LINE, LINE, _with_parabola, "no minimum",
    "escapes", "full rank", "over",
)  # fmt: skip
"""K = 4 > QN = 3: rank 3 wherever w W != 0."""


def _with_spare_unit(generator: np.random.Generator) -> Sequence[float]:
    w, b, outgoing, c = _with_parabola(generator)
    return (w, 0.0, b, 0.0, outgoing, 0.0, c)


PARABOLA_SPARE = regression_scene(
    "slope-with-spare-unit", Network([1, 2, 1], "square"), LINE, LINE, _with_spare_unit, "escapes",
    "over",
)  # fmt: skip
"""As PARABOLA with a second unit that is zero; SPARE_MINIMIZER attains the targets."""

SPARE_MINIMIZER = (1.0, 1.0, 1.0, -1.0, 0.25, -0.25, 0.0)
"""theta_* of 1-2-1 with t = ((t + 1)^2 - (t - 1)^2) / 4."""

STEP_NETWORK = Network([1, 1, 1], "tanh")


def _rising(generator: np.random.Generator) -> np.ndarray:
    return np.array((1.0, 0.5, 1.0, 0.0)) + 0.2 * generator.standard_normal(4)


STEP = regression_scene(
    "step", STEP_NETWORK, LINE, (0, 1, 1), _rising, "no minimum", "escapes", "full rank", "over"
)
"""K = 4 > QN = 3, inputs and targets in general position for one neuron but for the equal pair."""

PEAK_RISING = regression_scene(
    "peak-from-a-rising-start", STEP_NETWORK, LINE, (0, 1, 0), _rising, "no minimum", "full rank", "over"
)
"""Targets that no monotone function comes closest to, as all targets nearby: the infimum 1/12 is that of
(0, 1/2, 1/2), which is approached at infinity."""


def _on_power_of_absolute_value(a: Arithmetic, z: Array) -> Any:
    root = a.sqrt(abs(z))
    sign = a.step(z) - a.step(-z)
    return (
        root * abs(z),
        lambda: a.number(3, 2) * sign * root,
        lambda: a.zeros(z.shape),
    )


HOELDER = Activation("three-halves-power", _on_power_of_absolute_value)
"""|z|^(3/2): the derivative is continuous and not Lipschitz at 0."""

BRANCHING = regression_scene(
    "branching", Network([1, 1, 1], HOELDER), (0,), (5,), lambda _: (0.0, 0.0, 1.0, 0.0)
)
"""b' = (15/2) sign(b) |b|^(1/2) at the start b = 0: it may rest or leave at any time."""

RATIO, FIRST_STEP, HALF = 64, 4, 0.5


def _steps(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return E and E' / E on z >= 0."""
    value, logarithmic, position = np.ones_like(z), np.zeros_like(z), float(FIRST_STEP)
    while position < z.max(initial=0.0):
        height = width = HALF / position
        x = np.clip((z - position) / width, 0.0, 1.0)
        factor = 1 - height * x**3 * (10 - 15 * x + 6 * x * x)
        value = value * factor
        logarithmic = logarithmic - height * 30 * (x * (1 - x)) ** 2 / width / factor
        position *= 2
    return value, logarithmic


def _staircase(a: Arithmetic, z: Array) -> Any:
    size = np.abs(a.to_float64(z))
    value, logarithmic = (1 + size) ** -2, -2 / (1 + size)
    scale = 1.0 / RATIO
    while scale * size.max(initial=0.0) > FIRST_STEP:
        factor, slope = _steps(scale * size)
        value, logarithmic = value * factor, logarithmic + scale * slope
        scale /= RATIO
    slope = value * (1 + size * logarithmic)
    return z * a.array(value), lambda: a.array(slope), lambda: a.zeros(z.shape)


def _without_steps(a: Arithmetic, z: Array) -> Any:
    size = abs(z)
    return z / (1 + size) ** 2, lambda: (1 - size) / (1 + size) ** 3, lambda: a.zeros(z.shape)


STAIRCASE_ACTIVATION = Activation("staircase", _staircase, lipschitz_derivative=True)
"""Odd, once continuously differentiable with a Lipschitz derivative, in machine numbers."""

STAIRCASE = regression_scene(
    "staircase",
    Network([1, 1, 1], STAIRCASE_ACTIVATION),
    # opposite inputs are neighbours, so that rounding errors cancel and b = c = 0 stays exact
    (1, -1, RATIO, -RATIO),
    (4, -4, -40, 40),
    lambda _: (3.5, 0.0, 16.0, 0.0),
    "escapes",
    "over",
)
"""K = QN = 4. |grad C| is about 2 at w = 4, 8, 16, ..., at times that grow like w^4."""

NO_STEPS = regression_scene(
    "no-steps",
    Network([1, 1, 1], Activation("softsign-squared", _without_steps, lipschitz_derivative=True)),
    (1, -1, RATIO, -RATIO), (4, -4, -40, 40), lambda _: (3.5, 0.0, 16.0, 0.0), "escapes", "over",
)  # fmt: skip
"""STAIRCASE with sigma(z) = z (1 + |z|)^-2: w grows for ever, and the gradient vanishes."""

LOCAL_MINIMUM = regression_scene(
    "local-minimum", Network([1, 1, 1], "sin"), (-1, 0, 1, 2, 3), (2, -2, -2, -1, -2),
    lambda generator: (2.1, 0.5, -1.7, -1.2) + 0.2 * generator.standard_normal(4), "local minimum",
)  # fmt: skip
"""Starts in a neighbourhood of a strict local minimum of cost 0.45."""

BETTER = (3.062, 0.119, -11.27, -1.088)
"""Parameters of LOCAL_MINIMUM with the cost 0.309."""

RELU = Network([1, 1, 1], "relu")
KINK_INPUTS, KINK_TARGETS = (-1, 0, 1, 2), (1, -1.5, 2, 1.5)

KINK_MINIMUM = regression_scene(
    "minimum-at-a-kink", RELU, KINK_INPUTS, KINK_TARGETS, lambda _: (1.0, 0.0, 1.0, 0.0), "kink",
    "local minimum", exact=True,
)  # fmt: skip
"""A strict local minimum of the outputs at which the second pre-activation is zero: C = 9/16. To both
sides the gradient is not zero and points away, for all data nearby."""

TOWARDS_THE_KINK = regression_scene(
    "towards-the-kink", RELU, KINK_INPUTS, KINK_TARGETS,
    lambda generator: (1.0, 0.05, 1.0, 0.0) + 0.02 * generator.standard_normal(4), "kink",
)  # fmt: skip
"""Random starts near KINK_MINIMUM: they meet the kink in finite time."""

DEAD = regression_scene(
    "dead", RELU, (1, 2), (0, 1), lambda _: (1.0, -4.0, 1.0, 0.0), "closed form", exact=True
)
"""No unit is active: the outputs go to the mean target, C_* = 1/8, from an open set of starts."""

ALIVE = regression_scene(
    "alive", RELU, (1, 2), (0, 1), lambda _: (1.0, 0.5, 1.0, -0.5), "closed form", exact=True
)
"""The same data, the unit active on both samples: C_* = 0, from an open set of starts."""


COLLAPSING = Network([1, 1, 1, 2], "relu")


def _two_clusters(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    inputs = np.concatenate([generator.uniform(-1.2, -0.8, 3), generator.uniform(0.8, 1.2, 3)])
    targets = generator.standard_normal((2, 2))
    data = Dataset(inputs[:, None], np.repeat([0, 1], 3), targets)
    theta = np.array([1.0, 0.0, -2.0, 1.0, *(targets[0] - targets[1]), *targets[1]])
    return Problem(COLLAPSING, data), theta + 0.05 * generator.standard_normal(theta.size)


CLUSTERS = Scene(f"clusters-{COLLAPSING}-N6", _two_clusters, frozenset({"under", "class targets"}))
"""K = 8 < QN = 12, Q = 2 targets. The first layer is dead on one class, the second on the other: two
points are left, which the output layer fits exactly, for all inputs and all theta nearby. Starts are
drawn close to a theta of cost zero."""


def polynomial_scene(widths: Sequence[int], activation: str, samples: int, **more: Any) -> Scene:
    """Make a scene with K < QN whose outputs are polynomials of too low a degree for generic targets."""
    return network_scene(widths, activation, samples, facts=["under"], rank=more.pop("rank"), **more)


POLYNOMIAL = (
    polynomial_scene([2, 1], "identity", 5, rank=3, suffix="-each-its-target"),
    polynomial_scene([1, 1, 1], "square", 6, rank=3, suffix="-each-its-target"),
    polynomial_scene([2, 1, 1], "square", 9, rank=4, suffix="-each-its-target"),
    polynomial_scene([1, 1, 1, 1], "square", 8, rank=4, suffix="-each-its-target"),
)
"""Every sample has a target of its own."""

ONE_CLASS = (
    polynomial_scene([2, 1], "identity", 5, rank=3, classes=1, suffix="-one-class"),
    polynomial_scene([1, 1, 1], "square", 6, rank=3, classes=1, suffix="-one-class"),
)
"""Q = 1 output and, as in the talk, Q = 1 target: the constant y_1 is attained."""
