"""The header of a run at a version: where it stood and since when, told by one event alone, whatever the version."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..errors import EventNotReadable
from ..events.envelope import After
from ..ports import Beginning, NewEvent
from ..values.clock import moment
from .context import Context
from .events import STARTED, STEP_COMPLETED, STEP_FAILED
from .fold import is_running
from .registry import evolve
from .results import History
from .snapshot import TERMINAL
from .state import RunState


@dataclass(frozen=True, slots=True)
class RunHeader:
    """A run at one version, without what its steps produced."""

    run_id: str
    version: int
    status: str
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
    """Left to a worker, and none has claimed it yet."""


def headed(state: RunState, events: list[NewEvent]) -> list[NewEvent]:
    """The run's next events, each saying what it leaves behind; of a step that leads to the next the step itself tells.

    ``state`` is the run before them, and stays as it is.
    """
    if len(events) == 1 and is_running(state) and leads_on(events[0].type, events[0].data):
        return events
    failures = _failures(state)
    after = copy(state)
    if events and events[0].type != STARTED:
        after.context = Context(History(), 0)  # of its own: the results of these events aren't part of the run yet
    done: list[NewEvent] = []
    for type, data in events:
        evolve(after, type, data)
        if type == STARTED:
            failures = _failures(after)  # what it reuses may end in failures
        elif type == STEP_FAILED:
            failures = data.get("attempt", 1)
        elif type == STEP_COMPLETED:
            failures = 0
        done.append(NewEvent(type, {**data, "after": _after(after, failures)}))
    return done


def leads_on(type: str, data: Mapping[str, Any]) -> bool:
    """Whether this is a step that leads to the next one, in a run that runs."""
    return type == STEP_COMPLETED and "next_node_id" in data


def header_in(run_id: str, event: Beginning) -> RunHeader | None:
    """What the beginning of an event tells of its run; None when it doesn't. Raises EventNotReadable."""
    try:
        return _told_by(run_id, event)
    except (LookupError, TypeError, AttributeError) as error:
        reason = f"its body is not that of a {event.type!r} of a run ({error!r})"
        raise EventNotReadable(run_id, event.version, reason) from error


def _told_by(run_id: str, event: Beginning) -> RunHeader | None:
    data = event.data
    after: After | None = data.get("after")
    if after is not None:
        return _header(run_id, event.version, data["recorded_at"], after)
    if not leads_on(event.type, data):
        return None
    return RunHeader(
        run_id, event.version, "active", data["next_node_id"], 1, moment(data["recorded_at"]),
        moment(data["started_at"]), None, data["spent"] // 1000,
    )  # fmt: skip


def header_of(state: RunState) -> RunHeader:
    """The same from the whole state."""
    return _header(state.run_id or "", state.version, state.recorded_at, _after(state, _failures(state)))


def _failures(state: RunState) -> int:
    """Recorded at the current node since its last success."""
    node_id = state.current_node_id
    return 0 if node_id is None else state.context.next_attempt(node_id) - 1


def _after(state: RunState, failures: int) -> After:
    after: After = {
        "status": state.shown_status,
        "spent": state.total_time or 0,
        "last_started_at": state.started_at if state.last_started_at is None else state.last_started_at,
    }
    if state.current_node_id is not None:
        after["node_id"] = state.current_node_id
        after["attempt"] = max(failures, 1) if state.status in TERMINAL else failures + 1
    if state.finished_at is not None:
        after["finished_at"] = state.finished_at
    if state.queued:
        after["queued"] = True
    return after


def _header(run_id: str, version: int, recorded_at: int, after: After) -> RunHeader:
    finished_at = after.get("finished_at")
    return RunHeader(
        run_id=run_id,
        version=version,
        status=after["status"],
        current_node_id=after.get("node_id"),
        attempt=after.get("attempt"),
        recorded_at=moment(recorded_at),
        last_started_at=moment(after["last_started_at"]),
        finished_at=None if finished_at is None else moment(finished_at),
        total_execution_time=after["spent"] // 1000,
        queued="queued" in after,
    )
