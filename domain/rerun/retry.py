"""Retrying a run: which results are reused, what is refused, and the preview."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ..errors import IllegalTransition, InvalidRequest
from ..ports import RecordedEvent
from ..run import STARTED, STEP_COMPLETED, STEP_FAILED, replaced_by
from ..status import RunStatus
from ..visible import quoted, visible
from ..workflow.definition import WorkflowDefinition

_UNENDED: dict[RunStatus, str] = {
    "paused": "is paused: resume it or cancel it first",
    "active": "is running: proceed with it, if its worker is gone, or cancel it first",
    "error": "waits for an automatic retry: proceed with it or cancel it first",
}


def refuse_unended(run_id: str, status: RunStatus, work_order_id: str | None = None) -> None:
    """Raises IllegalTransition for a run that has not ended: only ended runs are retried.

    ``work_order_id`` is given where the run is the last one of the work order that was to be retried.
    """
    if (hint := _UNENDED.get(status)) is not None:
        where = "" if work_order_id is None else f", which is the last one of work order {work_order_id},"
        raise IllegalTransition(f"run {run_id!r}{where} {hint}")


def refuse_unknown(node_id: str, definition: WorkflowDefinition, workflow_id: str, version: int) -> None:
    """Raises IllegalTransition where the live version, which a retry runs, lacks the node."""
    if all(node.id != node_id for node in definition.nodes):
        raise IllegalTransition(
            f"node {quoted(node_id)} is not in version {version} of workflow {workflow_id!r}, the live one, which "
            "would run: retry from another node, or reproduce the run with the version that it ran"
        )


# --- reused results ---------------------------------------------------------------------------------------------------


class NodeVisit(NamedTuple):
    """The visit of a run to a node: the results of the ``version`` events recorded before it are reused."""

    run_id: str
    version: int


def last_node_visit(node_id: str, backwards: Iterable[RecordedEvent]) -> NodeVisit:
    """The last visit to a node, in the events of a run and of those that it begins with, newest first.

    A visit begins before its first attempt, so that the step sees the same payload; where there is no attempt, after
    the event that led to the node. Raises InvalidRequest, with the nodes that were reached.
    """
    reached: list[str] = []
    replaced: set[tuple[str, int]] = set()
    missing = f"the run never came to node {quoted(node_id)}"
    for event in backwards:
        replaced.update(replaced_by(event))
        if (event.stream, event.version) in replaced:
            continue
        leads_to = _leads_to(event)
        if leads_to == node_id:
            return NodeVisit(event.stream, event.version)
        if event.type in (STEP_COMPLETED, STEP_FAILED):
            if event.data["node_id"] == node_id and event.data.get("attempt", 1) == 1:
                return NodeVisit(event.stream, event.version - 1)
            reached.append(event.data["node_id"])
        if leads_to is not None:
            reached.append(leads_to)
        if node_id in event.data.get("adopted", {}).get("context", {}):
            missing = f"node {quoted(node_id)} ran before the run was adopted, and what it saw isn't on record"
    named = ", ".join(repr(node) for node in dict.fromkeys(reversed(reached)))
    raise InvalidRequest(f"{missing}: it came to {named}")


def _leads_to(event: RecordedEvent) -> str | None:
    """The node that is visited next. A fork continues its source's visit, unless it has an edit."""
    data = event.data
    if event.type == STARTED and data.get("origin", {}).get("kind") == "fork" and "edited" not in data:
        return None
    return data.get("next_node_id", data.get("start_node_id"))


# --- a preview --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReusedNode:
    """A node whose results a retry reuses instead of running it."""

    node_id: str
    run_id: str
    """The run that produced the last of them."""
    version: int
    recorded_at: datetime
    age: timedelta
    results: int
    """The number of results, failed attempts included."""
    definition_changed: bool
    """Whether the live version has the node with changes, or not at all."""
    code_changed: bool
    """Whether its executor's code, or the release that it came with, has changed."""


@dataclass(frozen=True, slots=True)
class RetryPreview:
    """What a retry would do; nothing is changed."""

    work_order_id: str
    run_id: str | None
    """The run that would be retried; None for a rejected work order."""
    workflow_id: str
    version: int
    """The live version of the workflow, which would run."""
    ran_version: int | None
    """The version that ran then."""
    start_node_id: str
    input: Any
    """The work order's input."""
    payload: Any
    """What the first step would see: the input, or what it saw then."""
    reused: tuple[ReusedNode, ...]
    added: tuple[str, ...]
    """Nodes of the live version that weren't in the one that ran then."""
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    """Nodes that are in both versions, and differ."""
    edges_changed: bool
    start_changed: bool
    """Whether the live version begins at another node."""
    code_changed: tuple[str, ...]
    """Nodes of both versions whose executor's code, or the release that it came with, has changed."""
    refused: str | None
    """Why a rejected work order would be rejected again, and nothing would run."""

    def to_data(self) -> dict[str, Any]:
        """The JSON object, keys in camelCase, times ISO 8601, ages in seconds."""
        return {
            "workOrderId": self.work_order_id,
            "runId": self.run_id,
            "workflowId": self.workflow_id,
            "version": self.version,
            "ranVersion": self.ran_version,
            "startNodeId": self.start_node_id,
            "input": self.input,
            "payload": self.payload,
            "reused": [
                {
                    "nodeId": node.node_id,
                    "runId": node.run_id,
                    "version": node.version,
                    "recordedAt": node.recorded_at.isoformat(),
                    "age": node.age.total_seconds(),
                    "results": node.results,
                    "definitionChanged": node.definition_changed,
                    "codeChanged": node.code_changed,
                }
                for node in self.reused
            ],
            "added": list(self.added),
            "removed": list(self.removed),
            "changed": list(self.changed),
            "edgesChanged": self.edges_changed,
            "startChanged": self.start_changed,
            "codeChanged": list(self.code_changed),
            "refused": self.refused,
        }

    def __str__(self) -> str:
        ran = "" if self.ran_version is None else f" (then it ran version {self.ran_version})"
        lines = [f"would run version {self.version} of {self.workflow_id}{ran} from {self.start_node_id}"]
        lines += [_reused_line(node) for node in self.reused]
        differences = {
            "added since then": self.added,
            "removed since then": self.removed,
            "changed since then": self.changed,
            "other code now": self.code_changed,
        }
        lines += [f"{what}: {', '.join(nodes)}" for what, nodes in differences.items() if nodes]
        lines += ["edges changed since then"] * self.edges_changed + ["another start since then"] * self.start_changed
        lines += [] if self.refused is None else [f"but the input would be refused again: {self.refused}"]
        return "\n".join(map(visible, lines))


def _reused_line(node: ReusedNode) -> str:
    changes = (("definition", node.definition_changed), ("code", node.code_changed))
    differs = " and ".join(what for what, changed in changes if changed)
    results = "1 result" if node.results == 1 else f"{node.results} results"
    age = timedelta(seconds=node.age // timedelta(seconds=1))
    line = f"reuses {node.node_id}: {results} of run {node.run_id}@{node.version}, {age} old"
    return f"{line}; its {differs} changed since" if differs else line
