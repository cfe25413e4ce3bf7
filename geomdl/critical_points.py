"""Critical points of the cost: closed forms, targets that make any theta critical, critical sets.

theta is critical, grad_theta C = D^T grad_x C = 0, exactly when the residual x[theta] - y is orthogonal
to the range of D. Where the rank of D is r in a whole neighbourhood, the r functions

    g_alpha[theta] = (V_alpha, grad_x C),     V_alpha = column k_alpha of D, independent,

have the same zeros as all K components of grad_theta C, and are some of them: g_alpha is the derivative
of C by theta_(k_alpha), and its gradient a row of the Hessian. The zeros form a manifold of dimension
K - r where the Hessian has rank r, the largest rank that it can have at such a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from geomdl.activations import Activation
from geomdl.arithmetic import Arithmetic, Array, arithmetic_of
from geomdl.jacobians import Linearization
from geomdl.networks import Network
from geomdl.problems import Problem
from geomdl.pseudoinverses import pseudoinverse
from geomdl.second_derivatives import cost_hessian, jacobian_derivative

ROUNDING = 30
"""Units of roundoff up to which a gradient counts as zero: the practice of LAPACK's testing."""

LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e12
"""Range of the damping; a step that reduces no gradient at the upper end ends the search."""


def width_one_critical_point(
    inputs: Array,
    targets: Array,
    *,
    branch: int,
    activation: str | Activation = "tanh",
    center: float = 0.0625,
    reach: float = 0.6875,
) -> Array:
    """Return a critical point of a network with one hidden unit, in closed form.

    With m the mean target and Y - m = U diag(S) V^T, the hidden unit takes the values
    z = center + reach U_k / max |U_k| on the samples, and W_2 = S_k V_k max |U_k| / reach,
    b_2 = m - center W_2: the outputs are the rank-one part m + U_k S_k V_k^T of the targets.

    Parameters
    ----------
    inputs : array, shape (N, M)
        Affinely independent, in particular N <= M + 1.
    targets : array, shape (N, Q)
    branch : int
        k, counted from 1, among the singular values S_1 >= S_2 >= ... > 0 of Y - m.
    activation : str or Activation
        Strictly increasing around 0, such as tanh.
    center, reach : float
        The activation has to take all values from center - reach to center + reach.

    Returns
    -------
    array, shape (K,)
        theta of ``Network([M, 1, Q], activation)``.

    Raises
    ------
    ValueError
        For inputs that are not affinely independent, a branch without a positive singular value, or
        values that the activation does not take.

    Notes
    -----
    The cost there is (sum of S_j^2 over j != k) / (2N): branch 1 is the minimum, all others are
    saddles. The rank of D is r = N + 2(Q - 1) around the point, and the Hessian has rank r unless some
    other S_j equals S_k (Eckart-Young).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.data import Dataset
    >>> inputs, targets = np.eye(3, 2), np.array([[3.0, 0.0], [-3.0, 1.0], [0.0, -1.0]])
    >>> theta = width_one_critical_point(inputs, targets, branch=2)
    >>> problem = Problem(Network([2, 1, 2], "tanh"), Dataset.regression(inputs, targets))
    >>> bool(np.abs(problem.gradient(theta)).max() < 1e-14)
    True
    """
    arithmetic = arithmetic_of(inputs, targets)
    samples, network = len(inputs), Network([inputs.shape[1], 1, targets.shape[1]], activation)
    affine = pseudoinverse(arithmetic.concatenate([inputs, arithmetic.zeros((samples, 1)) + 1], axis=1))
    if affine.rank < samples:
        raise ValueError(
            f"got {samples} inputs that span an affine space of dimension {affine.rank - 1}; expected "
            "affinely independent inputs: at most M + 1 of them, in general position"
        )
    mean = targets.sum(axis=0) / arithmetic.number(samples)
    centered = targets - mean
    rank = pseudoinverse(centered).rank
    if not 1 <= branch <= rank:
        raise ValueError(
            f"got branch={branch}; expected 1 to {rank}, the number of positive singular values of the "
            "centered targets"
        )
    left, sigma, right = arithmetic.svd(centered)
    u, v, k = left[:, branch - 1], right[branch - 1], branch - 1
    middle, half_width = arithmetic.array([center, reach])
    stretch = half_width / arithmetic.largest(u)
    hidden = affine.apply(_preimage(arithmetic, network.activation, middle + stretch * u))
    outgoing = (sigma[k] / stretch) * v
    return arithmetic.concatenate([hidden, outgoing, mean - middle * outgoing])


def _preimage(arithmetic: Arithmetic, activation: Activation, values: Array) -> Array:
    """Solve activation(z) = values entrywise by Newton's method from 0."""
    z, limit = arithmetic.zeros(values.shape), 100
    for _ in range(limit):
        reached, slope = activation.value_and_slope(arithmetic, z)
        gap = values - reached
        if not (slope > 0).all() or not arithmetic.all_finite(gap):
            break
        if arithmetic.largest(gap) <= 4 * arithmetic.unit_roundoff:
            return z
        z = z + gap / slope
    raise ValueError(
        f"found no pre-activations at which {activation.name} takes the values "
        f"{arithmetic.to_float64(values).round(3).tolist()}; expected values that it takes: change "
        "center and reach"
    )


def critical_targets(at: Linearization, residual: Array, *, rank: int | None = None) -> Array:
    """Return targets for which a given theta is a critical point of the cost.

    y = x[theta] - (1 - D D^+) residual, so that x - y lies in ker D^T.

    Parameters
    ----------
    at : Linearization
    residual : array, shape (QN,)
        Any vector; its part in the range of D is removed.
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (N, Q)
        Targets of the samples, one a row, for ``Dataset.regression``.

    Notes
    -----
    Every pair of theta and y with grad_theta C = 0 arises in this way. Drawn at random, it lies off the
    exceptional set of targets. The cost is zero, and the point no local equilibrium, when D has rank QN.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.jacobians import linearize
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), np.array([[0.0], [0.0]]))
    >>> critical_targets(at, np.array([1.0, 0.0])).ravel()  # equal inputs, conflicting targets
    array([-0.5,  0.5])
    """
    factored = pseudoinverse(at.jacobian(), rank=rank)
    outside = residual - factored.range_basis @ (factored.range_dual @ residual)
    return (at.stacked - outside).reshape(at.outputs.shape)


@dataclass(frozen=True)
class CriticalPoint:
    """Where the search for a critical point ended; see :func:`polish`.

    Attributes
    ----------
    theta : array, shape (K,)
    gradient : float
        Largest component of grad_theta C there, in units of the roundoff of the terms that it is a sum
        of: of order 1 at a critical point.
    iterations : int
    converged : bool
        Whether ``gradient`` is at most 30.
    """

    theta: Array
    gradient: float
    iterations: int
    converged: bool


def polish(problem: Problem, theta: Array, *, limit: int = 60) -> CriticalPoint:
    """Move theta to a critical point nearby, saddles included, to the working precision.

    Levenberg's method on F = grad_theta C = 0: theta <- theta - H (H^2 + mu)^-1 F with the Hessian H and
    mu proportional to |F|, until |F| is rounding or no step reduces it. As F tends to 0, steps lose
    their component along the kernel of H, and the convergence is quadratic also to points that are not
    isolated, such as those of a critical manifold.

    Parameters
    ----------
    problem : Problem
        Not in exact arithmetic.
    theta : array, shape (K,)
    limit : int
        Largest number of iterations.

    Returns
    -------
    CriticalPoint

    Raises
    ------
    ValueError
        In exact arithmetic, where a critical point need not have rational coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.data import Dataset
    >>> data = Dataset.regression(np.array([[0.0], [0.0]]), np.array([[1.0], [3.0]]))
    >>> found = polish(Problem(Network([1, 1], "tanh"), data), np.zeros(2))
    >>> found.theta, found.converged
    (array([0., 2.]), True)
    """
    arithmetic = arithmetic_of(theta)
    if arithmetic.exact:
        raise ValueError(
            f"got {arithmetic.name} arithmetic; expected floating-point numbers, such as those of "
            "get_arithmetic('mp50')"
        )
    gradient, terms, damping = problem.gradient(theta), _gradient_terms(problem, theta), 1.0
    size, iterations = _in_roundoffs(arithmetic, gradient, terms), 0
    while iterations < limit and size > 1:
        u, sigma, vt = arithmetic.svd(cost_hessian(problem, theta))
        relative = arithmetic.largest(gradient) / terms * sigma[0] * sigma[0]
        projected, improved = u.T @ gradient, False
        while not improved and damping < MOST_DAMPING:
            mu = arithmetic.array([damping])[0] * relative
            if not sigma[-1] * sigma[-1] + mu > 0:
                break  # the Hessian is zero
            trial = theta - vt.T @ (sigma / (sigma * sigma + mu) * projected)
            moved = problem.gradient(trial)
            improved = bool((moved * moved).sum() < (gradient * gradient).sum())
            damping = max(damping / 16, LEAST_DAMPING) if improved else damping * 16
        if not improved:
            break
        theta, gradient, iterations = trial, moved, iterations + 1
        size = _in_roundoffs(arithmetic, gradient, _gradient_terms(problem, theta))
    return CriticalPoint(theta, size, iterations, size <= ROUNDING)


def _in_roundoffs(arithmetic: Arithmetic, gradient: Array, terms: Any) -> float:
    largest = arithmetic.largest(gradient)
    return float(largest / terms) / arithmetic.unit_roundoff if largest != 0 else 0.0


def _gradient_terms(problem: Problem, theta: Array) -> Any:
    """Return the size |D|^T |2 (|x| + |y|) / d| of what cancels in grad_theta C at a critical point."""
    at, y = problem.linearize(theta), problem.data.stacked_targets
    terms = problem.cost.gradient(problem.data, y + abs(at.stacked) + abs(y))
    return at.arithmetic.largest(abs(at.jacobian()).T @ terms)


def independent_columns(matrix: Array, count: int) -> list[int]:
    """Choose columns of a matrix that are as independent as can be, greedily (pivoted QR).

    Parameters
    ----------
    matrix : array, shape (m, n), any arithmetic
    count : int
        How many, at most the rank.

    Returns
    -------
    list of int
        Indices in ascending order.

    Raises
    ------
    ValueError
        When all further columns are combinations of fewer than ``count``.

    Examples
    --------
    >>> import numpy as np
    >>> independent_columns(np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]]), 2)
    [1, 2]
    """
    left = matrix
    chosen: list[int] = []
    noise = (arithmetic_of(matrix).unit_roundoff * max(matrix.shape)) ** 2 * (matrix * matrix).sum()
    for _ in range(count):
        squares = (left * left).sum(axis=0)
        pivot = max(range(matrix.shape[1]), key=lambda index: squares[index])
        if squares[pivot] <= noise:
            raise ValueError(
                f"got count={count}; expected at most {len(chosen)}, the rank of the matrix"
            )
        chosen.append(pivot)
        direction = left[:, pivot]
        left = left - direction[:, None] * (direction @ left)[None, :] / squares[pivot]
    return sorted(chosen)


def normal_directions(problem: Problem, theta: Array, columns: Sequence[int]) -> Array:
    """Return the gradients of g_alpha = (V_alpha, grad_x C), with V_alpha columns of D.

    grad g_alpha is row k_alpha of the Hessian: dD[e_k]^T g + D^T G D e_k, with g = grad_x C and G the
    Hessian of the cost in output space.

    Parameters
    ----------
    problem : Problem
    theta : array, shape (K,)
    columns : sequence of int
        The columns k_alpha of D, for example from :func:`independent_columns`.

    Returns
    -------
    array, shape (len(columns), K)
        At a critical point, normal to the critical set.

    Notes
    -----
    Source: arXiv:2311.15487, (4.13) and (4.16).
    """
    at = problem.linearize(theta)
    covector = problem.cost.gradient(problem.data, at.stacked)
    curvature = problem.cost.curvature(problem.data)
    rows = []
    for unit in at.arithmetic.eye(at.shape[1])[list(columns)]:
        turned = jacobian_derivative(at, unit).T @ covector
        rows.append(turned + at.pull(curvature * at.push(unit)))
    return at.arithmetic.stack(rows)


def hessian_kernel(problem: Problem, theta: Array, *, cut: float | None = None) -> Array:
    """Return an orthonormal basis of the kernel of the Hessian of the cost.

    Parameters
    ----------
    problem : Problem
    theta : array, shape (K,)
    cut : float, optional
        sigma_i / sigma_1 at and below which a singular value counts as zero; the rank rule of
        :mod:`geomdl.pseudoinverses` by default.

    Returns
    -------
    array, shape (K, nullity)
        At a critical point, the tangent space of the critical set, where that is a manifold on
        whose normal space the Hessian does not degenerate.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.data import Dataset
    >>> data = Dataset.regression(np.array([[0.0], [0.0]]), np.array([[1.0], [3.0]]))
    >>> abs(hessian_kernel(Problem(Network([1, 1], "tanh"), data), np.array([0.0, 2.0]))).ravel()
    array([1., 0.])
    """
    hessian = cost_hessian(problem, theta)
    arithmetic = arithmetic_of(hessian)
    _, sigma, vt = arithmetic.svd(hessian)
    limit = (2 * len(sigma) * arithmetic.unit_roundoff if cut is None else cut) * sigma[0]
    return vt[[index for index, value in enumerate(sigma) if not value > limit]].T
