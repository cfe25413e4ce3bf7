"""What Hypothesis draws: seeds, sizes and spectra, never raw arrays.

An array of adversarial floats tests the printer of floats; a seed with a size tests the formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from geomdl import FLOAT32, FLOAT64, Dataset, Linearization, Network, Problem, get_arithmetic, linearize
from geomdl.arithmetic import Arithmetic, Array
from geomdl.arithmetic.lookup import missing_extra

SMOOTH = ("tanh", "sigmoid", "softplus", "gelu", "sin", "square", "identity")

HARDWARE = [FLOAT32, FLOAT64] + [
    get_arithmetic(name)
    for name in ("torch:cpu:float64", "torch:cpu:float32")
    if missing_extra(name) is None
]
"""Arithmetics of float32 and float64 that are installed here."""

seeds = st.integers(0, 2**32 - 1)
"""Seeds of random generators."""

smooth_activations = st.sampled_from(SMOOTH)
"""Activations that a complex step can pass through."""

samples = st.integers(1, 4)
"""Numbers of samples N."""


def examples(count: int) -> Callable[[Any], Any]:
    """Return the settings of a property test: this many examples, the same ones in every run.

    Nothing in them depends on time: a busy machine is no reason to fail.
    """
    patient = [HealthCheck.too_slow]
    return settings(deadline=None, derandomize=True, max_examples=count, suppress_health_check=patient)


def widths(most_hidden: int = 3) -> st.SearchStrategy[list[int]]:
    """Widths of networks with 0 to this many hidden layers, every width from 1 to 4."""
    return st.lists(st.integers(1, 4), min_size=2, max_size=most_hidden + 2)


@st.composite
def spectra(draw: st.DrawFn) -> tuple[int, int, list[float]]:
    """Shapes (m, n) with nonzero singular values 2^0 >= 2^-1 >= ..., from none to min(m, n) of them."""
    rows, columns = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    rank = draw(st.integers(0, min(rows, columns)))
    exponents = draw(st.lists(st.integers(0, 7), min_size=rank, max_size=rank))
    return rows, columns, sorted((2.0**-exponent for exponent in exponents), reverse=True)


def with_spectrum(rows: int, columns: int, spectrum: list[float], seed: int) -> np.ndarray:
    """Return a random float64 matrix of this shape with these nonzero singular values."""
    generator = np.random.default_rng(seed)
    rank = len(spectrum)
    left = np.linalg.qr(generator.standard_normal((rows, rows)))[0][:, :rank]
    right = np.linalg.qr(generator.standard_normal((columns, columns)))[0][:, :rank]
    return (left * np.array(spectrum, dtype=np.float64)) @ right.T


def random_problem(
    shape: list[int],
    activation: str,
    count: int,
    seed: int,
    arithmetic: Arithmetic = FLOAT64,
    bits: int = 6,
) -> tuple[Problem, Array]:
    """Return a problem and a theta whose numbers are multiples of 2^-bits, exact in every arithmetic."""
    network = Network(shape, activation)
    generator = np.random.default_rng(seed)

    def grid(*size: int) -> Array:
        return arithmetic.array(np.round(generator.standard_normal(size) * 2**bits) / 2**bits)

    data = Dataset.regression(grid(count, network.inputs), grid(count, network.outputs))
    theta = np.round(network.random_theta(generator) * 2**bits) / 2**bits
    return Problem(network, data), arithmetic.array(theta)


def with_condition(shape: tuple[int, int], exponent: float, seed: int = 0) -> Linearization:
    """Return an affine network of one output, whose D is [inputs, 1], with a prescribed spectrum.

    The singular values of the inputs fall to 10^-exponent; rounded to float64, they are known exactly.
    """
    (rows, columns), rng = shape, np.random.default_rng(seed)
    few = min(rows, columns - 1)
    left = np.linalg.qr(rng.standard_normal((rows, few)))[0]
    right = np.linalg.qr(rng.standard_normal((columns - 1, few)))[0]
    inputs = (left * np.logspace(0, -exponent, few)) @ right.T
    return linearize(Network([columns - 1, 1], "tanh"), np.zeros(columns), inputs)
