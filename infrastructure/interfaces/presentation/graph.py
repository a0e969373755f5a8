"""A definition drawn as text."""

from collections.abc import Iterator
from typing import NamedTuple

from ....domain.visible import visible
from ....domain.workflow import edge_terms
from ....domain.workflow.definition import Edge, WorkflowDefinition

DRAWN_ABOVE = " ↑"
"""After the name of a node that is drawn further up."""


class Piece(NamedTuple):
    """A part of a drawing: a node, or the text between nodes."""

    text: str
    node_id: str | None = None


def draw(definition: WorkflowDefinition) -> Iterator[str]:
    """The lines of the drawing: nodes in a row along single edges, a branch for each where there are several.

    An edge that is no plain one has in brackets when it is taken. Those that aren't enabled are not drawn.
    """
    return ("".join(piece.text for piece in line) for line in pieces(definition))


def pieces(definition: WorkflowDefinition) -> Iterator[list[Piece]]:
    """The same drawing, each line in pieces; the first piece comes before the line's first node."""
    leaving: dict[str, list[Edge]] = {}
    for edge in definition.edges:
        if not edge.enabled:
            continue
        leaving.setdefault(edge.source, []).append(edge)
    drawn: set[str] = set()
    firsts = dict.fromkeys([definition.start, *definition.roots] if definition.start else definition.roots)
    # Lines still to be drawn, the next one last: indent, branch sign, when the edge is taken, first node.
    pending: list[tuple[str, str, str, str]] = [("", "", "", first) for first in reversed(firsts)]
    while pending:
        indent, sign, label, node_id = pending.pop()
        row, branches = _row(node_id, leaving, drawn)
        yield [Piece(f"{indent}{sign}{label}"), *row]
        indent += {"": "", "├ ": "│ ", "└ ": "  "}[sign]
        for edge in reversed(branches):
            sign = "└ " if edge is branches[-1] else "├ "
            pending.append((indent, sign, _label(edge), edge.target))


def _row(node_id: str, leaving: dict[str, list[Edge]], drawn: set[str]) -> tuple[list[Piece], list[Edge]]:
    """The nodes from here to the next fork, end or known node, and the edges of the fork."""
    row = [_node(node_id)]
    while node_id not in drawn:
        drawn.add(node_id)
        edges = leaving.get(node_id, [])
        if len(edges) != 1:
            return row, edges
        node_id = edges[0].target
        row += [Piece(f" → {_label(edges[0])}"), _node(node_id)]
    return [*row, Piece(DRAWN_ABOVE)], []


def _node(node_id: str) -> Piece:
    return Piece(visible(node_id), node_id)  # escaped here, as the width of the drawing depends on it


def _label(edge: Edge) -> str:
    terms = edge_terms(edge.to_data())
    if edge.label is not None:
        terms = f"{edge.label}: {terms}" if terms else edge.label
    return f"[{visible(terms)}] " if terms else ""
