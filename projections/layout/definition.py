"""The graph of a definition."""

from ...domain.workflow import edge_terms
from ...domain.workflow.definition import Edge, WorkflowDefinition
from .model import Graph, Link

LONGEST_LABEL = 22
"""Characters of an edge's label that are drawn."""


def graph_of(definition: WorkflowDefinition) -> Graph:
    """What is drawn of a definition: also the edges that aren't enabled."""
    return Graph(
        tuple(node.id for node in definition.nodes),
        tuple(link_of(edge) for edge in definition.edges),
        definition.start,
    )


def link_of(edge: Edge) -> Link:
    """The edge as it is drawn: people's label for it, or else when it is taken."""
    return Link(edge.source, edge.target, shorten(edge_label(edge), LONGEST_LABEL), edge.on == "failure")


def edge_label(edge: Edge) -> str:
    """What is written on an edge: its label, or when it is taken. Empty: always."""
    return edge.label if edge.label is not None else edge_terms(edge.to_data())


def shorten(text: str, length: int) -> str:
    """The text, cut where it is longer."""
    return text if len(text) <= length else text[: length - 1] + "…"
