"""The kernels written with torch and the libraries on top of it, as their own pages advise."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from benchmarks.problems import Case
from benchmarks.references import ORBIT_RTOL

Call = Callable[[], Any]


def _tensors(case: Case) -> tuple[Any, Any]:
    """Return inputs and theta as tensors."""
    return _tensor(case, case.problem.data.inputs), _tensor(case, case.theta)


def _tensor(case: Case, values: Any) -> Any:
    """Convert an array of the case: CUDA stays on its device, everything else is for the CPU."""
    import torch

    device = "cuda" if case.backend == "torch:cuda" else "cpu"
    numbers = case.arithmetic.to_float64(values)
    return torch.tensor(numbers, dtype=getattr(torch, case.dtype), device=device)


def _model(case: Case) -> tuple[Any, Any]:
    """Return the network as a torch.nn.Sequential, and the inputs."""
    import torch

    inputs, theta = _tensors(case)
    layers: list[Any] = []
    for narrow, wide in pairwise(case.size.widths):
        linear = torch.nn.Linear(narrow, wide, dtype=inputs.dtype, device=inputs.device)
        layers += [linear, torch.nn.Tanh()]
    model = torch.nn.Sequential(*layers[:-1])
    torch.nn.utils.vector_to_parameters(theta, model.parameters())
    return model, inputs


def _per_sample(case: Case) -> Callable[[Any, Any], Any]:
    """Return (parameters of the model, inputs) -> D by vmap(jacrev)."""
    import torch

    model, _ = _model(case)

    def one(parameters: dict[str, Any], point: Any) -> Any:
        return torch.func.functional_call(model, parameters, (point,))

    rows = torch.func.vmap(torch.func.jacrev(one), (None, 0))

    def jacobian(parameters: dict[str, Any], inputs: Any) -> Any:
        blocks = rows(parameters, inputs).values()
        return torch.cat([block.flatten(2) for block in blocks], dim=2).flatten(0, 1)

    return jacobian


def func_jacobian(case: Case) -> Call:
    """D by vmap(jacrev(functional_call)), torch's own per-sample recipe."""
    model, inputs = _model(case)
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    jacobian = _per_sample(case)
    return lambda: jacobian(parameters, inputs)


def compiled_jacobian(case: Case) -> Call:
    """D by the same under torch.compile."""
    import torch

    model, inputs = _model(case)
    parameters = {name: value.detach() for name, value in model.named_parameters()}
    jacobian = torch.compile(_per_sample(case))
    return lambda: jacobian(parameters, inputs)


def func_gram(case: Case) -> Call:
    """D D^T of that D."""
    jacobian = func_jacobian(case)

    def call() -> Any:
        formed = jacobian()
        return formed @ formed.T

    return call


def func_push(case: Case) -> Call:
    """D v by torch.func.linearize."""
    import torch

    function, primal = _flat_function(case)
    push = torch.func.linearize(function, primal)[1]
    return lambda: push(primal)


def func_pull(case: Case) -> Call:
    """D^T u by torch.func.vjp."""
    import torch

    function, primal = _flat_function(case)
    right = _tensor(case, case.right)
    pull = torch.func.vjp(function, primal)[1]
    return lambda: pull(right)[0]


def func_gram_product(case: Case) -> Call:
    """D D^T u by torch.func.vjp and torch.func.linearize."""
    import torch

    function, primal = _flat_function(case)
    right = _tensor(case, case.right)
    pull = torch.func.vjp(function, primal)[1]
    push = torch.func.linearize(function, primal)[1]
    return lambda: push(pull(right)[0])


def _flat_function(case: Case) -> tuple[Callable[[Any], Any], Any]:
    """Return theta -> stacked outputs, and theta."""
    import torch

    inputs, theta = _tensors(case)
    network = case.problem.network

    def function(flat: Any) -> Any:
        values, start = inputs, 0
        pairs = list(pairwise(network.widths))
        for index, (narrow, wide) in enumerate(pairs):
            middle, end = start + wide * narrow, start + wide * (narrow + 1)
            weight, bias = flat[start:middle].reshape(wide, narrow), flat[middle:end]
            values = torch.nn.functional.linear(values, weight, bias)
            values = torch.tanh(values) if index + 1 < len(pairs) else values
            start = end
        return values.reshape(-1)

    return function, theta


def backpack_jacobian(case: Case) -> Call:
    """D from BackPACK's individual gradients, one backward pass an output."""
    from backpack import backpack, extend
    from backpack.extensions import BatchGrad

    model, inputs = _model(case)
    model = extend(model)
    parameters, outputs = list(model.parameters()), case.size.widths[-1]

    def call() -> Any:
        jacobian = inputs.new_empty(len(inputs), outputs, case.size.columns)
        for output in range(outputs):
            with backpack(BatchGrad()):
                model(inputs)[:, output].sum().backward()
            start = 0
            for parameter in parameters:
                end = start + parameter.numel()
                jacobian[:, output, start:end] = parameter.grad_batch.flatten(1)
                start = end
                del parameter.grad_batch
                parameter.grad = None
        return jacobian.flatten(0, 1)

    return call


def backpack_gram(case: Case) -> Call:
    """D D^T of that D."""
    jacobian = backpack_jacobian(case)

    def call() -> Any:
        formed = jacobian()
        return formed @ formed.T

    return call


def _nngeometry(case: Case) -> tuple[Any, Any]:
    import torch
    from nngeometry.backend import TorchHooksJacobianBackend

    model, inputs = _model(case)
    data = torch.utils.data.TensorDataset(inputs)
    loader = torch.utils.data.DataLoader(data, batch_size=len(inputs))
    return TorchHooksJacobianBackend(model=model), loader


def nngeometry_jacobian(case: Case) -> Call:
    """D by nngeometry's hooks, of shape Q x N x K."""
    generator, loader = _nngeometry(case)
    return lambda: generator.get_jacobian(loader)


def sample_by_sample(jacobian: Any) -> Any:
    """Put nngeometry's D into our order of rows."""
    return jacobian.transpose(0, 1).flatten(0, 1)


def nngeometry_gram(case: Case) -> Call:
    """D D^T by nngeometry's hooks, without forming D, of shape Q x N x Q x N."""
    generator, loader = _nngeometry(case)
    return lambda: generator.get_gram_matrix(loader)


def blocks_sample_by_sample(gram: Any) -> Any:
    """Put nngeometry's D D^T into our order of rows and columns."""
    return gram.permute(1, 0, 3, 2).flatten(2, 3).flatten(0, 1)


def _curvlinops(case: Case) -> tuple[Any, Any]:
    import curvlinops

    model, inputs = _model(case)
    data = [(inputs, inputs)]
    options = {"num_data": len(inputs), "check_deterministic": False}
    parameters = list(model.parameters())
    return (
        curvlinops.JacobianLinearOperator(model, parameters, data, **options),
        curvlinops.TransposedJacobianLinearOperator(model, parameters, data, **options),
    )


def curvlinops_jacobian(case: Case) -> Call:
    """D as the transpose of curvlinops' D^T times the identity, the smaller of the two."""
    _, pull = _curvlinops(case)
    identity = _tensor(case, case.arithmetic.eye(case.size.rows))
    return lambda: (pull @ identity).T


def curvlinops_gram_product(case: Case) -> Call:
    """D D^T u by curvlinops' two operators."""
    push, pull = _curvlinops(case)
    right = _tensor(case, case.right)
    return lambda: push @ (pull @ right)


def curvlinops_push(case: Case) -> Call:
    """D v by curvlinops."""
    push, _ = _curvlinops(case)
    _, theta = _tensors(case)
    return lambda: push @ theta


def curvlinops_pull(case: Case) -> Call:
    """D^T u by curvlinops."""
    _, pull = _curvlinops(case)
    right = _tensor(case, case.right)
    return lambda: pull @ right


def torchjd_gram(case: Case) -> Call:
    """D D^T by torchjd's autogram engine."""
    from torchjd.autogram import Engine

    model, inputs = _model(case)
    engine = Engine(model, batch_dim=0)

    def call() -> Any:
        gram = engine.compute_gramian(model(inputs))
        return gram.reshape(case.size.rows, case.size.rows)

    return call


def func_field(case: Case) -> Call:
    """Return the adapted field: D by vmap(jacrev), then torch.linalg.lstsq with driver gels."""
    import torch

    velocity = _gels_field(case)
    _, theta = _tensors(case)

    def call() -> Any:
        with torch.no_grad():
            return velocity(theta)

    return call


def _gels_field(case: Case) -> Callable[[Any], Any]:
    import torch

    model, inputs = _model(case)
    jacobian = _per_sample(case)
    names = [(name, value.shape) for name, value in model.named_parameters()]
    stacked = _tensor(case, case.problem.data.stacked_targets)

    def velocity(theta: Any) -> Any:
        pieces = theta.split([shape.numel() for _, shape in names])
        parameters = {
            name: piece.reshape(shape) for (name, shape), piece in zip(names, pieces, strict=True)
        }
        outputs = torch.func.functional_call(model, parameters, (inputs,)).reshape(-1)
        gradient = (outputs - stacked) / case.size.samples
        formed = jacobian(parameters, inputs)
        return -torch.linalg.lstsq(formed, gradient[:, None], driver="gels").solution[:, 0]

    return velocity


def torchdiffeq_orbit(case: Case) -> Call:
    """Integrate the adapted flow by torchdiffeq's dopri8 on that field."""
    import torch
    from torchdiffeq import odeint

    velocity = _gels_field(case)
    _, theta = _tensors(case)
    ends = torch.tensor([0.0, case.size.end * case.size.samples], dtype=theta.dtype)
    scale = float(theta.abs().max())

    def call() -> Any:
        with torch.no_grad():
            orbit = odeint(
                lambda _, state: velocity(state), theta, ends, method="dopri8", rtol=ORBIT_RTOL,
                atol=ORBIT_RTOL * scale, options={"step_t": ends},  # or the end is interpolated
            )  # fmt: skip
        return orbit[-1]

    return call
