"""The equations x[theta] = y without repetitions, and what makes them contradict each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geomdl.certificates.enclosures import check_enclosed
from geomdl.certificates.structure import distinct_inputs
from geomdl.data import Dataset
from geomdl.lipschitz import ACTIVATION_BOUNDS
from geomdl.problems import Problem


@dataclass(frozen=True, eq=False)
class Equations:
    """The equations of a problem, each once; see :func:`distinct_equations`.

    Attributes
    ----------
    problem : Problem
        On the distinct inputs; sample j has the target j. Its cost is that of the original problem,
        but must not be used: it counts other samples.
    repeated : int
        How many samples were left out.
    conflict : tuple of two int, or None
        Two samples with the same input and different targets, as they are numbered in the data.
    divisors : ndarray of float, shape (N',), or None
        Divisors of the cost by sample; None where copies of an input have different ones.
    """

    problem: Problem
    repeated: int
    conflict: tuple[int, int] | None
    divisors: np.ndarray | None


def distinct_equations(problem: Problem) -> Equations:
    """Leave out repeated inputs, compared exactly, or find two of them that contradict each other.

    Parameters
    ----------
    problem : Problem
        In float64, with an activation that has enclosures and a Lipschitz derivative.

    Raises
    ------
    ValueError
        For another activation.
    TypeError
        For data in another arithmetic.

    Examples
    --------
    >>> from geomdl import Network
    >>> data = Dataset.classification(np.array([[1.0], [2.0], [1.0]]), [0, 1, 1])
    >>> distinct_equations(Problem(Network([1, 3, 2], "tanh"), data)).conflict
    (0, 2)
    """
    check_enclosed(problem.network.activation)
    name = problem.network.activation.name
    if name not in ACTIVATION_BOUNDS:
        raise ValueError(
            f"got the activation {name}; expected one of {', '.join(ACTIVATION_BOUNDS)}: the theorem "
            "asks for a derivative that is Lipschitz"
        )
    data = problem.data
    if not isinstance(data.inputs, np.ndarray) or data.inputs.dtype != np.float64:
        raise TypeError(
            f"got data in {data.arithmetic.name}; expected float64, whose numbers are taken as exact"
        )
    distinct = distinct_inputs(data.inputs)
    place = {tuple(row): index for index, row in enumerate(distinct.inputs.tolist())}
    where = np.array([place[tuple(row)] for row in data.inputs.tolist()])
    targets, divisors = data.targets[data.labels], np.asarray(problem.cost.divisors(data), dtype=float)
    first = distinct.first[where]
    contradicting = np.flatnonzero(np.any(targets != targets[first], axis=1))
    conflict = (int(first[contradicting[0]]), int(contradicting[0])) if contradicting.size else None
    kept = Dataset.regression(distinct.inputs, targets[distinct.first])
    return Equations(
        Problem(problem.network, kept, problem.cost),
        data.size - len(distinct.first),
        conflict,
        divisors[distinct.first] if np.array_equal(divisors, divisors[first]) else None,
    )
