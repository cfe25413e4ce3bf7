"""Training data: label map, class averages and deviations, real data, bad input."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geomdl import FLOAT32, FLOAT64, RATIONAL, Dataset, Network, Problem, get_arithmetic, load_real_data
from geomdl.arithmetic import Arithmetic
from verification.core.references import agree
from verification.core.strategies import examples, seeds

MP30 = get_arithmetic("mp30")
EVERY = [FLOAT32, FLOAT64, MP30, RATIONAL]
SIZES = {
    "digits": (1797, 64, 10),
    "iris": (150, 4, 3),
    "wine": (178, 13, 3),
    "breast_cancer": (569, 30, 2),
}


def random_data(arithmetic: Arithmetic, classes: int, extra: int, seed: int) -> Dataset:
    """Draw data of few bits with at least one sample of each class, labels shuffled."""
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, extra)])
    generator.shuffle(labels)
    inputs = arithmetic.array(generator.integers(-8, 9, (len(labels), 2)) / 8)
    return Dataset(inputs, labels, arithmetic.array(generator.integers(-8, 9, (classes, 3)) / 8))


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
@examples(10)
@given(classes=st.integers(1, 4), extra=st.integers(0, 6), seed=seeds)
def test_class_averages_and_deviations_agree_with_loops(
    arithmetic: Arithmetic, classes: int, extra: int, seed: int
) -> None:
    data = random_data(arithmetic, classes, extra, seed)
    averages, deviations = data.class_averages(data.inputs), data.class_deviations(data.inputs)
    assert averages.shape == (classes, 2)
    one = arithmetic.number(1)
    for c in range(classes):
        total = [arithmetic.number(0)] * 2
        count = 0
        for j, label in enumerate(data.labels):
            if label == c:
                total = [a + b for a, b in zip(total, data.inputs[j], strict=True)]
                count += 1
        assert data.class_sizes[c] == count
        expected = arithmetic.array(
            np.array([a / arithmetic.number(count) for a in total], dtype=object)
        )
        agree(averages[c], expected, scale=one)
        for j in np.flatnonzero(data.labels == c).tolist():
            agree(deviations[j], data.inputs[j] - expected, scale=one)


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_stacked_targets_follow_the_label_map(arithmetic: Arithmetic) -> None:
    data = random_data(arithmetic, 3, 4, 1)
    stacked = data.stacked_targets
    for j, label in enumerate(data.labels):
        assert np.all(stacked[3 * j : 3 * j + 3] == data.targets[label])
    assert data.arithmetic is arithmetic


@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.uint8, np.uint64])
def test_integer_labels_of_every_kind_work(dtype: type) -> None:
    data = Dataset(np.eye(3, dtype=np.float64), np.array([1, 0, 1], dtype=dtype), np.eye(2))
    assert data.class_sizes.tolist() == [1, 2]
    assert data.class_averages(data.inputs).tolist() == [[0, 1, 0], [0.5, 0, 0.5]]
    assert data.stacked_targets.tolist() == [0, 1, 1, 0, 0, 1]


def test_a_list_of_labels_is_refused_or_means_the_same_as_an_array() -> None:
    inputs = np.eye(3, dtype=np.float64)
    try:
        data = Dataset(inputs, [1, 0, 1], np.eye(2))  # type: ignore[arg-type]
    except TypeError as error:
        assert "got" in str(error)  # noqa: PT017
    else:
        assert data.class_averages(inputs).tolist() == [[0, 1, 0], [0.5, 0, 0.5]]


def test_regression_gives_every_sample_its_own_target() -> None:
    targets = np.arange(6, dtype=np.float64).reshape(3, 2)
    data = Dataset.regression(np.eye(3, dtype=np.float64), targets)
    assert data.labels.tolist() == [0, 1, 2]
    assert np.array_equal(data.stacked_targets, targets.ravel())
    assert np.array_equal(data.class_averages(targets), targets)
    assert not np.any(data.class_deviations(targets))


@pytest.mark.parametrize("arithmetic", EVERY, ids=repr)
def test_data_convert_to_every_arithmetic(arithmetic: Arithmetic) -> None:
    data = random_data(FLOAT64, 2, 3, 5).to(arithmetic)
    assert data.arithmetic is arithmetic
    assert np.array_equal(arithmetic.to_float64(data.inputs), random_data(FLOAT64, 2, 3, 5).inputs)


# ---- bad input ----------------------------------------------------------------------------------


def make(**changes: object) -> Dataset:
    """Make sound data of three samples in two classes, with changes."""
    parts: dict = {
        "inputs": np.zeros((3, 2), dtype=np.float64),
        "labels": np.array([0, 1, 1]),
        "targets": np.eye(2, dtype=np.float64),
        **changes,
    }
    return Dataset(**parts)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"inputs": np.zeros((0, 2)), "labels": np.zeros(0, dtype=int)},
            r"inputs of shape \(0, 2\).*nonempty",
        ),
        (
            {"inputs": np.zeros((3, 0))},
            r"inputs of shape \(3, 0\); expected a nonempty matrix.*row a sample",
        ),
        ({"inputs": np.zeros(3)}, r"inputs of shape \(3,\); expected a nonempty matrix"),
        ({"targets": np.zeros(2)}, r"targets of shape \(2,\); expected a nonempty matrix.*row a class"),
        ({"targets": np.zeros((2, 0))}, r"targets of shape \(2, 0\); expected"),
        ({"inputs": np.full((3, 2), np.nan)}, "inputs with NaN or infinite entries; expected finite"),
        (
            {"targets": np.array([[1, np.inf], [0, 1.0]])},
            "targets with NaN or infinite entries; expected",
        ),
        ({"labels": np.array([0, 1])}, r"labels of shape \(2,\); expected \(3,\), one a sample"),
        ({"labels": np.array([[0], [1], [1]])}, r"labels of shape \(3, 1\); expected \(3,\)"),
        (
            {"labels": np.array([0, 1, 2])},
            "labels from 0 to 2; expected 0 to 1, one for each row of targets",
        ),
        ({"labels": np.array([-1, 0, 1])}, "labels from -1 to 1; expected 0 to 1"),
        ({"labels": np.array([0, 0, 0])}, "no sample of class 1; expected at least one.*renumber"),
        ({"labels": np.array([1, 1, 1])}, "no sample of class 0; expected at least one"),
    ],
)
def test_malformed_data_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(ValueError, match=f"got {words}"):
        make(**changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"labels": np.array([0.0, 1.0, 1.0])},
            "labels of dtype float64; expected integers counted from 0",
        ),
        ({"labels": np.array([False, True, True])}, "labels of dtype bool; expected integers"),
        ({"labels": np.array(["a", "b", "b"])}, "labels of dtype .*; expected integers"),
        ({"inputs": np.zeros((3, 2), dtype=int)}, "an array of dtype int64; expected float32, float64"),
        ({"inputs": np.zeros((3, 2), dtype=np.float16)}, "an array of dtype float16; expected"),
        ({"targets": np.eye(2, dtype=np.complex128)}, "an array of dtype complex128; expected"),
        ({"inputs": [[0.0, 0.0]] * 3}, "a list; expected an array"),
        (
            {"targets": np.eye(2, dtype=np.float32)},
            r"arrays of different arithmetics \(float64, float32\)",
        ),
    ],
)
def test_data_of_wrong_types_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(TypeError, match=f"got {words}"):
        make(**changes)


@pytest.mark.parametrize("rows", [2, 5])
def test_averages_of_points_of_another_number_are_refused(rows: int) -> None:
    with pytest.raises(ValueError, match=rf"got .*shape \({rows}, 2\).*expected"):
        make().class_averages(np.zeros((rows, 2), dtype=np.float64))


def test_a_problem_whose_parts_do_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got inputs of shape \(3, 2\); expected \(N, 3\)"):
        Problem(Network([3, 2], "tanh"), make())
    with pytest.raises(
        ValueError, match="got targets of dimension 2; expected 3, the last of the widths"
    ):
        Problem(Network([2, 3], "tanh"), make())


@pytest.mark.parametrize(
    ("shape", "regime"),
    [([2, 2], "borderline"), ([2, 2, 2], "overparametrized"), ([1, 1], "underparametrized")],
)
def test_the_regime_counts_parameters_and_equations(shape: list[int], regime: str) -> None:
    inputs = np.zeros((3, shape[0]), dtype=np.float64)
    problem = Problem(
        Network(shape, "tanh"), Dataset.regression(inputs, np.zeros((3, shape[-1]), dtype=np.float64))
    )
    assert problem.equations == 3 * shape[-1]
    assert problem.regime == regime


# ---- real data ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SIZES)
def test_real_data_are_scaled_and_complete(name: str) -> None:
    pytest.importorskip(
        "sklearn", reason='scikit-learn is not installed: pip install "geomdl-verify[verify]"'
    )
    samples, features, classes = SIZES[name]
    data = load_real_data(name)
    assert data.inputs.shape == (samples, features)
    assert np.array_equal(data.targets, np.eye(classes))
    if name == "digits":
        assert (data.inputs.min(), data.inputs.max()) == (0, 1)
    else:
        assert np.allclose(data.inputs.mean(axis=0), 0)
        assert np.allclose(data.inputs.std(axis=0), 1)


@examples(15)
@given(name=st.sampled_from(tuple(SIZES)), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_a_draw_takes_equally_many_of_each_class_without_repetition(
    name: str, share: float, seed: int
) -> None:
    pytest.importorskip(
        "sklearn", reason='scikit-learn is not installed: pip install "geomdl-verify[verify]"'
    )
    whole = load_real_data(name)
    smallest = int(whole.class_sizes.min()) * len(whole.targets)
    samples = int(len(whole.targets) + share * (smallest - len(whole.targets)))
    data = load_real_data(name, samples=samples, seed=seed)
    assert data.size == samples
    assert data.class_sizes.max() - data.class_sizes.min() <= 1
    # Distinct samples of the whole, each with its own label: compare the rows as multisets.
    key = {row.tobytes() + bytes([label]) for row, label in zip(whole.inputs, whole.labels, strict=True)}
    assert all(
        row.tobytes() + bytes([label]) in key
        for row, label in zip(data.inputs, data.labels, strict=True)
    )


def test_a_draw_depends_on_its_seed_only() -> None:
    pytest.importorskip(
        "sklearn", reason='scikit-learn is not installed: pip install "geomdl-verify[verify]"'
    )
    first, again, other = (load_real_data("digits", samples=50, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, other.inputs)
    assert len(np.unique(first.inputs, axis=0)) == 50
    assert load_real_data("iris", samples=150).class_sizes.tolist() == [50, 50, 50]


@pytest.mark.parametrize("samples", [0, 2, 151, -1])
def test_an_impossible_number_of_samples_is_refused(samples: int) -> None:
    pytest.importorskip(
        "sklearn", reason='scikit-learn is not installed: pip install "geomdl-verify[verify]"'
    )
    with pytest.raises(ValueError, match=rf"got samples={samples}; expected 3 .*to 150 for iris"):
        load_real_data("iris", samples=samples)


@pytest.mark.parametrize("samples", [12.5, 12.0, "12"])
def test_a_number_of_samples_that_is_no_integer_is_refused(samples: object) -> None:
    pytest.importorskip(
        "sklearn", reason='scikit-learn is not installed: pip install "geomdl-verify[verify]"'
    )
    with pytest.raises((TypeError, ValueError), match=r"got samples=.*expected"):
        load_real_data("iris", samples=samples)  # type: ignore[arg-type]


def test_an_unknown_data_set_is_refused_with_the_names() -> None:
    with pytest.raises(ValueError, match="got data set 'digit'; expected one of digits, iris, wine"):
        load_real_data("digit")


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "sklearn"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(
        ModuleNotFoundError, match=r'scikit-learn, which is not installed: .*\[verify\]"'
    ):
        load_real_data("iris")
