"""What layers do to data: held against the forward pass, on explicit and on trained networks."""

import numpy as np
import pytest

from geomdl import RATIONAL, Dataset, Network, linearize
from geomdl.arithmetic import Arithmetic, SingularMatrixError
from geomdl.data import load_real_data
from geomdl.layer_clouds import layer_clouds
from geomdl.sequential import sequential_minimizer
from geomdl.truncation import clustered_minimizer, compose_truncations
from verification.machinery.columns import FLOAT64, MP50, Column
from verification.machinery.points import Scene
from verification.scenes.clusters import CLUSTERED, TRUNCATING


@pytest.mark.parametrize("scene", TRUNCATING[1:], ids=lambda scene: scene.name)
@pytest.mark.parametrize("column", [FLOAT64, MP50], ids=lambda column: column.name)
def test_clouds_and_sectors_give_the_activations_of_the_network(scene: Scene, column: Column) -> None:
    at = scene.at(column, 3)
    clouds = layer_clouds(at.problem.network, at.theta, at.problem.data.inputs)
    assert at.arithmetic.largest(clouds.points[0] - at.problem.data.inputs) == 0
    small = 1e5 * at.arithmetic.unit_roundoff
    for points, (weight, bias), reached in zip(
        clouds.points[1:], clouds.sectors, at.at_theta.activations[1:], strict=True
    ):
        assert at.arithmetic.largest(points @ weight.T + bias - reached) < small
    last = compose_truncations(clouds.sectors, at.problem.data.inputs)
    assert at.arithmetic.largest(clouds.points[-1] - last) == 0


@pytest.mark.parametrize("arithmetic", [RATIONAL, FLOAT64.arithmetic], ids=["rational", "float64"])
def test_layer_by_layer_one_class_becomes_the_apex_and_all_else_stays(arithmetic: Arithmetic) -> None:
    for scene in CLUSTERED[:3]:
        data = scene.at(FLOAT64, 1).problem.data.to(arithmetic)
        found = clustered_minimizer(data)
        clouds = layer_clouds(found.network, found.theta, data.inputs)
        small = 0 if arithmetic.exact else 1e-10
        for layer, (before, after) in enumerate(zip(clouds.points, clouds.points[1:], strict=False)):
            mine = data.labels == layer
            assert arithmetic.largest(after[mine] - clouds.apexes[layer]) <= small
            assert arithmetic.largest(after[mine] - found.base_points[layer]) <= small
            assert arithmetic.largest(after[~mine] - before[~mine]) <= small


def test_clouds_of_a_sequential_minimizer_live_in_the_coordinates_of_its_hyperplanes() -> None:
    data = load_real_data("wine")
    found = sequential_minimizer(data)
    frame = found.order.normals, found.order.offsets
    clouds = layer_clouds(found.network, found.theta, data.inputs, frame=frame)
    assert [points.shape for points in clouds.points] == [(178, 2)] * 4
    for turn, label in enumerate(found.order.order):
        mine = clouds.points[turn + 1][data.labels == label]
        np.testing.assert_allclose(mine, np.tile(found.base_points[turn], (len(mine), 1)), atol=1e-9)


def test_without_a_frame_a_narrow_network_is_shown_in_its_first_pre_activations() -> None:
    network = Network([5, 2, 2, 1], "relu")
    theta, inputs = network.random_theta(1), np.random.default_rng(0).standard_normal((7, 5))
    clouds = layer_clouds(network, theta, inputs)
    at = linearize(network, theta, inputs)
    np.testing.assert_allclose(clouds.points[1], at.activations[1], atol=1e-14)
    assert clouds.apexes[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("widths", [[2, 3, 4, 1], [2, 1]])
def test_hidden_layers_of_unequal_width_or_none_are_refused(widths: list[int]) -> None:
    network = Network(widths, "relu")
    with pytest.raises(ValueError, match="equal width"):
        layer_clouds(network, network.random_theta(0), np.eye(2))
    network = Network([2, 2, 1], "tanh")
    with pytest.raises(ValueError, match="expected ReLU"):
        layer_clouds(network, network.random_theta(0), np.eye(2))


def test_a_frame_of_other_hyperplanes_and_a_singular_layer_are_refused() -> None:
    network = Network([3, 2, 2, 1], "relu")
    theta = network.random_theta(0)
    other = np.eye(2, 3)
    with pytest.raises(ValueError, match="does not factor"):
        layer_clouds(network, theta, np.eye(3), frame=(other, np.zeros(2)))
    with pytest.raises(ValueError, match=r"frame of shapes \(2, 2\)"):
        layer_clouds(network, theta, np.eye(3), frame=(np.eye(2), np.zeros(2)))
    layers = network.layers(theta)
    layers[1] = (np.ones((2, 2)), layers[1][1])
    with pytest.raises(SingularMatrixError, match="up to layer 2"):
        layer_clouds(network, network.flatten(layers), np.eye(3))


def test_data_of_one_sample_a_class_stay_separate_points() -> None:
    data = Dataset(np.eye(3), np.arange(3), np.eye(3))
    found = clustered_minimizer(data)
    clouds = layer_clouds(found.network, found.theta, data.inputs)
    np.testing.assert_allclose(clouds.points[-1], found.base_points, atol=1e-14)
