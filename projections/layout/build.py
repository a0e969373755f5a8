"""The drawing of a graph: rows, the order in them, how far to the right, then the lines between."""

from collections.abc import Sequence

from .columns import columns_of
from .model import CANVAS, Box, Graph, Layout, Point, Route, Style
from .order import order_rows
from .routes import paths_of, routes_of
from .rows import Rows, label_width, rows_of

MOST_NODES = 2_000
MOST_EDGES = 8_000
"""A larger graph is no picture any more: its nodes and edges are listed."""


def lay_out(graph: Graph, style: Style = CANVAS, before: Layout | None = None) -> Layout | None:
    """The drawing of a graph; None where it is too large for one.

    Equal graphs give equal drawings. With the drawing of another version as ``before``, what both have stays in the
    order in which it was, and beside or below each other as it was, wherever there is room.
    """
    if len(graph.nodes) > MOST_NODES or len(graph.links) > MOST_EDGES:
        return None
    places = None if before is None else before.places
    made = rows_of(graph, style)
    crossings = order_rows(made, places)
    raw = [round(at) for at in columns_of(made, places)]
    things = [thing for row in made.rows for thing in row]
    left = min((raw[thing] - made.left[thing] for thing in things), default=0)
    shift = style.margin - round(left)
    x = [at + shift for at in raw]
    paths = paths_of(made, x)
    tops, at = [], style.margin
    for gap in paths.gaps[: len(made.rows)]:
        at += gap.height
        tops.append(at)
        at += style.height
    if made.rows:
        at += paths.gaps[-1].height
    row_of = [tops[rank] if tops else 0 for rank in made.ranks]
    right = paths.right
    bottom, right = _add_loose(made, x, row_of, at + (style.rise if made.rows else 0), right)
    routes = routes_of(paths, tops, row_of)
    boxes = {
        node: Box(x[number] - style.width // 2, row_of[number], style.width, style.height)
        for number, node in enumerate(graph.nodes)
    }
    keep = raw if before is not None else x
    return Layout(
        width=max(right, _reach(graph, routes)) + style.margin,
        height=(bottom if made.loose else at) + style.margin,
        boxes=boxes,
        routes=routes,
        crossings=crossings,
        places={made.keys[thing]: keep[thing] for thing in things},
    )


def _add_loose(made: Rows, x: list[int], row_of: list[int], top: int, right: int) -> tuple[int, int]:
    """Put the nodes without edges below all others, in rows; returns how far down and to the right they reach."""
    style = made.style
    widest = max((round(made.right[node]) - style.width // 2 for node in made.loose), default=0)
    step = style.width + widest + style.gap
    in_row = max(4, (right - style.margin + style.gap) // step)
    for place, node in enumerate(made.loose):
        x[node] = style.margin + style.width // 2 + place % in_row * step
        row_of[node] = top + place // in_row * (style.height + style.rise)
        right = max(right, x[node] + round(made.right[node]))
    last = (len(made.loose) - 1) // in_row if made.loose else 0
    return top + last * (style.height + style.rise) + style.height, right


def _reach(graph: Graph, routes: Sequence[Route]) -> int:
    """How far labels reach to the right."""
    found = 0
    for link, route in zip(graph.links, routes, strict=True):
        if route.label is not None:
            found = max(found, route.label.x + label_width(link.label) // 2)
    return found


__all__ = ["MOST_EDGES", "MOST_NODES", "Point", "lay_out"]
