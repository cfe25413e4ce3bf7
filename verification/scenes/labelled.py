"""Small networks on labelled data, of every shape: the scenes of definitions."""

from collections.abc import Iterator, Sequence

import numpy as np

from geomdl import Dataset, Network, Problem
from geomdl.arithmetic import FLOAT64, Array
from verification.machinery.points import Scene
from verification.scenes.few_bits import few_bits
from verification.scenes.networks import ATTEMPTS, FULL_RANK, FULL_RANK_EXACT, SMALLEST, UNDER

NEAREST_KINK = 2.0**-10
"""Least distance of a pre-activation from the kinks of a piecewise linear activation."""


def hidden_pre_activations(network: Network, theta: np.ndarray, inputs: np.ndarray) -> Iterator[Array]:
    """Yield the pre-activations of the hidden layers, in float64."""
    below = inputs
    for weight, bias in network.layers(theta)[:-1]:
        z = below @ weight.T + bias
        yield z
        below = network.activation.value(FLOAT64, z)


def labelled_scene(
    widths: Sequence[int],
    activation: str,
    class_sizes: Sequence[int],
    *,
    bits: int | None = None,
    targets_coincide: bool = False,
    suffix: str = "",
) -> Scene:
    """Make a scene with exactly Q targets, class_sizes[i] samples of target i in shuffled order.

    Targets are pairwise distinct unless they shall coincide; pre-activations stay off all kinks.
    """
    network = Network(widths, activation)
    if len(class_sizes) != network.outputs:
        raise ValueError(f"got {len(class_sizes)} class sizes; expected Q = {network.outputs}")
    name = f"{network}-N{'+'.join(map(str, class_sizes))}{suffix}"

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        labels = generator.permutation(np.repeat(np.arange(len(class_sizes)), class_sizes))
        for _ in range(ATTEMPTS):
            inputs = few_bits(generator.standard_normal((len(labels), network.inputs)), bits)
            targets = few_bits(generator.standard_normal((len(class_sizes), network.outputs)), bits)
            if targets_coincide:
                targets[:] = targets[0]
            theta = few_bits(network.random_theta(generator), bits)
            distinct = len(np.unique(targets, axis=0)) == len(targets)
            smooth = not network.activation.piecewise_linear or all(
                np.abs(z).min() >= NEAREST_KINK for z in hidden_pre_activations(network, theta, inputs)
            )
            if smooth and distinct != (targets_coincide and len(targets) > 1):
                return Problem(network, Dataset(inputs, labels, targets)), theta
        raise RuntimeError(f"scene {name}: no draw of {ATTEMPTS} is off the kinks")

    return Scene(name, draw, frozenset({"labelled"}), exact=bits is not None)


LABELLED = (
    labelled_scene([2, 3, 3], "sigmoid", (3, 2, 1)),
    labelled_scene([3, 3, 2], "tanh", (4, 1)),
    labelled_scene([2, 3, 2, 2], "gelu", (1, 3)),
    labelled_scene([1, 4, 2], "sin", (2, 3)),
    labelled_scene([1, 1, 1, 1], "softplus", (3,)),
    labelled_scene([2, 3, 2], "square", (2, 1), bits=3),
    labelled_scene([2, 3, 2, 2], "leaky_relu", (1, 3), bits=3),
    labelled_scene([2, 4, 2], "relu", (2, 2), bits=3),
    labelled_scene([3, 2], "identity", (3, 1), bits=3),
    labelled_scene([2, 1], "identity", (1,), bits=3),
)
"""Every activation, Q classes of different sizes; also without hidden layer, of width 1, with N = 1."""


def kink_scene(activation: str) -> Scene:
    """Make a scene with integer numbers in which every hidden pre-activation is zero."""
    network = Network([2, 3, 2], activation)

    def draw(generator: np.random.Generator) -> tuple[Problem, np.ndarray]:
        theta = generator.integers(1, 4, size=network.parameter_count).astype(np.float64)
        network.layers(theta)[0][0][:, 1] = 0.0
        network.layers(theta)[0][1][:] = -network.layers(theta)[0][0][:, 0]
        data = Dataset.regression(np.array([[1.0, 2.0], [1.0, 3.0]]), np.array([[0.0, 1.0], [2.0, 3.0]]))
        return Problem(network, data), theta

    return Scene(f"{network}-N2-at-the-kink", draw, frozenset({"kink"}), exact=True)


AT_A_KINK = (kink_scene("relu"), kink_scene("leaky_relu"))
"""Against the hypothesis of the text, the activation has no derivative where it is needed."""


UNLABELLED = (*FULL_RANK[:2], *FULL_RANK_EXACT, *UNDER[:1], *SMALLEST)
"""Any targets: overparametrized and underparametrized, N = 1 and Q = 1."""


ANY_NETWORK = (*LABELLED, *UNLABELLED)
