"""The executions of a run's nodes, each with all that it depended on, for comparing two runs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ...domain.ports import RecordedEvent
from ...domain.run import RunState, evolve_recorded
from ...domain.run.results import error_text
from ...domain.values.json_compare import json_digest
from ...domain.workflow import WorkflowSnapshot, keyed_nodes
from ...domain.workflow.same_code import sources_by_digest
from ..runs.attempts import Attempt, attempts


class RunRecord(NamedTuple):
    """The events of a run, up to some version, and the workflow's version that it used."""

    events: Sequence[RecordedEvent]
    workflow: WorkflowSnapshot
    before: RunState
    """The run before the first of them."""


class StepKey(NamedTuple):
    """What identifies an execution in every run of a workflow."""

    node_id: str
    visit: int
    """1 until the node first succeeds, then 2, and so on."""
    attempt: int
    turn: int
    """1, or more where the same attempt went on after a pause that the node had asked for."""


@dataclass(frozen=True, slots=True)
class StepExecution:
    """One execution of a node, of this run or one whose results it began with."""

    run_id: str
    key: StepKey
    index: int
    """Where its result stands among those of the node, or would."""
    attempt: Attempt
    payload: Any
    node: str | None
    """Digest of the node as the definition has it."""
    code: str | None
    """The executor's source that ran; its digest where that is all that is known."""

    def to_data(self) -> dict[str, Any]:
        """Input and outcome as JSON; absent values are left out."""
        done = self.attempt
        data = {
            "input": done.input,
            "payload": self.payload,
            "outcome": done.outcome,
            "error": None if done.error is None else error_text(done.error),
            "output": done.output,
            "handle": done.handle,
            "next": done.next_node_id,
            "reason": done.reason,
        }
        return {name: value for name, value in data.items() if value is not None}


def executions(streams: Sequence[RunRecord]) -> list[StepExecution]:
    """All executions of a run: of those whose results it began with, and in the end of its own stream."""
    found: list[StepExecution] = []
    results: Counter[str] = Counter()
    successes: Counter[str] = Counter()
    turns: Counter[tuple[str, int, int]] = Counter()
    for record in streams:
        nodes = keyed_nodes(record.workflow.definition.to_data())
        digests = {node_id: json_digest(node) for node_id, node in nodes.items()}
        sources = sources_by_digest(record.workflow.code, (event.data for event in record.events))
        _edit(found, record.events[0], successes)
        for done, state in _with_state(record):
            node_id = done.node_id
            code = None if node_id not in nodes else state.code.get(nodes[node_id]["type"])
            place = node_id, successes[node_id] + 1, done.attempt
            turns[place] += 1
            execution = StepExecution(
                run_id=record.events[0].stream,
                key=StepKey(*place, turns[place]),
                index=results[node_id],
                attempt=done,
                payload=state.payload,
                node=digests.get(node_id),
                code=None if code is None else sources.get(code, code),
            )
            found.append(execution)
            results[node_id] += done.outcome != "paused"
            successes[node_id] += done.outcome == "completed"
    return found


def _edit(found: list[StepExecution], started: RecordedEvent, successes: Counter[str]) -> None:
    """The edited result of a fork replaces the one that its source had."""
    edited = started.data.get("edited")
    if edited is None:
        return
    for place, done in enumerate(found):
        if (done.run_id, done.attempt.version) == (edited["run_id"], edited["version"]):
            successes[done.key.node_id] += done.attempt.outcome != "completed"
            attempt = replace(
                done.attempt,
                version=started.version,
                position=started.position,
                by=started.by,
                outcome="completed",
                output=edited.get("output"),
                handle=edited.get("handle"),
                next_node_id=edited.get("next_node_id"),
                error=None,
                unrouted=False,
                no_condition_held=False,
                retry_at=None,
            )
            found[place] = replace(done, run_id=started.stream, attempt=attempt)


def _with_state(record: RunRecord) -> Iterator[tuple[Attempt, RunState]]:
    """Each execution, and the run as it was before it."""
    state = record.before
    for done in attempts(record.events):
        for event in record.events[state.version : done.version - 1]:
            evolve_recorded(state, event.version, event.type, event.data)
        yield done, state
