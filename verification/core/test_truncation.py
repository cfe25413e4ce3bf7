"""The truncation module against slow references, at its edges, and on bad input."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from geomdl import CLASS_WEIGHTED, RATIONAL, Dataset, outputs
from geomdl.arithmetic import SingularMatrixError
from geomdl.truncation import (
    base_point_interval,
    clustered_minimizer,
    corner_sector,
    truncate,
)

SQUARE = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
LABELS = np.array([0, 0, 1, 1])
TARGETS = np.array([[2.0, 1.0], [-1.0, 3.0]])


def pushed(by: float) -> Dataset:
    """Two classes around the unit vectors, pushed to and from each other."""
    step = by * np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    return Dataset(SQUARE + step, LABELS, TARGETS)


@pytest.mark.parametrize("classes", [2, 3, 4, 5, 8, 17])
@pytest.mark.parametrize("opening", [Fraction(1, 16), Fraction(1, 2), 1])
def test_sector_and_its_inverse_are_exact_over_the_rationals(classes: int, opening: Fraction) -> None:
    for corner in range(classes):
        matrix, inverse = corner_sector(classes, corner, opening, RATIONAL)
        diagonal = RATIONAL.zeros(classes) + Fraction(1, classes) - RATIONAL.eye(classes)[corner]
        assert np.all(matrix @ inverse == RATIONAL.eye(classes))
        assert np.all(matrix @ diagonal == 1)


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_aperture_is_the_one_of_the_widest_circular_cone_in_the_sector(classes: int) -> None:
    data = Dataset(np.eye(classes), np.arange(classes), np.eye(classes))
    m = clustered_minimizer(data).apertures[0]
    matrix, _ = corner_sector(classes, 0)
    axis = np.full(classes, 1 / classes) - np.eye(classes)[0]
    axis /= np.linalg.norm(axis)
    rows = matrix - np.outer(matrix @ axis, axis)
    steepest = -rows[np.argmax(np.linalg.norm(rows, axis=1))]
    steepest /= np.linalg.norm(steepest)
    assert np.all(matrix @ (1.001 * m * axis + steepest) > 0)
    assert not np.all(matrix @ (0.999 * m * axis + steepest) > 0)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("deviation", [0.1, 0.25, 0.3])
def test_interval_ends_where_a_ball_leaves_its_sector(classes: int, deviation: float) -> None:
    matrix, _ = corner_sector(classes, 0)
    lower, upper = base_point_interval(classes, deviation)
    reach = deviation * np.linalg.norm(matrix, axis=1)
    v = np.full(classes, 1 / classes) - np.eye(classes)[0]

    def collapsed(mu: float) -> bool:
        return bool(np.all(-mu * (matrix @ v) + reach < 0))

    def kept(mu: float) -> bool:
        others = matrix @ (np.eye(classes)[:, 1:] - np.eye(classes)[:, :1] - mu * v[:, None])
        return bool(np.all(others - reach[:, None] > 0))

    assert collapsed(lower + 1e-9)
    assert not collapsed(lower - 1e-9)
    assert kept(upper - 1e-9)
    assert upper == 1.0 or not kept(upper + 1e-9)


def test_defaults_serve_deviations_of_a_quarter_for_every_number_of_classes() -> None:
    for classes in range(2, 200):
        lower, upper = base_point_interval(classes, 0.25)
        assert lower < 0.5 < upper


@pytest.mark.parametrize("outputs_", [1, 2, 5])
@pytest.mark.parametrize("hidden_layers", [2, 3, 6])
def test_targets_and_depth_are_free(outputs_: int, hidden_layers: int) -> None:
    targets = np.arange(2.0 * outputs_).reshape(2, outputs_)
    data = Dataset(pushed(0.2).inputs, LABELS, targets).to(RATIONAL)
    found = clustered_minimizer(data, hidden_layers=hidden_layers)
    assert found.network.widths == (*[2] * (hidden_layers + 1), outputs_)
    assert CLASS_WEIGHTED.value(data, outputs(found.network, found.theta, data.inputs).reshape(-1)) == 0
    assert all(margin > 0 for margin in found.margins)


def test_truncation_refuses_shapes_that_do_not_fit_and_singular_weights() -> None:
    with pytest.raises(ValueError, match=r"expected \(Q, Q\), \(Q,\) and \(N, Q\)"):
        truncate(np.ones((2, 3)), np.ones(2), np.ones((4, 2)))
    with pytest.raises(SingularMatrixError):
        truncate(np.ones((2, 2)), np.ones(2), np.ones((4, 2)))


def test_samples_too_far_from_their_mean_are_named() -> None:
    with pytest.raises(ValueError, match=r"sample 1 of class 0 deviates by 0.9 .* layer 1.* by 0\.62"):
        clustered_minimizer(
            Dataset(np.array([[1.9, 0.0], [0.1, 0.0], [0.0, 1.0]]), np.array([0, 0, 1]), TARGETS)
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_layers": 1}, "at least one a class"),
        ({"mu": 1}, "strictly between 0"),
        ({"mu": [Fraction(1, 2), 0]}, "strictly between 0"),
        ({"opening": 0}, "positive number"),
    ],
)
def test_parameters_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        clustered_minimizer(pushed(0.1), **changes)


def test_data_that_are_no_clusters_in_general_position_are_refused() -> None:
    with pytest.raises(ValueError, match="one class"):
        clustered_minimizer(Dataset(np.ones((2, 1)), np.array([0, 0]), np.ones((1, 1))))
    with pytest.raises(ValueError, match=r"2 class means in R\^3"):
        clustered_minimizer(Dataset(np.ones((4, 3)), LABELS, TARGETS))
    dependent = np.array([[0.1, 0.3], [0.1, 0.3], [0.2, 0.6], [0.2, 0.6]])
    with pytest.raises(SingularMatrixError, match="linearly dependent"):
        clustered_minimizer(Dataset(dependent, LABELS, TARGETS))
