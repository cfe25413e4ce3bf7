"""Every fast path against the slow obvious reference, in every arithmetic, shape and layout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import FLOAT32, FLOAT64, RATIONAL, Linearization, get_arithmetic, memory, native, solve
from geomdl.arithmetic import Arithmetic, Array
from geomdl.arithmetic.lookup import missing_extra
from geomdl.arithmetic.outer_products import write_outer_products
from verification.core.references import agree
from verification.core.strategies import HARDWARE, examples, random_problem, samples, seeds, widths

EVERY = [*HARDWARE, get_arithmetic("mp30"), RATIONAL]
if missing_extra("arb50") is None:
    EVERY.append(get_arithmetic("arb50"))

SHAPES = {
    "affine": ([3, 2], 4),
    "one output, one layer, one sample": ([2, 1], 1),
    "one sample": ([2, 3, 2], 1),
    "one output": ([2, 4, 1], 3),
    "layers of one width": ([3, 3, 3, 3, 2], 3),
    "K = QN": ([1, 1, 1], 4),
    "K < QN": ([2, 2, 2], 9),
}


@pytest.fixture(params=["compiled loops", "NumPy alone"])
def loops(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with the compiled loops, and without."""
    if request.param == "NumPy alone":
        monkeypatch.setattr(native, "compiled", None)
    elif native.compiled is None:
        pytest.skip("geomdl was installed without a C compiler")
    return request.param


def rows_by_definition(at: Linearization) -> Array:
    """D row by row: for every sample and output, the outer products of the backward pass."""
    network, arithmetic = at.network, at.arithmetic
    rows = []
    for j in range(len(at.inputs)):
        for q in range(network.outputs):
            parts: list[Array] = []
            sensitivity = arithmetic.eye(network.outputs)[q]
            for layer in range(len(at.layers) - 1, -1, -1):
                below = at.activations[layer][j]
                weights = [value * below for value in sensitivity]
                parts = [arithmetic.stack(weights).reshape(-1), sensitivity, *parts]
                if layer:
                    sensitivity = (sensitivity @ at.layers[layer][0]) * at.slopes[layer - 1][j]
            rows.append(arithmetic.concatenate(parts))
    return arithmetic.stack(rows)


def linearized(shape: list[int], count: int, arithmetic: Arithmetic, seed: int = 3) -> Linearization:
    problem, theta = random_problem(shape, "square", count, seed, arithmetic, bits=2)
    return problem.linearize(theta)


def check_all(at: Linearization) -> None:
    """Hold everything that a linearization computes against D by its definition."""
    arithmetic, slow = at.arithmetic, rows_by_definition(at)
    norm = 1 + arithmetic.largest(slow)
    size = sum(at.shape)
    columns = arithmetic.array(np.arange(3 * at.shape[0]).reshape(-1, 3) % 5 - 2)
    covector, direction = columns[:, 1], arithmetic.array(np.arange(at.shape[1]) % 7 - 3)
    agree(at.jacobian(), slow, scale=norm, size=size)
    agree(at.push(direction), slow @ direction, scale=3 * norm, size=size)
    agree(at.pull(covector), slow.T @ covector, scale=3 * norm, size=size)
    tangents = arithmetic.stack([direction, direction * 2 - 1], axis=1)
    agree(at.push_columns(tangents), slow @ tangents, scale=5 * norm, size=size)
    agree(at.pull_columns(columns), slow.T @ columns, scale=3 * norm, size=size)
    agree(at.gram_product(covector), slow @ (slow.T @ covector), scale=3 * norm * norm, size=size)
    for fast, formed in ((at.gram(), slow @ slow.T), (at.normal_matrix(), slow.T @ slow)):
        agree(fast, formed, scale=norm * norm, size=size)
        if not arithmetic.encloses:
            assert bool((fast == fast.T).all()), "symmetric to the last bit"


@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_everything_agrees_with_the_rows_of_the_definition(arithmetic: Arithmetic, shape: str) -> None:
    check_all(linearized(*SHAPES[shape], arithmetic))


@examples(40)
@given(shape=widths(), count=samples, seed=seeds)
def test_everything_agrees_for_networks_drawn_at_random(shape: list[int], count: int, seed: int) -> None:
    check_all(linearized(shape, count, FLOAT64, seed))


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
def test_everything_agrees_with_compiled_loops_and_without(arithmetic: Arithmetic, shape: str) -> None:
    check_all(linearized(*SHAPES[shape], arithmetic))


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("chunk", [1, 40, 1000])
@pytest.mark.parametrize("arithmetic", HARDWARE, ids=repr)
def test_the_length_of_chunks_does_not_matter(
    arithmetic: Arithmetic, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arithmetic, "chunk", chunk)
    for shape in ([3, 5, 5, 2], [2, 3, 1], [2, 7]):
        check_all(linearized(shape, 13, arithmetic))


@pytest.mark.parametrize("chunk", [1, 40])
def test_over_the_rationals_chunks_give_the_same_numbers(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = linearized([2, 3, 3, 2], 5, RATIONAL)
    whole = at.jacobian(), at.gram(), at.normal_matrix()
    monkeypatch.setattr(RATIONAL, "chunk", chunk)
    for one, other in zip(whole, (at.jacobian(), at.gram(), at.normal_matrix()), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("arithmetic", [FLOAT32, FLOAT64], ids=repr)
@pytest.mark.parametrize(
    "shape", [[20, 40, 3], [32, 32, 32, 2], [64, 50, 1], [96, 5, 2], [61, 9, 2], [130, 7, 2]], ids=str
)
def test_wide_layers_agree_whichever_way_their_outer_products_are_written(
    arithmetic: Arithmetic, shape: list[int]
) -> None:
    problem, theta = random_problem(shape, "tanh", 11, 2, arithmetic)
    at = problem.linearize(theta)
    expected = np.concatenate(
        [
            part
            for delta, below in zip(at.sensitivities, at.activations, strict=False)
            for part in ((delta[..., None] * below[:, None, None]).reshape(*delta.shape[:2], -1), delta)
        ],
        axis=2,
    ).reshape(at.shape[0], -1)
    assert np.array_equal(at.jacobian()[:, : expected.shape[1]], expected)
    slow = at.jacobian().astype(np.float64)
    scale = arithmetic.number(1) + arithmetic.largest(at.gram())
    agree(at.gram(), arithmetic.array(slow @ slow.T), scale=scale, size=sum(at.shape))


@examples(30)
@given(
    units=st.integers(1, 70),
    columns=st.integers(1, 140),
    layers=st.integers(1, 2),
    seed=seeds,
)
def test_outer_products_are_single_products_rounded_once(
    units: int, columns: int, layers: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left = rng.standard_normal((3, 2, layers, units)).astype(np.float32)
    right = rng.standard_normal((3, layers, columns)).astype(np.float32)
    expected = left[..., None] * right[:, None, :, None, :]
    for out in (np.empty_like(expected), np.empty(expected.shape[::-1], dtype=np.float32).T):
        write_outer_products(out, left, right)
        assert np.array_equal(out, expected)


def test_an_infinite_activation_spoils_its_own_entries_only() -> None:
    left, right = np.ones((1, 1, 1, 64)), np.ones((1, 1, 64))
    right[0, 0, 5] = np.inf
    out = np.empty((1, 1, 1, 64, 64))
    write_outer_products(out, left, right)
    assert np.isinf(out).sum() == 64
    assert not np.isnan(out).any()


def test_the_buffer_size_of_numpy_is_left_as_it_was() -> None:
    before = np.getbufsize()
    at = linearized([3, 5, 2], 6, FLOAT64)
    at.jacobian(), at.gram(), at.normal_matrix(), solve(at, np.ones(12))
    assert np.getbufsize() == before


# ---- memory of the caller -----------------------------------------------------------------------


def layouts(arithmetic: Arithmetic, shape: tuple[int, int]) -> Iterator[Array]:
    rows, columns = shape
    yield arithmetic.zeros(shape)
    yield arithmetic.zeros((columns, rows)).T
    yield arithmetic.zeros((2 * rows, 3 * columns))[::2, 1::3]
    yield arithmetic.zeros((rows + 2, columns + 5))[1:-1, 2:-3]


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("shape", ["affine", "one sample", "layers of one width", "K < QN"])
@pytest.mark.parametrize("kernel", ["jacobian", "gram", "normal_matrix", "pull_columns", "push_columns"])
@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_results_go_to_memory_of_any_layout(arithmetic: Arithmetic, kernel: str, shape: str) -> None:
    at = linearized(*SHAPES[shape], arithmetic)
    side = {"pull_columns": at.shape[0], "push_columns": at.shape[1]}.get(kernel)
    given_ = [] if side is None else [arithmetic.eye(side)]
    compute: Any = getattr(at, kernel)
    expected = compute(*given_)
    scale = 1 + arithmetic.largest(expected)
    for out in layouts(arithmetic, tuple(expected.shape)):
        assert compute(*given_, out=out) is out
        agree(out, expected, scale=scale, size=sum(at.shape))


@pytest.mark.parametrize("kernel", ["jacobian", "gram", "normal_matrix"])
def test_memory_that_does_not_fit_is_refused(kernel: str) -> None:
    at = linearized([2, 3, 2], 3, FLOAT64)
    compute = getattr(at, kernel)
    shape = compute().shape
    with pytest.raises(ValueError, match=r"got out of shape \(1, 2\); expected"):
        compute(out=np.empty((1, 2)))
    with pytest.raises(TypeError, match="got out in float32; expected float64"):
        compute(out=np.empty(shape, dtype=np.float32))
    protected = np.empty(shape)
    protected.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        compute(out=protected)


def test_what_does_not_fit_into_memory_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    at = linearized([40, 60, 30], 100, FLOAT64)  # D takes 103 MB
    monkeypatch.setattr(memory, "available_memory", lambda: 10**8)
    with pytest.raises(MemoryError, match=r"D \(3000 x 4290, float64\) needs 0.103 GB .*; 0.1 GB are"):
        at.jacobian()
    assert at.push(at.theta).shape == (3000,)


def test_the_memory_that_is_left_is_known_on_linux() -> None:
    left = memory.available_memory()
    assert left is None if sys.platform != "linux" else left is not None and left > 0


@pytest.mark.parametrize(
    "wrong",
    [np.ones(4), np.ones((3, 2)), np.ones((4, 2), dtype=np.float32)],
    ids=["vector", "rows", "dtype"],
)
def test_columns_of_another_kind_are_refused(wrong: np.ndarray) -> None:
    at = linearized([2, 3, 2], 2, FLOAT64)
    with pytest.raises(ValueError, match="got covectors of shape"):
        at.pull_columns(wrong)
    with pytest.raises(ValueError, match="got tangents of shape"):
        at.push_columns(wrong)


# ---- devices ------------------------------------------------------------------------------------


def test_no_kernel_makes_the_host_wait_and_a_solve_reads_once(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip(
        "torch", reason='torch is not installed: pip install "geomdl-verify[torch]"'
    )
    arithmetic = get_arithmetic("torch:cpu:float64")
    problem, theta = random_problem([4, 40, 3], "tanh", 30, 1, arithmetic)
    right = arithmetic.array(np.arange(90) / 90)
    solve(problem.linearize(theta), right)  # what is made once, as on every later step
    monkeypatch.setattr(arithmetic, "asynchronous", True)
    seen = SimpleNamespace(reads=0)

    def counted(name: str) -> Any:
        original = getattr(torch.Tensor, name)

        def read(*args: Any, **kwargs: Any) -> Any:
            seen.reads += 1
            return original(*args, **kwargs)

        return read

    for name in ("item", "tolist", "cpu", "__bool__", "__float__", "__int__"):
        monkeypatch.setattr(torch.Tensor, name, counted(name))
    at = problem.linearize(theta)
    at.jacobian(), at.gram(), at.normal_matrix(), at.pull_columns(right[:, None])
    at.gram_product(right), at.push(theta), at.pull(right)
    assert seen.reads == 0
    assert solve(at, right).method == "cholesky"
    assert seen.reads == 1
