"""What is laid out, by which measures, and what comes of it. Lengths are pixels, the origin is the top left corner."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


class Style(NamedTuple):
    """How large everything is drawn."""

    width: int
    """Of a node."""
    height: int
    gap: int
    """Between nodes side by side."""
    rise: int
    """Between rows of nodes, at least."""
    track: int
    """Between lines that run side by side."""
    margin: int


CANVAS = Style(width=178, height=48, gap=44, rise=36, track=10, margin=12)
SMALL = Style(width=106, height=34, gap=20, rise=30, track=7, margin=3)


class Link(NamedTuple):
    """One edge."""

    source: str
    target: str
    label: str = ""
    failure: bool = False
    """Whether it is taken on failure; such edges leave and arrive beside the others."""


class Graph(NamedTuple):
    """What is drawn. Nodes and edges keep their order."""

    nodes: tuple[str, ...]
    links: tuple[Link, ...]
    start: str | None = None


class Point(NamedTuple):
    """A place."""

    x: int
    y: int


class Box(NamedTuple):
    """Where a node is: its top left corner and its size."""

    x: int
    y: int
    width: int
    height: int


class Route(NamedTuple):
    """How an edge runs: straight lines, each level or upright, from its source to its target."""

    points: tuple[Point, ...]
    label: Point | None
    """The middle of its label; None where it has none."""


Places = Mapping[Hashable, int]
"""Where everything that takes up room in a row has its middle."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A drawing: where each node is, and how each edge runs."""

    width: int
    height: int
    boxes: Mapping[str, Box]
    """By node, in the order of the graph."""
    routes: tuple[Route, ...]
    """In the order of the graph's edges."""
    crossings: int
    """How often edges cross between rows."""
    places: Places = field(repr=False, compare=False)
    """For the layout of the next version, to which this one is handed as ``before``."""
