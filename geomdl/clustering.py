"""What zero-cost networks for clustered data ask of data and choices, and by how much it is met.

The construction stands in :mod:`geomdl.truncation`: in barycentric coordinates of the class means, layer
l collapses class l to the base point p_l and leaves later classes and earlier base points alone. That is
so if all of these lie inside of the sector {A_l (x - p_l) >= 0} or of its opposite; the distance from
its walls is the margin.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from geomdl.arithmetic import Arithmetic, Array, arithmetic_of


def base_point_positions(
    arithmetic: Arithmetic, classes: int, layers: int, mu: Any, opening: Any
) -> Array:
    """Return mu_1, ..., mu_Q, after checking all that does not depend on the data.

    Parameters
    ----------
    arithmetic : Arithmetic
    classes, layers : int
        Q and the number of hidden layers.
    mu : number or sequence of Q numbers
    opening : number

    Returns
    -------
    array, shape (Q,)

    Raises
    ------
    ValueError
        For fewer than two classes, fewer layers than classes, mu or opening out of range.

    Examples
    --------
    >>> from geomdl import FLOAT64
    >>> base_point_positions(FLOAT64, 2, 2, 0.5, 0.25).tolist()
    [0.5, 0.5]
    """
    if classes < 2:
        raise ValueError(
            "got one class; expected at least two: with a single target the constant network "
            "(zero weights, the target as the last bias) has zero cost"
        )
    if layers < classes:
        raise ValueError(f"got {layers} hidden layers; expected at least one a class, {classes}")
    if not opening > 0:
        raise ValueError(f"got opening {opening}; expected a positive number, such as 1/2")
    listed = np.broadcast_to(np.asarray(mu, dtype=object), (classes,))
    if not all(0 < position < 1 for position in listed):
        raise ValueError(
            f"got mu = {mu}; expected numbers strictly between 0 (the class mean) and 1 (the centre)"
        )
    return arithmetic.array(listed)


def layer_margins(labels: np.ndarray, kappa: Array, base: Array, sectors: Sequence[Array]) -> Array:
    """Return the margins of all layers, or name the sample or base point for which one is missing.

    The margin of layer l is the least over the samples of class l, which it collapses, of
    min_i (A_l (p_l - x))_i, and over the samples of later classes and the earlier base points, which it
    leaves alone, of min_i (A_l (x - p_l))_i.

    Parameters
    ----------
    labels : ndarray of int, shape (N,)
    kappa : array, shape (N, Q)
        The samples in barycentric coordinates.
    base : array, shape (Q, Q)
        Row l is p_l.
    sectors : sequence of Q arrays, shape (Q, Q)
        A_l.

    Returns
    -------
    array, shape (Q,)
        All positive.

    Raises
    ------
    ValueError
        When one is not positive; the message names the worst sample, its deviation and what to do.

    Examples
    --------
    >>> base, sector = np.array([[0.75, 0.25], [0.25, 0.75]]), np.array([[-1.0, 1.0]] * 2)
    >>> layer_margins(np.array([0, 1]), np.eye(2), base, [sector, -sector]).tolist()
    [0.5, 0.5]
    """
    margins = []
    for layer, matrix in enumerate(sectors):
        z = (kappa - base[layer]) @ matrix.T
        collapsed = -z[labels == layer].max(axis=1)
        kept = z[labels > layer].min(axis=1)
        points = ((base[:layer] - base[layer]) @ matrix.T).min(axis=1)
        slack = np.concatenate([collapsed, kept, points])
        worst = int(slack.argmin())
        if not slack[worst] > 0:
            samples = np.concatenate([np.flatnonzero(labels == layer), np.flatnonzero(labels > layer)])
            raise ValueError(_complaint(layer, worst, samples, labels, kappa, -float(slack[worst])))
        margins.append(slack[worst])
    return arithmetic_of(kappa).array(margins)


def _complaint(
    layer: int, worst: int, samples: np.ndarray, labels: np.ndarray, kappa: Array, excess: float
) -> str:
    if worst >= len(samples):
        return (
            f"the base point of class {worst - len(samples)} misses the sector of layer {layer + 1} by "
            f"{excess:.2g} times the way from class mean to centre; choose mu in base_point_interval()"
        )
    sample = samples[worst]
    corner = np.arange(kappa.shape[1]) == labels[sample]
    deviation = np.linalg.norm(arithmetic_of(kappa).to_float64(kappa[sample]) - corner)
    what = "is not collapsed" if labels[sample] == layer else "would be moved"
    return (
        f"sample {sample} of class {labels[sample]} deviates by {deviation:.3g} from its class mean in "
        f"barycentric coordinates and {what} by layer {layer + 1}: it misses the sector by {excess:.2g} "
        "times the way from class mean to centre. The defaults serve deviations below 1/4; for larger "
        "ones see base_point_interval()"
    )


def aperture(matrix: Array, diagonal: Array) -> float:
    """Return how wide a circular cone around its diagonal a sector {A x >= 0} contains.

    |v| max over i of |a_i - v / |v|^2|, with a_i the rows of A and A v = (1, ..., 1): all x belong to
    the sector whose part along v is at least this many times the transversal part.

    Parameters
    ----------
    matrix : array, shape (n, n)
        A.
    diagonal : array, shape (n,)
        v.

    Returns
    -------
    float

    Examples
    --------
    >>> round(aperture(np.eye(2), np.ones(2)), 6)  # the quadrant contains the cone of 45 degrees
    1.0
    """
    to_float64 = arithmetic_of(matrix, diagonal).to_float64
    rows, v = to_float64(matrix), to_float64(diagonal)
    return float(np.linalg.norm(v) * np.linalg.norm(rows - v / (v @ v), axis=1).max())
