"""Class means of the inputs, repeated and reduced, and the matrix of deviations.

xbar_(0,j) = (1/N_j) sum over i of x_(0,j,i); Xbar_0 repeats it N_j times, Xbar_0^red = [xbar_(0,1) ...
xbar_(0,Q)]; X_0 = Xbar_0 + Delta X_0. Samples are columns here, in the order of their classes.
"""

from collections.abc import Callable

import numpy as np

from geomdl.arithmetic import Array
from verification.machinery.checks import claim, variant
from verification.machinery.columns import ALGEBRAIC
from verification.machinery.points import Point
from verification.machinery.ratios import Ratio, identity, property_
from verification.scenes.clusters import CLUSTERED, LOOSE, ONE_CLASS, TRUNCATING

SCENES = (*CLUSTERED[:5], LOOSE, ONE_CLASS, *TRUNCATING[1:])
Average = Callable[[Array, int], Array]


def blocks(at: Point) -> list[Array]:
    """Return X_(0,1), ..., X_(0,Q), one column a sample."""
    data = at.problem.data
    return [data.inputs[data.labels == j].T for j in range(len(data.targets))]


def printed_average(block: Array, samples: int) -> Array:
    """(1/N_j) sum over i of x_(0,j,i), entry by entry."""
    average = 0 * block[:, 0]
    for i in range(block.shape[1]):
        for row in range(block.shape[0]):
            average[row] = average[row] + block[row, i] / block.shape[1]
    return average


@claim(
    "slides2023/cluster-averages/a",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("divided by N", average=lambda block, samples: block.sum(axis=1) / samples),
        variant("not divided", average=lambda block, samples: block.sum(axis=1)),
        variant("the first sample", scenes=[LOOSE], average=lambda block, samples: block[:, -1]),
    ],
)
def test_class_means_are_averages_repeated_over_the_samples_of_their_class(
    at: Point, average: Average = printed_average
) -> list[Ratio]:
    data = at.problem.data
    averages = [average(block, at.N) for block in blocks(at)]
    reduced = np.stack(averages, axis=1)
    repeated = np.concatenate(
        [
            np.stack([mean] * block.shape[1], axis=1)
            for mean, block in zip(averages, blocks(at), strict=True)
        ],
        axis=1,
    )
    in_order = np.argsort(data.labels, kind="stable")
    found = data.class_averages(data.inputs)
    size, classes = data.inputs.shape[1], len(data.targets)
    unit = {"scale": at.arithmetic.largest(data.inputs), "size": at.N}
    return [
        property_(reduced.shape == (size, classes) == (classes, classes), "Xbar_0^red is Q x Q"),
        property_(repeated.shape == (size, at.N), "Xbar_0 is Q x N"),
        identity(found.T, reduced, note="Xbar_0^red", **unit),
        identity(found[data.labels][in_order].T, repeated, note="Xbar_0", **unit),
    ]


@claim(
    "slides2023/cluster-averages/b",
    scenes=SCENES,
    columns=ALGEBRAIC,
    controls=[
        variant("deviations from the mean of all samples", scenes=[LOOSE], one_class=True),
        variant("deviations with the other sign", scenes=[LOOSE], sign=-1),
    ],
)
def test_inputs_are_class_means_plus_deviations_that_add_up_to_zero(
    at: Point, one_class: bool = False, sign: int = 1
) -> list[Ratio]:
    data = at.problem.data
    in_order = np.argsort(data.labels, kind="stable")
    parts = blocks(at)
    means = [
        printed_average(np.concatenate(parts, axis=1) if one_class else part, at.N) for part in parts
    ]
    deviations = [sign * (part - mean[:, None]) for part, mean in zip(parts, means, strict=True)]
    delta = np.concatenate(deviations, axis=1)
    sums = np.stack([part.sum(axis=1) for part in deviations])
    repeated = data.class_averages(data.inputs)[data.labels][in_order].T
    unit = {"scale": at.arithmetic.largest(data.inputs), "size": at.N}
    return [
        identity(data.class_deviations(data.inputs)[in_order].T, delta, note="Delta X_0", **unit),
        identity(repeated + delta, np.concatenate(parts, axis=1), note="X_0", **unit),
        identity(sums, 0 * sums, note="deviations of a class cancel", **unit),
    ]
