"""Scenes, and the point at which a check looks: one scene, in one column, for one seed."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from geomdl import Event, Orbit, Problem, Pseudoinverse, adapted_field, integrate, pseudoinverse
from geomdl.arithmetic import Arithmetic, Array
from geomdl.flows import Field
from geomdl.jacobians import Linearization
from verification.machinery.columns import Column

RANK_CUT = 3e-5
"""sigma_i / sigma_1 above which a singular value counts, in any column: scenes keep their rank window
(sigma_r / sigma_1 >= 1e-3, sigma_(r+1) / sigma_1 <= 1e-12) clear of it, and float32 noise is below."""

Drawn = tuple[Problem, np.ndarray]


@dataclass(frozen=True)
class Scene:
    """A named situation with a property known in advance.

    Attributes
    ----------
    name : str
        Unique, used in test ids.
    draw : callable
        Maps a random generator to (problem, theta) in float64; or, for a scene of plain matrices, to
        an integer matrix D and an integer vector g in the place of grad_x C.
    facts : frozenset of str
        What is known: "full rank", "rank lost", "over", "real data", ...
    exact : bool
        Runs in rational arithmetic.
    profile : str
        The lowest profile in which the scene runs: quick, default or deep.
    """

    name: str
    draw: Callable[[np.random.Generator], tuple[Any, Any]]
    facts: frozenset[str] = field(default_factory=frozenset)
    exact: bool = False
    profile: str = "quick"

    def runs_in(self, column: Column) -> bool:
        """Tell whether the numbers of a column can play the scene."""
        if not column.decides_ranks and "full rank" not in self.facts:
            return False
        if column.rtol is not None and column.large != ("large" in self.facts):
            return False
        return self.exact or column.arithmetic_name != "rational"

    def at(self, column: Column, seed: int) -> Point:
        """Draw the scene for a seed and convert it to the arithmetic of a column."""
        return Point(self, column, seed)


@lru_cache(maxsize=512)
def _drawn(scene: Scene, seed: int) -> tuple[Any, Any]:
    return scene.draw(np.random.default_rng([seed, zlib.crc32(scene.name.encode())]))


class Point:
    """What a check sees: theta, D, g = grad_x C and their relatives in one arithmetic.

    Everything is computed when first asked for. Symbols of the texts: ``D`` the Jacobian (QN x K),
    ``g`` the output gradient, ``x`` and ``y`` stacked outputs and targets, ``N`` the number of
    samples.
    """

    def __init__(self, scene: Scene, column: Column, seed: int) -> None:
        self.scene, self.column, self.seed = scene, column, seed
        self.arithmetic: Arithmetic = column.arithmetic
        self._first, self._second = _drawn(scene, seed)

    @property
    def is_matrix(self) -> bool:
        """Whether the scene is a plain matrix without a network."""
        return not isinstance(self._first, Problem)

    @cached_property
    def problem(self) -> Problem:
        """The training problem."""
        if self.is_matrix:
            raise TypeError(f"scene {self.scene.name} is a plain matrix and has no network")
        return self._first.to(self.arithmetic)

    @cached_property
    def theta(self) -> Array:
        """The parameters, shape (K,)."""
        return self.arithmetic.array(self._second)

    @cached_property
    def generator(self) -> np.random.Generator:
        """Randomness for directions and the like, the same in every column."""
        return np.random.default_rng([self.seed, 1, zlib.crc32(self.scene.name.encode())])

    def random(self, *shape: int) -> Array:
        """Draw numbers with few bits, k/64 with |k| <= 128, exact in every arithmetic."""
        return self.arithmetic.array(self.generator.integers(-128, 129, size=shape) / 64)

    @cached_property
    def at_theta(self) -> Linearization:
        """The network linearized at theta."""
        return self.problem.linearize(self.theta)

    @cached_property
    def D(self) -> Array:
        """The Jacobian, shape (QN, K)."""
        return self.arithmetic.array(self._first) if self.is_matrix else self.at_theta.jacobian()

    @cached_property
    def x(self) -> Array:
        """Stacked outputs, shape (QN,)."""
        return self.at_theta.stacked

    @cached_property
    def y(self) -> Array:
        """Stacked targets, shape (QN,)."""
        return self.problem.data.stacked_targets

    @property
    def N(self) -> int:
        """Number of samples."""
        return self.problem.data.size

    @cached_property
    def g(self) -> Array:
        """The gradient of the cost in output space, shape (QN,)."""
        if self.is_matrix:
            return self.arithmetic.array(self._second)
        return self.problem.cost.gradient(self.problem.data, self.x)

    @cached_property
    def grad_theta(self) -> Array:
        """The gradient of the cost in parameter space, by backpropagation where there is a network."""
        return self.D.T @ self.g if self.is_matrix else self.at_theta.pull(self.g)

    @cached_property
    def pinv(self) -> Pseudoinverse:
        """The pseudoinverse of D, factored."""
        return pseudoinverse(self.D)

    @cached_property
    def pen(self) -> Array:
        """The right inverse D^T (D D^T)^-1 by its printed formula; singular where rank is lost."""
        return self.D.T @ self.inverse(self.D @ self.D.T)

    def inverse(self, matrix: Array) -> Array:
        """Return the inverse of a square matrix."""
        return self.arithmetic.solve(matrix, self.eye(matrix.shape[0]))

    def eye(self, size: int) -> Array:
        """Return an identity matrix of this arithmetic."""
        return self.arithmetic.eye(size)

    def number(self, numerator: int, denominator: int = 1) -> Any:
        """Return numerator / denominator in this arithmetic."""
        return self.arithmetic.number(numerator, denominator)

    @property
    def size(self) -> int:
        """max(K, QN): the dimension that rounding errors grow with."""
        return max(self.D.shape)

    @cached_property
    def _float_sigma(self) -> np.ndarray:
        return np.linalg.svd(self.arithmetic.to_float64(self.D), compute_uv=False)

    @cached_property
    def rank(self) -> int:
        """Rank of D inside the rank window, decided in float64."""
        sigma = self._float_sigma
        return int(np.sum(sigma > RANK_CUT * sigma[0])) if sigma[0] > 0 else 0

    @cached_property
    def kappa(self) -> float:
        """Condition number sigma_1 / sigma_r of D, for the error model."""
        return float(self._float_sigma[0] / self._float_sigma[self.rank - 1]) if self.rank else 1.0

    @property
    def rtol(self) -> float:
        """Tolerance of the integrator in this column."""
        if self.column.rtol is None:
            raise TypeError(f"column {self.column.name} has no tolerance; use the columns ORBITS")
        return self.column.rtol

    def _adapted(self) -> Field:
        # Large problems of full rank go through the Gram matrix: an SVD a step would take minutes.
        return (
            adapted_field(method="gram")
            if "large" in self.scene.facts
            else adapted_field(rank=self.rank)
        )

    def orbit(
        self,
        field: Field | None = None,
        *,
        end: float,
        events: Sequence[Event] = (),
        times: Sequence[float] = (),
    ) -> Orbit:
        """Integrate an orbit from theta; the adapted flow of constant rank unless a field is given.

        Adapted orbits without events are remembered, so that many checks share one integration.

        Parameters
        ----------
        field : callable, optional
            Vector field.
        end : float
            Final time in units of N.
        events, times
            As for :func:`geomdl.integrate`; times in units of N.
        """
        key = (self.scene, self.column.name, self.seed, end, tuple(times))
        if field is None and not events and key in _ORBITS:
            return _ORBITS[key]
        orbit = integrate(
            self.problem,
            self._adapted() if field is None else field,
            self.theta,
            end * self.N,
            rtol=self.rtol,
            events=events,
            times=[time * self.N for time in times],
        )
        if field is None and not events:
            _ORBITS[key] = orbit
        return orbit


_ORBITS: dict[tuple[Any, ...], Orbit] = {}
