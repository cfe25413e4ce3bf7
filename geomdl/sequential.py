"""ReLU networks of zero cost for sequentially linearly separable data, written down without training.

Let hyperplanes cut off the classes k_1, ..., k_Q one after the other (:mod:`geomdl.separability`). In
the coordinates

    z_l = (h_l.x - c_l),   l = 1, ..., Q - 1,

class k_l has z_l <= -1, and all later classes have z_l >= 1. With the base points

    p_l = (1, ..., 1) - e_l  (l < Q),      p_Q = (1 - 1 / (2 (Q - 1))) (1, ..., 1),

hidden layer l truncates to a sector with apex p_l around the axis e_l (the last one around
-(1, ..., 1)): class k_l lies in the opposite sector and is sent to p_l, later classes and earlier base
points lie in the sector and stay. After Q layers class k_l is the point p_l, and since p_1, ..., p_Q are
affinely independent, an affine map sends them to any targets. That takes Q - 1 units a layer, and no
fewer for affinely independent targets; wider layers hold the same coordinates padded with zeros.

The sector of a layer is as wide as its data allow. Let s be the coordinate along the axis, counted from
the apex, and y_j the coordinates across. With a power of two d >= max |y_j| / |s| over the samples and
base points that the layer meets,

    A = B diag(1, eps / d, ..., eps / d) (s, y_2, ..., y_n),      A (x - p) >= 0,

where B has orthogonal columns, the first one constant, rounded to few bits so that the construction runs
over the rationals, and eps keeps every row at least half positive: |A (x - p)|_i >= |s| / 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from geomdl.activations import get_activation
from geomdl.arithmetic import Arithmetic, Array, arithmetic_of
from geomdl.data import Dataset
from geomdl.networks import Layers, Network
from geomdl.separability import ClassOrder, class_order

MIXING_BITS = 6


@dataclass(frozen=True)
class SequentialMinimizer:
    """A ReLU network whose cost is zero by construction; see :func:`sequential_minimizer`.

    Attributes
    ----------
    network : Network
    theta : array, shape (K,)
    order : ClassOrder
        The hyperplanes; layer l collapses class ``order.order[l]``.
    base_points : array, shape (Q, Q - 1)
        Row l is p_l, where layer l sends its class, in the coordinates z.
    margins : array, shape (Q,)
        Least absolute value of a pre-activation of layer l, over the samples and base points that it
        meets; z = 0 and z = 1 are a unit apart. All are positive.
    apertures : ndarray, shape (Q,), float64
        Powers of two d_l >= |y_j| / |s| for all that layer l meets: a narrow sector has a large one.
    conditions : ndarray, shape (Q,), float64
        Condition numbers of the matrices A_l.
    cost_floor : float
        Size of the cost |x - y|^2 / (2N) that rounding errors are expected to leave, at most; 0 over the
        rationals.
    """

    network: Network
    theta: Array
    order: ClassOrder
    base_points: Array
    margins: Array
    apertures: np.ndarray
    conditions: np.ndarray
    cost_floor: float


def sequential_minimizer(
    data: Dataset, *, hidden_widths: Sequence[int] | None = None, order: Sequence[int] | None = None
) -> SequentialMinimizer:
    """Write down a ReLU network of zero cost for sequentially linearly separable data.

    Parameters
    ----------
    data : Dataset
        N samples in R^M of Q >= 2 classes, with targets of any dimension.
    hidden_widths : sequence of int, optional
        At least Q widths of at least Q - 1 each; Q layers of Q - 1 units by default. Layers beyond Q
        hand on what they get.
    order : sequence of int, optional
        The order in which the layers collapse the classes; found by linear programming by default.

    Returns
    -------
    SequentialMinimizer
        In the arithmetic of the data; its cost is exactly 0 over the rationals.

    Raises
    ------
    InseparableError
        When no order exists, with a certificate.
    ValueError
        For one class, too few or too narrow layers, or sectors so narrow that the arithmetic of the data
        cannot tell their sides apart.

    Notes
    -----
    Source: talk of 2024, zero-cost minimizers for sequentially linearly separable data; the coordinates,
    base points and sectors are ours.

    Examples
    --------
    Points between which no cluster is seen, on a line:

    >>> from geomdl import outputs
    >>> inputs, labels = np.array([[0.0], [5.0], [1.0], [9.0]]), np.array([2, 0, 1, 0])
    >>> data = Dataset(inputs, labels, np.eye(3))
    >>> found = sequential_minimizer(data)
    >>> found.network.widths, found.order.order
    ((1, 2, 2, 2, 3), (0, 1, 2))
    >>> np.allclose(outputs(found.network, found.theta, inputs), np.eye(3)[labels])
    True
    """
    arithmetic, classes = data.arithmetic, len(data.targets)
    widths = _widths(classes, hidden_widths)
    found = class_order(data, order)
    coordinates = data.inputs @ arithmetic.array(found.normals).T - arithmetic.array(found.offsets)
    base = _base_points(classes, arithmetic)
    turn = np.argsort(found.order)[data.labels]  # the layer that collapses a sample

    margins, apertures, conditions = [], [], []
    for layer in range(classes):
        met = coordinates[turn >= layer] - base[layer], base[:layer] - base[layer]
        collapsed = np.concatenate([turn[turn >= layer] == layer, np.zeros(layer, dtype=bool)])
        frame, points = _frame(layer, classes, arithmetic), arithmetic.concatenate(met)
        apertures.append(_aperture(arithmetic.to_float64(points @ frame.T)))
        sector, _ = _sector(frame, apertures[-1], widths[layer])
        margins.append(_margin(layer, found, points @ sector.T, collapsed))
        conditions.append(float(np.linalg.cond(arithmetic.to_float64(sector))))
    targets = data.targets[list(found.order)]
    network, theta = sequential_network(
        arithmetic.array(found.normals), arithmetic.array(found.offsets), apertures, targets, widths
    )
    return SequentialMinimizer(
        network=network,
        theta=theta,
        order=found,
        base_points=base,
        margins=arithmetic.array(margins),
        apertures=np.array(apertures),
        conditions=np.array(conditions),
        cost_floor=_cost_floor(base, targets, max(conditions)),
    )


def sequential_network(
    normals: Array,
    offsets: Array,
    apertures: Sequence[float],
    targets: Array,
    hidden_widths: Sequence[int] | None = None,
) -> tuple[Network, Array]:
    """Return the network of hyperplanes and apertures, (Q - 1)(M + 1) + Q numbers beside the targets.

    Parameters
    ----------
    normals, offsets : arrays, shapes (Q - 1, M) and (Q - 1,)
        h_l and c_l.
    apertures : sequence of Q floats
        d_l, powers of two where the construction has to run over the rationals.
    targets : array, shape (Q, outputs)
        In the order in which the layers collapse the classes.
    hidden_widths : sequence of int, optional
        As for :func:`sequential_minimizer`.

    Returns
    -------
    network : Network
    theta : array, shape (K,)

    Examples
    --------
    >>> network, theta = sequential_network(np.eye(1), np.zeros(1), [1, 1], np.array([[5.0], [7.0]]))
    >>> at = [layer[0].tolist() for layer in network.layers(theta)]
    >>> at, network.widths
    ([[[1.0]], [[-1.0]], [[-4.0]]], (1, 1, 1, 1))
    """
    arithmetic, classes = arithmetic_of(normals, offsets, targets), len(targets)
    widths = _widths(classes, hidden_widths)
    # After layer Q all points lie in the last sector: further truncations to it do nothing.
    turns = [min(layer, classes - 1) for layer in range(len(widths))]
    base = _base_points(classes, arithmetic)
    frames = [_frame(layer, classes, arithmetic) for layer in range(classes)]
    sectors = [
        _sector(frames[turn], apertures[turn], width) for turn, width in zip(turns, widths, strict=True)
    ]
    matrix, inverse = sectors[0]
    layers: Layers = [(matrix @ normals, -(matrix @ (offsets + base[0])))]
    for index in range(1, len(widths)):
        matrix, following = sectors[index]
        step = base[turns[index - 1]] - base[turns[index]]
        layers.append((matrix @ inverse, matrix @ step))
        inverse = following
    layers.append((_matching(base, targets) @ inverse, targets[-1]))
    network = Network([normals.shape[1], *widths, targets.shape[1]], get_activation("relu"))
    return network, network.flatten(layers)


def _widths(classes: int, hidden_widths: Sequence[int] | None) -> list[int]:
    if classes < 2:
        raise ValueError(
            "got one class; expected at least two: with a single target the constant network "
            "(zero weights, the target as the last bias) has zero cost"
        )
    widths = [classes - 1] * classes if hidden_widths is None else list(hidden_widths)
    if len(widths) < classes or min(widths) < classes - 1:
        raise ValueError(
            f"got hidden widths {widths}; expected at least {classes} layers, one a class, of at least "
            f"{classes - 1} units, the dimension that {classes} affinely independent points need"
        )
    return widths


def _base_points(classes: int, arithmetic: Arithmetic) -> Array:
    """Return p_1, ..., p_Q, shape (Q, Q - 1)."""
    count = classes - 1
    ones = arithmetic.zeros((classes, count)) + arithmetic.number(1)
    ones[:-1] -= arithmetic.eye(count)
    ones[-1] *= arithmetic.number(2 * count - 1, 2 * count)
    return ones


def _orthogonal(size: int) -> np.ndarray:
    """Return columns of norm sqrt(n), orthogonal up to rounding to few bits, the first one constant."""
    direction = np.full(size, size**-0.5)
    direction[0] -= 1
    if size > 1:
        direction /= np.linalg.norm(direction)
    reflected = size**0.5 * (np.eye(size) - 2 * np.outer(direction, direction))
    columns = np.round(reflected * 2.0**MIXING_BITS) / 2.0**MIXING_BITS
    columns[:, 0] = 1
    return columns


def _frame(layer: int, classes: int, arithmetic: Arithmetic) -> Array:
    """Return the matrix of the coordinates (s, y_2, ..., y_n) of a layer, shape (Q - 1, Q - 1)."""
    count = classes - 1
    if layer < count:
        return arithmetic.eye(count)[[layer, *(j for j in range(count) if j != layer)]]
    frame = arithmetic.array(_orthogonal(count).T)
    frame[0] = arithmetic.number(-1, count)
    return frame


def _aperture(met: np.ndarray) -> float:
    """Return the least power of two that bounds |y_j| / |s| for all points, at least 1."""
    if met.shape[1] == 1:
        return 1.0
    return float(2.0 ** np.ceil(np.log2(max(1.0, np.abs(met[:, 1:] / met[:, :1]).max())) + 1e-9))


def _sector(frame: Array, aperture: float, width: int) -> tuple[Array, Array]:
    """Return A, shape (width, Q - 1), and a left inverse of it."""
    arithmetic, count = arithmetic_of(frame), len(frame)
    mixing = _orthogonal(width)
    reach = float(np.abs(mixing[:, 1:count]).sum(axis=1).max()) if count > 1 else 0.5
    mixing[:, 1:] *= 2.0 ** -np.ceil(np.log2(2 * reach)) / aperture
    inverse = arithmetic.solve(arithmetic.array(mixing), arithmetic.eye(width))[:count]
    return arithmetic.array(mixing[:, :count]) @ frame, arithmetic.solve(frame, inverse)


def _matching(base: Array, targets: Array) -> Array:
    """Return Z with Z (p_l - p_Q) = y_l - y_Q, shape (outputs, Q - 1)."""
    return arithmetic_of(base).solve(base[:-1] - base[-1], targets[:-1] - targets[-1]).T


def _cost_floor(base: Array, targets: Array, condition: float) -> float:
    """Estimate the cost that is left: every layer moves the base points by u kappa_l kappa_(l+1)."""
    arithmetic = arithmetic_of(base)
    size = float(np.linalg.norm(arithmetic.to_float64(_matching(base, targets)), 2))
    return (arithmetic.unit_roundoff * size * len(base) * condition**2) ** 2 / 2


def _margin(layer: int, found: ClassOrder, activations: Array, collapsed: np.ndarray) -> Any:
    """Return the least distance of a pre-activation from zero, on the side where it has to be."""
    signed = activations * np.where(collapsed, -1, 1)[:, None]
    margin = signed.min()
    if not margin > 0:
        raise ValueError(
            f"layer {layer + 1}, which collapses class {found.order[layer]}, misses a margin by "
            f"{-float(margin):.2g} in {arithmetic_of(activations).name} arithmetic: its hyperplane "
            f"leaves a gap of {found.gaps[min(layer, len(found.gaps) - 1)]:.2g} only; use an arithmetic "
            "of more digits"
        )
    return margin
