"""Which rank the Jacobian D[theta] has for almost every theta, and which it cannot exceed.

For a real-analytic activation the minors of D[theta] are real-analytic functions on R^K: each vanishes
everywhere or on a set of measure zero. So D has one and the same rank, its largest, at almost every
theta, and a single random theta shows it. Full rank QN at one theta is full rank with probability 1 for
every law of theta with a density; a rank below QN at a random theta is a rank below QN at every theta,
however many parameters there are. :func:`rank_bound` tells from the widths alone why that happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geomdl.arithmetic import Array, arithmetic_of, get_arithmetic
from geomdl.jacobians import check_inputs, linearize
from geomdl.networks import Network
from geomdl.pseudoinverses import pseudoinverse

CLEAR_GAP = 1e6
"""sigma_r / sigma_(r+1) from which a rank counts as decided."""


@dataclass(frozen=True)
class GenericRank:
    """The rank of D at random parameters; see :func:`generic_rank`.

    Attributes
    ----------
    rank : int
        The largest rank that was seen.
    bound : int
        What the widths allow, :func:`rank_bound`.
    equations : int
        QN.
    gap : float
        Smallest sigma_r / sigma_(r+1) where the rank was seen; infinite in exact arithmetic and where
        nothing was left over.
    draws : int
        Number of theta drawn.
    reached : int
        How many of them had this rank: all, for an analytic activation.
    """

    rank: int
    bound: int
    equations: int
    gap: float
    draws: int
    reached: int

    @property
    def full(self) -> bool:
        """Whether the rank is QN."""
        return self.rank == self.equations

    @property
    def clear(self) -> bool:
        """Whether the gap is wide enough to trust the rank."""
        return self.gap >= CLEAR_GAP


def rank_bound(network: Network, inputs: Array) -> int:
    """Bound the rank of D[theta], for all theta, by the widths and the inputs.

    Let N' be the number of distinct inputs and u_l the dimension of all first-order changes of the
    pre-activations of layer l on them. What a layer of width m passes on to the next, of width M', lies
    in {[h 1] V} + {dh W^T}, so that with r = min(N', m + 1), for the inputs r = rank [X 1],

        u_(l+1) <= min(N' M',  u_l + r M',  r M' + (N' - r) min(m, M')),    u_0 = 0.

    rank D <= u_(L+1). A homogeneous activation takes away one dimension of theta for each hidden unit,
    whose ingoing and outgoing weights scale against each other; an affine network has rank at most
    Q rank [X 1].

    Parameters
    ----------
    network : Network
    inputs : array, shape (N, M)

    Returns
    -------
    int
        Never above min(K, QN).

    Notes
    -----
    Below QN, the rank condition of arXiv:2311.15487, Theorem 2.1, holds at no theta. At QN it may.

    Examples
    --------
    A last hidden layer of width 1, with 1005 parameters for 8 outputs, has rank 6 at most:

    >>> rank_bound(Network([1000, 1, 2], "tanh"), np.eye(4, 1000))
    6
    """
    check_inputs(network, inputs)
    numbers = arithmetic_of(inputs).to_float64(inputs)
    distinct = np.unique(numbers, axis=0)
    samples = len(distinct)
    spanned = int(np.linalg.matrix_rank(np.column_stack([distinct, np.ones(samples)])))
    return width_bound(network, samples, spanned)


def width_bound(network: Network, samples: int, spanned: int) -> int:
    """Return the bound of :func:`rank_bound` from N' distinct inputs and rank [X 1].

    Parameters
    ----------
    network : Network
    samples : int
        N', or more.
    spanned : int
        rank [X 1], or more; exact numbers make the bound a theorem.

    Returns
    -------
    int
    """
    activation = network.activation
    if activation.homogeneous and activation.analytic:
        return min(network.parameter_count, spanned * network.outputs)
    reached, span = 0, spanned
    for index, (narrow, wide) in enumerate(pairwise(network.widths)):
        own = span * wide
        passed = own + (samples - span) * min(narrow, wide) if index else own
        reached = min(samples * wide, reached + own, passed)
        span = min(samples, wide + 1)
    scalings = sum(network.widths[1:-1]) if activation.homogeneous else 0
    return min(reached, network.parameter_count - scalings)


def generic_rank(
    network: Network, inputs: Array, *, draws: int = 3, seed: int = 0, digits: int = 50
) -> GenericRank:
    """Find the rank that D[theta] has at almost every theta, from random parameters.

    Parameters
    ----------
    network : Network
    inputs : array, shape (N, M)
        Of any arithmetic; rationals, with an activation that maps rationals to rationals, give exact
        ranks. All others are computed with ``digits`` decimal digits, because random networks are
        ill-conditioned more often than rank deficient.
    draws : int
        Number of random theta. One decides for an analytic activation; a piecewise linear one has an
        open set of theta for each rank that it takes, and the result says how often the largest was met.
    seed : int
    digits : int

    Returns
    -------
    GenericRank

    Raises
    ------
    ValueError
        For fewer than one draw, or inputs that do not fit the network.

    Notes
    -----
    Source: the expectation of arXiv:2311.15487, Section 2.1, that D D^T has full rank with high
    probability.

    Examples
    --------
    >>> inputs = np.array([[-1.0], [0.5], [2.0]])
    >>> found = generic_rank(Network([1, 3, 1], "tanh"), inputs)
    >>> found.rank, found.full, found.clear
    (3, True, True)
    >>> generic_rank(Network([1, 1, 2], "tanh"), inputs).rank
    5
    """
    if draws < 1:
        raise ValueError(f"got draws={draws}; expected a number of at least 1")
    check_inputs(network, inputs)
    given, generator = arithmetic_of(inputs), np.random.default_rng(seed)
    exact = given.exact and network.activation.rational
    arithmetic = given if exact else get_arithmetic(f"mp{digits}")
    points = arithmetic.array(inputs)
    found = [
        pseudoinverse(
            linearize(network, arithmetic.array(network.random_theta(generator)), points).jacobian()
        )
        for _ in range(draws)
    ]
    rank = max(each.rank for each in found)
    best = [each for each in found if each.rank == rank]
    return GenericRank(
        rank, rank_bound(network, inputs), network.outputs * len(inputs),
        min(each.gap for each in best), draws, len(best),
    )  # fmt: skip
