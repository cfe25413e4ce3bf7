"""The rank at almost every theta, against bounds from the widths and against known cases."""

import numpy as np
import pytest

from geomdl import RATIONAL, Network
from geomdl.rank_statistics import generic_rank, rank_bound

LINE = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]])


def inputs(samples: int, width: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((samples, width))


@pytest.mark.parametrize(
    ("widths", "activation", "samples", "rank"),
    [
        ([2, 8, 2], "tanh", 4, 8),
        ([3, 1, 2], "tanh", 4, 6),  # N + 2 (Q - 1)
        ([3, 2, 1, 2], "tanh", 4, 6),
        ([20, 1, 3], "tanh", 3, 7),
        ([2, 1, 1], "tanh", 9, 5),  # K
        ([3, 4, 1, 4, 3], "tanh", 6, 18),  # narrow in the middle: QN
        ([5, 2], "identity", 3, 6),
        ([2, 5, 2], "identity", 6, 6),  # Q (M + 1)
    ],
)
def test_rank_at_random_parameters_meets_the_bound(
    widths: list[int], activation: str, samples: int, rank: int
) -> None:
    network = Network(widths, activation)
    found = generic_rank(network, inputs(samples, widths[0]), draws=2)
    assert found.rank == found.bound == rank
    assert found.reached == found.draws == 2
    assert found.clear
    assert found.full == (rank == samples * widths[-1])


def test_no_rank_exceeds_its_bound() -> None:
    generator = np.random.default_rng(5)
    for _ in range(40):
        widths = generator.integers(1, 4, size=generator.integers(2, 5)).tolist()
        activation = str(generator.choice(["tanh", "square", "identity", "relu", "leaky_relu"]))
        points = inputs(int(generator.integers(1, 6)), widths[0], int(generator.integers(99)))
        points[-1] = points[0]
        network = Network(widths, activation)
        found = generic_rank(network, np.round(4 * points) / 4, draws=3)
        assert found.rank <= found.bound <= min(network.parameter_count, found.equations)


def test_a_repeated_input_counts_once() -> None:
    points = inputs(4, 2)
    points[3] = points[2]
    found = generic_rank(Network([2, 6, 2], "tanh"), points)
    assert (found.rank, found.bound, found.full) == (6, 6, False)


def test_inputs_on_a_line_bound_an_affine_network_and_no_other() -> None:
    assert rank_bound(Network([2, 1], "identity"), LINE) == 2
    assert generic_rank(Network([2, 1], "identity"), LINE).rank == 2
    assert generic_rank(Network([2, 4, 1], "tanh"), LINE).full


def test_scalings_of_the_units_bound_the_rank_of_relu_networks() -> None:
    network, points = Network([1, 1, 1], "leaky_relu"), inputs(4, 1)  # K = QN = 4
    found = generic_rank(network, points, draws=6)
    assert (rank_bound(network, points), found.rank) == (3, 3)


def test_exact_ranks_over_the_rationals() -> None:
    points = RATIONAL.array(np.round(8 * inputs(3, 2)) / 8)
    found = generic_rank(Network([2, 4, 1], "square"), points)
    assert (found.rank, found.gap) == (3, float("inf"))
    assert generic_rank(Network([2, 4, 1], "tanh"), points).full


def test_dead_units_make_the_rank_of_relu_networks_random() -> None:
    found = generic_rank(Network([2, 2, 2, 1], "relu"), inputs(3, 2), draws=30)
    assert found.rank == 3
    assert 0 < found.reached < found.draws


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="got draws=0"):
        generic_rank(Network([2, 1], "tanh"), LINE, draws=0)
    with pytest.raises(ValueError, match=r"expected \(N, 3\)"):
        rank_bound(Network([3, 1], "tanh"), LINE)
