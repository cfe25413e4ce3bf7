"""Explicit networks for real data: written down by linear programs, without training.

For each data set the class order is found by linear programs, or its absence is certified by common
points of convex hulls with rational weights, checked exactly. The ReLU network of geomdl.sequential is
built in float64; its cost |x - y|^2 / (2N) is evaluated in float64 and, the same network taken at its
word, over the rationals; built over the rationals it is exactly zero. Accuracy on the 30 percent of the
samples that were left out stands beside logistic regression and a linear support vector machine (C =
1e6, practically hard margin), both with scikit-learn's defaults otherwise. Inputs are standardized,
digits scaled to [0, 1]; "products" adds squares and products of features. (The peers are trained to
generalize. The network is not: it answers with the first hyperplane that claims a sample.)

Near the network, zero cost is one affine equation a class and output: D has rank Q^2, and the networks
of zero cost are a manifold of dimension K - Q^2. "flow" is what the standard gradient flow, started at
a relative distance of 1e-4, leaves of its initial cost after s = N (not for digits, where it is stiff).
"""

from __future__ import annotations

from itertools import combinations_with_replacement

import numpy as np

from geomdl import (
    LEAST_SQUARES,
    RATIONAL,
    Dataset,
    Problem,
    integrate,
    load_real_data,
    outputs,
    standard_field,
)
from geomdl.separability import InseparableError
from geomdl.sequential import SequentialMinimizer, sequential_minimizer
from verification.precision.tables import Result, Settings, Value, aligned, counted

CASES = (
    ("iris", "raw"), ("iris", "products"), ("wine", "raw"), ("breast_cancer", "raw"), ("digits", "raw"),
)  # fmt: skip
HELD_OUT = 0.3
NEARBY, LARGE = 1e-4, 1000
FEW = 400
"""Samples of a data set in the quick profile."""


def run(settings: Settings) -> Result:
    """Build, evaluate and compare."""
    cases = [(*case, share) for case in CASES for share in ("all", "70 %")]
    rows: list[tuple[Value, ...]] = []
    notes: list[str] = []
    for name, features, share in counted(cases, settings, "explicit: data set"):
        data = prepared(name, features, settings)
        train, test = halves(data, settings.seed) if share != "all" else (data, None)
        start: list[Value] = [name, features, share, train.size, train.inputs.shape[1]]
        try:
            found = sequential_minimizer(train)
        except InseparableError as error:
            checked = "holds exactly" if error.holds_for(train) else "FAILS"
            notes.append(
                f"{name} ({features}, {share}): no order; classes {list(error.classes)} have common "
                f"points, certificate {checked}"
            )
            rows.append((*start, *[None] * 8, *accuracies(train, test, None)))
            continue
        near = (None, None) if test or settings.quick else surroundings(train, found, settings.seed)
        rows.append((*start, *costs(train, found), *near, *accuracies(train, test, found)))
    columns = {
        "data": "set of scikit-learn",
        "features": "raw, or with products",
        "share": "of the samples that is fitted",
        "N": "samples",
        "M": "inputs",
        "network": "widths of the ReLU network",
        "K": "its parameters",
        "cost": "|x - y|^2 / (2N) in float64",
        "exact cost": "of the same network, over the rationals",
        "floor": "cost predicted from roundoff and sectors, at most",
        "rational": "cost of the network built over the rationals",
        "rank": "of D at the network",
        "flow": "cost left by the standard flow after s = N, started nearby, relative",
        "test": "accuracy of the network on the held-out samples",
        "logistic": "that of logistic regression",
        "svm": "that of the linear support vector machine",
    }
    head = list(columns)
    return Result(columns, rows, [*aligned(head, rows), "", *notes, ""])


def prepared(name: str, features: str, settings: Settings) -> Dataset:
    """Load a data set, with products of features where asked for."""
    size = load_real_data(name).size
    data = load_real_data(name, min(size, FEW) if settings.quick else None, seed=settings.seed)
    if features == "raw":
        return data
    pairs = combinations_with_replacement(range(data.inputs.shape[1]), 2)
    products = [data.inputs[:, i] * data.inputs[:, j] for i, j in pairs]
    return Dataset(np.column_stack([data.inputs, *products]), data.labels, data.targets)


def halves(data: Dataset, seed: int) -> tuple[Dataset, Dataset]:
    """Split class by class into what is fitted and what is held out."""
    generator = np.random.default_rng(seed)
    held_out = np.zeros(data.size, dtype=bool)
    for label, size in enumerate(data.class_sizes):
        members = np.flatnonzero(data.labels == label)
        held_out[generator.permutation(members)[: round(HELD_OUT * int(size))]] = True
    first, second = (
        Dataset(data.inputs[part], data.labels[part], data.targets) for part in (~held_out, held_out)
    )
    return first, second


def costs(data: Dataset, found: SequentialMinimizer) -> tuple[Value, ...]:
    """Return network, K, and its cost in float64, over the rationals, as predicted, and built there."""
    exact = data.to(RATIONAL)
    measured = [
        LEAST_SQUARES.value(each, outputs(found.network, theta, each.inputs).reshape(-1))
        for each, theta in ((data, found.theta), (exact, RATIONAL.array(found.theta)))
    ]
    rational = sequential_minimizer(exact, order=found.order.order)
    reached = outputs(rational.network, rational.theta, exact.inputs).reshape(-1)
    built = float(LEAST_SQUARES.value(exact, reached))
    widths = "-".join(map(str, found.network.widths))
    count = found.network.parameter_count
    return (widths, count, float(measured[0]), float(measured[1]), found.cost_floor, built)


def surroundings(data: Dataset, found: SequentialMinimizer, seed: int) -> tuple[Value, ...]:
    """Return the rank of D, from random directions, and what the standard flow does from nearby."""
    problem, generator = Problem(found.network, data), np.random.default_rng(seed)
    at, count = problem.linearize(found.theta), found.network.parameter_count
    probes = min(count, 2 * len(data.targets) ** 2)
    pushed = np.stack([at.push(generator.standard_normal(count)) for _ in range(probes)], axis=1)
    sigma = np.linalg.svd(pushed, compute_uv=False)
    rank = int(np.sum(sigma > 1e-9 * sigma[0]))
    if data.size > LARGE:
        return rank, None
    away = generator.standard_normal(count)
    distance = NEARBY * np.linalg.norm(found.theta) / np.linalg.norm(away)
    orbit = integrate(
        problem, standard_field, found.theta + distance * away, float(data.size), rtol=1e-8
    )
    costs = orbit.costs()
    return rank, float(costs[-1] / costs[0])


def accuracies(
    train: Dataset, test: Dataset | None, found: SequentialMinimizer | None
) -> tuple[Value, ...]:
    """Return the shares of right answers on held-out data: the network's and its peers'."""
    if test is None:
        return None, None, None
    from sklearn.linear_model import LogisticRegression
    from sklearn.svm import SVC

    own: Value = None
    if found is not None:
        answers = outputs(found.network, found.theta, test.inputs)
        nearest = ((answers[:, None] - test.targets) ** 2).sum(axis=2).argmin(axis=1)
        own = float(np.mean(nearest == test.labels))
    peers = LogisticRegression(max_iter=10_000), SVC(kernel="linear", C=1e6)
    scores = [
        float(peer.fit(train.inputs, train.labels).score(test.inputs, test.labels)) for peer in peers
    ]
    return own, *scores
