"""The Jacobian D[theta] of the stacked outputs, its products and its Gram matrix.

The outputs of all N inputs, stacked sample by sample, are x[theta] in R^(QN); D is QN x K. The row of
sample j and output q is, in the block of layer l, the Khatri-Rao product

    D[(j, q), W_l] = delta_l[j, q] (outer) a_(l-1)[j],       D[(j, q), b_l] = delta_l[j, q],

with a_(l-1) the activations below the layer and delta_l[j, q] = d x_(j, q) / d z_l the backward
sensitivities. Hence, without ever forming D,

    D D^T = sum over l of (A_(l-1) A_(l-1)^T + 1) (blockwise times) (Delta_l Delta_l^T).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from geomdl.arithmetic import Arithmetic, Array, arithmetic_of
from geomdl.networks import Layers, Network, check_vector


def check_inputs(network: Network, inputs: Array) -> None:
    """Raise ValueError unless inputs are finite, of shape (N, M), N >= 1, M as the network expects."""
    if inputs.ndim != 2 or inputs.shape[1] != network.inputs or inputs.shape[0] < 1:
        raise ValueError(
            f"got inputs of shape {tuple(inputs.shape)}; expected (N, {network.inputs}) with N >= 1 "
            f"for a network of widths {list(network.widths)}, one row a sample"
        )
    if not arithmetic_of(inputs).all_finite(inputs):
        raise ValueError("got inputs with NaN or infinite entries; expected finite numbers")


def outputs(network: Network, theta: Array, inputs: Array) -> Array:
    """Evaluate the network on all inputs.

    Parameters
    ----------
    network : Network
    theta : array, shape (K,)
    inputs : array, shape (N, M), same arithmetic as theta

    Returns
    -------
    array, shape (N, Q)
        Stacked sample by sample, ``outputs(...).reshape(-1)``, this is x[theta] in R^(QN).

    Raises
    ------
    ValueError, TypeError
        For wrong shapes, non-finite theta, or arrays of different arithmetics.

    Notes
    -----
    Source: arXiv:2311.15487, (1.3)-(1.4).

    Examples
    --------
    >>> import numpy as np
    >>> outputs(Network([1, 1], "tanh"), np.array([2.0, 1.0]), np.array([[3.0]]))
    array([[7.]])
    """
    arithmetic = arithmetic_of(theta, inputs)
    check_inputs(network, inputs)
    *hidden, (weight, bias) = network.layers(theta)
    activations = inputs
    for hidden_weight, hidden_bias in hidden:
        z = activations @ hidden_weight.T + hidden_bias
        activations = network.activation.value(arithmetic, z)
    return activations @ weight.T + bias


@dataclass(frozen=True, eq=False)
class Linearization:
    """The network at one theta, ready for every product with D[theta]; see :func:`linearize`.

    Attributes
    ----------
    network, theta, inputs
        As given to :func:`linearize`.
    arithmetic : Arithmetic
    layers : list of (W, b)
    activations : list of arrays, shapes (N, M_0), ..., (N, M_L)
    slopes : list of arrays, shapes (N, M_1), ..., (N, M_L)
        First derivatives of the activation at the pre-activations.
    outputs : array, shape (N, Q)
    """

    network: Network
    theta: Array
    inputs: Array
    arithmetic: Arithmetic
    layers: Layers
    activations: list[Array]
    slopes: list[Array]
    outputs: Array

    @property
    def stacked(self) -> Array:
        """The stacked outputs x[theta], shape (QN,), sample by sample."""
        return self.outputs.reshape(-1)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape (QN, K) of the Jacobian."""
        samples = self.inputs.shape[0]
        return self.network.outputs * samples, self.network.parameter_count

    @cached_property
    def sensitivities(self) -> list[Array]:
        """Backward sensitivities delta_l, shapes (N, Q, M_l), l = 1..L; delta_(L+1) is the identity."""
        below: list[Array] = []
        for (weight, _), slope in zip(reversed(self.layers[1:]), reversed(self.slopes), strict=True):
            delta = below[0] @ weight if below else weight[None, :, :]
            below.insert(0, delta * slope[:, None, :])
        return below

    def jacobian(self) -> Array:
        """Form D[theta].

        Returns
        -------
        array, shape (QN, K)
            Row j*Q + q belongs to output q of sample j; columns in the order of theta.

        Notes
        -----
        Source: arXiv:2311.15487, (1.17).

        Examples
        --------
        >>> import numpy as np
        >>> linearize(Network([1, 1], "tanh"), np.array([2.0, 1.0]), np.array([[3.0]])).jacobian()
        array([[3., 1.]])
        """
        samples, outputs_ = self.outputs.shape
        blocks = []
        for delta, below in zip(self.sensitivities, self.activations, strict=False):
            blocks.append((delta[:, :, :, None] * below[:, None, None, :]).reshape(*delta.shape[:2], -1))
            blocks.append(delta)
        identity = self.arithmetic.eye(outputs_)
        last = self.activations[-1]
        block = identity[None, :, :, None] * last[:, None, None, :]
        blocks.append(block.reshape(samples, outputs_, -1))
        blocks.append(identity[None, :, :] + self.arithmetic.zeros((samples, 1, 1)))
        return self.arithmetic.concatenate(blocks, axis=2).reshape(*self.shape)

    def push(self, direction: Array) -> Array:
        """Return D v, the velocity of the stacked outputs when theta moves along v.

        Parameters
        ----------
        direction : array, shape (K,)

        Returns
        -------
        array, shape (QN,)
        """
        check_vector("a direction", direction, self.arithmetic, self.shape[1])
        tangents = self.network.layers(direction)
        moved = None
        for index, (weight_dot, bias_dot) in enumerate(tangents):
            moved_z = self.activations[index] @ weight_dot.T + bias_dot
            if moved is not None:
                moved_z = moved_z + moved @ self.layers[index][0].T
            moved = self.slopes[index] * moved_z if index < len(self.slopes) else moved_z
        return moved.reshape(-1)  # type: ignore[union-attr]

    def pull(self, covector: Array) -> Array:
        """Return D^T u, the gradient in theta of the pairing of x[theta] with u.

        Parameters
        ----------
        covector : array, shape (QN,)

        Returns
        -------
        array, shape (K,)
        """
        check_vector("a covector", covector, self.arithmetic, self.shape[0])
        sensitivity = covector.reshape(self.outputs.shape)
        parts: list[Array] = []
        for index in range(len(self.layers) - 1, -1, -1):
            weight_part = sensitivity.T @ self.activations[index]
            parts = [weight_part.reshape(-1), sensitivity.sum(axis=0), *parts]
            if index:
                sensitivity = (sensitivity @ self.layers[index][0]) * self.slopes[index - 1]
        return self.arithmetic.concatenate(parts)

    def gram(self) -> Array:
        """Return the Gram matrix D D^T (the empirical tangent kernel) without forming D.

        Returns
        -------
        array, shape (QN, QN)
        """
        samples, outputs_ = self.outputs.shape
        last = self.activations[-1]
        kernel = (last @ last.T + 1)[:, None, :, None] * self.arithmetic.eye(outputs_)[None, :, None, :]
        for delta, below in zip(self.sensitivities, self.activations, strict=False):
            flat = delta.reshape(samples * outputs_, -1)
            products = (flat @ flat.T).reshape(samples, outputs_, samples, outputs_)
            kernel = kernel + (below @ below.T + 1)[:, None, :, None] * products
        return kernel.reshape(samples * outputs_, samples * outputs_)


def linearize(network: Network, theta: Array, inputs: Array) -> Linearization:
    """Evaluate the network and keep what all products with its Jacobian need.

    Parameters
    ----------
    network : Network
    theta : array, shape (K,)
    inputs : array, shape (N, M), same arithmetic as theta

    Returns
    -------
    Linearization

    Raises
    ------
    ValueError, TypeError
        For wrong shapes, non-finite theta, or arrays of different arithmetics.

    Examples
    --------
    >>> import numpy as np
    >>> at = linearize(Network([2, 3, 2], "tanh"), np.ones(17), np.eye(2))
    >>> np.allclose(at.gram(), at.jacobian() @ at.jacobian().T)
    True
    """
    arithmetic = arithmetic_of(theta, inputs)
    check_inputs(network, inputs)
    layers = network.layers(theta)
    activations, slopes = [inputs], []
    for weight, bias in layers[:-1]:
        z = activations[-1] @ weight.T + bias
        value, slope = network.activation.value_and_slope(arithmetic, z)
        activations.append(value)
        slopes.append(slope)
    weight, bias = layers[-1]
    return Linearization(
        network, theta, inputs, arithmetic, layers, activations, slopes,
        activations[-1] @ weight.T + bias,
    )  # fmt: skip
