"""Explicit networks layer by layer: each hidden layer sends one class to a point.

Two and three clusters: the network of geomdl.truncation for Q = 2 and Q = 3 classes around independent
means, in barycentric coordinates of the means; deviations reach 0.24 (the construction serves all below
1/4). For Q = 3 the deviations lie in the plane through the means, in which all that happens then
happens, and which is drawn. Wine, iris (with products of features): the network of geomdl.sequential,
two units wide, on all samples, in the coordinates z of its two hyperplanes, the very numbers that its
layers work on. "spread" is the largest distance of a sample from its class average in these
coordinates, |x - y| the largest error of the outputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from geomdl import Dataset, Network, outputs
from geomdl.layer_clouds import LayerClouds, layer_clouds
from geomdl.sequential import sequential_minimizer
from geomdl.truncation import clustered_minimizer
from verification.flows.collapse import PLANE
from verification.precision.explicit import prepared
from verification.precision.tables import Result, Settings, Value, aligned, counted

MEANS = {
    2: np.array([[2.0, 1.0], [-1.0, 2.0]]),
    3: np.array([[2.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 2.0]]),
}
"""Class means as columns."""
RINGS, ON_RING = (0.08, 0.16, 0.24), 12
EXAMPLES = ("two clusters", "three clusters", "wine", "iris")


@dataclass(frozen=True)
class Example:
    """An explicit network on its data.

    Attributes
    ----------
    order : sequence of int
        order[l] is the class that layer l + 1 collapses.
    basis, origin : arrays, shapes (n, 2) and (n,)
        Where the picture lies in the coordinates of the clouds.
    """

    data: Dataset
    network: Network
    theta: np.ndarray
    clouds: LayerClouds
    order: tuple[int, ...]
    basis: np.ndarray
    origin: np.ndarray

    @property
    def error(self) -> float:
        """Largest |x - y| of a sample."""
        found = outputs(self.network, self.theta, self.data.inputs) - self.data.targets[self.data.labels]
        return float(np.linalg.norm(found, axis=1).max())

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Return the coordinates of points in the picture."""
        return (points - self.origin) @ self.basis


@lru_cache(maxsize=8)
def example(name: str, quick: bool) -> Example:
    """Build the network of an example."""
    if "clusters" in name:
        return _clusters(2 if name.startswith("two") else 3)
    features = "products" if name == "iris" else "raw"
    data = prepared(name, features, Settings(quick=quick))
    found = sequential_minimizer(data)
    clouds = layer_clouds(
        found.network, found.theta, data.inputs, frame=(found.order.normals, found.order.offsets)
    )
    return Example(data, found.network, found.theta, clouds, found.order.order, np.eye(2), np.zeros(2))


def _clusters(classes: int) -> Example:
    basis, origin = (np.eye(2), np.zeros(2)) if classes == 2 else (PLANE, np.full(3, 1 / 3))
    angles = 2 * np.pi * np.arange(ON_RING) / ON_RING
    circle = np.column_stack([np.cos(angles), np.sin(angles)]) @ basis.T
    disc = np.concatenate([np.zeros((1, classes)), *(radius * circle for radius in RINGS)])
    kappa = np.concatenate([corner + disc for corner in np.eye(classes)])
    labels = np.repeat(np.arange(classes), len(disc))
    data = Dataset(kappa @ MEANS[classes].T, labels, np.eye(classes))
    found = clustered_minimizer(data)
    frame = np.linalg.inv(data.class_averages(data.inputs).T), np.zeros(classes)
    clouds = layer_clouds(found.network, found.theta, data.inputs, frame=frame)
    return Example(data, found.network, found.theta, clouds, tuple(range(classes)), basis, origin)


def names(settings: Settings) -> tuple[str, ...]:
    """Return the examples of a profile."""
    return EXAMPLES[: 3 if settings.quick else None]


def run(settings: Settings) -> Result:
    """Write down the clouds before and after every layer."""
    rows: list[tuple[Value, ...]] = []
    body: list[list[Value]] = []
    for name in counted(names(settings), settings, "layers: example"):
        one = example(name, settings.quick)
        widths = "-".join(map(str, one.network.widths))
        for layer, points in enumerate(one.clouds.points):
            collapsed = one.order[layer - 1] if layer else None
            for sample, (label, (u, v)) in enumerate(
                zip(one.data.labels, one.flat(points), strict=True)
            ):
                rows.append((name, layer, collapsed, sample, int(label), float(u), float(v)))
            away = np.linalg.norm(one.data.class_deviations(points), axis=1)
            spread = [float(away[one.data.labels == c].max()) for c in range(len(one.data.targets))]
            last = one.error if layer == len(one.clouds.points) - 1 else None
            body.append(
                [
                    name,
                    one.data.size,
                    widths,
                    layer,
                    collapsed,
                    *spread,
                    *[None] * (3 - len(spread)),
                    last,
                ]
            )
    columns = {
        "example": "data and network",
        "layer": "0 before the first, l after hidden layer l",
        "collapses": "the class that this layer sends to a point",
        "sample": "counted from 0",
        "class": "of the sample",
        "u": "first coordinate in the picture",
        "v": "second coordinate in the picture",
    }
    head = [
        "example",
        "N",
        "network",
        "layer",
        "collapses",
        "spread 0",
        "spread 1",
        "spread 2",
        "|x - y|",
    ]
    return Result(columns, rows, [*aligned(head, body), ""])
