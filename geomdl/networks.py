"""Fully connected networks, and theta in R^K as one flat vector.

Order of theta: layer by layer, l = 1, ..., L+1; in each layer the weight matrix W_l row by row
(shape M_l x M_(l-1)), then the bias b_l. The number of parameters is

    K = sum over l = 1 .. L+1 of (M_l M_(l-1) + M_l),   M_0 = M, M_(L+1) = Q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from geomdl.activations import Activation, get_activation
from geomdl.arithmetic import Arithmetic, Array, NotFiniteError, arithmetic_of

Layers = list[tuple[Array, Array]]


def check_vector(name: str, vector: Array, arithmetic: Arithmetic, length: int) -> None:
    """Raise unless a vector has this arithmetic and length and is finite.

    Raises
    ------
    TypeError
        For another arithmetic, or no array at all.
    ValueError
        For another shape; NotFiniteError for NaN or infinity.
    """
    if (other := arithmetic_of(vector)) is not arithmetic:
        raise TypeError(
            f"got arrays of different arithmetics ({other.name}, {arithmetic.name}): {name} in the "
            "first, the rest in the second; convert with the method array of one arithmetic"
        )
    if tuple(vector.shape) != (length,):
        raise ValueError(f"got {name} of shape {tuple(vector.shape)}; expected ({length},)")
    if not (arithmetic.asynchronous or arithmetic.all_finite(vector)):
        raise NotFiniteError(f"got {name} with NaN or infinite entries; expected finite numbers")


@dataclass(frozen=True, init=False)
class Network:
    """Widths and activation of a fully connected network with an affine output layer.

    x^(l) = activation(W_l x^(l-1) + b_l) for l = 1..L, and x^(L+1) = W_(L+1) x^(L) + b_(L+1).

    Parameters
    ----------
    widths : sequence of int
        (M_0, M_1, ..., M_L, Q): input dimension, hidden widths (none for an affine map), outputs.
    activation : str or Activation
        One of :data:`geomdl.activations.ACTIVATIONS`.

    Raises
    ------
    ValueError
        For fewer than two widths, a width below 1, or an unknown activation.

    Notes
    -----
    Source: arXiv:2311.15487, (1.1)-(1.5).

    Examples
    --------
    >>> Network([2, 8, 2], "tanh").parameter_count
    42
    """

    widths: tuple[int, ...]
    activation: Activation

    def __init__(self, widths: Sequence[int], activation: str | Activation) -> None:
        widths = tuple(widths)
        if len(widths) < 2 or any(
            isinstance(width, bool) or not isinstance(width, int | np.integer) or width < 1
            for width in widths
        ):
            raise ValueError(
                f"got widths {list(widths)}; expected at least two integers >= 1: the input "
                "dimension, any hidden widths, and the number of outputs"
            )
        object.__setattr__(self, "widths", tuple(int(width) for width in widths))
        object.__setattr__(self, "activation", get_activation(activation))

    def __str__(self) -> str:
        return "-".join(map(str, self.widths)) + "-" + self.activation.name

    @property
    def inputs(self) -> int:
        """Input dimension M."""
        return self.widths[0]

    @property
    def outputs(self) -> int:
        """Output dimension Q."""
        return self.widths[-1]

    @cached_property
    def parameter_count(self) -> int:
        """Number of parameters K."""
        return sum(wide * (narrow + 1) for narrow, wide in pairwise(self.widths))

    def layers(self, theta: Array) -> Layers:
        """Split theta into the weights and biases of all layers, as views.

        Parameters
        ----------
        theta : array, shape (K,)

        Returns
        -------
        list of (W, b)
            W of shape (M_l, M_(l-1)), b of shape (M_l,).

        Raises
        ------
        ValueError
            When theta has another shape or an entry is NaN or infinite.
        TypeError
            When theta is no array of a known arithmetic (integers, float16).
        """
        arithmetic = arithmetic_of(theta)
        if theta.shape != (self.parameter_count,):
            raise ValueError(
                f"got theta of shape {tuple(theta.shape)}; expected ({self.parameter_count},) for a "
                f"network of widths {list(self.widths)}"
            )
        if not (arithmetic.asynchronous or arithmetic.all_finite(theta)):
            raise NotFiniteError(
                "got theta with NaN or infinite entries; expected finite numbers (an orbit may have "
                "blown up: look at its status)"
            )
        return self.split(theta)

    def split(self, theta: Array) -> Layers:
        """Return what :meth:`layers` returns, without looking whether theta is fit for it."""
        return [
            (theta[first:middle].reshape(shape), theta[middle:last])
            for first, middle, last, shape in self._places
        ]

    @cached_property
    def _places(self) -> list[tuple[int, int, int, tuple[int, int]]]:
        """For each layer where in theta its weights begin, its biases begin and end; (M_l, M_(l-1))."""
        places, first = [], 0
        for narrow, wide in pairwise(self.widths):
            middle, last = first + wide * narrow, first + wide * (narrow + 1)
            places.append((first, middle, last, (wide, narrow)))
            first = last
        return places

    def flatten(self, layers: Layers) -> Array:
        """Join weights and biases of all layers to theta; the inverse of :meth:`layers`.

        Raises
        ------
        ValueError
            When the shapes do not fit the widths.
        """
        expected = [((wide, narrow), (wide,)) for narrow, wide in pairwise(self.widths)]
        got = [(tuple(weight.shape), tuple(bias.shape)) for weight, bias in layers]
        if got != expected:
            raise ValueError(f"got layers of shapes {got}; expected {expected}")
        parts = [part for weight, bias in layers for part in (weight.reshape(-1), bias)]
        return arithmetic_of(*parts).concatenate(parts)

    def random_theta(self, seed: int | np.random.Generator) -> np.ndarray:
        """Draw weights N(0, 1/fan-in) and biases 0.3 N(0, 1), in float64.

        Parameters
        ----------
        seed : int or numpy.random.Generator

        Returns
        -------
        ndarray, shape (K,), float64
        """
        generator = np.random.default_rng(seed)
        layers = [
            (
                generator.standard_normal((wide, narrow)) / np.sqrt(narrow),
                0.3 * generator.standard_normal(wide),
            )
            for narrow, wide in pairwise(self.widths)
        ]
        return self.flatten(layers)
