"""Decisions on a run: each returns the next event, raises IllegalTransition, or returns None for nothing to do."""

from collections.abc import Mapping
from typing import Any

from ..errors import IllegalTransition
from ..ports import NewEvent
from ..status import TERMINAL
from ..values.clock import moment, next_time
from .events import (
    CANCELLED,
    FAILED,
    METADATA_SET,
    PAUSED,
    RECOVERED,
    RESUMED,
    RETRIED,
    STARTED,
    EditedResult,
    Origin,
)
from .state import RunState


def envelope(state: RunState, by: str, now: int) -> dict[str, Any]:
    """The common keys of the run's next event. Time never runs backwards in a stream, whatever the clock does."""
    data: dict[str, Any] = {"recorded_at": next_time(state.recorded_at, now), "by": by}
    if state.work_order_id is not None:
        data["correlation_id"] = state.work_order_id
    return data


def start(
    work_order_id: str,
    *,
    workflow_id: str,
    workflow_version: int,
    definition_digest: str,
    start_node_id: str | None,
    code: Mapping[str, Any],
    payload: Any,
    metadata: Mapping[str, Any],
    by: str,
    now: int,
    origin: Origin | None = None,
    edited: EditedResult | None = None,
    queued: bool = False,
) -> NewEvent:
    """The first event of a run. ``code`` says what will run, ``queued`` that a worker is to claim it."""
    data: dict[str, Any] = {
        "recorded_at": now,
        "by": by,
        "correlation_id": work_order_id,
        "workflow_id": workflow_id,
        "workflow_version": workflow_version,
        "definition_digest": definition_digest,
    }
    if start_node_id is not None:
        data["start_node_id"] = start_node_id
    if origin is not None:
        data["origin"] = origin
    if queued:
        data["queued"] = True
    data |= code
    if payload is not None:
        data["payload"] = payload
    if metadata:
        data["metadata"] = metadata
    if edited is not None:
        data["edited"] = edited
    return NewEvent(STARTED, data)


def continue_fork(state: RunState, *, given: bool, by: str, now: int, queued: bool) -> NewEvent | None:
    """How a fork continues from where its source stood: after a failure at once; while paused or waiting for a retry
    only if it is ``given`` a payload. None when it runs already, keeps waiting, or is complete.
    """
    if state.status == "failed" or (given and state.status == "error"):
        type = RETRIED
    elif given and state.status == "paused":
        type = RESUMED
    else:
        return None
    data = envelope(state, by, now)
    return NewEvent(type, data | {"queued": True} if queued else data)


def resume(state: RunState, payload: Any, by: str, now: int) -> NewEvent:
    """Continue a paused run. Raises IllegalTransition when it isn't paused."""
    if state.status != "paused":
        hint = "use proceed to retry it now" if state.status == "error" else "only a paused run can be resumed"
        raise IllegalTransition(f"{state.label} is {state.run_status}, not paused: {hint}")
    data = envelope(state, by, now)
    if payload is not None:
        data["payload"] = payload
    return NewEvent(RESUMED, data)


def proceed(state: RunState, payload: Any, by: str, now: int) -> NewEvent | None:
    """Claim a run that waits for a retry or was interrupted; None when it has ended.

    Raises IllegalTransition when it is paused.
    """
    if state.status in TERMINAL:
        return None
    if state.status == "paused":
        raise IllegalTransition(f"{state.label} is paused: resume it")
    data = envelope(state, by, now)
    if state.status == "active":
        return NewEvent(RECOVERED, data)
    if payload is not None:
        data["payload"] = payload
    return NewEvent(RETRIED, data)


def pause(state: RunState, reason: str | None, by: str, now: int) -> NewEvent:
    """An operator's pause; a step in flight is still recorded. Raises IllegalTransition when paused or ended."""
    _refuse_ended(state, "paused")
    if state.status == "paused":
        raise IllegalTransition(f"{state.label} is paused already")
    return _with_reason(PAUSED, reason, envelope(state, by, now))


def cancel(state: RunState, reason: str | None, by: str, now: int) -> NewEvent:
    """End the run for good; a step in flight is still recorded. Raises IllegalTransition when it has ended."""
    _refuse_ended(state, "cancelled")
    return _with_reason(CANCELLED, reason, envelope(state, by, now))


def set_metadata(state: RunState, metadata: Mapping[str, Any], by: str, now: int) -> NewEvent:
    """Merge into the run's metadata, also after its end; null removes a key."""
    return NewEvent(METADATA_SET, envelope(state, by, now) | {"metadata": metadata})


def fail(state: RunState, reason: str, by: str, now: int) -> NewEvent:
    """End the run for a reason that is no step's error."""
    return NewEvent(FAILED, envelope(state, by, now) | {"reason": reason})


def _refuse_ended(state: RunState, verb: str) -> None:
    if state.status in TERMINAL:
        ended = f" since {moment(state.finished_at).isoformat()}" if state.finished_at is not None else ""
        raise IllegalTransition(f"{state.label} is {state.run_status}{ended} and can't be {verb}")


def _with_reason(type: str, reason: str | None, data: dict[str, Any]) -> NewEvent:
    return NewEvent(type, data | {"reason": reason} if reason is not None else data)
