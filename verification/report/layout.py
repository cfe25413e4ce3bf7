"""Layout of an acyclic graph in layers, from left to right.

A node stands one layer to the right of the last that it rests on (longest paths); edges that are implied
by others are left out; the order within layers is found by barycentre sweeps, in which a long edge holds
a place in every layer that it crosses, so that it passes between the boxes; heights then settle near
those of the neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean as mean

SWEEPS = 24


@dataclass(frozen=True)
class Via:
    """The place of a long edge in a layer that it crosses."""

    start: str
    end: str
    layer: int


Node = str | Via


@dataclass(frozen=True)
class Layout:
    """Layer by layer the nodes from top to bottom, and the edges that are drawn, as paths."""

    layers: Sequence[Sequence[Node]]
    paths: Sequence[Sequence[Node]]

    def heights(self) -> dict[Node, float]:
        """Return the height of each node in rows, from 0: near its neighbours, in order, apart."""
        found = {node: float(row) for layer in self.layers for row, node in enumerate(layer)}
        neighbours: defaultdict[Node, list[Node]] = defaultdict(list)
        for path in self.paths:
            for one, other in pairwise(path):
                neighbours[one].append(other)
                neighbours[other].append(one)
        for _ in range(SWEEPS):
            for layer in self.layers:
                wanted = [mean([found[other] for other in neighbours[n]] or [found[n]]) for n in layer]
                gaps = [
                    1 if isinstance(a, str) and isinstance(b, str) else 0.7 for a, b in pairwise(layer)
                ]
                found |= zip(layer, apart(wanted, gaps), strict=True)
        least = min(found.values(), default=0)
        return {node: height - least for node, height in found.items()}


def apart(wanted: Sequence[float], gaps: Sequence[float]) -> list[float]:
    """Return the nearest points to those that are wanted (least squares) with at least the given gaps.

    Subtracting the sums of gaps makes it isotonic regression, solved by pooling adjacent violators.

    Examples
    --------
    >>> apart([0.0, 0.0, 5.0], [1, 1])
    [-0.5, 0.5, 5.0]
    """
    shift = list(accumulate(gaps, initial=0.0))
    pools: list[list[float]] = []
    for height, by in zip(wanted, shift, strict=True):
        pools.append([height - by])
        while len(pools) > 1 and mean(pools[-2]) >= mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    levels = [level for pool in pools for level in [mean(pool)] * len(pool)]
    return [level + by for level, by in zip(levels, shift, strict=True)]


def layout(needs: Mapping[str, Sequence[str]]) -> Layout:
    """Lay out an acyclic graph, given what each node rests on.

    Examples
    --------
    >>> found = layout({"a": [], "b": ["a"], "c": ["b", "a"]})
    >>> found.layers, found.paths
    ([['a'], ['b'], ['c']], [['a', 'b'], ['b', 'c']])
    """
    depth: dict[str, int] = {}
    below: dict[str, set[str]] = {}

    def visit(node: str) -> None:
        if node not in depth:
            for other in needs[node]:
                visit(other)
            depth[node] = 1 + max((depth[other] for other in needs[node]), default=-1)
            below[node] = set(needs[node]).union(*(below[other] for other in needs[node]))

    for node in needs:
        visit(node)
    paths: list[list[Node]] = [
        [other, *(Via(other, node, layer) for layer in range(depth[other] + 1, depth[node])), node]
        for node in needs
        for other in dict.fromkeys(needs[node])
        if not any(other in below[third] for third in needs[node])
    ]
    layers: list[list[Node]] = [[] for _ in range(1 + max(depth.values(), default=-1))]
    for node, layer in depth.items():
        layers[layer].append(node)
    left: defaultdict[Node, list[Node]] = defaultdict(list)
    right: defaultdict[Node, list[Node]] = defaultdict(list)
    for path in paths:
        for inner in path:
            if isinstance(inner, Via):
                layers[inner.layer].append(inner)
        for a, b in pairwise(path):
            right[a].append(b)
            left[b].append(a)
    for sweep in range(SWEEPS):
        if sweep % 2 == 0:
            for n in range(1, len(layers)):
                _sort(layers[n], layers[n - 1], left)
        else:
            for n in reversed(range(len(layers) - 1)):
                _sort(layers[n], layers[n + 1], right)
    return Layout(layers, paths)


def _sort(layer: list[Node], fixed: Sequence[Node], neighbours: Mapping[Node, Sequence[Node]]) -> None:
    """Sort a layer by the mean place of its neighbours in the fixed one; the others keep theirs."""
    place = {node: (n + 0.5) / len(fixed) for n, node in enumerate(fixed)}
    own = {node: (n + 0.5) / len(layer) for n, node in enumerate(layer)}

    def barycentre(node: Node) -> float:
        found = [place[other] for other in neighbours.get(node, ())]
        return sum(found) / len(found) if found else own[node]

    layer.sort(key=barycentre)
