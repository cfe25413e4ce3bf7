"""Truncation maps, and networks of zero cost that are written down instead of trained.

A hidden ReLU layer with invertible weights is, in the coordinates of its input, a truncation map

    tau_(W,b)(x) = W^-1 (relu(W x + b) - b):

it fixes the sector {W x + b >= 0} and sends the opposite sector {W x + b <= 0} to its apex -W^-1 b.
With the cumulative parameters W^(l) = W_l ... W_1, b^(l) = W_l b^(l-1) + b_l a whole network is

    x^(l) = W^(l) (tau_(W^(l),b^(l)) o ... o tau_(W^(1),b^(1)))(x^(0)) + b^(l),

so a network can be built from sectors: layer l sends class l to a base point and leaves the rest alone;
the output layer maps Q base points to Q targets. A construction is a choice of sectors A_l and
apexes p_l; :func:`sector_layers` turns them into weights and biases, for data of any kind.

Clustered data, one class a direction: in the coordinates kappa = Xred^-1 x of the class means
Xred = [m_1 ... m_Q], class l lies around the corner e_l of a simplex with centre c = (1, ..., 1)/Q. The
base point p_l = (1 - mu_l) e_l + mu_l c lies on the line from corner to centre, and the diagonal of the
sector points along v = c - e_l,

    A_l = 1 v^T / |v|^2 + eps (P_T + (e_l - c) 1^T / k),      k = round(sqrt(Q - 1)),
    A_l^-1 = v 1^T / Q + (P_T + k (c / |v|^2) (e_l - c)^T) / eps,

with P_T the projector onto the directions orthogonal to e_l and c. No square root occurs, so that the
construction runs over the rationals (with k^2 = Q - 1 the sector would be an orthant, turned and
stretched along its diagonal). A smaller eps opens the sector wider, up to a half-space.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from geomdl.activations import get_activation
from geomdl.arithmetic import FLOAT64, Arithmetic, Array, SingularMatrixError, arithmetic_of
from geomdl.clustering import aperture, base_point_positions, layer_margins
from geomdl.data import Dataset
from geomdl.networks import Layers, Network
from geomdl.pseudoinverses import pseudoinverse

RELU = get_activation("relu")
HALF = Fraction(1, 2)


def truncate(weight: Array, bias: Array, points: Array) -> Array:
    """Apply the truncation map tau_(W,b)(x) = W^-1 (relu(W x + b) - b) to every row.

    Parameters
    ----------
    weight : array, shape (Q, Q)
        W, invertible.
    bias : array, shape (Q,)
    points : array, shape (N, Q)
        One row a point.

    Returns
    -------
    array, shape (N, Q), of the same arithmetic

    Raises
    ------
    ValueError
        For shapes that do not fit.
    SingularMatrixError
        When W is singular to the working precision.

    Notes
    -----
    Source: the talks of 2023 and 2024, definition of the truncation map.

    Examples
    --------
    >>> truncate(np.eye(2), np.array([-1.0, -1.0]), np.array([[3.0, 0.5], [0.0, 0.0]])).tolist()
    [[3.0, 1.0], [1.0, 1.0]]
    """
    arithmetic = arithmetic_of(weight, bias, points)
    size = bias.size
    if weight.shape != (size, size) or bias.ndim != 1 or points.ndim != 2 or points.shape[1] != size:
        raise ValueError(
            f"got weight, bias and points of shapes {weight.shape}, {bias.shape} and {points.shape}; "
            "expected (Q, Q), (Q,) and (N, Q)"
        )
    activations = RELU.value(arithmetic, points @ weight.T + bias)
    return arithmetic.solve(weight, (activations - bias).T).T


def cumulative_parameters(layers: Layers) -> Layers:
    """Return the cumulative parameters of every layer.

    W^(1) = W_1, b^(1) = b_1; W^(l) = W_l W^(l-1), b^(l) = W_l b^(l-1) + b_l.

    Parameters
    ----------
    layers : list of (W, b)
        As :meth:`geomdl.Network.layers` returns them, hidden layers only or all.

    Returns
    -------
    list of (W, b)
        The affine maps that the layers compose to when the activation is left out.

    Examples
    --------
    >>> double = (np.array([[2.0]]), np.array([1.0]))
    >>> [(float(w[0, 0]), float(b[0])) for w, b in cumulative_parameters([double] * 3)]
    [(2.0, 1.0), (4.0, 3.0), (8.0, 7.0)]
    """
    cumulative = list(layers[:1])
    for weight, bias in layers[1:]:
        below_weight, below_bias = cumulative[-1]
        cumulative.append((weight @ below_weight, weight @ below_bias + bias))
    return cumulative


def compose_truncations(cumulative: Layers, points: Array) -> Array:
    """Apply tau_(W^(1),b^(1)), then tau_(W^(2),b^(2)), and so on, to every row.

    Parameters
    ----------
    cumulative : list of (W, b)
        Cumulative parameters of square hidden layers, all invertible.
    points : array, shape (N, Q)

    Returns
    -------
    array, shape (N, Q)
        t, in the coordinates of the input: the activations are x^(l) = W^(l) t + b^(l).

    Notes
    -----
    Source: the talks of 2023 and 2024, tau with underlined indices.

    Examples
    --------
    >>> from geomdl import Network, linearize
    >>> at = linearize(Network([2, 2, 2, 2], "relu"), np.linspace(-1, 1, 18), np.eye(2))
    >>> cumulative = cumulative_parameters(at.layers[:-1])
    >>> (weight, bias), truncated = cumulative[-1], compose_truncations(cumulative, np.eye(2))
    >>> np.allclose(truncated @ weight.T + bias, at.activations[-1])
    True
    """
    for weight, bias in cumulative:
        points = truncate(weight, bias, points)
    return points


def barycentric_coordinates(corners: Array, points: Array) -> Array:
    """Return kappa with x = sum over j of kappa_j corner_j, for every row x of points.

    Parameters
    ----------
    corners : array, shape (Q, Q)
        One row a corner: the class means of the data.
    points : array, shape (N, Q)

    Returns
    -------
    array, shape (N, Q)
        The row sums are 1 exactly for points of the hyperplane through the corners.

    Raises
    ------
    ValueError
        When the number of corners is not the dimension of the space.
    SingularMatrixError
        When the corners are linearly dependent to the working precision.

    Notes
    -----
    Source: the talk of 2023, geometric meaning of Delta_1^(0).

    Examples
    --------
    >>> barycentric_coordinates(np.array([[2.0, 0.0], [0.0, 4.0]]), np.array([[1.0, 2.0]])).tolist()
    [[0.5, 0.5]]
    """
    arithmetic = arithmetic_of(corners, points)
    classes, dimension = corners.shape
    if classes != dimension:
        raise ValueError(
            f"got {classes} class means in R^{dimension}; expected as many classes as dimensions "
            "(M = Q): the class means have to be a basis of input space"
        )
    if pseudoinverse(corners).rank < classes:
        raise SingularMatrixError(
            f"the {classes} class means are linearly dependent to {arithmetic.name} precision; the "
            "construction needs independent ones: shift the inputs by a constant vector, or drop a class"
        )
    return arithmetic.solve(corners.T, points.T).T


def corner_sector(
    classes: int, corner: int, opening: Any = HALF, arithmetic: Arithmetic = FLOAT64
) -> tuple[Array, Array]:
    """Return the matrix A of a sector {A x >= 0} around the line from a corner to the centre, and A^-1.

    The diagonal of the sector is the direction from corner to centre: A (c - e_l) = (1, ..., 1). The
    sector contains the circular cone of all x whose part along that direction is at least eps |v| R
    times the transversal part, R the largest norm of a row of P_T + (e_l - c) 1^T / k.

    Parameters
    ----------
    classes : int
        Q >= 2.
    corner : int
        l, counted from 0.
    opening : number
        eps > 0; the sector tends to a half-space as eps -> 0.
    arithmetic : Arithmetic

    Returns
    -------
    A, A_inverse : arrays, shape (Q, Q)
        With condition number about sqrt(Q) / eps.

    Examples
    --------
    >>> a, inverse = corner_sector(5, 2)
    >>> np.allclose(a @ inverse, np.eye(5)), np.allclose(a @ (np.full(5, 0.2) - np.eye(5)[2]), 1)
    (True, True)
    """
    number, stretch = arithmetic.number, round(math.sqrt(classes - 1))
    epsilon = arithmetic.array([opening])[0]
    eye = arithmetic.eye(classes)
    e, ones = eye[corner], eye.sum(axis=0)
    centre, others = ones / classes, ones - e
    away = e - centre
    across = eye - np.outer(e, e) - np.outer(others, others) / (classes - 1)
    inverse_square = number(classes, classes - 1)  # 1 / |v|^2
    matrix = epsilon * (across + np.outer(away, ones) / stretch) - inverse_square * np.outer(ones, away)
    turned = across + stretch * inverse_square * np.outer(centre, away)
    return matrix, turned / epsilon - np.outer(away, ones) / classes


def sector_layers(first: Array, sectors: Sequence[tuple[Array, Array]], apexes: Array) -> Layers:
    """Return hidden layers that truncate to one sector after the other.

    W_1 = A_1 G, b_1 = -A_1 p_1; W_l = A_l A_(l-1)^-1, b_l = A_l (p_(l-1) - p_l), so that the cumulative
    parameters are W^(l) = A_l G, b^(l) = -A_l p_l. Only W_1 sees the conditioning of the data.

    Parameters
    ----------
    first : array, shape (n, M)
        G, the linear map from inputs to the coordinates of the sectors.
    sectors : sequence of (A, A^-1), shapes (n, n)
    apexes : array, shape (L, n)
        Row l is p_l, in the coordinates of the sectors.

    Returns
    -------
    list of (W, b)

    Examples
    --------
    >>> sectors = [corner_sector(2, corner) for corner in range(2)]
    >>> layers = sector_layers(np.eye(2), sectors, np.array([[0.75, 0.25], [0.25, 0.75]]))
    >>> weight, bias = cumulative_parameters(layers)[-1]
    >>> np.allclose(weight, sectors[1][0]), np.allclose(weight @ np.array([0.25, 0.75]), -bias)
    (True, True)
    """
    matrix, inverse = sectors[0]
    layers = [(matrix @ first, -(matrix @ apexes[0]))]
    for index in range(1, len(sectors)):
        matrix, following = sectors[index]
        layers.append((matrix @ inverse, matrix @ (apexes[index - 1] - apexes[index])))
        inverse = following
    return layers


@dataclass(frozen=True)
class ExplicitMinimizer:
    """A ReLU network whose cost is zero by construction; see :func:`clustered_minimizer`.

    Attributes
    ----------
    network : Network
    theta : array, shape (K,)
    base_points : array, shape (Q, M)
        Row j is the point of input space to which the hidden layers send class j.
    margins : array, shape (Q,)
        For layer l the least absolute value of a pre-activation, over the samples and base points that
        it meets; the way from a class mean to the centre is the unit. All are positive.
    apertures : ndarray, shape (Q,), float64
        Sector l contains the circular cone of all x - p_l whose part along the diagonal is at least
        apertures[l] times the transversal part, in the coordinates of the sectors.
    """

    network: Network
    theta: Array
    base_points: Array
    margins: Array
    apertures: np.ndarray


def base_point_interval(classes: int, deviation: float, opening: Any = HALF) -> tuple[float, float]:
    """Return the open interval of all mu that serve every deviation up to r in barycentric coordinates.

    With R_i the norms of the rows of A_l, class l is collapsed for mu_l > r max R_i, and another class j
    is left alone for mu_l < (A_l (e_j - e_l))_i - r R_i for all i; mu < 1 keeps base points apart. As
    eps -> 0 the interval grows to (r/|v|, min(1, 1/|v|^2 - r/|v|)), |v|^2 = 1 - 1/Q, which no other
    choice of sectors exceeds.

    Parameters
    ----------
    classes : int
        Q >= 2.
    deviation : float
        r, the largest distance of a sample from its class mean in barycentric coordinates.
    opening : number
        eps.

    Returns
    -------
    lower, upper : float
        There is no such mu when lower >= upper.

    Examples
    --------
    >>> lower, upper = base_point_interval(10, 0.25)
    >>> lower < 0.375 and 0.7 < upper
    True
    """
    matrix, _ = corner_sector(classes, 0, opening)
    reach = deviation * np.sqrt((matrix * matrix).sum(axis=1))
    across = matrix[:, 1:] - matrix[:, :1]
    return float(reach.max()), min(1.0, float((across - reach[:, None]).min()))


def clustered_minimizer(
    data: Dataset, *, mu: Any = HALF, opening: Any = HALF, hidden_layers: int | None = None
) -> ExplicitMinimizer:
    """Write down a ReLU network of zero cost for Q classes around independent means in R^Q.

    Hidden layer l sends class l to x_l[mu_l] = (1 - mu_l) m_l + mu_l m, m the mean of the class means
    m_j, and leaves everything else alone; the output layer maps these base points to the targets. The
    defaults serve all data with |Xred^-1 (x - m_j)| < 1/4, for every Q >= 2.

    Parameters
    ----------
    data : Dataset
        Q >= 2 classes in R^Q, one or more samples each; targets of any dimension.
    mu : number or sequence of Q numbers
        Position of the base points, between 0 (the class mean) and 1 (the centre).
    opening : number
        eps of :func:`corner_sector`, common to all layers.
    hidden_layers : int, optional
        L >= Q; Q by default. Layers beyond Q are identity layers.

    Returns
    -------
    ExplicitMinimizer
        In the arithmetic of the data; its cost is exactly 0 over the rationals.

    Raises
    ------
    ValueError
        For Q = 1, M != Q, L < Q, mu or opening out of range, and for samples too far from their class
        mean: the message names the worst sample, its deviation and by how much it misses.
    SingularMatrixError
        When the class means are linearly dependent.

    Notes
    -----
    Source: the talks of 2023 and 2024, theorem on the global minimum; sectors of our own choice.

    Examples
    --------
    >>> from geomdl import outputs
    >>> inputs = np.array([[1.1, 0.1], [0.9, -0.1], [0.0, 1.2], [0.0, 0.8]])
    >>> data = Dataset(inputs, np.array([0, 0, 1, 1]), np.array([[3.0], [-5.0]]))
    >>> found = clustered_minimizer(data)
    >>> np.allclose(outputs(found.network, found.theta, inputs).ravel(), [3, 3, -5, -5])
    True
    """
    arithmetic, classes = data.arithmetic, len(data.targets)
    layers = classes if hidden_layers is None else hidden_layers
    positions = base_point_positions(arithmetic, classes, layers, mu, opening)
    means = data.class_averages(data.inputs)
    kappa = barycentric_coordinates(means, data.inputs)
    corners = arithmetic.eye(classes)
    diagonals = arithmetic.number(1, classes) - corners
    base = corners + positions[:, None] * diagonals
    sectors = [corner_sector(classes, corner, opening, arithmetic) for corner in range(classes)]
    margins = layer_margins(data.labels, kappa, base, [matrix for matrix, _ in sectors])

    to_coordinates = arithmetic.solve(means.T, corners)
    hidden = sector_layers(to_coordinates, sectors, base)
    identity_layer = (corners, arithmetic.zeros(classes))
    # Class Q sits at 0 after layer Q: x^(Q) = A_Q (p_j - p_Q), and Y P^-1 maps p_j to y_j.
    matching = arithmetic.solve(base, data.targets).T
    output = (matching @ sectors[-1][1], data.targets[-1])
    network = Network([classes] * (layers + 1) + [data.targets.shape[1]], RELU)
    theta = network.flatten([*hidden, *[identity_layer] * (layers - classes), output])
    apertures = [aperture(a, v) for (a, _), v in zip(sectors, diagonals, strict=True)]
    return ExplicitMinimizer(network, theta, base @ means, margins, np.array(apertures))
