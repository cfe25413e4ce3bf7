"""The compiled loops give the bits of the formulas, and refuse what they were not written for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given

from geomdl import FLOAT64, RATIONAL, Linearization, native
from geomdl.arithmetic import Arithmetic, Array
from verification.core.strategies import HARDWARE, examples, random_problem, samples, seeds, widths

pytestmark = pytest.mark.skipif(
    native.compiled is None, reason="geomdl was installed without a C compiler"
)


def both_ways(at: Linearization, kernel: str, out: Array | None = None) -> tuple[Array, Array]:
    compute = getattr(at, kernel)
    fast = compute(out=out) + 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native, "compiled", None)
        return fast, compute(out=out)


@examples(40)
@given(shape=widths(), count=samples, seed=seeds)
def test_compiled_loops_and_numpy_give_the_same_bits(shape: list[int], count: int, seed: int) -> None:
    for arithmetic in HARDWARE:
        problem, theta = random_problem(shape, "tanh", count, seed, arithmetic)
        at = problem.linearize(theta)
        for kernel in ("jacobian", "gram"):
            assert np.array_equal(*both_ways(at, kernel))


def test_the_number_of_layers_has_no_limit() -> None:
    problem, theta = random_problem([2, *[1] * 1100, 1], "identity", 3, 5, FLOAT64)
    assert np.array_equal(*both_ways(problem.linearize(theta), "jacobian"))


@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
@pytest.mark.parametrize("offset", [0, 1, 3])
def test_a_jacobian_larger_than_the_caches_has_the_same_bits(
    arithmetic: Arithmetic, offset: int
) -> None:
    problem, theta = random_problem([7, 61, 33, 5], "tanh", 211, 4, arithmetic)
    at = problem.linearize(theta)
    rows, columns = at.shape
    assert rows * columns * 4 > 8 << 20
    # Rows of odd length that begin at any multiple of a number, with a guard on either side.
    memory = arithmetic.array(np.full((rows, columns + 7), -3.0))
    out = memory[:, offset : offset + columns]
    assert np.array_equal(*both_ways(at, "jacobian", out))
    assert bool((memory[:, :offset] == -3).all() and (memory[:, offset + columns :] == -3).all())


def test_infinite_activations_spoil_their_own_entries_only() -> None:
    rows = np.empty((1, 1, 7))  # widths 1, 2, 1: two weights, two biases, the output layer
    activations = [np.array([[np.inf]]), np.array([[1.0, 2.0]])]
    assert native.write_jacobian(rows, activations, [np.array([[[1.0, -1.0]]])])
    assert rows.tolist() == [[[np.inf, -np.inf, 1.0, -1.0, 1.0, 2.0, 1.0]]]


@pytest.mark.parametrize(
    "rows",
    [
        np.empty((2, 3, 9), dtype=object),
        np.empty((2, 3, 9), dtype=">f8"),
        np.empty((2, 3, 9))[..., ::-1],
        np.empty((2, 9, 3)).swapaxes(1, 2),
        np.frombuffer(bytearray(8 * 54 + 1), dtype=np.float64, offset=1).reshape(2, 3, 9),
    ],
    ids=["objects", "big-endian", "reversed", "columns", "unaligned"],
)
def test_arrays_of_another_kind_are_left_to_numpy(rows: np.ndarray) -> None:
    assert not native.write_jacobian(rows, [np.ones((2, 2))], [])


def test_tensors_that_record_their_history_are_left_to_torch() -> None:
    torch = pytest.importorskip(
        "torch", reason='torch is not installed: pip install "geomdl-verify[torch]"'
    )
    rows, activations = torch.zeros(2, 3, 9), torch.ones(2, 2)
    assert native.write_jacobian(rows, [activations], [])
    assert not native.write_jacobian(rows, [activations.requires_grad_()], [])


def test_other_arithmetics_are_left_to_their_formulas() -> None:
    problem, theta = random_problem([2, 3, 2], "square", 3, 1, RATIONAL, bits=2)
    at = problem.linearize(theta)
    rows = RATIONAL.zeros((3, 2, at.shape[1]))
    assert not native.write_jacobian(rows, at.activations, at.sensitivities)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"rows": np.empty((2, 3, 20))}, "rows of another length"),
        ({"activations": (np.ones((2, 2)),)}, "one array of activations more"),
        ({"activations": (np.ones((2, 2)), np.ones((1, 4)))}, "another number of samples"),
        ({"sensitivities": (np.ones((2, 3, 5)),)}, "samples x outputs x width"),
        ({"sensitivities": (np.ones((2, 3, 4), dtype=np.float32),)}, "one type throughout"),
        ({"activations": (np.ones((2, 4))[:, ::2], np.ones((2, 4)))}, "contiguous rows"),
        ({"rows": np.empty((6, 27))}, "got an array of 2 dimensions"),
    ],
)
def test_the_compiled_module_checks_every_shape(changed: dict[str, Any], words: str) -> None:
    given_: dict[str, Any] = {
        "rows": np.empty((2, 3, 27)),
        "activations": (np.ones((2, 2)), np.ones((2, 4))),
        "sensitivities": (np.ones((2, 3, 4)),),
    }
    native.compiled.write_jacobian(*given_.values())
    with pytest.raises(ValueError, match=words):
        native.compiled.write_jacobian(*(given_ | changed).values())


@pytest.mark.parametrize(
    "shapes",
    [
        ((4, 6), (4, 6), (2, 2)),
        ((4, 6), (4, 5), (2, 3)),
        ((5, 6), (5, 6), (2, 3)),
        ((4, 6), (4, 6), (0, 3)),
    ],
    ids=str,
)
def test_tiles_that_do_not_fit_are_refused(shapes: tuple[tuple[int, int], ...]) -> None:
    native.compiled.scale_blocks(np.ones((4, 6)), np.ones((4, 6)), np.ones((2, 3)), True)
    with pytest.raises(ValueError, match="a tile is"):
        native.compiled.scale_blocks(*(np.ones(shape) for shape in shapes), True)


def test_memory_that_is_read_only_is_refused() -> None:
    protected = np.ones((2, 2))
    protected.flags.writeable = False
    with pytest.raises((ValueError, BufferError)):
        native.compiled.scale_blocks(protected, np.ones((2, 2)), np.ones((1, 1)), False)
