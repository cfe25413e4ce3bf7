"""The kernels written with jax, compiled, and the libraries on top of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks.problems import Case
from benchmarks.references import ORBIT_RTOL

Call = Callable[[], Any]


def _arrays(case: Case) -> tuple[Any, Any]:
    """Return inputs and theta on jax's CPU."""
    import jax

    jax.config.update("jax_enable_x64", case.dtype == "float64")
    values = case.problem.data.inputs, case.theta
    inputs, theta = (case.arithmetic.to_float64(value).astype(case.dtype) for value in values)
    return jax.numpy.asarray(inputs), jax.numpy.asarray(theta)


def _apply(case: Case) -> Callable[[Any, Any], Any]:
    """Return (layers, inputs) -> outputs."""
    import jax.numpy as jnp

    def apply(layers: list[tuple[Any, Any]], inputs: Any) -> Any:
        for weight, bias in layers[:-1]:
            inputs = jnp.tanh(inputs @ weight.T + bias)
        weight, bias = layers[-1]
        return inputs @ weight.T + bias

    return apply


def _layers(case: Case, theta: Any) -> list[tuple[Any, Any]]:
    layers, start = [], 0
    for narrow, wide in pairwise(case.size.widths):
        middle, end = start + wide * narrow, start + wide * (narrow + 1)
        layers.append((theta[start:middle].reshape(wide, narrow), theta[middle:end]))
        start = end
    return layers


def _jacobian(case: Case) -> Callable[[Any, Any], Any]:
    """Return (layers, inputs) -> D by vmap(jacrev)."""
    import jax
    import jax.numpy as jnp

    rows = jax.vmap(jax.jacrev(_apply(case)), (None, 0))

    def jacobian(layers: list[tuple[Any, Any]], inputs: Any) -> Any:
        blocks = jax.tree.leaves(rows(layers, inputs))
        flat = [block.reshape(*block.shape[:2], -1) for block in blocks]
        return jnp.concatenate(flat, axis=2).reshape(case.size.rows, -1)

    return jacobian


def _stacked(case: Case, inputs: Any) -> Callable[[Any], Any]:
    apply = _apply(case)
    return lambda theta: apply(_layers(case, theta), inputs).reshape(-1)


def jacobian(case: Case) -> Call:
    """D by jit(vmap(jacrev))."""
    import jax

    inputs, theta = _arrays(case)
    layers, function = _layers(case, theta), jax.jit(_jacobian(case))
    return lambda: function(layers, inputs).block_until_ready()


def gram(case: Case) -> Call:
    """D D^T of that D, in one compiled function."""
    import jax

    inputs, theta = _arrays(case)
    layers, form = _layers(case, theta), _jacobian(case)

    def product(layers: Any, inputs: Any) -> Any:
        formed = form(layers, inputs)
        return formed @ formed.T

    function = jax.jit(product)
    return lambda: function(layers, inputs).block_until_ready()


def push(case: Case) -> Call:
    """D v by jax.linearize."""
    import jax

    inputs, theta = _arrays(case)
    function = jax.jit(jax.linearize(_stacked(case, inputs), theta)[1])
    return lambda: function(theta).block_until_ready()


def pull(case: Case) -> Call:
    """D^T u by jax.vjp."""
    import jax

    inputs, theta = _arrays(case)
    right = jax.numpy.asarray(case.arithmetic.to_float64(case.right).astype(case.dtype))
    function = jax.jit(jax.vjp(_stacked(case, inputs), theta)[1])
    return lambda: function(right)[0].block_until_ready()


def gram_product(case: Case) -> Call:
    """D D^T u by jax.vjp and jax.linearize in one compiled function."""
    import jax

    inputs, theta = _arrays(case)
    right = jax.numpy.asarray(case.arithmetic.to_float64(case.right).astype(case.dtype))
    stacked = _stacked(case, inputs)
    pulled, pushed = jax.vjp(stacked, theta)[1], jax.linearize(stacked, theta)[1]
    function = jax.jit(lambda covector: pushed(pulled(covector)[0]))
    return lambda: function(right).block_until_ready()


def neural_tangents_gram(case: Case) -> Call:
    """D D^T by neural-tangents, by its best method for fully connected networks."""
    import jax
    import neural_tangents as nt
    from jax._src import source_info_util

    # Version 0.6.5 looks for them where jax has not shown them since 0.4.26.
    jax.interpreters.ad.source_info_util = source_info_util
    jax.interpreters.ad.config = jax.config
    inputs, theta = _arrays(case)
    layers = _layers(case, theta)
    kernel = nt.empirical_ntk_fn(
        lambda parameters, points: _apply(case)(parameters, points), trace_axes=(), vmap_axes=0,
        implementation=nt.NtkImplementation.STRUCTURED_DERIVATIVES,
    )  # fmt: skip
    function = jax.jit(lambda parameters: kernel(inputs, None, parameters))

    return lambda: function(layers).block_until_ready()


def blocks_sample_by_sample(gram: Any) -> Any:
    """Put neural-tangents' D D^T, of shape N x N x Q x Q, into our order of rows and columns."""
    samples, outputs = gram.shape[0], gram.shape[2]
    return gram.transpose(0, 2, 1, 3).reshape(samples * outputs, samples * outputs)


def _velocity(case: Case, inputs: Any) -> Callable[[Any], Any]:
    """Return theta -> -D^T (D D^T)^-1 (x - y) / N, by hand: Cholesky on D D^T."""
    import jax.numpy as jnp
    import jax.scipy.linalg as linalg

    form, stacked = _jacobian(case), _stacked(case, inputs)
    targets = jnp.asarray(
        case.arithmetic.to_float64(case.problem.data.stacked_targets).astype(case.dtype)
    )

    def velocity(theta: Any) -> Any:
        formed = form(_layers(case, theta), inputs)
        gradient = (stacked(theta) - targets) / case.size.samples
        factor = linalg.cho_factor(formed @ formed.T, lower=True)
        return -(formed.T @ linalg.cho_solve(factor, gradient))

    return velocity


def field(case: Case) -> Call:
    """Return the adapted field by D, D D^T and Cholesky in one compiled function."""
    import jax

    inputs, theta = _arrays(case)
    function = jax.jit(_velocity(case, inputs))
    return lambda: function(theta).block_until_ready()


def diffrax_orbit(case: Case) -> Call:
    """Integrate the adapted flow by diffrax's Dopri8 on that field."""
    import diffrax
    import jax

    inputs, theta = _arrays(case)
    velocity = _velocity(case, inputs)
    scale = float(abs(theta).max())
    end = case.size.end * case.size.samples

    def integrate(start: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda _, state, __: velocity(state)), diffrax.Dopri8(), t0=0.0, t1=end,
            dt0=None, y0=start, saveat=diffrax.SaveAt(t1=True), max_steps=100_000,
            stepsize_controller=diffrax.PIDController(rtol=ORBIT_RTOL, atol=ORBIT_RTOL * scale),
        ).ys[0]  # fmt: skip

    function = jax.jit(integrate)
    return lambda: function(theta).block_until_ready()
