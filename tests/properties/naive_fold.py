"""A second fold of a run's events, from the documents alone: copies everything, shares no code with the package.

It also knows what no snapshot shows: which key, attempt and payload the next step must see.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Json = dict[str, Any]


@dataclass
class NaiveRun:
    """A run after some of its events. Times are microseconds, as in the events."""

    run_id: str
    workflow_id: str = ""
    stands: str = "none"
    """The status apart from a hold."""
    held: Json | None = None
    until: int | None = None
    node: str | None = None
    results: list[tuple[str, Json]] = field(default_factory=list)
    version: int = 0
    last_started: int = 0
    spent: int = 0
    metadata: Json = field(default_factory=dict)
    paused_reason: str | None = None
    failed_reason: str | None = None
    retry: Json | None = None
    payload: Any = None
    before_asking: tuple[Any] | None = None
    """The payload that the node saw before it asked, where it has asked in this visit."""
    cancelled: bool = False
    queued: bool = False
    parked: bool = False
    """Whether a hold met it without a step in flight, or outlasted that."""
    visited: list[tuple[str, int, Any]] = field(default_factory=list)
    """Node, how many results there were when the visit began, and the payload that it saw."""

    @property
    def status(self) -> str:
        return "paused" if self.held is not None else self.stands

    @property
    def visits(self) -> dict[str, tuple[int, Any]]:
        """The last visit to each node."""
        return {node: (count, payload) for node, count, payload in self.visited}

    def snapshot(self) -> Json:
        """The JSON object that the documents describe."""
        context: Json = {}
        for node, result in self.results:
            context.setdefault(node, []).append(result)
        metadata = dict(self.metadata)
        if self.paused_reason is not None:
            metadata["pausedReason"] = self.paused_reason
        if self.until is not None:
            metadata["pausedUntil"] = self.until // 1000
        if self.failed_reason is not None:
            metadata["failedReason"] = self.failed_reason
        if self.held is not None:
            metadata["held"] = self.held | {"status": self.stands}
        shown: Json = {
            "workflowId": self.workflow_id,
            "status": self.status,
            "currentNodeId": self.node,
            "context": context,
            "version": self.version,
            "lastStartedAt": self.last_started // 1000,
            "totalExecutionTime": self.spent // 1000,
            "metadata": metadata,
        }
        if self.retry is not None:
            shown["retryState"] = self.retry | ({} if self.payload is None else {"payload": self.payload})
        elif self.payload is not None and (self.status == "paused" or (self.status == "active" and self.queued)):
            unseen = {"payload": self.payload, "version": self.version, "lastStartedAt": self.last_started // 1000}
            shown["flowledger"] = unseen
        return copy.deepcopy(shown)

    @property
    def next_key(self) -> str:
        """The idempotency key of the step that the run is at."""
        done = sum(1 for node, result in self.results if node == self.node and is_left(result))
        return f"{self.run_id}:{self.node}:{done + 1}"

    @property
    def next_attempt(self) -> int:
        """1 more than the failures of the node since it was last left."""
        attempt = 1
        for node, result in self.results:
            if node == self.node:
                attempt = 1 if is_left(result) else attempt + 1
        return attempt

    @property
    def attempt(self) -> int | None:
        """The attempt that is under way or due; after the end the last one that was made at the node."""
        if self.node is None:
            return None
        return max(1, self.next_attempt - 1) if self.ended else self.next_attempt

    @property
    def first_payload(self) -> Any:
        """What the node at which the run stands saw at first; where it has asked, it asks again with this."""
        return self.payload if self.before_asking is None else self.before_asking[0]

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed")


def is_left(result: Json) -> bool:
    """Whether the run left the node with this result: after a success, or by an edge on failure."""
    return "error" not in result or "nextNodeId" in result


def naive_of(journal: dict[str, list[tuple[str, Json]]], run_id: str, version: int | None = None) -> NaiveRun:
    """A run of the journal after some of its events, on a copy of what it reuses."""
    origin = journal[run_id][0][1].get("origin", {"version": 0})
    past = naive_of(journal, origin["run_id"], origin["version"]) if origin["version"] else None
    return naive_run(run_id, journal[run_id][:version], past)


def naive_run(run_id: str, events: Sequence[tuple[str, Json]], past: NaiveRun | None = None) -> NaiveRun:
    """The fold of (type, body) pairs, in a run that begins with the results of ``past``."""
    run = NaiveRun(run_id)
    if past is not None and events and is_fork(events[0][1]):
        run = replace(copy.deepcopy(past), run_id=run_id, version=0)
    elif past is not None:
        run.results, run.visited = copy.deepcopy((past.results, past.visited))
    for kind, body in events:
        _apply(run, kind, copy.deepcopy(dict(body)))
        run.version += 1
    return run


def is_fork(body: Json) -> bool:
    return bool(body.get("origin", {}).get("kind") == "fork")


def _apply(run: NaiveRun, kind: str, body: Json) -> None:
    if kind in ("run.started", "run.resumed", "run.retried", "run.claimed", "run.recovered"):
        run.queued, run.parked = "queued" in body, is_fork(body) and run.held is not None
    if kind == "run.started" and is_fork(body):
        _apply_fork(run, body)
    elif kind == "run.started":
        run.workflow_id, run.node, run.stands = body["workflow_id"], body["start_node_id"], "active"
        run.payload, run.metadata, run.last_started = body.get("payload"), body.get("metadata", {}), body["recorded_at"]
        run.visited.append((body["start_node_id"], len(run.results), run.payload))
    elif kind in ("run.resumed", "run.retried", "run.claimed", "run.recovered"):
        run.stands, run.retry, run.cancelled = "active", None, False
        _forget_reasons(run)
        run.last_started = body["recorded_at"]
        run.payload = body.get("payload", run.payload)
    elif kind == "run.metadata_set":
        run.metadata = {key: value for key, value in (run.metadata | body["metadata"]).items() if value is not None}
    elif kind == "run.held":
        reason = {"reason": body["reason"]} if "reason" in body else {}
        run.held = {"by": body["by"], **reason, "at": body["recorded_at"] // 1000}
    elif kind == "run.released":
        run.held = None
        run.queued = run.queued or (run.parked and run.stands == "active")
        run.parked = False
    elif kind == "run.cancelled":
        _end(run, "failed")
        run.cancelled, run.retry = True, None
        run.failed_reason = f"Cancelled by {body['by']}" + (f": {body['reason']}" if "reason" in body else "")
    elif kind == "run.failed":
        _end(run, "failed")
        run.failed_reason = body["reason"]
    else:
        _apply_step(run, kind, body)


def _end(run: NaiveRun, stands: str) -> None:
    run.stands, run.held, run.paused_reason, run.until = stands, None, None, None
    run.before_asking = None


def _forget_reasons(run: NaiveRun) -> None:
    run.failed_reason = run.paused_reason = run.until = None


def _apply_fork(run: NaiveRun, body: Json) -> None:
    """On a copy of all that the source was."""
    metadata = run.metadata | body.get("metadata", {})
    run.metadata = {key: value for key, value in metadata.items() if value is not None}
    if "edited" not in body:
        run.payload = body.get("payload", run.payload)
        return
    edited = body["edited"]
    result = {"output": edited.get("output"), "timestamp": body["recorded_at"] // 1000}
    run.results[-1] = (edited["node_id"], result | {"attempt": edited.get("attempt", 1)})
    run.node, run.payload, run.before_asking = edited.get("next_node_id"), body.get("payload"), None
    run.stands = "completed" if run.node is None else "active"
    run.cancelled, run.retry = False, None
    run.held = run.held if run.stands == "active" else None
    _forget_reasons(run)
    run.visited = [visit for visit in run.visited if visit[1] < len(run.results)]
    if run.node is not None:
        run.visited.append((run.node, len(run.results), run.payload))


def _apply_step(run: NaiveRun, kind: str, body: Json) -> None:
    finished = body.get("finished_at", body["recorded_at"])
    run.last_started = body["started_at"]
    run.parked = run.held is not None
    run.spent += finished - body["started_at"]
    run.retry = None if kind != "run.step_failed" or "retry_at" not in body else run.retry
    if kind == "run.paused":
        run.before_asking = run.before_asking or (run.payload,)
        run.payload = None
        if run.stands == "active":
            run.stands, run.paused_reason, run.until = "paused", body.get("reason"), body.get("until")
        return
    result = {"output": body.get("output"), "timestamp": finished // 1000, "attempt": body.get("attempt", 1)}
    if kind == "run.step_failed":
        result["error"] = f"{body['error']['type']}: {body['error']['message']}"
        if "next_node_id" in body:
            result["nextNodeId"] = body["next_node_id"]
    if result["attempt"] == 1:
        run.visited.append((body["node_id"], len(run.results), run.payload))
    run.results.append((body["node_id"], result))
    if is_left(result):
        run.payload = run.before_asking = None
    if "next_node_id" in body:
        run.visited.append((body["next_node_id"], len(run.results), None))
    if run.cancelled:
        return
    if "next_node_id" in body:
        run.node = body["next_node_id"]
    elif kind == "run.step_completed":
        if "unrouted" not in body:
            _end(run, "completed")
            run.node = None
    elif "retry_at" not in body:
        _end(run, "failed")
    else:
        run.stands, run.paused_reason = "error", f"Retry attempt {result['attempt']}"
        run.retry = {"nodeId": body["node_id"], "attempts": result["attempt"], "nextRetryAt": body["retry_at"] // 1000}
