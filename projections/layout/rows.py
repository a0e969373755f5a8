"""The rows of a drawing: its nodes, and the places at which long edges pass through the rows between their ends."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from .model import Graph, Style
from .ranks import edges_back, ranks_of

LANE = 14
"""The room that an edge takes which passes through a row."""

SIDE = 14
"""The room beside a node for each edge that leaves or arrives at its right side."""

LETTER = 6
"""The width of a letter of a label."""

MOST_LANES = 4
"""Lanes for each node and edge, and …"""

FREE_LANES = 400
"""… so many besides. Edges for which there would be more run outside, beside the rows."""


@dataclass(slots=True)
class Way:
    """An edge on its way from row to row, downwards; ``stops`` are the numbers of what it meets in each."""

    stops: list[int]
    back: bool = False
    """Whether it leads up, so that the first stop is its target."""
    outside: bool = False
    """Whether it runs beside the rows; then it only has ends."""


@dataclass(slots=True)
class Rows:
    """The graph in rows. What stands in a row, a node or a lane, has a number; nodes come first."""

    graph: Graph
    style: Style
    count: int
    """How many nodes there are."""
    ranks: list[int]
    rows: list[list[int]]
    """From the top, each from left to right."""
    up: list[list[int]]
    """What is connected in the row above, by number."""
    down: list[list[int]]
    ways: list[Way]
    """By number of the edge; a loop at a node has that as its only stop."""
    left: list[float]
    """How far each thing reaches from its middle to the left, …"""
    right: list[float]
    """… and to the right, with what belongs to it."""
    keys: list[Hashable]
    """What identifies each thing between versions."""
    sides: dict[tuple[int, int], int] = field(default_factory=dict)
    """(edge, node) → how far from the node's middle the edge runs that uses its right side."""
    beside: set[tuple[int, int]] = field(default_factory=set)
    """Connections that leave the upper of the two at its right side."""
    loose: list[int] = field(default_factory=list)
    """Nodes without edges, which stand below all others."""


def label_width(label: str) -> int:
    """The room that a label takes."""
    return len(label) * LETTER + 8


def rows_of(graph: Graph, style: Style) -> Rows:
    """The rows, with everything in them in the order in which it comes in the graph."""
    number = {node: index for index, node in enumerate(graph.nodes)}
    count = len(number)
    ends = [(number[link.source], number[link.target]) for link in graph.links]
    start = None if graph.start is None else number.get(graph.start)
    proper = [index for index, (source, target) in enumerate(ends) if source != target]
    joined = {node for index in proper for node in ends[index]}
    back = {proper[index] for index in edges_back(count, [ends[i] for i in proper], [] if start is None else [start])}
    ranks = ranks_of(count, [ends[i] for i in proper if i not in back], start)
    half = style.width / 2
    made = Rows(
        graph=graph,
        style=style,
        count=count,
        ranks=ranks,
        rows=[[] for _ in range(max(ranks, default=-1) + 1)],
        up=[[] for _ in range(count)],
        down=[[] for _ in range(count)],
        ways=[],
        left=[half] * count,
        right=[half] * count,
        keys=list(graph.nodes),
    )
    for node in range(count):
        if node in joined:
            made.rows[ranks[node]].append(node)
        else:
            made.loose.append(node)
    _add_ways(made, ends, back)
    return made


def _add_ways(made: Rows, ends: Sequence[tuple[int, int]], back: set[int]) -> None:
    lanes = MOST_LANES * (made.count + len(ends)) + FREE_LANES
    twins: dict[Hashable, int] = {}
    for index, (source, target) in enumerate(ends):
        link = made.graph.links[index]
        if source == target:
            _take_side(made, index, source, label_width(link.label) if link.label else 0)
            made.ways.append(Way([source]))
            continue
        upper, lower = (target, source) if index in back else (source, target)
        between = range(made.ranks[upper] + 1, made.ranks[lower])
        if len(between) > lanes:
            made.ways.append(Way([source, target], outside=True))
            continue
        lanes -= len(between)
        if index in back:
            _take_side(made, index, upper)
            _take_side(made, index, lower)
        key = (link.source, link.target, link.failure)
        twins[key] = twin = twins.get(key, -1) + 1
        stops = [upper]
        for rank in between:
            labelled = link.label and rank == (between[-1] if index in back else between[0])
            stops.append(_lane(made, rank, (*key, twin, rank - made.ranks[upper]), link.label if labelled else ""))
        stops.append(lower)
        if index in back:
            made.beside.add((stops[0], stops[1]))
        for above, below in pairwise(stops):
            made.down[above].append(below)
            made.up[below].append(above)
        made.ways.append(Way(stops, back=index in back))


def _lane(made: Rows, rank: int, key: Hashable, label: str) -> int:
    made.keys.append(key)
    half = max(LANE, label_width(label) if label else 0) / 2
    made.left.append(half)
    made.right.append(half)
    made.up.append([])
    made.down.append([])
    made.rows[rank].append(len(made.keys) - 1)
    return len(made.keys) - 1


def _take_side(made: Rows, edge: int, node: int, room: int = 0) -> None:
    made.sides[edge, node] = round(made.right[node]) + SIDE - 2
    made.right[node] += SIDE + room
