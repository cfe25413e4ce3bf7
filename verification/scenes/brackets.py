"""Networks whose Lie brackets of horizontal fields do, and do not, leave the horizontal space."""

import numpy as np

from geomdl import Dataset, Network, Problem
from verification.machinery.points import Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import network_scene

DEEP = (
    network_scene([2, 4, 3, 3, 2], "tanh", 2, facts=["full rank", "over"]),
    network_scene([2, 2, 1], "identity", 2, bits=3, facts=["full rank", "over"]),
    network_scene([2, 2, 2, 1], "identity", 2, bits=3, facts=["full rank", "over"]),
    network_scene([2, 2, 2, 1], "square", 2, bits=3, facts=["full rank", "over"]),
)


def _share_no_unit(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
    # A unit is active on the one side of the line through 0, no unit on the other.
    network = Network([2, 3, 1], "relu")
    theta = few_bits(network.random_theta(generator))
    theta[[0, 2, 4]], theta[6:9] = [2.0, 3.0, 4.0], -1.0
    inputs = np.array([[3.0, 1.0], [-3.0, 1.0]])
    return Problem(network, Dataset.regression(inputs, np.ones((2, 1)))), theta


AFFINE = network_scene([3, 2], "identity", 2, bits=3, facts=["full rank", "over", "affine"])


ONE_OUTPUT = network_scene([2, 3, 1], "square", 1, bits=3, facts=["full rank", "over"])


NO_SHARED_UNIT = Scene(
    "no-shared-unit-2-3-1-relu-N2", _share_no_unit, frozenset({"full rank"}), exact=True
)
