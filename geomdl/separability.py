"""Sequential linear separability: in which order classes can be cut off by hyperplanes, or why not.

Data are sequentially linearly separable in the order k_1, ..., k_Q when for every l < Q a hyperplane
has class k_l strictly on one side and the classes k_(l+1), ..., k_Q on the other:

    h_l.x - c_l <= -1 on class k_l,      h_l.x - c_l >= 1 on all later classes.

Taking samples away never hurts a separation. So whichever separable class is cut off first, an order
that existed before still exists afterwards, and a greedy search decides the question: it stops either
with an order, or with classes of which none can be cut off from the others. That none can is certified
class by class by a point that is a convex combination of its samples and one of the others' samples,

    sum_i lambda_i x_i = sum_j mu_j x_j,    lambda, mu >= 0 with sum 1,

with rational weights that are checked exactly. Hyperplanes come from linear programs (HiGHS, through
SciPy): the one of least |h|_1, whose gap in the maximum norm is the widest. Their signs are certified by
the rounding error bound of a dot product; common points are solved for exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

from geomdl.arithmetic import RATIONAL
from geomdl.data import Dataset

ROUNDING_BITS = (16, 24, 40)
ATTEMPTS = 8


@dataclass(frozen=True)
class ClassOrder:
    """An order in which the classes can be cut off; see :func:`class_order`.

    Attributes
    ----------
    order : tuple of int
        All classes; hyperplane l separates order[l] from order[l + 1:].
    normals : ndarray, shape (Q - 1, M), float64
        h_1, ..., h_(Q-1).
    offsets : ndarray, shape (Q - 1,), float64
        c_1, ..., c_(Q-1).
    gaps : ndarray, shape (Q - 1,), float64
        Euclidean distance between the parallel hyperplanes that touch the two sides.
    """

    order: tuple[int, ...]
    normals: np.ndarray
    offsets: np.ndarray
    gaps: np.ndarray

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return for every row the first class on whose side of the hyperplane it lies."""
        passed = np.cumprod(inputs @ self.normals.T >= self.offsets, axis=1, dtype=np.int64)
        return np.asarray(self.order)[passed.sum(axis=1)]


@dataclass(frozen=True)
class CommonPoint:
    """A point in the convex hulls of one class and of other classes: no hyperplane separates them.

    Attributes
    ----------
    label : int
        The class that cannot be cut off.
    inside, outside : tuples of int
        Indices of samples of the class, and of the others.
    inside_weights, outside_weights : tuples of Fraction
        Positive, each with sum 1.
    """

    label: int
    inside: tuple[int, ...]
    outside: tuple[int, ...]
    inside_weights: tuple[Fraction, ...]
    outside_weights: tuple[Fraction, ...]

    def holds_for(self, data: Dataset, classes: Sequence[int]) -> bool:
        """Check in exact arithmetic that the two convex combinations are one point.

        Parameters
        ----------
        data : Dataset
        classes : sequence of int
            The classes that are still there: where all samples have to come from.
        """
        samples = data.labels[list(self.inside)], data.labels[list(self.outside)]
        others = set(classes) - {self.label}
        if set(samples[0]) != {self.label} or not set(samples[1]) <= others:
            return False
        points = []
        for indices, weights in (
            (self.inside, self.inside_weights),
            (self.outside, self.outside_weights),
        ):
            if len(indices) != len(weights) or min(weights) <= 0 or sum(weights) != 1:
                return False
            rows = RATIONAL.array(data.inputs[list(indices)])
            points.append(np.array(weights, dtype=object) @ np.asarray(rows))
        return bool(np.all(points[0] == points[1]))


class InseparableError(ValueError):
    """No order exists: none of the remaining classes can be cut off from the others.

    Attributes
    ----------
    classes : tuple of int
        The remaining classes.
    certificate : tuple of CommonPoint
        One for each of them, in the same order.
    """

    def __init__(self, classes: Sequence[int], certificate: Sequence[CommonPoint]) -> None:
        self.classes, self.certificate = tuple(classes), tuple(certificate)
        sizes = ", ".join(
            f"class {point.label} in {len(point.inside)} + {len(point.outside)} samples"
            for point in self.certificate
        )
        super().__init__(
            f"the data are not sequentially linearly separable: none of the classes {self.classes} can "
            "be cut off from the others by a hyperplane, since its convex hull meets theirs (common "
            f"points: {sizes}). More features may help, such as products of the present ones"
        )

    def holds_for(self, data: Dataset) -> bool:
        """Check the whole certificate in exact arithmetic."""
        labels = tuple(point.label for point in self.certificate)
        return labels == self.classes and all(
            point.holds_for(data, self.classes) for point in self.certificate
        )


class UndecidedError(ArithmeticError):
    """Hulls that touch, or nearly: neither a hyperplane nor a common point passes its exact check."""


def class_order(data: Dataset, order: Sequence[int] | None = None) -> ClassOrder:
    """Find an order in which hyperplanes cut off one class after the other.

    Of the classes that can be cut off, the one with the widest gap goes first.

    Parameters
    ----------
    data : Dataset
        Inputs of shape (N, M), of any floating-point arithmetic or rational, with their labels.
    order : sequence of int, optional
        Insist on this order of the classes.

    Returns
    -------
    ClassOrder

    Raises
    ------
    InseparableError
        When there is no order, with a certificate; when the order asked for is none, with the one
        common point at which it ends.
    UndecidedError
        When hulls touch within rounding.
    ValueError
        When ``order`` is no permutation of the classes.

    Notes
    -----
    Source: talk of 2024, "sequentially linearly separable"; the search is ours.

    Examples
    --------
    >>> line = Dataset(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([1, 0, 0, 2]), np.eye(3))
    >>> class_order(line).order
    (1, 0, 2)
    >>> try:
    ...     class_order(Dataset(line.inputs, np.array([0, 1, 0, 1]), np.eye(2)))
    ... except InseparableError as error:
    ...     error.classes
    (0, 1)
    """
    inputs, remaining = data.arithmetic.to_float64(data.inputs), list(range(len(data.targets)))
    if order is not None and sorted(order) != remaining:
        raise ValueError(
            f"got order {tuple(order)}; expected a permutation of 0, ..., {len(remaining) - 1}"
        )
    found: list[tuple[int, np.ndarray, float, float]] = []
    while len(remaining) > 1:
        candidates = remaining if order is None else [order[len(found)]]
        tried = candidates[:1] if len(remaining) == 2 else candidates  # two classes share a hyperplane
        planes = [
            (label, *plane)
            for label in tried
            if (plane := _cut_off(data, inputs, label, remaining)) is not None
        ]
        if not planes:
            common = [_common_point(data, inputs, label, remaining) for label in candidates]
            raise InseparableError(candidates, common)
        found.append(max(planes, key=lambda plane: plane[-1]))
        remaining.remove(found[-1][0])
    labels, normals, offsets, gaps = zip(*found, strict=True) if found else ((), (), (), ())
    return ClassOrder(
        (*labels, *remaining),
        np.array(normals, dtype=np.float64).reshape(len(found), inputs.shape[1]),
        np.array(offsets, dtype=np.float64),
        np.array(gaps, dtype=np.float64),
    )


def _split(labels: np.ndarray, label: int, remaining: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    inside = np.flatnonzero(labels == label)
    return inside, np.flatnonzero(np.isin(labels, [other for other in remaining if other != label]))


def _cut_off(
    data: Dataset, inputs: np.ndarray, label: int, remaining: Sequence[int]
) -> tuple[np.ndarray, float, float] | None:
    """Return h, c of least |h|_1 and the Euclidean gap; None without a plane whose signs are certain."""
    inside, outside = _split(data.labels, label, remaining)
    points = inputs[np.concatenate([inside, outside])]
    signs = np.concatenate([-np.ones(len(inside)), np.ones(len(outside))])
    centre, unit = points.mean(axis=0), float(np.abs(points - points.mean(axis=0)).max()) or 1.0
    scaled = (points - centre) / unit * signs[:, None]
    # h = p - n with p, n >= 0; minimize sum(p + n) subject to sign * (h.x - c) >= 1
    program = linprog(
        np.concatenate([np.ones(2 * points.shape[1]), [0.0]]),
        A_ub=np.hstack([-scaled, scaled, signs[:, None]]),
        b_ub=-np.ones(len(points)),
        bounds=[(0, None)] * (2 * points.shape[1]) + [(None, None)],
        method="highs",
    )
    if program.status != 0:
        return None
    parts = np.split(program.x[:-1], 2)
    normal = (parts[0] - parts[1]) / unit
    return _certain(points, signs, normal, float(program.x[-1] + normal @ centre))


def _certain(
    points: np.ndarray, signs: np.ndarray, normal: np.ndarray, offset: float
) -> tuple[np.ndarray, float, float] | None:
    """Round to few bits, so that exact arithmetic stays cheap, and make sure of every sign."""
    for bits in ROUNDING_BITS:
        grid = 2.0 ** (np.ceil(np.log2(np.abs(normal).max())) - bits)
        rounded = np.round(normal / grid) * grid
        slack = signs * (points @ rounded - offset)
        # gamma_(M+1) bounds the error of the dot products, whatever the order of summation.
        gamma = (points.shape[1] + 2) * 2.0**-53
        error = 1.01 * gamma * (np.abs(points) @ np.abs(rounded) + abs(offset))
        if np.all(slack - error > 0.5):
            touch = (slack - error).min()
            return rounded / touch, offset / touch, 2 * float(touch / np.linalg.norm(rounded))
    return None


def _common_point(
    data: Dataset, inputs: np.ndarray, label: int, remaining: Sequence[int]
) -> CommonPoint:
    """Return a common point of two convex hulls: a vertex found in float64, solved for exactly."""
    inside, outside = _split(data.labels, label, remaining)
    points = inputs[np.concatenate([inside, outside])]
    centre, unit = points.mean(axis=0), float(np.abs(points - points.mean(axis=0)).max()) or 1.0
    scaled = (points - centre) / unit
    scaled[len(inside) :] *= -1
    sums = np.zeros((2, len(points)))
    sums[0, : len(inside)], sums[1, len(inside) :] = 1, 1
    generator = np.random.default_rng(0)
    for _ in range(ATTEMPTS):
        # A random objective leads to a random vertex, where few weights are positive.
        program = linprog(
            generator.standard_normal(len(points)),
            A_eq=np.vstack([scaled.T, sums]),
            b_eq=np.concatenate([np.zeros(points.shape[1]), np.ones(2)]),
            bounds=(0, None),
            method="highs-ds",
        )
        if program.status != 0:
            break
        used = np.flatnonzero(program.x > 1e-9)
        split = int(np.searchsorted(used, len(inside)))
        first, second = inside[used[:split]], outside[used[split:] - len(inside)]
        if (weights := _exact_weights(data, first, second)) is not None:
            return CommonPoint(
                label, tuple(first.tolist()), tuple(second.tolist()), weights[:split], weights[split:]
            )
    raise UndecidedError(
        f"class {label} and the classes {sorted(set(remaining) - {label})} touch within rounding: no "
        "hyperplane separates them with a margin above rounding errors, and no common point of their "
        "convex hulls passes the exact check. Check the data for samples that nearly coincide"
    )


def _exact_weights(data: Dataset, first: np.ndarray, second: np.ndarray) -> tuple[Fraction, ...] | None:
    """Solve for the weights over the rationals; None when there are none or one is not positive."""
    rows = np.asarray(RATIONAL.array(data.inputs[np.concatenate([first, second])]))
    rows[len(first) :] *= -1
    sums = [[1] * len(first) + [0] * len(second), [0] * len(first) + [1] * len(second)]
    right = [0] * rows.shape[1] + [1, 1]
    augmented = [[*column, value] for column, value in zip([*rows.T, *sums], right, strict=True)]
    echelon, pivots = RATIONAL.row_echelon(RATIONAL.array(augmented))
    if pivots != list(range(len(rows))):
        return None  # inconsistent (a pivot in the last column) or not unique
    weights = tuple(echelon[: len(rows), -1])
    return weights if min(weights) > 0 else None
