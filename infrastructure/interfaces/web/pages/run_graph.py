"""The graph of a run: what each node and edge has become at the version that is shown, and when."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from .....domain.workflow import WorkflowSnapshot
from .....projections.layout import SMALL, Layout, graph_of
from .....projections.run_view.course import Course
from .....projections.run_view.taken_edges import taken_edges
from ..rendering.graph import EdgeLook, NodeLook, Picture, edges_said, picture


def run_picture(
    workflow: WorkflowSnapshot,
    layout: Layout | None,
    course: Course,
    version: int,
    selected: str | None,
    url_of: Callable[[str], str],
) -> Picture | None:
    """The picture of a run at a version; None where its workflow is too large for one.

    For scripts each node carries its states by version, and each edge the version at which it was first taken.
    """
    if layout is None:
        return None
    graph = graph_of(workflow.definition)
    nodes = {
        node.id: NodeLook(
            node.type,
            url_of(node.id) if node.id in course.states else None,
            _state_at(course, node.id, version),
            node.id == selected,
            data=_states(course, node.id),
        )
        for node in workflow.definition.nodes
    }
    taken = taken_edges(course.executions, workflow.definition.edges)
    edges = [
        _edge_look([at for at in taken[number] if at <= version], taken[number], said)
        for number, said in enumerate(edges_said(graph))
    ]
    said = f"{workflow.workflow_id} as this run saw it, version {workflow.version}"
    return picture(graph, layout, nodes, edges, said=said, style=SMALL)


def _state_at(course: Course, node_id: str, version: int) -> str:
    return next((state for since, state in reversed(course.states.get(node_id, ())) if since <= version), "none")


def _states(course: Course, node_id: str) -> dict[str, Any] | None:
    known = course.states.get(node_id)
    return None if known is None else {"states": json.dumps(known, separators=(",", ":"))}


def _edge_look(by_then: Sequence[int], taken: Sequence[int], said: str) -> EdgeLook:
    data = {"taken": str(taken[0])} if taken else None
    return EdgeLook("taken" if by_then else "idle", max(1, len(by_then)), said, data)
