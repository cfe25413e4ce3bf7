"""Layout of an acyclic graph in layers, from left to right.

A node stands one layer to the right of the last that it rests on (longest paths); edges that are implied
by others are left out; the order within layers is found by barycentre sweeps, in which a long edge holds
a place in every layer that it crosses, so that it passes between the boxes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

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

    def places(self) -> dict[Node, tuple[int, float]]:
        """Return the layer of each node and its height, in rows; layers are centred."""
        tallest = max((len(layer) for layer in self.layers), default=0)
        found: dict[Node, tuple[int, float]] = {}
        for column, layer in enumerate(self.layers):
            step = min(1.6, tallest / max(len(layer), 1))
            top = (tallest - step * len(layer)) / 2
            for row, node in enumerate(layer):
                found[node] = (column, top + (row + 0.5) * step)
        return found


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
