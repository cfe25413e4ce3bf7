"""Tangent kernels between arbitrary inputs, on the training set and off it, without forming D.

With Df(x) the Q x K matrix of partial derivatives of the outputs at input x with respect to theta,

    Theta(x, x') = Df(x) Df(x')^T                            (the kernel of the standard flow)
    K(x, x')     = Df(x) (D^T D)^+ Df(x')^T                  (the kernel of the adapted flow)

are Q x Q blocks, and D stacks Df(x_1), ..., Df(x_N) of the training data. Under either flow the output
at any input x, trained or not, moves by

    f' = - sum over i of Theta(x, x_i) g_i     or     f' = - sum over i of K(x, x_i) g_i,

with g = grad_x C. On the training data K is the projector onto range(D), and 1 at full rank QN.
With A_l and Delta_l the activations and backward sensitivities of two sets of inputs, layer by layer,

    Theta = sum over l of (A_(l-1) A'_(l-1)^T + 1) (blockwise times) (Delta_l Delta'_l^T).
"""

from __future__ import annotations

from geomdl.arithmetic import Array
from geomdl.jacobians import Linearization, linearize
from geomdl.networks import check_vector
from geomdl.pseudoinverses import pseudoinverse


def tangent_kernel(at: Linearization, left: Array, right: Array | None = None) -> Array:
    """Return the tangent kernel between two sets of inputs.

    Theta(x_i, x'_j) = Df(x_i) Df(x'_j)^T in block (i, j).

    Parameters
    ----------
    at : Linearization
        Gives the network and theta.
    left : array, shape (N1, M)
        The inputs x_i.
    right : array, shape (N2, M), optional
        The inputs x'_j; the inputs of ``at`` by default.

    Returns
    -------
    array, shape (Q N1, Q N2)
        Sample by sample, like D D^T; :func:`kernel_block` takes the blocks. O(N1 N2 (Q^2 sum of the
        widths)) operations, no array of length K.

    Raises
    ------
    ValueError, TypeError
        For inputs of another shape or arithmetic, or entries that are not finite.

    Notes
    -----
    Blocks are symmetric for one hidden layer, and in general only Theta(x, x')^T = Theta(x', x).
    Source: arXiv:2408.01517, (3.14)-(3.15), with Df the derivative with respect to theta.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), np.array([[1.0], [2.0]]))
    >>> tangent_kernel(at, np.array([[3.0]]))  # x x' + 1
    array([[4., 7.]])
    """
    first = linearize(at.network, at.theta, left)
    second = at if right is None else linearize(at.network, at.theta, right)
    rows, columns, q = len(first.inputs), len(second.inputs), at.network.outputs
    near, far = first.activations[-1], second.activations[-1]
    kernel = (near @ far.T + 1)[:, None, :, None] * at.arithmetic.eye(q)[None, :, None, :]
    for depth, (delta, other) in enumerate(zip(first.sensitivities, second.sensitivities, strict=True)):
        width = delta.shape[-1]
        products = delta.reshape(rows * q, width) @ other.reshape(columns * q, width).T
        below = first.activations[depth] @ second.activations[depth].T + 1
        kernel = kernel + below[:, None, :, None] * products.reshape(rows, q, columns, q)
    return kernel.reshape(rows * q, columns * q)


def kernel_block(kernel: Array, row: int, column: int, outputs: int) -> Array:
    """Return the Q x Q block of a kernel that belongs to two samples, counted from 0.

    Examples
    --------
    >>> import numpy as np
    >>> kernel_block(np.arange(16).reshape(4, 4), 0, 1, 2)
    array([[2, 3],
           [6, 7]])
    """
    return kernel[row * outputs : (row + 1) * outputs, column * outputs : (column + 1) * outputs]


def influence(at: Linearization, inputs: Array, *, rank: int | None = None) -> Array:
    """Return how the outputs at any inputs move under the adapted flow when the trained ones do.

    Df(inputs) D^+, which equals Theta(inputs, training) Theta(training, training)^+.

    Parameters
    ----------
    at : Linearization
        At the training inputs; its D is inverted.
    inputs : array, shape (N1, M)
    rank : int, optional
        Impose the rank of D, as for :func:`geomdl.pseudoinverse`.

    Returns
    -------
    array, shape (Q N1, Q N)
        Times a velocity of the trained outputs in range(D): the velocity of the outputs at
        ``inputs``. Blocks are K(x, x_i) of the adapted flow, for training inputs x_i.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), np.array([[0.0], [1.0]]))
    >>> influence(at, np.array([[3.0]])).round(12).tolist()  # extrapolates the line through two points
    [[-2.0, 3.0]]
    """
    factored = pseudoinverse(at.jacobian(), rank=rank)
    there = linearize(at.network, at.theta, inputs)
    # Column by column of D^+, in forward mode: Df of the inputs is never formed.
    columns = [there.push(column) for column in factored.matrix().T]
    return at.arithmetic.stack(columns, axis=1)


def adapted_kernel(
    at: Linearization, left: Array, right: Array | None = None, *, rank: int | None = None
) -> Array:
    """Return the kernel of the adapted flow between two sets of inputs.

    K(x, x') = Df(x) (D^T D)^+ Df(x')^T = (Df(x) D^+) (Df(x') D^+)^T

    Parameters
    ----------
    at : Linearization
        At the training inputs.
    left : array, shape (N1, M)
    right : array, shape (N2, M), optional
        The training inputs by default.
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (Q N1, Q N2)
        On the training data the projector onto range(D), and the identity at full rank QN.

    Notes
    -----
    Source: arXiv:2408.01517, (3.17). Off the training data K changes during training.

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> inputs = np.array([[0.0], [1.0]])
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), inputs)
    >>> np.abs(adapted_kernel(at, inputs) - np.eye(2)).max() < 1e-12
    np.True_
    """
    factor = influence(at, left, rank=rank)
    other = influence(at, at.inputs if right is None else right, rank=rank)
    return factor @ other.T


def output_velocity_at(
    at: Linearization, inputs: Array, gradient: Array, *, adapted: bool, rank: int | None = None
) -> Array:
    """Return the velocity of the outputs at any inputs while the network is trained.

    - sum over i of Theta(x, x_i) g_i under the standard flow, of K(x, x_i) g_i under the adapted one.

    Parameters
    ----------
    at : Linearization
        At the training inputs.
    inputs : array, shape (N1, M)
    gradient : array, shape (QN,)
        g = grad_x C at the training outputs.
    adapted : bool
        Which of the two flows.
    rank : int, optional
        Impose the rank of D.

    Returns
    -------
    array, shape (Q N1,)

    Examples
    --------
    >>> import numpy as np
    >>> from geomdl.networks import Network
    >>> at = linearize(Network([1, 1], "tanh"), np.zeros(2), np.array([[0.0], [1.0]]))
    >>> output_velocity_at(at, np.array([[3.0]]), np.array([0.0, 1.0]), adapted=False).tolist()
    [-4.0]
    """
    check_vector("a gradient", gradient, at.arithmetic, at.shape[0])
    kernel = influence(at, inputs, rank=rank) if adapted else tangent_kernel(at, inputs)
    return -(kernel @ gradient)
