"""What each event of a run does to its state. The registry says which function belongs to which event."""

from collections.abc import Mapping
from typing import Any

from ..status import TERMINAL, SnapshotStatus
from ..values.json import freeze
from ..values.used_keys import UsedKey, with_key
from .context import Context
from .results import NO_KEYS, entry_of
from .snapshot import Snapshot
from .state import RunState
from .waits import holding, open_wait, wait_id


def on_started(state: RunState, data: Mapping[str, Any]) -> None:
    state.workflow_id = data["workflow_id"]
    state.workflow_version = data["workflow_version"]
    state.definition_digest = data.get("definition_digest", "")  # absent where an engine runs without a store
    state.work_order_id = data.get("correlation_id")
    state.origin = data.get("origin")
    state.traceparent = data.get("traceparent")
    if "trigger" in data:
        state.trigger = freeze(data["trigger"])
    state.sealed_by, state.unreadable = data.get("sealed_by", ()), data.get("unreadable")
    state.queued = "queued" in data
    state.priority, state.run_at = data.get("priority", 0), data.get("run_at")
    _run_by(state, data)
    state.current_node_id = data.get("start_node_id")
    state.started_at = data["recorded_at"]
    state.adopted = None
    if state.origin is not None and state.origin["kind"] == "fork":
        _begin_as_fork(state, data)
        return
    if "adopted" in data:
        _begin_as_adopted(state, data)
        return
    state.payload, state.answer = data.get("payload"), data.get("given_answer")
    state.metadata = freeze(data.get("metadata", {}))
    state.last_started_at = data["recorded_at"]
    state.total_time = 0


def _begin_as_adopted(state: RunState, data: Mapping[str, Any]) -> None:
    """Begin where the snapshot stands. What had ended elsewhere ends here when it begins; a hold holds it here, too."""
    past = RunState.from_snapshot(Snapshot.from_json(data["adopted"]))
    for name in _OF_A_SNAPSHOT:
        setattr(state, name, getattr(past, name))
    state.adopted = past.version
    state.total_time = past.total_time or 0
    at: int = data["recorded_at"]
    state.last_started_at = at if past.last_started_at is None or past.status == "active" else past.last_started_at
    state.last_started_at = min(state.last_started_at, at)
    state.parked = state.held is not None
    if state.wait is not None:
        state.wait = {**state.wait, "version": 1, "asked_at": state.last_started_at}
    if "metadata" in data:
        on_metadata_set(state, data)
    if state.status in TERMINAL:
        state.finished_at = at


_OF_A_SNAPSHOT = (
    "status",
    "current_node_id",
    "context",
    "metadata",
    "paused_reason",
    "failed_reason",
    "wait",
    "held",
    "payload",
    "retry_node_id",
    "retry_attempts",
    "retry_at",
    "retry_extra",
    "extra",
)
"""What a snapshot holds of a state, apart from times and the version."""


def _begin_as_fork(state: RunState, data: Mapping[str, Any]) -> None:
    """Begin where the source stood, apart from the edit. If it had ended, the fork ended when it began.

    What the source waits for the fork asks itself, so that no answer to the one reaches the other. A hold holds the
    fork, too.
    """
    if state.wait is not None:
        state.wait = {**state.wait, "version": 1}
    held = state.held
    state.parked = held is not None  # nobody executes the fork yet
    if "metadata" in data:
        on_metadata_set(state, data)
    if state.finished_at is not None:
        state.finished_at = data["recorded_at"]
    if "asks_again" in data:
        _ask_again(state, data)
        return
    if (edited := data.get("edited")) is None:
        state.payload = data.get("payload", state.payload)
        return
    state.reused -= 1
    result = {key: edited[key] for key in ("node_id", "attempt", "output") if key in edited}
    result["started_at"] = result["recorded_at"] = data["recorded_at"]
    state.context = Context(state.context.history.extend(state.reused, result), state.reused + 1)
    state.payload, state.answer = data.get("payload"), None
    _continue(state)
    state.held, state.parked = held, held is not None
    if "next_node_id" not in edited:
        _end(state, "completed", data)


def _ask_again(state: RunState, data: Mapping[str, Any]) -> None:
    """Stand at the node as if it hadn't asked yet."""
    state.payload = data.get("payload")
    state.wait = state.answer = None
    state.status = "active"
    state.paused_reason = None


def on_step_completed(state: RunState, data: Mapping[str, Any]) -> None:
    _count_step(state, data)
    _leave_node(state, data)
    if state.cancelled or "next_node_id" in data:
        return
    if "unrouted" in data:
        state.current_node_id = data["node_id"]  # a fold that didn't decode the steps before doesn't know it yet
    else:
        state.current_node_id = None
        _end(state, "completed", data)


def on_step_failed(state: RunState, data: Mapping[str, Any]) -> None:
    _count_step(state, data)
    if "next_node_id" in data:
        _leave_node(state, data)
        return
    if state.cancelled:
        return
    if (retry_at := data.get("retry_at")) is None:
        state.retry_node_id = None
        state.failed_reason = data.get("reason")
        _end(state, "failed", data)
        return
    if state.status == "active" and not _is_held_as_pause(state):
        state.status = "error"
        state.retry_node_id = data["node_id"]
        state.retry_attempts = data.get("attempt", 1)
        state.retry_at = retry_at
        state.retry_extra = NO_KEYS
        state.paused_reason = f"Retry attempt {state.retry_attempts}"


def _leave_node(state: RunState, data: Mapping[str, Any]) -> None:
    """The node is done with: the run goes on where an edge leads, if one does."""
    state.payload = state.answer = None
    state.retry_node_id = None
    if state.cancelled:
        return
    if state.status == "active":
        state.paused_reason = None
    if (next_node_id := data.get("next_node_id")) is not None:
        state.current_node_id = next_node_id


def _count_step(state: RunState, data: Mapping[str, Any]) -> None:
    context = state.context
    state.context = Context(context.history.extend(context.count, entry_of(data)), context.count + 1)
    _count_time(state, data)


def _count_time(state: RunState, data: Mapping[str, Any]) -> None:
    state.last_started_at = data["started_at"]
    state.total_time = data["spent"]
    state.recoveries = 0
    state.parked = state.held is not None


def _end(state: RunState, status: SnapshotStatus, data: Mapping[str, Any]) -> None:
    state.status = status
    state.paused_reason = state.wait = state.answer = state.held = None
    state.parked = False
    state.finished_at = data["recorded_at"]


def on_paused(state: RunState, data: Mapping[str, Any]) -> None:
    state.retry_node_id = None
    if "node_id" not in data:
        _hold_as_pause(state, data)
        return
    _count_time(state, data)
    state.payload = state.answer = None
    if state.status == "paused" or state.cancelled:
        return
    state.status = "paused"
    state.paused_reason = data.get("reason")
    state.wait = open_wait(data, state.version + 1)


def _hold_as_pause(state: RunState, data: Mapping[str, Any]) -> None:
    """What an operator's hold was, before it had an event of its own: it dropped a retry that was due."""
    state.held = {**holding(data), "as_pause": True}
    if state.status == "error":
        state.status = "active"
        state.paused_reason = None
        state.parked = True


def _is_held_as_pause(state: RunState) -> bool:
    return state.held is not None and "as_pause" in state.held


def _keep_key(state: RunState, data: Mapping[str, Any]) -> None:
    """Note the key of the command that made the event, where it had one."""
    if "key" in data:
        used = UsedKey(data["request"], state.version + 1, data["by"], data["recorded_at"])
        state.keys = with_key(state.keys, data["key"], used)


def on_held(state: RunState, data: Mapping[str, Any]) -> None:
    _keep_key(state, data)
    state.held = holding(data)


def on_released(state: RunState, data: Mapping[str, Any]) -> None:
    """Stand again where the hold met the run. What was to be executed waits for somebody who goes on with it."""
    _keep_key(state, data)
    state.held = None
    state.queued = state.queued or (state.parked and state.status == "active")
    state.parked = False


def _run_by(state: RunState, data: Mapping[str, Any]) -> None:
    """Note who executes the run from here on, and which code, where the event names it."""
    state.owner = data["worker"]["id"] if "worker" in data else None
    if "code" in data:
        state.code, state.distributions = data["code"], data.get("distributions", {})


def on_resumed(state: RunState, data: Mapping[str, Any]) -> None:
    if (wait := state.wait) is not None:
        id = wait_id(state.run_id, state.workflow_id, wait["version"])
        state.answer = {"wait": id, "by": data["by"], "at": data["recorded_at"], "timed_out": "timed_out" in data}
    _go_on(state, data)


def on_retried(state: RunState, data: Mapping[str, Any]) -> None:
    _go_on(state, data)


def _go_on(state: RunState, data: Mapping[str, Any]) -> None:
    on_claimed(state, data)
    # A node's own pause has cleared the payload; after an operator's, the step that was held back still sees its own.
    state.payload = data.get("payload", state.payload)


def on_claimed(state: RunState, data: Mapping[str, Any]) -> None:
    _keep_key(state, data)
    _run_by(state, data)
    _continue(state)
    state.queued = "queued" in data
    state.last_started_at = data["recorded_at"]


def on_recovered(state: RunState, data: Mapping[str, Any]) -> None:
    if not state.queued and "handed_back" not in data:  # older releases began a queued run with this event
        state.recoveries += 1
    on_claimed(state, data)


def _continue(state: RunState) -> None:
    """Run, whatever held the run up. Only a fork continues what had ended."""
    state.status = "active"
    state.cancelled = False
    state.paused_reason = state.failed_reason = state.finished_at = None
    state.retry_node_id = state.wait = state.held = None
    state.parked = False


def on_cancelled(state: RunState, data: Mapping[str, Any]) -> None:
    _keep_key(state, data)
    state.cancelled = True
    state.retry_node_id = None
    state.failed_reason = f"Cancelled by {data['by']}" + (f": {data['reason']}" if "reason" in data else "")
    _end(state, "failed", data)


def on_failed(state: RunState, data: Mapping[str, Any]) -> None:
    _keep_key(state, data)
    state.failed_reason = data["reason"]
    _end(state, "failed", data)


def on_metadata_set(state: RunState, data: Mapping[str, Any]) -> None:
    _keep_key(state, data)
    merged = {**state.metadata, **data["metadata"]}
    state.metadata = freeze({key: value for key, value in merged.items() if value is not None})
