"""Exact second derivatives: the Jacobian's derivative along a direction, Hessians, Lie brackets.

Forward-mode differentiation of the backward pass, with the activation's second derivative; no
differences, so it runs in every arithmetic.
"""

from __future__ import annotations

from itertools import combinations

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization
from geomdl.networks import check_vector
from geomdl.problems import Problem


def jacobian_derivative(at: Linearization, direction: Array) -> Array:
    """Return the derivative of D[theta] along a direction v.

    dD[v] = d/dt D[theta + t v] at t = 0, with entries (Hess x_i) v of row i.

    Parameters
    ----------
    at : Linearization
    direction : array, shape (K,)

    Returns
    -------
    array, shape (QN, K)

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.jacobians import linearize
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1, 1], "square"), np.array([1.0, 0.0, 3.0, 0.0]), np.ones((1, 1)))
    >>> jacobian_derivative(at, np.array([1.0, 0.0, 0.0, 0.0]))  # x = w2 (w1 + b1)^2 + b2
    array([[6., 6., 2., 0.]])
    """
    a, network = at.arithmetic, at.network
    check_vector("a direction", direction, a, at.shape[1])
    tangents = network.layers(direction)
    moved, bent = [a.zeros(at.inputs.shape)], []
    for index, slope in enumerate(at.slopes):
        weight, bias = at.layers[index]
        weight_dot, bias_dot = tangents[index]
        z = at.activations[index] @ weight.T + bias
        z_dot = at.activations[index] @ weight_dot.T + bias_dot + moved[-1] @ weight.T
        bent.append(network.activation.jet(a, z)[2] * z_dot)
        moved.append(slope * z_dot)
    bent_sensitivities = _sensitivity_derivatives(at, tangents, bent)
    samples, outputs_ = at.outputs.shape
    blocks = []
    for index, (delta, delta_dot) in enumerate(zip(at.sensitivities, bent_sensitivities, strict=True)):
        block = (
            delta_dot[:, :, :, None] * at.activations[index][:, None, None, :]
            + delta[:, :, :, None] * moved[index][:, None, None, :]
        )
        blocks += [block.reshape(samples, outputs_, -1), delta_dot]
    last = a.eye(outputs_)[None, :, :, None] * moved[-1][:, None, None, :]
    blocks += [last.reshape(samples, outputs_, -1), a.zeros((samples, outputs_, outputs_))]
    return a.concatenate(blocks, axis=2).reshape(*at.shape)


def _sensitivity_derivatives(
    at: Linearization, tangents: list[tuple[Array, Array]], bent: list[Array]
) -> list[Array]:
    """Differentiate delta_l = (delta_(l+1) W_(l+1)) * slope_l, from the last layer down."""
    result: list[Array] = []
    for index in range(len(at.slopes) - 1, -1, -1):
        weight, weight_dot = at.layers[index + 1][0], tangents[index + 1][0]
        if index == len(at.slopes) - 1:
            carried, carried_dot = weight[None, :, :], weight_dot[None, :, :]
        else:
            above, above_dot = at.sensitivities[index + 1], result[0]
            carried, carried_dot = above @ weight, above_dot @ weight + above @ weight_dot
        slope, slope_dot = at.slopes[index][:, None, :], bent[index][:, None, :]
        result.insert(0, carried_dot * slope + carried * slope_dot)
    return result


def paired_hessian(at: Linearization, covector: Array) -> Array:
    """Return the Hessian in theta of the pairing of x[theta] with a constant vector u.

    H = sum over i of u_i Hess x_i; column k is the derivative of D^T u along the k-th unit vector.

    Parameters
    ----------
    at : Linearization
    covector : array, shape (QN,)

    Returns
    -------
    array, shape (K, K)
        Symmetric up to rounding. Q times less work than K calls of :func:`jacobian_derivative`.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.jacobians import linearize
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1, 1], "identity"), np.array([1.0, 0.0, 3.0, 0.0]), np.ones((1, 1)))
    >>> paired_hessian(at, np.ones(1))[0]  # x = w2 (w1 + b1) + b2
    array([0., 0., 1., 0.])
    """
    check_vector("a covector", covector, at.arithmetic, at.shape[0])
    a, network = at.arithmetic, at.network
    bends = [
        network.activation.jet(a, at.activations[index] @ weight.T + bias)[2]
        for index, (weight, bias) in enumerate(at.layers[:-1])
    ]
    full = covector.reshape(at.outputs.shape)
    carried = [full]
    for (weight, _), slope in zip(reversed(at.layers[1:]), reversed(at.slopes), strict=True):
        carried.insert(0, full @ weight)
        full = carried[0] * slope
    return a.stack([_pull_derivative(at, bends, carried, unit) for unit in a.eye(at.shape[1])], axis=1)


def _pull_derivative(
    at: Linearization, bends: list[Array], carried: list[Array], direction: Array
) -> Array:
    """Differentiate D^T u along a direction; carried[l] is the sensitivity to the values of layer l."""
    tangents = at.network.layers(direction)
    moved: list[Array] = [at.arithmetic.zeros(at.inputs.shape)]
    bent = []
    for index, (bend, slope) in enumerate(zip(bends, at.slopes, strict=True)):
        weight_dot, bias_dot = tangents[index]
        z_dot = at.activations[index] @ weight_dot.T + bias_dot + moved[-1] @ at.layers[index][0].T
        bent.append(bend * z_dot)
        moved.append(slope * z_dot)
    parts: list[Array] = []
    change = at.arithmetic.zeros(at.outputs.shape)
    for index in range(len(at.layers) - 1, -1, -1):
        last = index == len(at.layers) - 1
        full = carried[index] if last else carried[index] * at.slopes[index]
        weight_part = change.T @ at.activations[index] + full.T @ moved[index]
        parts = [weight_part.reshape(-1), change.sum(axis=0), *parts]
        if index:
            raised = change @ at.layers[index][0] + full @ tangents[index][0]
            change = raised * at.slopes[index - 1] + carried[index - 1] * bent[index - 1]
    return at.arithmetic.concatenate(parts)


def cost_hessian(problem: Problem, theta: Array) -> Array:
    """Return the Hessian of the cost in theta.

    Column k is D^T (G D e_k) + dD[e_k]^T g, with g = grad_x C and G the (diagonal) Hessian of the cost
    in output space.

    Parameters
    ----------
    problem : Problem
    theta : array, shape (K,)

    Returns
    -------
    array, shape (K, K)
        Symmetric up to rounding.
    """
    at = problem.linearize(theta)
    a, jacobian = at.arithmetic, at.jacobian()
    gradient = problem.cost.gradient(problem.data, at.stacked)
    curvature = problem.cost.curvature(problem.data)
    columns = [
        (jacobian_derivative(at, unit).T @ gradient) + jacobian.T @ (curvature * jacobian[:, k])
        for k, unit in enumerate(a.eye(at.shape[1]))
    ]
    return a.stack(columns, axis=1)


def range_bundle_brackets(at: Linearization) -> Array:
    """Return all Lie brackets of the fields grad x_i that span the range of D^T.

    [V_i, V_j] = (Hess x_j) V_i - (Hess x_i) V_j for V_i = grad_theta x_i, i < j.

    Parameters
    ----------
    at : Linearization

    Returns
    -------
    array, shape (QN (QN - 1) / 2, K)
        One bracket a row, in lexicographic order of (i, j); empty when QN = 1.

    Notes
    -----
    The pullback bundle with fibres range(D^T) is integrable if and only if every bracket lies in the
    fibre. Source: arXiv:2311.15487, (2.31).
    """
    jacobian = at.jacobian()
    turned = [jacobian_derivative(at, row) for row in jacobian]
    rows = [turned[i][j] - turned[j][i] for i, j in combinations(range(len(jacobian)), 2)]
    return at.arithmetic.stack(rows) if rows else jacobian[:0]
