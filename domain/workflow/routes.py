"""The edges that a run may follow from each node: by the handle that was returned, or on failure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .definition import Edge, WorkflowDefinition

Edges = tuple[Edge, ...]
"""Edges for the same outcome, in the order of the definition: the first whose condition is true is taken."""


@dataclass(frozen=True, slots=True)
class NodeRoutes:
    """The enabled edges that leave one node."""

    on_success: Mapping[str | None, Edges] = field(default_factory=dict[str | None, Edges])
    """By handle (None: no handle)."""
    on_failure: Edges = ()

    def targets(self) -> Iterator[str]:
        """The nodes to which the edges lead."""
        for edges in (*self.on_success.values(), self.on_failure):
            yield from (edge.target for edge in edges)


def routes_of(definition: WorkflowDefinition) -> dict[str, NodeRoutes]:
    """The routes of every node, by its id."""
    by_handle: dict[str, dict[str | None, list[Edge]]] = {node.id: {} for node in definition.nodes}
    on_failure: dict[str, list[Edge]] = {node.id: [] for node in definition.nodes}
    for edge in definition.edges:
        if not edge.enabled:
            continue
        if edge.on == "failure":
            on_failure[edge.source].append(edge)
        else:
            by_handle[edge.source].setdefault(edge.source_handle, []).append(edge)
    return {
        node_id: NodeRoutes({handle: tuple(edges) for handle, edges in handles.items()}, tuple(on_failure[node_id]))
        for node_id, handles in by_handle.items()
    }


def may_lead_nowhere(edges: Edges) -> bool:
    """Whether it can be that none of the edges is taken: all have conditions, or there are none."""
    return all(edge.when is not None for edge in edges)
