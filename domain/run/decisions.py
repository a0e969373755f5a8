"""Decisions on a run: each returns the next event, raises IllegalTransition, or returns None for nothing to do."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..errors import IllegalTransition, InvalidRequest, RunHeld
from ..ports import NewEvent
from ..status import TERMINAL
from ..values.clock import moment, next_time
from ..visible import quoted
from .events import (
    CANCELLED,
    CLAIMED,
    FAILED,
    HELD,
    METADATA_SET,
    RECOVERED,
    RELEASED,
    RESUMED,
    RETRIED,
    STARTED,
    EditedResult,
    Origin,
)
from .state import RunState
from .waits import GivenAnswer, Holding


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
    adopted: Mapping[str, Any] | None = None,
    asks_again: bool = False,
    given_answer: GivenAnswer | None = None,
    queued: bool = False,
    effects: Collection[str] = (),
    priority: int = 0,
    run_at: int | None = None,
    reason: str | None = None,
    trigger: Mapping[str, Any] | None = None,
    sealed_by: Sequence[str] = (),
) -> NewEvent:
    """The first event of a run. ``code`` says what will run, ``queued`` that a worker is to claim it.

    ``effects`` are the types that a reproduction or fork executes although they act on the world.
    """
    data: dict[str, Any] = {
        "recorded_at": now,
        "by": by,
        "correlation_id": work_order_id,
        "workflow_id": workflow_id,
        "workflow_version": workflow_version,
        "definition_digest": definition_digest,
    }
    if sealed_by:
        data["sealed_by"] = list(sealed_by)
    if start_node_id is not None:
        data["start_node_id"] = start_node_id
    if origin is not None:
        data["origin"] = origin
    if reason is not None:
        data["reason"] = reason
    if queued:
        data["queued"] = True
    if priority:
        data["priority"] = priority
    if run_at is not None:
        data["run_at"] = run_at
    if effects:
        data["effects"] = sorted(effects)
    data |= code
    if trigger is not None:
        data["trigger"] = trigger
    if payload is not None:
        data["payload"] = payload
    if metadata:
        data["metadata"] = metadata
    if edited is not None:
        data["edited"] = edited
    if adopted is not None:
        data["adopted"] = adopted
    if asks_again:
        data["asks_again"] = True
    if given_answer is not None:
        data["given_answer"] = given_answer
    return NewEvent(STARTED, data)


def continue_fork(state: RunState, *, given: bool, by: str, now: int, queued: bool) -> NewEvent | None:
    """How a fork continues from where its source stood: after a failure at once; while paused or waiting for a retry
    only if it is ``given`` a payload. None when it runs already, keeps waiting, or is complete.

    Raises RunHeld where a payload is given to what was held: the fork is held, too.
    """
    if state.held is not None:
        if given and state.origin is not None:
            raise _held_error(state.origin["run_id"], state.held)
        return None
    if state.status == "failed" or (given and state.status == "error"):
        type = RETRIED
    elif given and state.status == "paused":
        type = RESUMED
    else:
        return None
    data = envelope(state, by, now)
    return NewEvent(type, data | {"queued": True} if queued else data)


def resume(state: RunState, payload: Any, by: str, now: int) -> NewEvent:
    """Answer what the run waits for. Raises RunHeld, and IllegalTransition when it waits for nothing."""
    refuse_held(state)
    if state.status != "paused" or state.wait is None:
        hint = "use proceed to retry it now" if state.status == "error" else "only a paused run can be resumed"
        raise IllegalTransition(f"{state.label} is {state.run_status}, not paused: {hint}")
    data = envelope(state, by, now) | {"wait": state.wait["version"]}
    if payload is not None:
        data["payload"] = payload
    return NewEvent(RESUMED, data)


def proceed(state: RunState, payload: Any, by: str, now: int) -> NewEvent | None:
    """Claim a run that waits for a retry or was interrupted, or answer for a wait whose deadline has passed.

    None when it has ended. Raises RunHeld, and IllegalTransition when it waits for an answer.
    """
    if state.status in TERMINAL:
        return None
    refuse_held(state)
    data = envelope(state, by, now)
    if state.status == "paused":
        until = None if state.wait is None else state.wait.get("until")
        if state.wait is None or until is None or until > now:
            due = "" if until is None else f"; its deadline is {moment(until).isoformat()}"
            raise IllegalTransition(f"{state.label} is paused: resume it{due}")
        return NewEvent(RESUMED, data | {"wait": state.wait["version"], "timed_out": True})
    if state.status == "active":
        return NewEvent(CLAIMED if state.queued else RECOVERED, data)
    if payload is not None:
        data["payload"] = payload
    return NewEvent(RETRIED, data)


def hold(state: RunState, reason: str | None, by: str, now: int) -> NewEvent:
    """Let nothing be executed until a release; a step in flight is still recorded.

    Raises IllegalTransition when the run has ended, RunHeld when it is held already.
    """
    _refuse_ended(state, "held")
    refuse_held(state)
    return _with(HELD, "reason", reason, envelope(state, by, now))


def release(state: RunState, note: str | None, by: str, now: int) -> NewEvent:
    """Lift a hold; the note reaches no node. Raises IllegalTransition when the run isn't held."""
    if state.held is None:
        raise IllegalTransition(f"{state.label} is {state.run_status} and not held, so there is nothing to release")
    return _with(RELEASED, "note", note, envelope(state, by, now))


def cancel(state: RunState, reason: str | None, by: str, now: int) -> NewEvent:
    """End the run for good; a step in flight is still recorded. Raises IllegalTransition when it has ended."""
    _refuse_ended(state, "cancelled")
    return _with(CANCELLED, "reason", reason, envelope(state, by, now))


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


def refuse_held(state: RunState) -> None:
    """Raises RunHeld where an operator holds the run."""
    if state.held is not None:
        raise _held_error(state.run_id or state.workflow_id, state.held)


def _held_error(run_id: str, held: Holding) -> RunHeld:
    return RunHeld(run_id, held["by"], held.get("reason"), moment(held["at"]))


def _with(type: str, key: str, text: str | None, data: dict[str, Any]) -> NewEvent:
    """An event that has the text, where there is one. Raises InvalidRequest for what is no text."""
    if text is not None and not isinstance(text, str):
        raise InvalidRequest(f"{key} {quoted(text)} is not text")
    return NewEvent(type, data | {key: text} if text is not None else data)
