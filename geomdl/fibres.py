"""Level sets of the output map, and whether the range of D is a bundle of tangent spaces.

The fibre through theta is f^{-1}(x) = {theta' : x[theta'] = x}. Where the rank r of D is constant, and
only there, the constant rank theorem makes it a manifold of dimension K - r with tangent space ker D,
the fibres range(D^T) its normal spaces, and the outputs near x a manifold of dimension r with tangent
space range(D). In the chart

    theta'  ->  (across, along) = (Z (x[theta'] - x), N^T (theta' - theta)),

with Z coordinates on range(D) and N a basis of ker D, the outputs then depend on ``across`` alone: the
leaves are the sets of constant ``across``, and the outputs a graph over range(D).

A velocity constraint x' in range P[theta] that confines x to manifolds is called holonomic; the
curvature of P, which :func:`range_curvature` computes for any two lifts of velocities, then vanishes.
"""

from __future__ import annotations

from geomdl.arithmetic import Array, UnsupportedOperationError
from geomdl.jacobians import Linearization, linearize
from geomdl.networks import check_vector
from geomdl.pseudoinverses import pseudoinverse
from geomdl.second_derivatives import jacobian_derivative

MOST_CORRECTIONS = 60
"""Corrections before :func:`move_in_level_set` gives up: each at least halves the residual."""


def kernel_basis(at: Linearization, *, rank: int | None = None) -> Array:
    """Return a basis of ker D, the tangent space of the fibre where the rank is constant.

    Columns n with D n = 0, the range of 1 - D^+ D.

    Parameters
    ----------
    at : Linearization
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.

    Returns
    -------
    array, shape (K, K - r)
        Orthonormal columns, except in exact arithmetic.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([2, 1], "tanh"), np.zeros(3), np.array([[1.0, 0.0], [2.0, 0.0]]))
    >>> abs(kernel_basis(at)).round(12).ravel()  # inputs on a line: the second weight is free
    array([0., 1., 0.])
    """
    factored, parameters = pseudoinverse(at.jacobian(), rank=rank), at.shape[1]
    free = parameters - factored.rank
    if free == 0:
        return at.arithmetic.zeros((parameters, 0))
    return pseudoinverse(at.arithmetic.eye(parameters) - factored.row_projector(), rank=free).range_basis


def point_in_chart(
    at: Linearization,
    across: Array,
    along: Array,
    *,
    rank: int | None = None,
    start: Array | None = None,
    limit: int = 60,
) -> Array:
    """Find the theta' with given coordinates across and along the fibre of theta.

    Newton's method for Z (x[theta'] - x) = across, N^T (theta' - theta) = along.

    Parameters
    ----------
    at : Linearization
        Where the chart is centred.
    across : array, shape (r,)
        Coordinates of the change of the outputs in the basis ``range_basis`` of
        ``pseudoinverse(D)``, orthonormal except in exact arithmetic.
    along : array, shape (K - r,)
        Coordinates in :func:`kernel_basis`.
    rank : int, optional
        Impose the rank of D.
    start : array, shape (K,), optional
        Where Newton's method starts; theta by default.
    limit : int
        Largest number of iterations.

    Returns
    -------
    array, shape (K,)

    Raises
    ------
    ValueError
        When the coordinates have another shape, or Newton's method does not converge: they are too
        large for the chart.
    SingularMatrixError
        When D does not have the rank that is imposed.
    UnsupportedOperationError
        In exact arithmetic, where the solution need not be rational, unless it is found exactly.

    Notes
    -----
    The outputs of the result depend on ``across`` alone if and only if the rank of D is constant near
    theta. With D injective, ``along`` is empty, and the outputs are found as a graph over range(D).

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> network, inputs = Network([1, 1, 1], "tanh"), np.array([[0.0], [1.0]])
    >>> at = linearize(network, np.array([1.0, 0.2, 2.0, -1.0]), inputs)
    >>> moved = point_in_chart(at, np.zeros(2), np.array([0.1, -0.2]))
    >>> bool(np.abs(linearize(network, moved, inputs).stacked - at.stacked).max() < 1e-14)
    True
    """
    a, factored = at.arithmetic, pseudoinverse(at.jacobian(), rank=rank)
    kernel = kernel_basis(at, rank=factored.rank)
    check_vector("coordinates across the fibre", across, a, factored.rank)
    check_vector("coordinates along the fibre", along, a, kernel.shape[1])
    theta, unit, previous = at.theta if start is None else start, a.unit_roundoff, None
    for _ in range(limit if not a.exact else 2):
        there = linearize(at.network, theta, at.inputs)
        gap = a.concatenate(
            [across - factored.range_dual @ (there.stacked - at.stacked),
             along - kernel.T @ (theta - at.theta)]
        )  # fmt: skip
        if a.exact and a.largest(gap) == 0:
            return theta
        matrix = a.concatenate([factored.range_dual @ there.jacobian(), kernel.T])
        step = a.solve(matrix, gap)
        theta = theta + step
        length, size = float(a.largest(step)), float(a.largest(theta))
        if not size + length < float("inf"):
            break
        # Newton's method ends where steps are rounding and no longer shrink.
        stalled = previous is not None and length > previous / 2 and length <= unit**0.5 * size
        if not a.exact and (length <= 4 * unit * size or stalled):
            return theta
        previous = length
    if a.exact:
        raise UnsupportedOperationError(
            f"the point with these coordinates is not rational, or not found exactly in {a.name} "
            "arithmetic; use get_arithmetic('mp50')"
        )
    raise ValueError(
        f"got coordinates for which Newton's method does not converge in {limit} steps; expected "
        "smaller ones, or a theta at which D is better conditioned"
    )


def move_in_level_set(at: Linearization, direction: Array, *, rank: int | None = None) -> Array:
    """Move theta while the outputs stay where they are.

    The step along the part of the direction in ker D, followed by corrections
    theta <- theta - D^+ (x[theta] - x_0) until the outputs are back to the roundoff.

    Parameters
    ----------
    at : Linearization
    direction : array, shape (K,)
        Its part in ker D is the step; short against the curvature of the network.
    rank : int, optional
        Impose the rank of D, which has to be locally constant.

    Returns
    -------
    array, shape (K,)
        Another theta with the outputs x[theta] of the first.

    Raises
    ------
    ValueError, TypeError
        For wrong shapes or arithmetics, and when the corrections do not bring the outputs back.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> network, inputs = Network([1, 1, 1], "tanh"), np.array([[0.5], [1.0]])
    >>> at = linearize(network, np.array([1.0, 0.3, 2.0, 0.0]), inputs)
    >>> moved = move_in_level_set(at, np.array([0.1, 0.1, 0.0, 0.0]))
    >>> bool(np.allclose(linearize(network, moved, inputs).stacked, at.stacked, atol=1e-14))
    True
    >>> bool(np.abs(moved - at.theta).max() > 0.01)
    True
    """
    check_vector("a direction", direction, at.arithmetic, at.shape[1])
    a = at.arithmetic
    first = pseudoinverse(at.jacobian(), rank=rank)
    theta = at.theta + direction - first.row_basis @ (first.row_dual @ direction)
    last = None
    for _ in range(MOST_CORRECTIONS):
        moved = linearize(at.network, theta, at.inputs)
        residual = moved.stacked - at.stacked
        size = a.largest(residual)
        if size == 0 or (last is not None and 2 * size > last):
            break
        theta = theta - pseudoinverse(moved.jacobian(), rank=rank).apply(residual)
        last = size
    # The error of one evaluation of the outputs, with a margin for sums over wide layers.
    if float(size) > 1e3 * max(at.shape) * a.unit_roundoff * max(1.0, float(a.largest(at.stacked))):
        raise ValueError(
            f"the outputs stayed {float(size):.1e} away from their values; expected a shorter step, "
            "or the rank of the Jacobian where it is locally constant"
        )
    return theta


def follow_fibre(
    at: Linearization, direction: Array, *, steps: int = 1, rank: int | None = None
) -> Array:
    """Move theta continuously along its fibre: along ker D, then back to the fibre, step by step.

    Steps of :func:`move_in_level_set`: the part of direction / steps in ker D, and
    back to x[theta'] = x[theta] by the method of Gauss and Newton.

    Parameters
    ----------
    at : Linearization
    direction : array, shape (K,)
        Total displacement; its part in ker D is taken anew at every step.
    steps : int
    rank : int, optional
        Impose the rank of D all along.

    Returns
    -------
    array, shape (steps + 1, K)
        theta first.

    Raises
    ------
    ValueError
        When a step does not come back to the fibre: take more steps.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> network, inputs = Network([1, 1, 1], "tanh"), np.array([[0.0], [1.0]])
    >>> at = linearize(network, np.array([1.0, 0.2, 2.0, -1.0]), inputs)
    >>> path = follow_fibre(at, np.array([1.0, 0.0, 0.0, 0.0]), steps=8)
    >>> bool(np.abs(linearize(network, path[-1], inputs).stacked - at.stacked).max() < 1e-14)
    True
    >>> bool(np.abs(path[-1] - path[0]).max() > 0.1)
    True
    """
    if isinstance(steps, bool) or steps < 1:
        raise ValueError(f"got steps={steps}; expected an integer >= 1")
    check_vector("a direction", direction, at.arithmetic, at.shape[1])
    path, share = [at.theta], direction / at.arithmetic.number(steps)
    for _ in range(steps):
        there = linearize(at.network, path[-1], at.inputs)
        path.append(move_in_level_set(there, share, rank=rank))
    return at.arithmetic.stack(path)


def projector_derivative(at: Linearization, direction: Array, *, rank: int | None = None) -> Array:
    """Return the derivative of P = D D^+, the projector onto range(D), along a direction.

    dP[v] = Q + Q^T,  Q = (1 - P) dD[v] D^+, for constant rank of D along theta + t v.

    Parameters
    ----------
    at : Linearization
    direction : array, shape (K,)
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (QN, QN)
        Zero for direction in ker D where the rank is constant near theta: P is then constant along the
        fibre, and a function of x on each of its connected pieces.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1, 1], "square"), np.array([1.0, 2.0, 1.0, 0.0]), np.eye(4, 1))
    >>> scaling = np.array([1.0, 2.0, -2.0, 0.0])  # w2 (w1 X + b1)^2 does not change
    >>> bool(np.abs(projector_derivative(at, scaling)).max() < 1e-15)
    True
    """
    factored = pseudoinverse(at.jacobian(), rank=rank)
    turned = jacobian_derivative(at, direction) @ factored.matrix()
    outside = turned - factored.range_projector() @ turned
    return outside + outside.T


def range_curvature(at: Linearization, first: Array, second: Array, *, rank: int | None = None) -> Array:
    """Return how two velocities of the outputs fail to commute within range(D).

    F(a, b) = (1 - P) (dP[a] D b - dP[b] D a), P = D D^+, for velocities a, b of theta.

    Parameters
    ----------
    at : Linearization
    first, second : arrays, shape (K,)
        Any lifts of two velocities D a, D b of the outputs.
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (QN,)

    Notes
    -----
    F vanishes for all lifts where the rank r of D is constant near theta: the constraint
    x' in range P is holonomic there, and confines the outputs to the manifold x[U] of dimension r, U a
    neighbourhood of theta. Where the rank jumps, P has no derivative; F may vanish there or not.
    Source: arXiv:2311.15487, Remark 5.4.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> network, inputs = Network([1, 1, 2], "square"), np.array([[0.0], [1.0], [2.0], [4.0]])
    >>> at = linearize(network, np.array([1.0, 0.5, 1.0, 2.0, 0.0, 0.0]), inputs)
    >>> a, b = np.eye(6)[:2]
    >>> bool(np.abs(range_curvature(at, a, b)).max() < 1e-13)
    True
    """
    factored = pseudoinverse(at.jacobian(), rank=rank)
    # (1 - P) dP[a] D b = (1 - P) dD[a] D^+ D b
    a, b = (factored.row_basis @ (factored.row_dual @ lift) for lift in (first, second))
    difference = jacobian_derivative(at, first) @ b - jacobian_derivative(at, second) @ a
    return difference - factored.range_basis @ (factored.range_dual @ difference)
