"""Training data: inputs, the label map, targets, class averages and deviations.

The label map omega sends sample j to the index of its target; y_omega in R^(QN) stacks the targets
y_omega(1), ..., y_omega(N) sample by sample (arXiv:2311.15487, (1.1)-(1.2)).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from geomdl.arithmetic import Arithmetic, Array, arithmetic_of


@dataclass(frozen=True, eq=False)
class Dataset:
    """Inputs with labels and one target for every class.

    Parameters
    ----------
    inputs : array, shape (N, M)
    labels : integer ndarray, shape (N,)
        The label map omega, counted from 0; every class 0, ..., C-1 must occur.
    targets : array, shape (C, Q)
        Row c is the target of class c.

    Raises
    ------
    ValueError
        For wrong shapes, N = 0, NaN or infinite entries, labels out of range, or a class without
        samples.
    TypeError
        For labels that are not integers, or inputs and targets that are no floating-point arrays.

    Examples
    --------
    >>> data = Dataset(np.zeros((3, 2)), np.array([0, 1, 1]), np.eye(2))
    >>> data.class_sizes
    array([1, 2])
    """

    inputs: Array
    labels: np.ndarray
    targets: Array

    def __post_init__(self) -> None:
        arithmetic = arithmetic_of(self.inputs, self.targets)
        for name, array in (("inputs", self.inputs), ("targets", self.targets)):
            if array.ndim != 2 or min(array.shape) < 1:
                raise ValueError(
                    f"got {name} of shape {tuple(array.shape)}; expected a nonempty matrix with one "
                    + ("row a sample" if name == "inputs" else "row a class")
                )
            if not arithmetic.all_finite(array):
                raise ValueError(f"got {name} with NaN or infinite entries; expected finite numbers")
        object.__setattr__(self, "labels", np.asarray(self.labels))
        self._check_labels()

    def _check_labels(self) -> None:
        labels, samples, classes = self.labels, len(self.inputs), len(self.targets)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"got labels of dtype {labels.dtype}; expected integers counted from 0")
        if labels.shape != (samples,):
            raise ValueError(f"got labels of shape {labels.shape}; expected ({samples},), one a sample")
        if labels.min() < 0 or labels.max() >= classes:
            raise ValueError(
                f"got labels from {labels.min()} to {labels.max()}; expected 0 to {classes - 1}, one "
                "for each row of targets"
            )
        empty = np.flatnonzero(np.bincount(labels, minlength=classes) == 0)
        if empty.size:
            raise ValueError(
                f"got no sample of class {', '.join(map(str, empty))}; expected at least one of every "
                "class: drop the rows of targets that are not used and renumber the labels"
            )

    @classmethod
    def regression(cls, inputs: Array, targets: Array) -> Dataset:
        """Give every sample a target of its own: labels 0, ..., N-1; targets of shape (N, Q)."""
        return cls(inputs, np.arange(len(inputs)), targets)

    @classmethod
    def classification(cls, inputs: Array, labels: Any) -> Dataset:
        """Give every class a unit vector as target; labels may be of any kind that can be sorted.

        Class c is that of the c-th label in sorted order, ``np.unique(labels)[c]``.

        Examples
        --------
        >>> data = Dataset.classification(np.zeros((3, 2)), ["wine", "beer", "wine"])
        >>> data.labels.tolist(), data.targets.tolist()
        ([1, 0, 1], [[1.0, 0.0], [0.0, 1.0]])
        """
        classes, numbered = np.unique(np.asarray(labels), return_inverse=True)
        return cls(inputs, numbered, arithmetic_of(inputs).eye(len(classes)))

    @property
    def size(self) -> int:
        """Number of samples N."""
        return int(self.inputs.shape[0])

    @property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic of inputs and targets."""
        return arithmetic_of(self.inputs)

    @cached_property
    def class_sizes(self) -> np.ndarray:
        """Numbers N_c of samples of every class, shape (C,), integers."""
        return np.bincount(self.labels, minlength=len(self.targets))

    @cached_property
    def stacked_targets(self) -> Array:
        """The vector y_omega, shape (QN,), sample by sample."""
        return self.targets[self.labels].reshape(-1)

    def class_averages(self, points: Array) -> Array:
        """Average the rows of each class.

        Parameters
        ----------
        points : array, shape (N, d)
            One row a sample: inputs, hidden activations or outputs.

        Returns
        -------
        array, shape (C, d)
        """
        arithmetic = arithmetic_of(points)
        if points.ndim != 2 or len(points) != self.size:
            raise ValueError(
                f"got points of shape {tuple(points.shape)}; expected ({self.size}, d), one row a sample"
            )
        averages = [
            points[self.labels == c].sum(axis=0) / arithmetic.number(int(count))
            for c, count in enumerate(self.class_sizes)
        ]
        return arithmetic.stack(averages)

    def class_deviations(self, points: Array) -> Array:
        """Return every row minus the average of its class, shape (N, d)."""
        return points - self.class_averages(points)[self.labels]

    def to(self, arithmetic: Arithmetic) -> Dataset:
        """Convert inputs and targets to another arithmetic."""
        return Dataset(arithmetic.array(self.inputs), self.labels, arithmetic.array(self.targets))


def load_real_data(name: str, samples: int | None = None, seed: int = 0) -> Dataset:
    """Load a real data set that scikit-learn ships, in float64, with the unit vectors as targets.

    Digits are scaled to [0, 1] (divided by 16); iris, wine and breast cancer are standardized.

    Parameters
    ----------
    name : {"digits", "iris", "wine", "breast_cancer"}
    samples : int, optional
        Draw this many samples without replacement, equally many of each class up to rounding; all
        samples in their own order by default.
    seed : int
        Seed of the draw.

    Raises
    ------
    ValueError
        For an unknown name or more samples than there are.
    ModuleNotFoundError
        When scikit-learn is missing: it comes with the extra ``verify``.
    """
    loaders = {name: f"load_{name}" for name in ("digits", "iris", "wine", "breast_cancer")}
    if name not in loaders:
        raise ValueError(f"got data set {name!r}; expected one of {', '.join(loaders)}")
    try:
        from sklearn import datasets
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "real data sets come from scikit-learn, which is not installed: "
            'pip install "geomdl-verify[verify]"'
        ) from error
    bunch: Any = getattr(datasets, loaders[name])()
    inputs, labels = np.asarray(bunch.data, dtype=np.float64), np.asarray(bunch.target)
    inputs = inputs / 16 if name == "digits" else (inputs - inputs.mean(0)) / inputs.std(0)
    classes = int(labels.max()) + 1
    if samples is not None:
        if isinstance(samples, bool) or not isinstance(samples, int | np.integer):
            raise TypeError(f"got samples={samples!r}; expected an integer")
        if not classes <= samples <= len(labels):
            raise ValueError(
                f"got samples={samples}; expected {classes} (one a class) to {len(labels)} for {name}"
            )
        chosen = _stratified(labels, samples, np.random.default_rng(seed))
        inputs, labels = inputs[chosen], labels[chosen]
    return Dataset(inputs, labels, np.eye(classes, dtype=np.float64))


def _stratified(labels: np.ndarray, samples: int, generator: np.random.Generator) -> np.ndarray:
    """Choose indices class by class in turn, so that class sizes differ by at most one if they can."""
    shuffled = generator.permutation(len(labels))
    turn = np.empty(len(labels), dtype=np.int64)
    for c in np.unique(labels):
        members = shuffled[labels[shuffled] == c]
        turn[members] = np.arange(len(members))
    return np.sort(shuffled[np.argsort(turn[shuffled], kind="stable")][:samples])
