"""The output layer that fits given hidden activations best, and what it costs.

With the hidden layers fixed, the cost is quadratic in (W, b) of the affine output layer, and its minimum
is a least squares problem. For Q classes around independent means in R^Q the minimum of the cost that
weighs every class alike has a closed form. With the class means T = [t_1 ... t_Q] and the relative
deviations d = T^-1 (t - t_j) of the samples t of class j,

    D = sum over j of (1 / N_j) sum over i of d_(j,i) d_(j,i)^T,

    min over W        = tr Y D (1 + D)^-1 Y^T,
    min over W and b  = tr Y Pi Y^T - tr Y Pi (Pi + D)^+ Pi Y^T,      Pi = 1 - 1 1^T / Q.

The layer that just maps class means to targets, W = Y T^-1, b = 0, has cost tr Y D Y^T: least squares
gains a factor 1 / (1 + lambda) on every eigenvalue lambda of D.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from geomdl.arithmetic import Array, arithmetic_of
from geomdl.costs import CLASS_WEIGHTED, Cost
from geomdl.data import Dataset
from geomdl.pseudoinverses import pseudoinverse
from geomdl.truncation import barycentric_coordinates


@dataclass(frozen=True)
class OutputLayer:
    """An affine output layer x -> W x + b; see :func:`optimal_output_layer`.

    Attributes
    ----------
    weight : array, shape (q, d)
        W.
    bias : array, shape (q,)
        b.
    cost : scalar
        Cost of the outputs, by the residuals.
    rank : int
        Rank of the least squares problem; the layer is unique when it is d + 1 (d without bias).
    """

    weight: Array
    bias: Array
    cost: Any
    rank: int


def optimal_output_layer(
    data: Dataset, activations: Array, *, cost: Cost = CLASS_WEIGHTED, bias: bool = True
) -> OutputLayer:
    """Return the output layer of least cost for given last hidden activations.

    It minimizes the sum over all samples of |W a_j + b - y_omega(j)|^2 / d_j, d_j the divisors of the
    cost; among several minimizers it is the one with the least sum of squares of weights and biases.

    Parameters
    ----------
    data : Dataset
        Labels and targets, targets of shape (C, q); the inputs are not used.
    activations : array, shape (N, d), the arithmetic of the data
        Row j is what the output layer receives from sample j.
    cost : Cost, optional
        The class-weighted cost of the talks by default.
    bias : bool
        False leaves b = 0.

    Returns
    -------
    OutputLayer

    Raises
    ------
    ValueError
        For activations of a wrong shape.

    Notes
    -----
    Source: the talks of 2023 and 2024, upper bound of the cost ("least square in W_(L+1), b_(L+1)").

    Examples
    --------
    >>> import numpy as np
    >>> data = Dataset(np.zeros((3, 1)), np.array([0, 1, 1]), np.array([[1.0], [-1.0]]))
    >>> found = optimal_output_layer(data, np.array([[0.0], [1.0], [3.0]]))
    >>> np.allclose([found.weight[0, 0], found.bias[0], found.cost], [-2 / 3, 2 / 3, 2 / 3])
    True
    """
    arithmetic = arithmetic_of(activations)
    if activations.ndim != 2 or len(activations) != data.size:
        raise ValueError(
            f"got activations of shape {tuple(activations.shape)}; expected ({data.size}, d), one row a "
            "sample"
        )
    targets = data.targets[data.labels]
    design = activations
    if bias:
        ones = arithmetic.zeros((data.size, 1)) + arithmetic.number(1)
        design = arithmetic.concatenate([activations, ones], axis=1)
    weights = arithmetic.number(1) / arithmetic.array(cost.divisors(data))[:, None]
    if arithmetic.exact:
        # Square roots of the weights are no rational numbers; exact Gram matrices lose nothing.
        inverse = pseudoinverse(design.T @ (weights * design))
        solution = inverse.apply(design.T @ (weights * targets))
    else:
        roots = arithmetic.sqrt(weights)
        inverse = pseudoinverse(roots * design)
        solution = inverse.apply(roots * targets)
    width = activations.shape[1]
    weight = solution[:width].T
    shift = solution[width] if bias else arithmetic.zeros(targets.shape[1])
    reached = activations @ weight.T + shift
    return OutputLayer(weight, shift, cost.value(data, reached.reshape(-1)), inverse.rank)


def relative_deviations(data: Dataset, points: Array) -> Array:
    """Return d = T^-1 (t - t_j) for every sample t of class j, T = [t_1 ... t_Q] the class means.

    These are deviations in units of the distances between class means, the same for G t with any
    invertible G. The largest norm of a row is the number delta_P of the talks.

    Parameters
    ----------
    data : Dataset
        Labels of Q classes.
    points : array, shape (N, Q)
        One row a sample: inputs, truncated inputs or hidden activations.

    Returns
    -------
    array, shape (N, Q)

    Raises
    ------
    ValueError
        When the number of classes is not the dimension of the points.
    SingularMatrixError
        When the class means are linearly dependent to the working precision.

    Notes
    -----
    Source: the talks of 2023 and 2024, definition of Delta_1^(L) and of delta_P.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[3.0, 0.0], [1.0, 0.0], [0.0, 4.0]])
    >>> data = Dataset(points, np.array([0, 0, 1]), np.eye(2))
    >>> relative_deviations(data, points).tolist()
    [[0.5, 0.0], [-0.5, 0.0], [0.0, 0.0]]
    """
    return barycentric_coordinates(data.class_averages(points), data.class_deviations(points))


def deviation_matrix(data: Dataset, points: Array) -> Array:
    """Return D = sum over j of (1 / N_j) sum over i of d_(j,i) d_(j,i)^T, with relative deviations d.

    Parameters
    ----------
    data : Dataset
    points : array, shape (N, Q)

    Returns
    -------
    array, shape (Q, Q)
        Symmetric and positive semidefinite; its eigenvalues are at most Q delta_P^2.

    Raises
    ------
    ValueError, SingularMatrixError
        As :func:`relative_deviations`.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[3.0, 0.0], [1.0, 0.0], [0.0, 4.0]])
    >>> data = Dataset(points, np.array([0, 0, 1]), np.eye(2))
    >>> deviation_matrix(data, points).tolist()
    [[0.25, 0.0], [0.0, 0.0]]
    """
    deviations = relative_deviations(data, points)
    sizes = arithmetic_of(points).array(data.class_sizes[data.labels])
    return deviations.T @ (deviations / sizes[:, None])


def least_cost(data: Dataset, points: Array, *, bias: bool = True) -> Any:
    """Return the least class-weighted cost of an affine output layer, in closed form.

    tr Y D (1 + D)^-1 Y^T without bias, tr Y Pi Y^T - tr Y Pi (Pi + D)^+ Pi Y^T with bias. The layer
    itself comes from :func:`optimal_output_layer`, which also serves dependent class means.

    Parameters
    ----------
    data : Dataset
        Q classes with targets of any dimension, Y their matrix with one column a class.
    points : array, shape (N, Q)
    bias : bool

    Returns
    -------
    scalar of the same arithmetic

    Raises
    ------
    ValueError, SingularMatrixError
        As :func:`relative_deviations`.

    Notes
    -----
    Source: our own, behind the upper bound of the cost in the talks of 2023 and 2024. D holds squares of
    deviations: with bias, relative deviations below the square root of the roundoff across the
    hyperplane of the class means count as zero.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    >>> data = Dataset(points, np.array([0, 0, 1, 1]), np.eye(2))
    >>> np.allclose([least_cost(data, points, bias=False), least_cost(data, points)], [1, 1 / 2])
    True
    """
    arithmetic = arithmetic_of(points)
    spread, targets = deviation_matrix(data, points), data.targets
    classes = len(targets)
    eye = arithmetic.eye(classes)
    if not bias:
        return (targets * arithmetic.solve(eye + spread, spread @ targets)).sum()
    centred = targets - targets.sum(axis=0) / arithmetic.number(classes)
    matrix = eye - arithmetic.number(1, classes) + spread
    return (centred * centred).sum() - (centred * pseudoinverse(matrix).apply(centred)).sum()
