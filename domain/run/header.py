"""The header of a run at a version: status, node and times, read from one event alone, whatever the version."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from ..errors import EventNotReadable
from ..events.envelope import After
from ..ports import Beginning, NewEvent
from ..status import TERMINAL, RunStatus
from ..values.clock import moment
from .events import STEP_COMPLETED
from .fold import is_running
from .registry import evolve
from .state import RunState


@dataclass(frozen=True, slots=True)
class RunHeader:
    """A run at one version, without what its steps produced."""

    run_id: str
    version: int
    status: RunStatus
    """A Snapshot's status, or ``cancelled`` (which a Snapshot shows as failed, with the reason)."""
    current_node_id: str | None
    attempt: int | None
    """The attempt at the node that is under way or due next (1-based); after the end the last one that was made."""
    recorded_at: datetime
    """When the version's event was recorded."""
    last_started_at: datetime
    """When the last step, or the call that was to begin it, began."""
    finished_at: datetime | None
    total_execution_time: int
    """Milliseconds spent inside executors."""
    queued: bool = False
    """Whether it waits to be executed, and nobody has claimed it yet."""
    held: bool = False
    """Whether an operator holds it."""
    waits: bool = False
    """Whether a question of its is open."""
    next_due_at: datetime | None = None
    """When it goes on by itself: at its retry, or at the deadline of what it waits for. None while it is held."""


def with_header(state: RunState, events: list[NewEvent]) -> tuple[list[NewEvent], RunState | None]:
    """The run's next events, each with the ``after`` that it leaves the run at; and the run after them.

    A plain step needs none, and is folded in place: then the second is None, and ``advance`` folds it. ``state`` is the
    run before them and stays as it is: if the append is refused, the results of these events are in no view of it.
    """
    if len(events) == 1 and is_running(state) and is_plain_step(events[0].type, events[0].data):
        return events, None
    after = copy(state)
    stored: list[NewEvent] = []
    for type, data in events:
        evolve(after, type, data)
        stored.append(NewEvent(type, {**data, "after": after_of(after)}))
    return stored, after


def advance(state: RunState, events: list[NewEvent], after: RunState | None) -> None:
    """Take the state to what it is after its next events, which ``with_header`` returned."""
    if after is not None:
        state.become(after)
        return
    for event in events:
        evolve(state, event.type, event.data)


def is_plain_step(type: str, data: Mapping[str, Any]) -> bool:
    """Whether the event is a step that leads to the next one; in a running run it needs no header."""
    return type == STEP_COMPLETED and "next_node_id" in data


def read_header(run_id: str, event: Beginning) -> RunHeader | None:
    """The run's header at an event, from the beginning of the event; None when it has none. Raises EventNotReadable."""
    try:
        return _header_in(run_id, event)
    except (LookupError, TypeError, AttributeError) as error:
        reason = f"its body is not that of a {event.type!r} of a run ({error!r})"
        raise EventNotReadable(run_id, event.version, reason) from error


def _header_in(run_id: str, event: Beginning) -> RunHeader | None:
    data = event.data
    after: After | None = data.get("after")
    if after is not None:
        return _header(run_id, event.version, data["recorded_at"], after)
    if not is_plain_step(event.type, data):
        return None
    return RunHeader(
        run_id=run_id,
        version=event.version,
        status="active",
        current_node_id=data["next_node_id"],
        attempt=1,
        recorded_at=moment(data["recorded_at"]),
        last_started_at=moment(data["started_at"]),
        finished_at=None,
        total_execution_time=data["spent"] // 1000,
    )


def header_of(state: RunState) -> RunHeader:
    """The header of a run whose state is known."""
    return _header(state.run_id or "", state.version, state.recorded_at, after_of(state))


def after_of(state: RunState) -> After:
    """Where the run stands, as its last event says it."""
    after: After = {
        "status": state.run_status,
        "spent": state.total_time or 0,
        "last_started_at": state.started_at if state.last_started_at is None else state.last_started_at,
    }
    if (node_id := state.current_node_id) is not None:
        due = state.context.next_attempt(node_id)
        after["node_id"] = node_id
        after["attempt"] = max(due - 1, 1) if state.status in TERMINAL else due
    if state.finished_at is not None:
        after["finished_at"] = state.finished_at
    if state.queued:
        after["queued"] = True
    elif state.owner is not None and state.status == "active":
        after["owner"] = state.owner
    if state.held is not None and "as_pause" not in state.held:
        after["held"] = True
    if (wait := state.wait) is not None:
        after["asked_version"], after["asked_at"] = wait["version"], wait["asked_at"]
    if (due_at := state.due_at) is not None:
        after["due_at"] = due_at
    elif wait is not None and "until" in wait:
        after["until"] = wait["until"]
    return after


def _header(run_id: str, version: int, recorded_at: int, after: After) -> RunHeader:
    finished_at, due_at = after.get("finished_at"), after.get("due_at")
    return RunHeader(
        run_id=run_id,
        version=version,
        status=cast("RunStatus", after["status"]),
        current_node_id=after.get("node_id"),
        attempt=after.get("attempt"),
        recorded_at=moment(recorded_at),
        last_started_at=moment(after["last_started_at"]),
        finished_at=None if finished_at is None else moment(finished_at),
        total_execution_time=after["spent"] // 1000,
        queued="queued" in after,
        held="held" in after,
        waits="asked_at" in after,
        next_due_at=None if due_at is None else moment(due_at),
    )
