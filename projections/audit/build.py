"""The audit of a run: who, what, when, with which definition, code and input, and the proof."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from ...domain.events.integrity import Finding
from ...domain.lazy import lazy
from ...domain.ports import RecordedEvent
from ...domain.run import PAUSED, RunState, evolve_recorded
from ...domain.run.events import CANCELLED, HELD, RELEASED, RESUMED, STARTED
from ...domain.run.waits import OpenWait, answer_of
from ...domain.status import RunStatus
from ...domain.values.brief import brief
from ...domain.values.json import refreeze
from ...domain.visible import visible_lines
from ..runs.attempts import Attempt, attempts, is_execution, milliseconds, moment_of
from ..runs.reused_results import adopted_results, reused_results
from ..serialization import ADDED, to_json_value
from .code_used import CodeUsed, code_used
from .filed import lasting_digest
from .globals_given import globals_given
from .model import (
    AuditedClaim,
    AuditedOrigin,
    AuditedPause,
    AuditedRun,
    AuditedWorkflow,
    AuditedWorkOrder,
    Intervention,
    Provenance,
    SinceSuccess,
    StreamRecord,
)


@dataclass(frozen=True)
class RunAudit:
    """Everything that is known of a run at one version. Times are aware (UTC), durations milliseconds."""

    run_id: str
    version: int
    """How many events of the run it covers."""
    status: RunStatus
    """A Snapshot's, or ``cancelled``."""
    by: str
    """Who started it."""
    started_at: datetime
    finished_at: datetime | None
    as_of: datetime
    """When the last event that it covers was recorded."""
    execution_time: float
    """Milliseconds inside executors."""
    workflow: AuditedWorkflow
    code: tuple[CodeUsed, ...]
    input: Any
    """What the work order was given."""
    payload: Any
    """What the run was started with: the input, or what the node saw at which a retry begins."""
    metadata: Mapping[str, Any]
    work_order: AuditedWorkOrder
    origin: AuditedOrigin | None
    attempts: tuple[Attempt, ...]
    pauses: tuple[AuditedPause, ...]
    interventions: tuple[Intervention, ...]
    since_success: SinceSuccess | None
    """The last success before; None: no earlier run of the workflow has succeeded."""
    provenance: Provenance
    channel: str | None = field(default=None, metadata=ADDED)
    """Through what it was started: ``web``, ``api``, ``cli``; None where that isn't on record."""
    trigger: Mapping[str, Any] | None = field(default=None, metadata=ADDED)
    """What made somebody start it, where they said so: an object of some ``kind``."""
    claims: tuple[AuditedClaim, ...] = field(default=(), metadata=ADDED)
    """Who executed it, oldest first."""

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, metadata=refreeze(state["metadata"]))

    proof: str | None = field(default=None, metadata=ADDED)
    """By which anybody checks the events without the store, where that was asked for: what ``evidence.prove`` gives."""

    @lazy
    def digest(self) -> str:
        """SHA-256 (hex) over the canonical JSON of what is the run's: the same in any store that its events are in.

        Positions, ``since_success``, what came to the work order, and the proof are left out.
        """
        return lasting_digest(self._data)

    @lazy
    def _data(self) -> dict[str, Any]:
        data: dict[str, Any] = to_json_value(self)
        data["provenance"] = {"ok": self.provenance.ok, **data["provenance"]}
        return data

    def to_data(self) -> dict[str, Any]:
        """The whole audit as one JSON object, values unabridged, with its ``digest``."""
        return {**self._data, "digest": self.digest}

    def __str__(self) -> str:
        return visible_lines("\n".join(_summary_lines(self)))


def audit_of(
    state: RunState,
    events: Sequence[RecordedEvent],
    past: Iterable[RecordedEvent],
    saved: RecordedEvent,
    *,
    input: Any,
    work_order: AuditedWorkOrder,
    since_success: SinceSuccess | None,
    provenance: Provenance,
) -> RunAudit:
    """The audit of the run with these events; ``state`` is the run before them, ``saved`` the save that it ran.

    ``past`` are the events of the runs whose results it began with, ``input`` is the input of its work order.
    Raises EventNotReadable for a body that isn't of its type's schema, StorageCorrupt where events are missing.
    """
    started, last = events[0], events[-1]
    evolve_recorded(state, started.version, started.type, started.data)
    inherited = state.wait
    for event in events[1:]:
        evolve_recorded(state, event.version, event.type, event.data)
    return RunAudit(
        run_id=started.stream,
        version=state.version,
        status=state.run_status,
        by=started.by,
        started_at=started.recorded_at,
        finished_at=moment_of(state.finished_at),
        as_of=last.recorded_at,
        execution_time=milliseconds(state.total_time or 0),
        workflow=_workflow(saved),
        code=code_used(events, saved),
        input=input,
        payload=started.data.get("payload"),
        metadata=state.metadata,
        work_order=work_order,
        origin=_origin(started, past),
        attempts=tuple(attempts(events)),
        pauses=tuple(_pauses(events, inherited)),
        interventions=tuple(_interventions(events)),
        since_success=since_success,
        provenance=provenance,
        channel=started.data.get("channel"),
        trigger=started.data.get("trigger"),
        claims=tuple(_claims(events)),
    )


def stream_record(first: RecordedEvent, last: RecordedEvent, *, events: int, checked: bool) -> StreamRecord:
    """The record of a stream between two of its events."""
    return StreamRecord(
        first.stream, first.version, last.version, first.position, last.position, events, last.digest, checked
    )


def audited_work_order(events: Sequence[RecordedEvent], statuses: Mapping[str, RunStatus]) -> AuditedWorkOrder:
    """The work order with these events; ``statuses`` by run id, of those that were there."""
    opened = events[0]
    added = ((event, event.data["run_id"]) for event in events if "run_id" in event.data)
    runs = [
        AuditedRun(run_id, event.data.get("kind", "first"), event.by, event.recorded_at, statuses[run_id])
        for event, run_id in added
        if run_id in statuses
    ]
    return AuditedWorkOrder(opened.stream, opened.by, opened.recorded_at, tuple(runs))


def _workflow(saved: RecordedEvent) -> AuditedWorkflow:
    data = saved.data
    return AuditedWorkflow(
        workflow_id=data["workflow_id"],
        version=saved.version,
        snapshot_id=data["snapshot_id"],
        name=data.get("name"),
        by=saved.by,
        saved_at=saved.recorded_at,
        message=data.get("message"),
        digest=data["digest"],
        definition=data["definition"],
    )


def _origin(started: RecordedEvent, past: Iterable[RecordedEvent]) -> AuditedOrigin | None:
    if (adopted := started.data.get("adopted")) is not None:
        return AuditedOrigin("adoption", None, adopted["version"], tuple(adopted_results(started)), None)
    origin, edited = started.data.get("origin"), started.data.get("edited")
    if origin is None:
        return None
    given = started.data.get("given_answer")
    return AuditedOrigin(
        origin["kind"],
        origin["run_id"],
        origin["version"],
        tuple(reused_results(past, edited)),
        edited,
        "asks_again" in started.data,
        None if given is None else answer_of(given, started.data.get("payload")),
    )


def _interventions(events: Iterable[RecordedEvent]) -> Iterator[Intervention]:
    for event in events:
        if event.type != STARTED and not is_execution(event.type, event.data):
            data = event.data
            yield Intervention(
                event.version,
                event.position,
                event.type,
                event.recorded_at,
                event.by,
                data.get("reason"),
                data.get("payload"),
                data.get("metadata"),
                data.get("channel"),
            )


def _claims(events: Iterable[RecordedEvent]) -> Iterator[AuditedClaim]:
    for event in events:
        if (worker := event.data.get("worker")) is not None:
            yield AuditedClaim(
                event.version,
                event.recorded_at,
                worker["id"],
                worker["name"],
                worker["host"],
                worker["pid"],
                worker["release"],
                globals_given(event.data),
            )


def _pauses(events: Iterable[RecordedEvent], inherited: OpenWait | None) -> Iterator[AuditedPause]:
    """Each wait and each hold with the event that ended it, in the order in which they began.

    ``inherited`` is the question with which the run began: that of a fork's source, or of a snapshot from elsewhere.
    """
    found: list[tuple[RecordedEvent, Mapping[str, Any], RecordedEvent | None]] = []
    open: dict[bool, int] = {}
    """Whether it is a hold → its place."""
    for event in events:
        asks = event.type == STARTED and inherited is not None and "asked_version" in event.data["after"]
        if event.type in (PAUSED, HELD) or asks:
            data = {**inherited, "recorded_at": event.data["recorded_at"]} if inherited and asks else event.data
            if (is_hold := "node_id" not in data) not in open:
                open[is_hold] = len(found)
                found.append((event, data, None))
        else:
            for is_hold in _ENDS.get(event.type, ()):
                if (place := open.pop(is_hold, None)) is not None:
                    found[place] = (*found[place][:2], event)
    return (_pause(*each) for each in found)


_ENDS = {RESUMED: (False, True), RELEASED: (True,), CANCELLED: (False, True)}
"""What ends waits (False) and holds (True). Older releases ended a hold with a resume."""


def _pause(paused: RecordedEvent, data: Mapping[str, Any], ended: RecordedEvent | None) -> AuditedPause:
    waited = None if ended is None else ended.data["recorded_at"] - data["recorded_at"]
    return AuditedPause(
        version=paused.version,
        at=paused.recorded_at,
        node_id=data.get("node_id"),
        by=paused.by,
        reason=data.get("reason"),
        until=moment_of(data.get("until")),
        ended_version=None if ended is None else ended.version,
        ended_at=None if ended is None else ended.recorded_at,
        ended_by=None if ended is None else ended.by,
        outcome=None if ended is None else ended.type.removeprefix("run."),
        payload=None if ended is None else ended.data.get("payload"),
        duration=None if waited is None else milliseconds(waited),
        answer=data.get("answer"),
        timed_out=ended is not None and "timed_out" in ended.data,
    )


def _summary_lines(audit: RunAudit) -> Iterator[str]:
    workflow, failed = audit.workflow, sum(attempt.outcome == "failed" for attempt in audit.attempts)
    ended = f", finished {audit.finished_at.isoformat()}" if audit.finished_at is not None else ""
    yield f"run {audit.run_id} at version {audit.version}: {audit.status}"
    yield f"started {audit.started_at.isoformat()} by {audit.by}{ended}"
    yield (
        f"workflow {workflow.workflow_id!r} version {workflow.version} ({workflow.snapshot_id}), "
        f"saved {workflow.saved_at.isoformat()} by {workflow.by}"
    )
    if audit.trigger is not None:
        yield f"triggered by {brief(audit.trigger)}"
    yield f"work order {audit.work_order.work_order_id}, {_count(len(audit.work_order.runs), 'run')}"
    if audit.origin is not None:
        reused = f", {_count(len(audit.origin.reused), 'result')} reused" if audit.origin.reused else ""
        yield f"{audit.origin.kind} of {audit.origin.run_id or 'a snapshot'}{reused}"
    drifted = [used for used in audit.code if used.drifted]
    if drifted:
        yield f"code drifted since version {workflow.version}: {', '.join(used.node_type for used in drifted)}"
    yield f"{_count(len(audit.attempts), 'execution')}, {failed} failed; {_count(len(audit.pauses), 'pause')}"
    if audit.since_success is not None:
        yield f"since the last success (run {audit.since_success.run_id}): {audit.since_success.summary}"
    findings = audit.provenance.findings
    yield "records unbroken" if not findings else "\n".join(_finding(finding) for finding in findings)
    yield f"digest {audit.digest}"


def _finding(finding: Finding) -> str:
    return f"event {finding.version} of {finding.stream} is not as it was written ({finding.kind}): {finding.message}"


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"
