"""Runs of which each event is put straight into a store, and the plainest reading of what a list of steps must say."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from flowledger.domain.ports import NewEvent, RecordedEvent, Write
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.projections.runs.attempts import attempts
from flowledger.projections.steps.messages import general_message

BEGIN = 1_700_000_000_000_000
SECOND = 1_000_000
DAY = 86_400 * SECOND

NODES = ("a", "b", "ship")
ERRORS = ("ValueError", "TimeoutError")
MESSAGES = ("order 5 has no address", "order 77 has no address", "no answer", "")


class Told(NamedTuple):
    """One attempt, or the end of a run for another reason."""

    node: str
    outcome: str
    """``completed``, ``failed``, ``retried``, ``caught``, ``paused`` or ``limit``."""
    took: int
    error: str
    message: str
    waited: int


class Run(NamedTuple):
    workflow: str
    version: int
    told: Sequence[Told]


outcomes = st.sampled_from(["completed", "completed", "failed", "retried", "caught", "paused", "limit"])
durations = st.one_of(
    st.integers(0, 5_000), st.sampled_from([0, 999, 1_000, 3_999, 4_000, 16_000]), st.integers(0, 2**45)
)
tellings = st.builds(
    Told,
    st.sampled_from(NODES),
    outcomes,
    durations,
    st.sampled_from(ERRORS),
    st.sampled_from(MESSAGES),
    st.sampled_from([0, 1, SECOND, DAY]),
)
runs = st.builds(Run, st.sampled_from(["w", "v"]), st.integers(1, 3), st.lists(tellings, max_size=6))
stories = st.lists(runs, max_size=5)


def events_of(run: Run) -> Iterator[NewEvent]:
    now = BEGIN
    yield NewEvent("run.started", _body(now, "active") | _started(run))
    for told in run.told:
        started_at = now + told.waited
        now = started_at + told.took
        yield _event(told, started_at, now)


def append(store: LedgerEventStore, run_id: str, events: Iterable[NewEvent]) -> None:
    store.append(Write(run_id, store.head(run_id), list(events)))


def _started(run: Run) -> dict[str, Any]:
    return {
        "workflow_id": run.workflow,
        "workflow_version": run.version,
        "definition_digest": "",
        "start_node_id": "a",
        "payload": {"customer": run.workflow},
    }


def _body(now: int, status: str) -> dict[str, Any]:
    after = {"status": status, "spent": 0, "last_started_at": BEGIN, "node_id": "a"}
    return {"recorded_at": now, "by": "ada", "correlation_id": "order", "after": after}


def _event(told: Told, started_at: int, now: int) -> NewEvent:
    if told.outcome == "limit":
        return NewEvent("run.failed", _body(now, "failed") | {"reason": f"after {told.took} steps"})
    statuses = {"completed": "active", "failed": "failed", "retried": "error", "caught": "active", "paused": "paused"}
    body = _body(now, statuses[told.outcome])
    body |= {"node_id": told.node, "spent": 1, "started_at": started_at, "input": {"took": told.took}}
    match told.outcome:
        case "completed":
            return NewEvent("run.step_completed", body | {"next_node_id": "b", "output": told.took, "handle": "on"})
        case "paused":
            return NewEvent("run.paused", body | {"reason": told.message})
        case "retried":
            body |= {"retry_at": now + SECOND}
        case "caught":
            body |= {"next_node_id": "b"}
        case _:
            pass
    return NewEvent("run.step_failed", body | {"error": {"type": told.error, "message": told.message}})


def read_steps(store: LedgerEventStore, run_ids: Iterable[str]) -> list[dict[str, Any]]:
    """All attempts, the newest first, from the events alone."""
    found: list[dict[str, Any]] = []
    for run_id in run_ids:
        events = list(store.read(run_id))
        found += [
            {
                "run_id": run_id,
                "version": attempt.version,
                "workflow_id": events[0].data["workflow_id"],
                "workflow_version": events[0].data["workflow_version"],
                "node_id": attempt.node_id,
                "attempt": attempt.attempt,
                "status": attempt.outcome,
                "error_type": attempt.error["type"] if attempt.error else None,
                "message": attempt.error["message"] if attempt.error else attempt.reason,
                "handle": attempt.handle,
                "started_at": attempt.started_at,
                "finished_at": attempt.finished_at,
                "execution_time": attempt.execution_time,
                "retry_at": attempt.retry_at,
                "taken": attempt.taken_from is not None,
                "position": attempt.position,
            }
            for attempt in attempts(events)
        ]
    return sorted(found, key=lambda step: (step["started_at"], step["position"]), reverse=True)


def read_failures(store: LedgerEventStore, run_ids: Iterable[str]) -> list[dict[str, Any]]:
    """All failures, from the events alone."""
    found: list[dict[str, Any]] = []
    for run_id in run_ids:
        events = list(store.read(run_id))
        found += [
            {"run_id": run_id, "at": event.recorded_at, "ended": event.data["after"]["status"] == "failed"}
            | {"version": events[0].data["workflow_version"], "position": event.position}
            | {"kind": (events[0].data["workflow_id"], *_kind(event))}
            for event in events
            if event.type in ("run.step_failed", "run.failed")
        ]
    return found


def _kind(event: RecordedEvent) -> tuple[str, str | None, str]:
    if event.type == "run.failed":
        return event.data["after"]["node_id"], None, general_message(event.data["reason"])
    error = event.data["error"]
    return event.data["node_id"], error["type"], general_message(error["message"])
