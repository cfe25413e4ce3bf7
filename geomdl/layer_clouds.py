"""What each hidden layer of a ReLU network does to the data, all in one system of coordinates.

Hidden layers of equal width n with invertible W_2, ..., W_L are truncation maps one after the other
(:mod:`geomdl.truncation`). In coordinates t = G x - o of the inputs, with W_1 = A_1 G,

    t^(0) = G x - o,     t^(l) = tau_(W^(l),b^(l))(t^(l-1)),     x^(l) = W^(l) t^(l) + b^(l),

where W^(1) = A_1, b^(1) = b_1 + A_1 o, and W^(l), b^(l) are the cumulative parameters. Layer l fixes the
points of its sector {W^(l) t + b^(l) >= 0} and sends the opposite sector to its apex: a class that lies
there becomes one point.
"""

from __future__ import annotations

from dataclasses import dataclass

from geomdl.arithmetic import Array, SingularMatrixError, arithmetic_of
from geomdl.networks import Layers, Network
from geomdl.pseudoinverses import pseudoinverse
from geomdl.truncation import RELU, cumulative_parameters, truncate


@dataclass(frozen=True, eq=False)
class LayerClouds:
    """The data before and after every hidden layer; see :func:`layer_clouds`.

    Attributes
    ----------
    points : list of L + 1 arrays, shape (N, n)
        t^(0), ..., t^(L), one row a sample.
    sectors : list of L pairs (W, b), shapes (n, n) and (n,)
        Cumulative parameters: layer l fixes {W t + b >= 0}.
    apexes : list of L arrays, shape (n,)
        -W^-1 b, where layer l sends the opposite sector {W t + b <= 0}.
    """

    points: list[Array]
    sectors: Layers
    apexes: list[Array]


def layer_clouds(
    network: Network, theta: Array, inputs: Array, *, frame: tuple[Array, Array] | None = None
) -> LayerClouds:
    """Return the data after each hidden layer, in coordinates that all layers share.

    Parameters
    ----------
    network : Network
        ReLU, hidden layers of equal width n.
    theta : array, shape (K,)
        With invertible W_2, ..., W_L: explicit or trained parameters.
    inputs : array, shape (N, M)
    frame : (G, o), shapes (n, M) and (n,), optional
        The coordinates t = G x - o, G of rank n. By default those of input space where M = n, else the
        pre-activations of the first layer, G = W_1 and o = -b_1. The clouds of
        :func:`geomdl.sequential.sequential_minimizer` are those of its hyperplanes,
        G = ``order.normals`` and o = ``order.offsets``.

    Returns
    -------
    LayerClouds

    Raises
    ------
    ValueError
        For another activation, no hidden layer, hidden layers of different widths, or a frame of the
        wrong shape or through which the first layer does not factor.
    SingularMatrixError
        When the weights of a hidden layer are singular to the working precision.

    Notes
    -----
    Source: the talks of 2023 and 2024, truncation maps and cumulative parameters.

    Examples
    --------
    The first layer sends the first class to a point and leaves the second alone; the second layer sends
    the second class to a point:

    >>> import numpy as np
    >>> from geomdl.data import Dataset
    >>> from geomdl.truncation import clustered_minimizer
    >>> inputs = np.array([[1.125, 0.125], [0.875, -0.125], [0.0, 1.25], [0.0, 0.75]])
    >>> data = Dataset(inputs, np.array([0, 0, 1, 1]), np.eye(2))
    >>> found = clustered_minimizer(data)
    >>> clouds = layer_clouds(found.network, found.theta, inputs)
    >>> np.allclose(clouds.points[1], [[0.75, 0.25], [0.75, 0.25], [0.0, 1.25], [0.0, 0.75]])
    True
    >>> np.allclose(clouds.points[2], [[0.75, 0.25], [0.75, 0.25], [0.25, 0.75], [0.25, 0.75]])
    True
    >>> np.allclose(clouds.apexes, [[0.75, 0.25], [0.25, 0.75]])
    True
    """
    widths = set(network.widths[1:-1])
    if network.activation is not RELU or len(widths) != 1:
        raise ValueError(
            f"got a network {network}; expected ReLU and hidden layers of equal width, in which each "
            "layer is a truncation map"
        )
    arithmetic = arithmetic_of(theta, inputs)
    (weight, bias), *further = network.layers(theta)[:-1]
    if frame is not None:
        first, offset = frame
        entry = _through(weight, first, offset)
    elif len(weight) == network.inputs:
        first, offset, entry = arithmetic.eye(network.inputs), arithmetic.zeros(network.inputs), weight
    else:
        first, offset, entry = weight, -bias, arithmetic.eye(len(weight))
    sectors = cumulative_parameters([(entry, bias + entry @ offset), *further])
    points, apexes = [inputs @ first.T - offset], []
    for number, sector in enumerate(sectors, 1):
        try:
            points.append(truncate(*sector, points[-1]))
            apexes.append(-arithmetic.solve(*sector))
        except SingularMatrixError as error:
            raise SingularMatrixError(
                f"the weights of the hidden layers up to layer {number} are singular: what that layer "
                "does is no truncation map"
            ) from error
    return LayerClouds(points, sectors, apexes)


def _through(weight: Array, first: Array, offset: Array) -> Array:
    """Return A_1 with W_1 = A_1 G."""
    if tuple(first.shape) != tuple(weight.shape) or tuple(offset.shape) != (len(weight),):
        raise ValueError(
            f"got a frame of shapes {tuple(first.shape)} and {tuple(offset.shape)}; expected "
            f"{tuple(weight.shape)} and ({len(weight)},)"
        )
    arithmetic = arithmetic_of(weight, first)
    entry = pseudoinverse(first.T).apply(weight.T).T
    # Half of the digits: what is refused is a frame of other hyperplanes, not an ill-conditioned one.
    allowed = arithmetic.unit_roundoff**0.5 * float(arithmetic.largest(weight))
    if float(arithmetic.largest(entry @ first - weight)) > allowed:
        raise ValueError(
            "got a frame through which the first layer does not factor: expected G with W_1 = A G, rows "
            "that span the rows of W_1"
        )
    return entry
