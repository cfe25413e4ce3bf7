"""What no theta can exceed: certified upper bounds of the rank of D, from widths and inputs alone.

Rows of D that belong to equal inputs are equal, and a constant or repeated feature makes columns of the
first layer dependent. Equality of floats is decided without rounding, so these bounds are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from geomdl.arithmetic import RATIONAL
from geomdl.certificates.modular import PRIMES, modular_rank, residues
from geomdl.networks import Network
from geomdl.rank_statistics import width_bound

EXACT_SPAN_LIMIT = 128
"""Columns up to which rank [X 1] is found exactly; beyond, equal and constant columns are counted."""


@dataclass(frozen=True, eq=False)
class DistinctInputs:
    """The inputs without repetitions.

    Attributes
    ----------
    inputs : ndarray, shape (N', M)
    first : integer ndarray, shape (N',)
        Index of the first sample with this input, ascending.
    copies : integer ndarray, shape (N',)
        How often it occurs.
    """

    inputs: np.ndarray
    first: np.ndarray
    copies: np.ndarray


def distinct_inputs(inputs: np.ndarray) -> DistinctInputs:
    """Find equal rows, compared exactly.

    Parameters
    ----------
    inputs : ndarray, shape (N, M), floats or ``fractions.Fraction``

    Returns
    -------
    DistinctInputs
        In the order of the data.
    """
    places: dict[tuple[float, ...], list[int]] = {}
    for index, row in enumerate(np.asarray(inputs).tolist()):
        places.setdefault(tuple(row), []).append(index)
    first = np.array([group[0] for group in places.values()])
    copies = np.array([len(group) for group in places.values()])
    return DistinctInputs(inputs[first], first, copies)


def exact_span(inputs: np.ndarray) -> int:
    """Bound rank [X 1] from above: exactly where that is quick, by counting different columns otherwise.

    The rank modulo a prime is a lower bound; it is the rank where it reaches the number of columns that
    are neither constant nor repeated, which is an upper bound.
    """
    columns = {tuple(column) for column in np.asarray(inputs).T.tolist()}
    different = sum(len(set(column)) > 1 for column in columns) + 1
    counted = min(different, len(inputs))
    if counted > EXACT_SPAN_LIMIT:
        return counted
    extended = RATIONAL.array(np.column_stack([inputs, np.ones(len(inputs), dtype=np.int64)]))
    prime = PRIMES[0]
    if modular_rank(residues(np.asarray(extended), prime), prime).rank == counted:
        return counted
    return len(RATIONAL.row_echelon(extended)[1])


def rank_upper_bound(network: Network, inputs: np.ndarray) -> int:
    """Bound rank D[theta] for every theta: :func:`geomdl.rank_statistics.rank_bound` without rounding.

    For the square, the network is a polynomial of degree 2^L in the inputs, and so are its derivatives
    in theta: rank D <= Q (d + 2^L choose d), d the affine dimension of the inputs.

    Parameters
    ----------
    network : Network
    inputs : ndarray, shape (N, M), floats or ``fractions.Fraction``

    Returns
    -------
    int
        At most min(K, QN).

    Examples
    --------
    A repeated input costs Q equations:

    >>> rank_upper_bound(Network([1, 9, 2], "tanh"), np.array([[0.5], [2.0], [0.5]]))
    4
    """
    distinct = distinct_inputs(inputs).inputs
    return bound_from_counts(network, len(distinct), exact_span(distinct))


def bound_from_counts(network: Network, samples: int, span: int) -> int:
    """Return :func:`rank_upper_bound` from the number of distinct inputs and rank [X 1]."""
    bound = width_bound(network, samples, span)
    if network.activation.name == "square":
        # outputs, and their derivatives in theta, are polynomials in span - 1 affine coordinates
        degree = 2 ** (len(network.widths) - 2)
        bound = min(bound, network.outputs * math.comb(span - 1 + degree, degree))
    return bound


def why_deficient(network: Network, inputs: np.ndarray) -> list[str]:
    """Say in words which structure keeps D from rank QN at every theta; empty when none is known."""
    distinct = distinct_inputs(inputs)
    samples, parameters = len(inputs), network.parameter_count
    equations = network.outputs * samples
    reasons = []
    if parameters < equations:
        reasons.append(f"K = {parameters} parameters are fewer than QN = {equations} equations")
    if repeated := samples - len(distinct.first):
        reasons.append(f"{repeated} of {samples} inputs repeat an earlier one")
    reachable = min(parameters, network.outputs * len(distinct.first))
    bound = rank_upper_bound(network, inputs)
    if bound < reachable:
        reasons.append(f"widths {list(network.widths)} and the inputs allow no rank above {bound}")
    return reasons
