"""A second fold of a run's events into its snapshot's JSON: from the documents alone, in the most obvious way.

It copies everything at every event, shares no code with the package, and knows only what the triage can record.
"""

import copy
from collections.abc import Iterable, Iterator
from typing import Any

Json = dict[str, Any]


def naive_snapshots(events: Iterable[Any]) -> Iterator[Json]:
    """The snapshot's JSON object after each event."""
    state: Json = {}
    for event in events:
        state = after(copy.deepcopy(state), event)
        yield shown(state)


def after(state: Json, event: Any) -> Json:
    data = copy.deepcopy(event.data)
    at = data["recorded_at"]
    if event.type == "run.started":
        state = {
            "workflowId": data["workflow_id"],
            "status": "active",
            "currentNodeId": data["start_node_id"],
            "context": {},
            "lastStartedAt": at,
            "totalExecutionTime": 0,
            "metadata": data.get("metadata", {}),
            "payload": data.get("payload"),
        }
    elif event.type == "run.step_completed":
        state = worked(without_waiting(state), data)
        result = {"output": data.get("output"), "timestamp": ended(data) // 1000, "attempt": data.get("attempt", 1)}
        state["context"].setdefault(data["node_id"], []).append(result)
        state["payload"] = None
        state["currentNodeId"] = data.get("next_node_id")
        if "next_node_id" not in data:
            state["status"] = "completed"
    elif event.type == "run.step_failed":
        state = worked(without_waiting(state), data)
        attempt = data.get("attempt", 1)
        text = f"{data['error']['type']}: {data['error']['message']}"
        result = {"output": None, "timestamp": ended(data) // 1000, "attempt": attempt, "error": text}
        state["context"].setdefault(data["node_id"], []).append(result)
        if "retry_at" in data:
            state["status"] = "error"
            state["metadata"]["pausedReason"] = f"Retry attempt {attempt}"
            state["retryState"] = {
                "nodeId": data["node_id"],
                "attempts": attempt,
                "nextRetryAt": data["retry_at"] // 1000,
            }
            if state["payload"] is not None:
                state["retryState"]["payload"] = state["payload"]
        else:
            state["status"] = "failed"
    elif event.type == "run.paused":
        state = worked(without_waiting(state), data)
        state["payload"] = None
        state["status"] = "paused"
        state["metadata"]["pausedReason"] = data["reason"]
    elif event.type in ("run.resumed", "run.retried"):
        state = without_waiting(state)
        state["status"] = "active"
        state["lastStartedAt"] = at
        if "payload" in data:
            state["payload"] = data["payload"]
    else:
        raise AssertionError(f"a triage records no {event.type}")
    state["version"] = event.version
    return state


def without_waiting(state: Json) -> Json:
    """What explains a wait goes when the wait ends."""
    return {key: value for key, value in state.items() if key != "retryState"} | {
        "metadata": {key: value for key, value in state["metadata"].items() if key != "pausedReason"}
    }


def worked(state: Json, data: Json) -> Json:
    """Time is counted from when an executor began until it ended, and nothing else is."""
    return state | {
        "lastStartedAt": data["started_at"],
        "totalExecutionTime": state["totalExecutionTime"] + ended(data) - data["started_at"],
    }


def ended(data: Json) -> int:
    return int(data.get("finished_at", data["recorded_at"]))


def shown(state: Json) -> Json:
    """Microseconds become whole milliseconds; the payload that waits for the next step isn't part of a snapshot."""
    snapshot = copy.deepcopy(state)
    del snapshot["payload"]
    snapshot["lastStartedAt"] //= 1000
    snapshot["totalExecutionTime"] //= 1000
    return snapshot
