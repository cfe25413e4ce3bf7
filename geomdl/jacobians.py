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
from geomdl.kernels import pull_columns, push_columns, write_gram, write_jacobian, write_normal
from geomdl.memory import require_memory
from geomdl.networks import Layers, Network, check_vector


def check_inputs(network: Network, inputs: Array) -> None:
    """Raise ValueError unless inputs are finite, of shape (N, M), N >= 1, M as the network expects."""
    if inputs.ndim != 2 or inputs.shape[1] != network.inputs or inputs.shape[0] < 1:
        raise ValueError(
            f"got inputs of shape {tuple(inputs.shape)}; expected (N, {network.inputs}) with N >= 1 "
            f"for a network of widths {list(network.widths)}, one row a sample"
        )
    arithmetic = arithmetic_of(inputs)
    if not (arithmetic.asynchronous or arithmetic.all_finite(inputs)):
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

    @cached_property
    def shape(self) -> tuple[int, int]:
        """Shape (QN, K) of the Jacobian."""
        samples = self.inputs.shape[0]
        return self.network.outputs * samples, self.network.parameter_count

    @cached_property
    def sensitivities(self) -> list[Array]:
        """Backward sensitivities delta_l, shapes (N, Q, M_l), l = 1..L; delta_(L+1) is the identity."""
        samples, outputs_ = self.outputs.shape
        widths = self.network.widths[1:-1]
        # One piece of memory: the allocator keeps a large one for the next call, and gives many small
        # ones back to the system, from which every page costs more than the numbers that it holds.
        block = self.arithmetic.empty((samples * outputs_ * sum(widths),))
        flat, start = [], 0
        for width in widths:
            size = samples * outputs_ * width
            flat.append(block[start : start + size].reshape(samples * outputs_, width))
            start += size
        for index in range(len(widths) - 1, -1, -1):
            weight, slope = self.layers[index + 1][0], self.slopes[index][:, None, :]
            delta = flat[index].reshape(samples, outputs_, widths[index])
            if index + 1 < len(widths):
                self.arithmetic.matmul_into(flat[index], flat[index + 1], weight)
                self.arithmetic.multiply_into(delta, delta, slope)
            else:
                self.arithmetic.multiply_into(delta, weight, slope)
        return [each.reshape(samples, outputs_, -1) for each in flat]

    def jacobian(self, out: Array | None = None) -> Array:
        """Form D[theta].

        Parameters
        ----------
        out : array, shape (QN, K), optional
            Memory to write to, of the same arithmetic and any strides (fastest by rows); to write to
            the same memory again is several times faster than to ask for new memory.

        Returns
        -------
        array, shape (QN, K)
            Row j*Q + q belongs to output q of sample j; columns in the order of theta. ``out`` if given.

        Raises
        ------
        MemoryError
            When D does not fit into the memory that is left.
        ValueError, TypeError
            For ``out`` of another shape or arithmetic, or read-only.

        Notes
        -----
        Source: arXiv:2311.15487, (1.17).

        Examples
        --------
        >>> import numpy as np
        >>> linearize(Network([1, 1], "tanh"), np.array([2.0, 1.0]), np.array([[3.0]])).jacobian()
        array([[3., 1.]])
        """
        out = self._memory(out, self.shape, "the Jacobian D", "push, pull, gram and solve do not form D")
        with self.arithmetic.streaming():
            write_jacobian(self.arithmetic, self.activations, self.sensitivities, out)
        return out

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
        return self._push(self.network.split(direction))

    def _push(self, tangents: Layers) -> Array:
        moved = None
        for index, (weight_dot, bias_dot) in enumerate(tangents):
            moved_z = self.activations[index] @ weight_dot.T
            moved_z += bias_dot
            if moved is not None:
                moved_z += moved @ self.layers[index][0].T
            if index < len(self.slopes):
                moved_z *= self.slopes[index]
            moved = moved_z
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
        return self._pull(covector)

    def _pull(self, covector: Array) -> Array:
        sensitivity = covector.reshape(self.outputs.shape)
        gradient = self.arithmetic.empty((self.shape[1],))
        parts = self.network.split(gradient)
        for index in range(len(self.layers) - 1, -1, -1):
            weight_part, bias_part = parts[index]
            self.arithmetic.matmul_into(weight_part, sensitivity.T, self.activations[index])
            bias_part[...] = sensitivity.sum(axis=0)
            if index:
                sensitivity = sensitivity @ self.layers[index][0]
                sensitivity *= self.slopes[index - 1]
        return gradient

    def push_columns(self, tangents: Array, out: Array | None = None) -> Array:
        """Return D M for a matrix M of columns, without forming D.

        Parameters
        ----------
        tangents : array, shape (K, k)
        out : array, shape (QN, k), optional
            Memory to write to, fastest by rows.

        Returns
        -------
        array, shape (QN, k)

        Examples
        --------
        >>> import numpy as np
        >>> at = linearize(Network([2, 3, 2], "tanh"), np.ones(17), np.eye(2))
        >>> np.allclose(at.push_columns(np.eye(17)), at.jacobian())
        True
        """
        rows, columns = self.shape
        self._check_columns("tangents", tangents, columns)
        shape = (rows, tangents.shape[1])
        out = self._memory(out, shape, "the product D M", "take fewer columns at a time")
        push_columns(self.arithmetic, self.activations, self.sensitivities, tangents, out)
        return out

    def pull_columns(self, covectors: Array, out: Array | None = None) -> Array:
        """Return D^T M for a matrix M of columns, without forming D.

        Parameters
        ----------
        covectors : array, shape (QN, k)
        out : array, shape (K, k), optional
            Memory to write to.

        Returns
        -------
        array, shape (K, k)

        Examples
        --------
        >>> import numpy as np
        >>> at = linearize(Network([2, 3, 2], "tanh"), np.ones(17), np.eye(2))
        >>> np.allclose(at.pull_columns(np.eye(4)), at.jacobian().T)
        True
        """
        rows, columns = self.shape
        self._check_columns("covectors", covectors, rows)
        shape = (columns, covectors.shape[1])
        out = self._memory(out, shape, "the product D^T M", "take fewer columns at a time")
        pull_columns(self.arithmetic, self.activations, self.sensitivities, covectors, out)
        return out

    def _check_columns(self, what: str, matrix: Array, length: int) -> None:
        arithmetic = arithmetic_of(matrix)
        if arithmetic is not self.arithmetic or matrix.ndim != 2 or matrix.shape[0] != length:
            raise ValueError(
                f"got {what} of shape {tuple(matrix.shape)} in {arithmetic.name}; "
                f"expected ({length}, k) in {self.arithmetic.name}"
            )

    def gram_product(self, covector: Array) -> Array:
        """Return (D D^T) u, the product of the empirical tangent kernel, without forming either.

        Parameters
        ----------
        covector : array, shape (QN,)

        Returns
        -------
        array, shape (QN,)

        Examples
        --------
        >>> import numpy as np
        >>> at = linearize(Network([2, 3, 2], "tanh"), np.ones(17), np.eye(2))
        >>> np.allclose(at.gram_product(np.arange(4.0)), at.gram() @ np.arange(4.0))
        True
        """
        check_vector("a covector", covector, self.arithmetic, self.shape[0])
        return self._push(self.network.split(self._pull(covector)))

    def gram(self, out: Array | None = None) -> Array:
        """Return the Gram matrix D D^T (the empirical tangent kernel) without forming D.

        Parameters
        ----------
        out : array, shape (QN, QN), optional
            Memory to write to, of the same arithmetic and any strides.

        Returns
        -------
        array, shape (QN, QN)
            Symmetric to the last bit. ``out`` if given.

        Raises
        ------
        MemoryError
            When it does not fit into the memory that is left.
        ValueError, TypeError
            For ``out`` of another shape or arithmetic, or read-only.
        """
        size = self.shape[0]
        out = self._memory(out, (size, size), "the Gram matrix D D^T", "gram_product does not form it")
        with self.arithmetic.streaming():
            write_gram(self.arithmetic, self.activations, self.sensitivities, out)
        return out

    def normal_matrix(self, out: Array | None = None) -> Array:
        """Return the normal matrix D^T D without forming D, for more equations than parameters.

        Parameters
        ----------
        out : array, shape (K, K), optional
            Memory to write to, of the same arithmetic and any strides.

        Returns
        -------
        array, shape (K, K)
            Symmetric to the last bit. ``out`` if given.

        Raises
        ------
        MemoryError
            When it does not fit into the memory that is left.
        ValueError, TypeError
            For ``out`` of another shape or arithmetic, or read-only.

        Examples
        --------
        >>> import numpy as np
        >>> at = linearize(Network([1, 2, 1], "tanh"), np.ones(7), np.arange(9.0)[:, None])
        >>> np.allclose(at.normal_matrix(), at.jacobian().T @ at.jacobian())
        True
        """
        size = self.shape[1]
        out = self._memory(
            out, (size, size), "the normal matrix D^T D", "pull(push(v)) does not form it"
        )
        with self.arithmetic.streaming():
            write_normal(self.arithmetic, self.activations, self.sensitivities, out)
        return out

    def _memory(self, out: Array | None, shape: tuple[int, int], what: str, instead: str) -> Array:
        if out is None:
            require_memory(self.arithmetic, shape, what=what, instead=instead)
            return self.arithmetic.empty(shape)
        self.check_memory(out, shape)
        return out

    def check_memory(self, out: Array, shape: tuple[int, int]) -> None:
        """Raise unless a result of this shape can be written to ``out``.

        Raises
        ------
        TypeError
            For another arithmetic.
        ValueError
            For another shape, or an array that is read-only.
        """
        if (other := arithmetic_of(out)) is not self.arithmetic:
            raise TypeError(f"got out in {other.name}; expected {self.arithmetic.name}")
        if tuple(out.shape) != shape:
            raise ValueError(f"got out of shape {tuple(out.shape)}; expected {shape}")
        if hasattr(out, "flags") and not out.flags.writeable:
            raise ValueError("got out that is read-only; expected an array that can be written to")


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
        z = activations[-1] @ weight.T
        z += bias
        value, slope = network.activation.value_and_slope(arithmetic, z)
        activations.append(value)
        slopes.append(slope)
    weight, bias = layers[-1]
    return Linearization(
        network, theta, inputs, arithmetic, layers, activations, slopes,
        activations[-1] @ weight.T + bias,
    )  # fmt: skip
