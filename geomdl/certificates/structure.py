"""What no theta can exceed: certified upper bounds of the rank of D, from widths and inputs alone.

Rows of D that belong to equal inputs are equal, and a constant or repeated feature makes columns of the
first layer dependent. Equality of floats is decided without rounding, so these bounds are exact.
"""

from __future__ import annotations

import math
from collections import Counter
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


@dataclass(frozen=True)
class Counts:
    """What the bound of the rank needs to know of the inputs; see :func:`count`.

    Attributes
    ----------
    samples : int
        N', the number of distinct inputs.
    spans : tuple of (int, int)
        Pairs (rank [X_T 1] or more, |U_T|) for sets of features T that are left out, none first.
    """

    samples: int
    spans: tuple[tuple[int, int], ...]

    def bound(self, network: Network) -> int:
        """Bound rank D[theta] for every theta; see :func:`rank_upper_bound`."""
        bounds = [
            width_bound(network, self.samples, span) + network.outputs * touched
            for span, touched in self.spans
        ]
        if network.activation.name == "square":
            # outputs, and their derivatives in theta, are polynomials in span - 1 affine coordinates
            degree, span = 2 ** (len(network.widths) - 2), self.spans[0][0]
            bounds.append(network.outputs * math.comb(span - 1 + degree, degree))
        return min(bounds)


def count(inputs: np.ndarray) -> Counts:
    """Count distinct inputs, the span of the features, and the samples that rare features touch.

    T runs through the features in the order of how rarely they differ from their most frequent value,
    U_T are the samples in which one of T does.

    Parameters
    ----------
    inputs : ndarray, shape (N, M), floats or ``fractions.Fraction``
    """
    distinct = distinct_inputs(inputs).inputs
    span = exact_span(distinct)
    touched = []
    for column in {tuple(column) for column in np.asarray(distinct).T.tolist()}:
        usual = Counter(column).most_common(1)[0][0]
        touched.append({index for index, value in enumerate(column) if value != usual})
    touched = sorted((each for each in touched if each), key=len)
    spans, union = [(span, 0)], set()
    for left_out, samples in enumerate(touched, start=1):
        union |= samples
        spans.append((min(span, len(touched) - left_out + 1), len(union)))
    return Counts(len(distinct), tuple(spans))


def rank_upper_bound(network: Network, inputs: np.ndarray) -> int:
    """Bound rank D[theta] for every theta: :func:`geomdl.rank_statistics.rank_bound`, and more.

    Without rounding, and with a term for rare features: the columns of D that belong to a set T of
    features have entries in the rows of the samples U_T only in which they differ from their usual
    values (up to multiples of the bias columns), so that rank D <= rank D_T + Q |U_T|, D_T without
    them. For the square, the network is a polynomial of degree 2^L in the inputs, and so are its
    derivatives in theta: rank D <= Q (d + 2^L choose d), d the affine dimension of the inputs.

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
    return min(count(inputs).bound(network), network.outputs * len(inputs), network.parameter_count)


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
