"""Who takes part in the comparison of a kernel, and what memory they need."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from typing import Any, NamedTuple

from benchmarks import kernels
from benchmarks.comparison import peers_jax, peers_lapack, peers_torch
from benchmarks.problems import SIZES, Case, make_case

Call = Callable[[], Any]


def _as_it_is(result: Any) -> Any:
    return result


class Contender(NamedTuple):
    """One way to compute a kernel.

    Attributes
    ----------
    name : str
        As printed.
    distribution : str
        The package whose version is recorded; without it the contender is absent.
    prepare : callable
        Case -> call; the call's result is checked before it is timed.
    memory : callable
        Case -> bytes that it is expected to take.
    slow : bool
        Takes many seconds at the smallest size, so that quick runs leave it out.
    arrange : callable
        Puts a result into our order of rows for the check; not timed.
    """

    name: str
    distribution: str
    prepare: Callable[[Case], Call]
    memory: Callable[[Case], float]
    slow: bool = False
    arrange: Callable[[Any], Any] = _as_it_is

    @property
    def on_cuda(self) -> bool:
        """Whether it computes where the tensors of the case are."""
        return self.prepare.__module__ == peers_torch.__name__

    @property
    def version(self) -> str | None:
        """The version that is installed here, None where there is none."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None


def _d(copies: float, squares: float = 0.0) -> Callable[[Case], float]:
    return lambda case: copies * case.jacobian_bytes + squares * case.gram_bytes


def ours_on(kernel: str, backend: str) -> Contender:
    """Return this project's kernel on another backend than the case's own."""

    def prepare(case: Case) -> Call:
        size = next(name for name, size in SIZES.items() if size == case.size)
        return kernels.KERNELS[kernel].prepare(make_case(size, case.dtype, backend))

    return Contender(f"geomdl {backend}", "torch", prepare, kernels.KERNELS[kernel].memory)


PEERS: dict[str, tuple[Contender, ...]] = {
    "jacobian": (
        Contender("torch.func", "torch", peers_torch.func_jacobian, _d(2.1)),
        Contender("torch.compile", "torch", peers_torch.compiled_jacobian, _d(1.1), slow=True),
        Contender("jax", "jax", peers_jax.jacobian, _d(2.1)),
        Contender("BackPACK", "backpack-for-pytorch", peers_torch.backpack_jacobian, _d(1.3)),
        Contender(
            "nngeometry",
            "nngeometry",
            peers_torch.nngeometry_jacobian,
            _d(2.1),
            arrange=peers_torch.sample_by_sample,
        ),
        Contender("curvlinops", "curvlinops-for-pytorch", peers_torch.curvlinops_jacobian, _d(3.2, 2)),
    ),
    "gram": (
        Contender("torch.func", "torch", peers_torch.func_gram, _d(2.1, 1)),
        Contender("jax", "jax", peers_jax.gram, _d(2.1, 1)),
        Contender("BackPACK", "backpack-for-pytorch", peers_torch.backpack_gram, _d(1.3, 1)),
        Contender(
            "nngeometry",
            "nngeometry",
            peers_torch.nngeometry_gram,
            _d(0, 3),
            arrange=peers_torch.blocks_sample_by_sample,
        ),
        Contender(
            "neural-tangents",
            "neural-tangents",
            peers_jax.neural_tangents_gram,
            _d(1.8, 2),
            arrange=peers_jax.blocks_sample_by_sample,
        ),
        Contender("torchjd", "torchjd", peers_torch.torchjd_gram, _d(1.8, 1)),
    ),
    "push": (
        Contender("torch.func", "torch", peers_torch.func_push, _d(0)),
        Contender("jax", "jax", peers_jax.push, _d(0)),
        Contender("curvlinops", "curvlinops-for-pytorch", peers_torch.curvlinops_push, _d(0)),
    ),
    "pull": (
        Contender("torch.func", "torch", peers_torch.func_pull, _d(0)),
        Contender("jax", "jax", peers_jax.pull, _d(0)),
        Contender("curvlinops", "curvlinops-for-pytorch", peers_torch.curvlinops_pull, _d(0)),
    ),
    "gram-product": (
        Contender("torch.func", "torch", peers_torch.func_gram_product, _d(0)),
        Contender("jax", "jax", peers_jax.gram_product, _d(0)),
        Contender("curvlinops", "curvlinops-for-pytorch", peers_torch.curvlinops_gram_product, _d(0)),
    ),
    "solve": (
        Contender("torch gels", "torch", peers_lapack.torch_gels, _d(2.1)),
        Contender("SciPy gelsd", "scipy", peers_lapack.scipy_lstsq("gelsd"), _d(2.2)),
        Contender("SciPy gelsy", "scipy", peers_lapack.scipy_lstsq("gelsy"), _d(2.2)),
        Contender("NumPy pinv", "numpy", peers_lapack.numpy_pinv_solve, _d(5)),
        Contender("torch pinv", "torch", peers_lapack.torch_pinv_solve, _d(5)),
    ),
    "pseudoinverse": (
        Contender("NumPy pinv", "numpy", peers_lapack.numpy_pinv, _d(5)),
        Contender("SciPy pinv", "scipy", peers_lapack.scipy_pinv, _d(5)),
        Contender("torch pinv", "torch", peers_lapack.torch_pinv, _d(5)),
    ),
    "field": (
        Contender("jax Cholesky", "jax", peers_jax.field, _d(3, 3)),
        Contender("torch gels", "torch", peers_torch.func_field, _d(6)),
    ),
    "orbit": (
        Contender("diffrax", "diffrax", peers_jax.diffrax_orbit, _d(4, 3), slow=True),
        Contender("torchdiffeq", "torchdiffeq", peers_torch.torchdiffeq_orbit, _d(6), slow=True),
        Contender("SciPy + pinv", "scipy", peers_lapack.scipy_orbit, _d(6), slow=True),
    ),
}
