"""The workflow as a run saw it, at any version of the run: what each node was, which edges had been taken."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from json import dumps
from typing import Final

from .....domain.ports import RecordedEvent
from .....domain.run.events import HELD, PAUSED, RELEASED, RESUMED, STEP_COMPLETED, STEP_FAILED
from .....domain.workflow import WorkflowSnapshot
from .....projections.layout import SMALL, graph_of, layout_of
from .....projections.runs.attempts import attempts, is_execution
from ..rendering.graph import EdgeLook, NodeLook, Picture, edges_said, picture
from .run_on_canvas import taken_edges

MOST_STATES: Final = 200
"""Changes of a node's state that the page carries for the slider."""

State = tuple[int, str]
"""A version, and what a node was from there on."""


def run_graph(
    workflow: WorkflowSnapshot | None,
    events: Sequence[RecordedEvent],
    version: int,
    selected: str | None,
    reused: Iterable[str],
    address: Callable[..., str],
) -> Picture | None:
    """The picture at a version; None where the workflow can't be read, or is too large for one.

    ``reused`` are the nodes whose results the run took over, ``address(step=…)`` is that of the run's page.
    """
    layout = None if workflow is None else layout_of(workflow.definition, SMALL)
    if workflow is None or layout is None:
        return None
    states = states_of(events)
    for node in reused:
        states.setdefault(node, []).insert(0, (1, "reused"))
    graph = graph_of(workflow.definition)
    nodes = {node.id: _node(node.id, node.type, states.get(node.id, []), version, selected, address)
             for node in workflow.definition.nodes}  # fmt: skip
    first, times = taken_edges(list(attempts(events)), workflow.definition.edges)
    edges = [
        EdgeLook(
            "taken" if number in first else "idle",
            max(1, times[number]),
            said,
            {"v": str(first[number])} if number in first else None,
            later=first.get(number, 0) > version,
        )
        for number, said in enumerate(edges_said(graph))
    ]
    said = f"The workflow as this run saw it, version {workflow.version}"
    return picture(graph, layout, nodes, edges, said=said, style=SMALL)


def _node(
    node: str, kind: str, states: Sequence[State], version: int, selected: str | None, address: Callable[..., str]
) -> NodeLook:
    if not states:
        return NodeLook(kind, None, "none", node == selected)
    reached = [state for since, state in states if since <= version]
    data = {"v": str(states[0][0])}
    if len(states) > 1:
        data["states"] = dumps(states[-MOST_STATES:])
    return NodeLook(
        kind,
        address(step=node),
        reached[-1] if reached else states[0][1],
        node == selected,
        data=data,
        later=not reached,
    )


def states_of(events: Iterable[RecordedEvent]) -> dict[str, list[State]]:
    """What each node was, from which version on."""
    states: dict[str, list[State]] = {}
    node = None
    for event in events:
        if is_execution(event.type, event.data):
            node = event.data["node_id"]
            states.setdefault(node, []).append((event.version, _OUTCOMES[event.type](event)))
        elif node is not None and states[node][-1][1] != "completed":
            if event.type == HELD:
                states[node].append((event.version, "held"))
            elif event.type == RELEASED:
                before = [state for _, state in states[node] if state != "held"]
                states[node].append((event.version, before[-1]))
            elif event.type == RESUMED:
                states[node].append((event.version, "active"))
    return states


_OUTCOMES: Final[dict[str, Callable[[RecordedEvent], str]]] = {
    STEP_COMPLETED: lambda _: "completed",
    STEP_FAILED: lambda event: "error" if "retry_at" in event.data else "failed",
    PAUSED: lambda _: "paused",
}
