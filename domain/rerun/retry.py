"""Retrying a run: what is refused, and the preview."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ..errors import IllegalTransition
from ..status import RunStatus
from ..values.brief import brief
from ..values.json import reduce
from ..visible import quoted, visible
from ..workflow.definition import WorkflowDefinition
from .effects import RepeatedEffect

_UNENDED: dict[RunStatus, str] = {
    "paused": "is paused: resume it or cancel it first",
    "active": "is running: proceed with it, if its worker is gone, or cancel it first",
    "error": "waits for an automatic retry: proceed with it or cancel it first",
}


def refuse_unended(run_id: str, status: RunStatus, *, is_held: bool, work_order_id: str | None = None) -> None:
    """Raises IllegalTransition for a run that has not ended: only ended runs are retried.

    ``work_order_id`` is given where the run is the last one of the work order that was to be retried.
    """
    if (hint := _UNENDED.get(status)) is not None:
        hint = "is held: release it or cancel it first" if is_held else hint
        where = "" if work_order_id is None else f", which is the last one of work order {work_order_id},"
        raise IllegalTransition(f"run {run_id!r}{where} {hint}")


def refuse_unknown(node_id: str, definition: WorkflowDefinition, workflow_id: str, version: int) -> None:
    """Raises IllegalTransition where the live version, which a retry runs, lacks the node."""
    if all(node.id != node_id for node in definition.nodes):
        raise IllegalTransition(
            f"node {quoted(node_id)} is not in version {version} of workflow {workflow_id!r}, the live one, which "
            "would run: retry from another node, or reproduce the run with the version that it ran"
        )


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
class EarlierAnswer:
    """What the node at which a retry begins had asked then, and how that was answered."""

    node_id: str
    wait: str
    """The id of the wait."""
    reason: str | None
    """What was asked."""
    payload: Any = field(hash=False)
    """What was answered."""
    by: str
    at: datetime
    timed_out: bool
    """Whether nobody answered, and the deadline did."""
    reused: bool
    """Whether the retry begins with this answer, as its caller named the node; else it asks again."""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "payload")

    def to_data(self) -> Mapping[str, Any]:
        return {
            "nodeId": self.node_id,
            "wait": self.wait,
            "reason": self.reason,
            "payload": self.payload,
            "by": self.by,
            "at": self.at.isoformat(),
            "timedOut": self.timed_out,
            "reused": self.reused,
        }

    def __str__(self) -> str:
        question = "" if self.reason is None else f" {self.reason!r}"
        who = f"its deadline ({self.by})" if self.timed_out else self.by
        said = f"{who} answered{question} with {brief(self.payload)} at {self.at.isoformat()}"
        return f"{self.node_id} goes on with what {said}" if self.reused else f"{self.node_id} asks again; then {said}"


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
    answers: tuple[EarlierAnswer, ...] = ()
    """What the node at which it begins had asked then, oldest first; it asks again, unless the answer is reused."""
    effects: tuple[RepeatedEffect, ...] = ()
    """What the work order's runs have done to the world, and this one would do again when it comes to it."""
    retried: str | None = None
    """Why it would be refused unless ``again=True`` is given: it was retried already, or its work order succeeded."""

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
            "answers": [answer.to_data() for answer in self.answers],
            "effects": [effect.to_data() for effect in self.effects],
            "retried": self.retried,
        }

    def __str__(self) -> str:
        ran = "" if self.ran_version is None else f" (then it ran version {self.ran_version})"
        lines = [f"would run version {self.version} of {self.workflow_id}{ran} from {self.start_node_id}"]
        lines += [_reused_line(node) for node in self.reused]
        lines += map(str, self.answers)
        differences = {
            "added since then": self.added,
            "removed since then": self.removed,
            "changed since then": self.changed,
            "other code now": self.code_changed,
        }
        lines += [f"{what}: {', '.join(nodes)}" for what, nodes in differences.items() if nodes]
        lines += ["edges changed since then"] * self.edges_changed + ["another start since then"] * self.start_changed
        lines += map(str, self.effects)
        lines += [] if self.refused is None else [f"but the input would be refused again: {self.refused}"]
        lines += [] if self.retried is None else [f"but it would be refused unless again is given: {self.retried}"]
        return "\n".join(map(visible, lines))


def _reused_line(node: ReusedNode) -> str:
    changes = (("definition", node.definition_changed), ("code", node.code_changed))
    differs = " and ".join(what for what, changed in changes if changed)
    results = "1 result" if node.results == 1 else f"{node.results} results"
    age = timedelta(seconds=node.age // timedelta(seconds=1))
    line = f"reuses {node.node_id}: {results} of run {node.run_id}@{node.version}, {age} old"
    return f"{line}; its {differs} changed since" if differs else line
