"""Problems whose Jacobian cannot have rank QN: an input twice, or K < QN."""

import numpy as np

from geomdl import (
    Dataset,
    Network,
    Problem,
)
from verification.machinery.points import Scene
from verification.scenes.networks import (
    inside_window,
    network_scene,
)


def twins(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    """Draw a problem in which two samples share their input, but not their target."""
    network = Network([2, 8, 2], "tanh")
    inputs = generator.standard_normal((4, 2))
    inputs[3] = inputs[0]
    data = Dataset.regression(inputs, generator.standard_normal((4, 2)))
    return Problem(network, data), network.random_theta(generator)


TWINS = Scene("2-8-2-tanh-N4-twins", inside_window(twins, 6, "twins"), frozenset({"rank lost", "over"}))


TOO_FEW = network_scene([2, 1], "identity", 6, facts=["under", "injective"])
