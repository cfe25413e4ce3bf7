"""Is the bundle of fibres range(D^T) integrable? Lie brackets of its sections, and what they reach.

The fields V_i = grad_theta x_i span the fibres V = range(D^T[theta]). The bundle is integrable near
theta, that is, tangent to a foliation by leaves of dimension rank D, exactly when no bracket

    [V_i, V_j] = (Hess x_j) V_i - (Hess x_i) V_j

leaves the fibres (Frobenius, for constant rank of D). The part of a bracket outside the fibre is
bilinear in the values of the sections at theta, so the spanning fields decide for all of them. Exact
second derivatives, no differences: everything but the second step of :func:`bracket_growth` is exact
in exact arithmetic and accurate to the unit roundoff in the others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization, linearize
from geomdl.pseudoinverses import pseudoinverse
from geomdl.second_derivatives import jacobian_derivative, range_bundle_brackets

SAFETY = 30
"""How many units of rounding error a singular value needs to count as a new dimension."""


def bracket_pairing(at: Linearization, normal: Array) -> Array:
    """Pair all brackets with one direction n, from a single derivative of the Jacobian.

    ([V_i, V_j], n) = (dD[n] D^T)_(j, i) - (dD[n] D^T)_(i, j)

    Parameters
    ----------
    at : Linearization
    normal : array, shape (K,)
        A direction of ker D for a test of integrability; any other is allowed.

    Returns
    -------
    array, shape (QN, QN)
        Antisymmetric.

    Notes
    -----
    The bundle is integrable where dD[n] D^T is symmetric for every n in ker D: one random n of the
    kernel decides, at the cost of a few Jacobians and without forming QN^2 / 2 brackets.
    Source: arXiv:2311.15487, (2.31).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> theta = np.array([1.0, 0.0, 1.0, 0.0])
    >>> at = linearize(Network([1, 1, 1], "identity"), theta, np.array([[0.0], [1.0]]))
    >>> bracket_pairing(at, np.array([0.0, 1.0, 0.0, -1.0]))  # x = w2 (w1 X + b1) + b2
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    derivative = jacobian_derivative(at, normal) @ at.jacobian().T
    return derivative.T - derivative


def brackets_outside_fibre(at: Linearization, *, rank: int | None = None) -> Array:
    """Return the parts of all brackets that leave the fibre.

    (1 - P) [V_i, V_j], i < j, with P = D^+ D the orthogonal projector onto range(D^T).

    Parameters
    ----------
    at : Linearization
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.

    Returns
    -------
    array, shape (QN (QN - 1) / 2, K)
        One bracket a row, in lexicographic order of (i, j); empty when QN = 1.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> theta = np.array([1.0, 0.0, 1.0, 0.0])
    >>> at = linearize(Network([1, 1, 1], "identity"), theta, np.array([[0.0], [1.0]]))
    >>> brackets_outside_fibre(at).round(12) + 0.0
    array([[ 0. , -0.5,  0. ,  0.5]])
    """
    brackets = range_bundle_brackets(at)
    factored = pseudoinverse(at.jacobian(), rank=rank)
    return brackets - (brackets @ factored.row_basis) @ factored.row_dual


def integrability_defect(at: Linearization, *, rank: int | None = None) -> Any:
    """Tell how far the brackets leave the fibre, relative to the terms that they consist of.

    max |(1 - P) [V_i, V_j]| / max |(Hess x_j) V_i|, largest entries over all i, j: zero to rounding
    where the bundle is integrable, typically 0.1 to 1 where it is not; multiplying outputs or
    parameters by a number does not change it.

    Parameters
    ----------
    at : Linearization
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    scalar of the arithmetic in use
        0 when there is no pair of fields (QN = 1) or the network is affine in theta.

    Notes
    -----
    Exceptions to the rule that the defect does not vanish: D constant (no hidden layer), rank 1 (one
    output in all, or equal rows), rank K (the fibre is everything), and fields that commute, such as
    those of samples that share no active unit of a ReLU network. Depth alone with the identity as
    activation is no exception.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> theta, inputs = np.array([1.0, 0.0, 1.0, 0.0]), np.array([[0.0], [1.0]])
    >>> float(integrability_defect(linearize(Network([1, 1, 1], "identity"), theta, inputs)).round(9))
    0.25
    >>> float(integrability_defect(linearize(Network([1, 1], "identity"), theta[:2], inputs)))
    0.0
    """
    outside, scale = at.arithmetic.largest(brackets_outside_fibre(at, rank=rank)), _bracket_scale(at)
    return outside / scale if scale != 0 else at.arithmetic.number(0)


def _bracket_scale(at: Linearization) -> Any:
    return max(at.arithmetic.largest(jacobian_derivative(at, row)) for row in at.jacobian())


@dataclass(frozen=True)
class BracketGrowth:
    """Dimensions that the fields and their brackets span at one theta; see :func:`bracket_growth`.

    Attributes
    ----------
    dimensions : tuple of int
        dim V, dim (V + [V, V]) and, for two steps, dim (V + [V, V] + [V, [V, V]]).
    gap : float
        Smallest ratio of a singular value that was counted to one that was not; infinite in exact
        arithmetic and where nothing was dropped. Below 1e3 the dimensions are in doubt.
    """

    dimensions: tuple[int, ...]
    gap: float


def bracket_growth(at: Linearization, *, steps: int = 1, rank: int | None = None) -> BracketGrowth:
    """Count the directions that brackets of the bundle add to its fibre.

    Parameters
    ----------
    at : Linearization
    steps : int
        1 for [V, V], 2 for [V, [V, V]] as well.
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    BracketGrowth

    Raises
    ------
    ValueError
        For another number of steps.

    Notes
    -----
    Equal dimensions mean involutive at theta, and integrable where it is so in a neighbourhood; the
    last dimension K means that horizontal paths reach every direction (Chow). With an activation that is
    homogeneous of degree d (ReLU 1, square 2), every section and hence every bracket is tangent to the
    level sets of |row of (W_l, b_l)|^2 - d |column of W_(l+1)|^2 for every hidden unit, so that K is
    never reached.

    Brackets of brackets need third derivatives. They are central differences of exact brackets, with
    nodes enough to be exact for polynomials in exact arithmetic, and an error of about
    roundoff^(6/7) in the others. Source: arXiv:2311.15487, (2.31).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> theta, inputs = np.array([1.0, 0.3, 2.0, 0.0]), np.array([[0.5], [1.0]])
    >>> at = linearize(Network([1, 1, 1], "tanh"), theta, inputs)
    >>> bracket_growth(at, steps=2).dimensions
    (2, 3, 4)
    """
    if steps not in (1, 2):
        raise ValueError(f"got steps={steps}; expected 1 for [V, V] or 2 for [V, [V, V]] as well")
    factored = pseudoinverse(at.jacobian(), rank=rank)
    condition = 1.0 if at.arithmetic.exact else factored.condition
    span, dimensions, gaps = factored.row_projector(), [factored.rank], [factored.gap]
    unit, basis = at.arithmetic.unit_roundoff, [factored.row_basis]
    brackets = range_bundle_brackets(at)
    families = [(brackets, _bracket_scale(at), unit)]
    if steps == 2 and len(brackets):
        second = _second_brackets(at, brackets)
        families.append((second, at.arithmetic.largest(second), unit ** (6 / 7)))
    for vectors, scale, error in families:
        if len(vectors) and scale != 0:
            outside = (vectors - vectors @ span) / scale
            found, gap = _count(at, outside, SAFETY * max(outside.shape) * condition * error)
            if found:
                # One projector of all directions: a sum of two would keep the noise of the second.
                basis += [pseudoinverse(outside, rank=found).row_basis]
                joined = at.arithmetic.concatenate(basis, axis=1).T
                span = pseudoinverse(joined, rank=dimensions[-1] + found).row_projector()
            dimensions.append(dimensions[-1] + found)
            gaps.append(gap)
        else:
            dimensions.append(dimensions[-1])
    dimensions += dimensions[-1:] * (steps + 1 - len(dimensions))
    return BracketGrowth(tuple(dimensions), min(gaps))


def _count(at: Linearization, vectors: Array, cutoff: float) -> tuple[int, float]:
    """Count the singular values above an absolute cutoff, with the gap there."""
    if at.arithmetic.exact:
        return pseudoinverse(vectors).rank, math.inf
    sigma = at.arithmetic.to_float64(at.arithmetic.singular_values(vectors))
    kept, dropped = sigma[sigma > cutoff], sigma[sigma <= cutoff]
    known = len(kept) and len(dropped) and dropped[0] > 0
    return len(kept), float(kept[-1] / dropped[0]) if known else math.inf


def _second_brackets(at: Linearization, brackets: Array) -> Array:
    """Return all [V_k, [V_i, V_j]] = dB[V_k] - (Hess x_k) B for B = [V_i, V_j], k outermost."""
    turned = at.arithmetic.stack([jacobian_derivative(at, bracket) for bracket in brackets], axis=1)

    def moved(theta: Array) -> Array:
        return range_bundle_brackets(linearize(at.network, theta, at.inputs))

    fields = enumerate(at.jacobian())
    return at.arithmetic.concatenate([_derivative(at, moved, field) - turned[k] for k, field in fields])


def _derivative(at: Linearization, function: Callable[[Array], Array], direction: Array) -> Array:
    """Differentiate a function of theta along a direction by central differences.

    With m nodes on each side the error is of order step^(2m), and zero for polynomials of degree 2m.
    """
    a, length = at.arithmetic, at.arithmetic.largest(direction)
    if length == 0:
        return a.zeros(function(at.theta).shape)
    if a.exact:
        # The outputs have at most this degree in theta (rational activations have degree 1 or 2),
        # brackets twice that degree minus 3; the step is short, so as not to cross a kink.
        degree = 2 ** (len(at.slopes) + 1) - 1
        nodes, step = max(1, degree - 1), a.number(1, 2**40)
    else:
        nodes, step = 3, a.array([a.unit_roundoff ** (1 / 7)])[0] / length
    total = a.zeros(function(at.theta).shape)
    for k in range(1, nodes + 1):
        binomials = Fraction(math.comb(2 * nodes, nodes - k), math.comb(2 * nodes, nodes))
        move = a.number(k) * step * direction
        change = function(at.theta + move) - function(at.theta - move)
        total = total + a.from_fraction((-1) ** (k + 1) * binomials / k) * change
    return total / step
