"""A workflow as a picture: a laid out graph, with what each node and edge has become."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .....projections.layout import CANVAS, Box, Graph, Layout, Point, Route, Style
from .....projections.layout.definition import shorten

Change = Literal["add", "del", "mod"]

CHANGES: Mapping[Change, str] = {"add": "added", "del": "removed", "mod": "changed"}
"""What is said of each."""


@dataclass(frozen=True, slots=True)
class NodeLook:
    """What a node is, and what became of it."""

    type: str = ""
    url: str | None = None
    """Where it leads when it is clicked."""
    status: str | None = None
    """As runs have it; ``none``: a run didn't reach it. None: no run is shown."""
    selected: bool = False
    change: Change | None = None
    badges: tuple[str, ...] = ()
    """Icons in its corner: ``retry``, ``bolt``."""
    data: Mapping[str, str] | None = None
    """Attributes for scripts, without ``data-``."""
    press: str | None = None
    """In a form, in place of an address: what its button says is to be done (the form ``edit``)."""


@dataclass(frozen=True, slots=True)
class EdgeLook:
    """What became of an edge."""

    way: Literal["taken", "idle", "add", "del"] | None = None
    times: int = 1
    """How often it was taken."""
    said: str = ""
    """What is shown when it is pointed at."""
    data: Mapping[str, str] | None = None


class DrawnNode(NamedTuple):
    """A node, ready to be drawn."""

    id: str
    name: str
    """Cut to what fits."""
    type: str
    box: Box
    text_x: int
    look: NodeLook
    classes: str
    spoken: str


class DrawnEdge(NamedTuple):
    """An edge, ready to be drawn."""

    path: str
    """Of the line."""
    tip: str
    """Of the arrow's head."""
    classes: str
    tip_class: str
    label: Point | None
    text: str
    look: EdgeLook


class Picture(NamedTuple):
    """A graph, ready to be drawn."""

    width: int
    height: int
    said: str
    """What it shows, for those who don't see it."""
    nodes: tuple[DrawnNode, ...]
    edges: tuple[DrawnEdge, ...]
    compact: bool


CORNER = 6
"""The radius of an edge's corners."""


def picture(
    graph: Graph,
    layout: Layout,
    nodes: Mapping[str, NodeLook],
    edges: Sequence[EdgeLook],
    *,
    said: str,
    style: Style = CANVAS,
) -> Picture:
    """The picture of a graph. ``nodes`` are looks by id, ``edges`` those of the graph's edges, in order."""
    compact = style != CANVAS
    drawn = [
        _edge(link.failure, link.label, route, look)
        for link, route, look in zip(graph.links, layout.routes, edges, strict=True)
    ]
    return Picture(
        layout.width,
        layout.height,
        said,
        tuple(_node(node, layout.boxes[node], nodes[node], compact) for node in graph.nodes),
        tuple(sorted(drawn, key=_drawn_late)),  # what was taken lies over what wasn't
        compact,
    )


def _node(node: str, box: Box, look: NodeLook, compact: bool) -> DrawnNode:
    marked = look.status is not None
    longest = _SHORT_NAME if compact else _LONG_NAME
    classes = ["node"]
    if look.status == "none":
        classes.append("off")
    elif look.status is not None:
        classes += ["ran", f"st-{look.status}"]
    classes += [look.change] if look.change else []
    classes += ["sel"] if look.selected else []
    state = [] if look.status is None else ["not reached" if look.status == "none" else look.status]
    state += [CHANGES[look.change]] if look.change else []
    state += ["selected"] if look.selected else []
    name = f"{node}, {look.type}" if look.type else node
    return DrawnNode(
        node,
        shorten(node, longest),
        "" if compact else shorten(look.type, _LONG_NAME + 2),
        box,
        (23 if compact else 32) if marked else (10 if compact else 12),
        look,
        " ".join(classes),
        f"{name}: {', '.join(state)}" if state else name,
    )


_LONG_NAME = 20
_SHORT_NAME = 11


def _edge(failure: bool, label: str, route: Route, look: EdgeLook) -> DrawnEdge:
    classes = ["edge", *(["fail"] if failure else []), *([look.way] if look.way else [])]
    tips = {None: "tipmark", "taken": "taken-tip", "idle": "idle-tip", "add": "tip-add", "del": "tip-del"}
    text = f"{label} ×{look.times}".strip() if look.times > 1 else label
    return DrawnEdge(line(route.points), tip(route.points), " ".join(classes), tips[look.way], route.label, text, look)


def _drawn_late(edge: DrawnEdge) -> bool:
    return edge.look.way in ("taken", "add", "del")


def line(points: Sequence[Point]) -> str:
    """The path of right-angled lines, with round corners."""
    parts = [f"M{points[0].x} {points[0].y}"]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(CORNER, _length(before, here) // 2, _length(here, after) // 2)
        enter, leave = _towards(here, before, radius), _towards(here, after, radius)
        parts.append(f"{_to(enter, before)}Q{here.x} {here.y} {leave.x} {leave.y}")
    parts.append(_to(points[-1], points[-2]))
    return "".join(parts)


def tip(points: Sequence[Point]) -> str:
    """The path of the arrow's head at the end of these lines."""
    before, end = points[-2], points[-1]
    if before.x == end.x:
        return f"M{end.x} {end.y}l-4{'-7h8z' if before.y < end.y else ' 7h8z'}"
    return f"M{end.x} {end.y}l{'7-4v8z' if before.x > end.x else '-7-4v8z'}"


def _to(point: Point, before: Point) -> str:
    return f"H{point.x}" if point.y == before.y else f"V{point.y}"


def _length(one: Point, other: Point) -> int:
    return abs(one.x - other.x) + abs(one.y - other.y)


def _towards(point: Point, other: Point, by: int) -> Point:
    if point.x == other.x:
        return Point(point.x, point.y + (by if other.y > point.y else -by))
    return Point(point.x + (by if other.x > point.x else -by), point.y)


def edges_said(graph: Graph) -> Iterable[str]:
    """What each edge says when it is pointed at."""
    for link in graph.links:
        yield f"{link.source} → {link.target}{f', {link.label}' if link.label else ''}"
