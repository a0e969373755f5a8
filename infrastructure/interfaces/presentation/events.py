"""An event in one line, for people."""

from collections.abc import Callable, Mapping
from typing import Any

from ....domain.ports import RecordedEvent
from ....domain.run.results import error_text
from ....domain.values.clock import OddTime, moment
from ....projections.serialization import brief

_Body = Mapping[str, Any]


def happened(event: RecordedEvent) -> str:
    """What an event did. A type without a line of its own shows its body."""
    describe = _LINES.get(event.type)
    return describe(event.data) if describe is not None else brief(event.data)


def _time(at: int) -> str:
    shown = moment(at)
    return str(shown) if isinstance(shown, OddTime) else shown.strftime("%H:%M:%S.%f")[:-3]


def _started(data: _Body) -> str:
    origin = data.get("origin")
    came = f", {origin['kind']} of {origin['run_id']}@{origin['version']}" if origin else ""
    given = f" with {brief(data['payload'])}" if "payload" in data else ""
    edited = data.get("edited")
    replaced = f", {edited['node_id']} edited: {brief(edited.get('output'))}" if edited else ""
    return f"{data['workflow_id']}@{data['workflow_version']}{came}{given}{replaced}"


def _completed(data: _Body) -> str:
    way = f"by {data['handle']!r} " if "handle" in data else ""
    return f"{way}→ {data.get('next_node_id', 'no edge' if 'unrouted' in data else 'end')}: {brief(data.get('output'))}"


def _failed_step(data: _Body) -> str:
    then = f"; retry due {_time(data['retry_at'])}" if "retry_at" in data else "; the run has failed"
    return error_text(data["error"]) + then


def _paused(data: _Body) -> str:
    until = f" until {moment(data['until']).isoformat()}" if "until" in data else ""
    return f"{data.get('reason', 'paused')}{until}"


def _given(data: _Body) -> str:
    return f"with {brief(data['payload'])}" if "payload" in data else ""


def _saved(data: _Body) -> str:
    message = f": {data['message']}" if "message" in data else ""
    name = f"{data['name']!r}, " if "name" in data else ""
    return f"{name}{data['snapshot_id']}, {len(data['definition']['nodes'])} nodes{message}"


_LINES: dict[str, Callable[[_Body], str]] = {
    "run.started": _started,
    "run.step_completed": _completed,
    "run.step_failed": _failed_step,
    "run.paused": _paused,
    "run.resumed": _given,
    "run.retried": _given,
    "run.recovered": lambda _: "taken over from a worker that is gone",
    "run.cancelled": lambda data: data.get("reason", ""),
    "run.failed": lambda data: data["reason"],
    "run.metadata_set": lambda data: brief(data["metadata"]),
    "workflow.created": _saved,
    "workflow.saved": _saved,
    "workflow.archived": lambda data: data.get("reason", ""),
    "workflow.restored": lambda data: data.get("reason", ""),
    "work_order.opened": lambda data: f"first run {data['run_id']}" if "run_id" in data else "",
    "work_order.rejected": lambda data: data["reason"],
    "work_order.run_added": lambda data: f"{data['kind']} {data['run_id']}",
}
