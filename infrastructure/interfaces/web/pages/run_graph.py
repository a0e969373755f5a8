"""The graph of a run: what each node and edge has become at the version that is shown, and when."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .....domain.workflow import WorkflowSnapshot
from .....projections.layout import SMALL, Layout, graph_of
from .....projections.run_view.course import Course
from ..read_runs import SCRUBBED
from ..rendering.graph import EdgeLook, NodeLook, Picture, edges_said, picture

if TYPE_CHECKING:
    from ..read_runs import ReadRun


def run_picture(
    workflow: WorkflowSnapshot,
    layout: Layout | None,
    read: ReadRun,
    version: int,
    selected: str | None,
    url_of: Callable[[str], str],
) -> Picture | None:
    """The picture of a run at a version; None where its workflow is too large for one.

    For scripts each node carries its states by version, and each edge the version at which it was first taken; not of
    a long run, whose graph is asked for by version.
    """
    if layout is None:
        return None
    course, carries = read.course, read.head <= SCRUBBED
    graph = graph_of(workflow.definition)
    nodes = {
        node.id: NodeLook(
            node.type,
            url_of(node.id) if node.id in course.states else None,
            _state_at(course, node.id, version),
            node.id == selected,
            data=_states(course, node.id) if carries else None,
        )
        for node in workflow.definition.nodes
    }
    edges = [
        _edge_look(read.taken.get(number, ()), version, said, carries=carries)
        for number, said in enumerate(edges_said(graph))
    ]
    said = f"{workflow.workflow_id} as this run saw it, version {workflow.version}"
    return picture(graph, layout, nodes, edges, said=said, style=SMALL)


def _state_at(course: Course, node_id: str, version: int) -> str:
    known = course.states.get(node_id, ())
    place = bisect_right(known, version, key=lambda each: each[0])
    return known[place - 1][1] if place else "none"


def _states(course: Course, node_id: str) -> dict[str, Any] | None:
    known = course.states.get(node_id)
    return None if known is None else {"states": json.dumps(known, separators=(",", ":"))}


def _edge_look(taken: Sequence[int], version: int, said: str, *, carries: bool) -> EdgeLook:
    times = bisect_right(taken, version)
    data = {"taken": str(taken[0])} if taken and carries else None
    return EdgeLook("taken" if times else "idle", max(1, times), said, data)
