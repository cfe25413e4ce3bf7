"""Power series of a network along a path, in ball arithmetic."""

import numpy as np
import pytest

pytest.importorskip("flint", reason="extra `rigorous` is absent")

import flint

from geomdl import Network
from geomdl.activations import ACTIVATIONS
from geomdl.certificates.orbits import INTEGRATED
from geomdl.certificates.series import PowerSeries, UndecidedKinkError
from geomdl.jacobians import linearize


@pytest.mark.parametrize("activation", INTEGRATED)
def test_series_agree_with_the_network_along_a_path(activation: str) -> None:
    network, generator = Network([2, 3, 1], activation), np.random.default_rng(0)
    path = 0.1 * generator.standard_normal((3, network.parameter_count))
    series = PowerSeries(24, 106)
    inputs = generator.standard_normal((2, 2))
    at = linearize(network, series.from_coefficients(path), series.array(inputs))
    coefficients = series.coefficients(at.jacobian())
    u = 0.25
    value = sum(coefficients[k].astype(float) * u**k for k in range(24))
    exact = linearize(network, path[0] + u * path[1] + u**2 * path[2], inputs).jacobian()
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-13)


def test_series_restore_the_settings_of_flint() -> None:
    before = flint.ctx.prec, flint.ctx.cap
    series = PowerSeries(5, 80)
    _ = series.tanh(series.from_coefficients(np.ones((2, 3)))) * series.number(1, 3)
    assert (flint.ctx.prec, flint.ctx.cap) == before


def test_series_know_no_kinks() -> None:
    series = PowerSeries(4, 80)
    at_kink = series.from_coefficients(np.array([[0.0], [1.0]]))
    with pytest.raises(UndecidedKinkError):
        ACTIVATIONS["relu"].value(series, at_kink)
