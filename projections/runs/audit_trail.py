"""What actors did, in words: the trail that each of them leaves through workflows, runs and work orders."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ...domain.ports import RecordedEvent
from ...domain.values.clock import moment
from ...domain.values.ids import workflow_stream
from ..index.changes import ActRow

Kind = Literal["workflow", "run", "work order"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that somebody did: any event but steps, what follows from them, and the bookkeeping of work orders."""

    at: datetime
    by: str
    type: str
    """The event's: ``workflow.saved``, ``run.resumed``, …"""
    stream: str
    version: int
    position: int
    kind: Kind
    """What it was done to."""
    subject: str
    """The id of that."""
    summary: str
    """What was done, in words."""


def act_of(event: RecordedEvent) -> Act:
    """The act that an event records."""
    kind, subject = _subject(event)
    tell = _SUMMARIES.get(event.type, _any_other)
    return Act(
        at=event.recorded_at,
        by=event.by,
        type=event.type,
        stream=event.stream,
        version=event.version,
        position=event.position,
        kind=kind,
        subject=subject,
        summary=tell(event, event.data),
    )


def damaged_act(row: ActRow, reason: str) -> Act:
    """The act of an event that can't be shown, as far as the index knows it."""
    family = row.type.partition(".")[0]
    subject = row.stream.removeprefix(workflow_stream("")) if family == "workflow" else row.stream
    return Act(
        at=moment(row.recorded_at), by=row.by, type=row.type, stream=row.stream, version=row.version,
        position=row.position, kind=_KINDS.get(family, "run"), subject=subject, summary=f"can't be shown: {reason}",
    )  # fmt: skip


_KINDS: dict[str, Kind] = {"workflow": "workflow", "work_order": "work order"}


def _subject(event: RecordedEvent) -> tuple[Kind, str]:
    family = event.type.partition(".")[0]
    if family == "workflow":
        return "workflow", event.data["workflow_id"]
    return _KINDS.get(family, "run"), event.stream


_Body = Mapping[str, Any]


def _saved(event: RecordedEvent, data: _Body) -> str:
    verb = "created" if event.version == 1 else f"saved version {event.version} of"
    return f"{verb} {data['workflow_id']!r}{_because(data.get('message'))}"


def _started(event: RecordedEvent, data: _Body) -> str:
    of = f"of {data['workflow_id']!r} version {data['workflow_version']}"
    origin = data.get("origin")
    if origin is None:
        return f"started run {event.stream} {of}"
    verb = {"retry": "retried", "reproduction": "reproduced", "fork": "forked"}.get(origin["kind"], origin["kind"])
    at = f" at version {origin['version']}" if origin["kind"] == "fork" else ""
    return f"{verb} run {origin['run_id']}{at} as run {event.stream} {of}"


def _went_on(verb: str) -> Callable[[RecordedEvent, _Body], str]:
    return lambda event, data: f"{verb} run {event.stream}{' with a payload' if 'payload' in data else ''}"


def _ordered(verb: str) -> Callable[[RecordedEvent, _Body], str]:
    return lambda event, data: f"{verb} run {event.stream}{_because(data.get('reason'))}"


def _metadata_set(event: RecordedEvent, data: _Body) -> str:
    return f"set metadata of run {event.stream}: {', '.join(map(repr, data['metadata']))}"


def _put_away(verb: str) -> Callable[[RecordedEvent, _Body], str]:
    return lambda _, data: f"{verb} {data['workflow_id']!r}{_because(data.get('reason'))}"


def _rejected(event: RecordedEvent, data: _Body) -> str:
    return f"had work order {event.stream} of {data['workflow_id']!r} rejected{_because(data['reason'])}"


def _any_other(event: RecordedEvent, _: _Body) -> str:
    return f"{event.type} {event.stream}"


def _because(reason: str | None) -> str:
    return "" if reason is None else f": {reason}"


_SUMMARIES: dict[str, Callable[[RecordedEvent, _Body], str]] = {
    "workflow.created": _saved,
    "workflow.saved": _saved,
    "workflow.archived": _put_away("archived"),
    "workflow.restored": _put_away("restored"),
    "work_order.rejected": _rejected,
    "run.started": _started,
    "run.paused": _ordered("paused"),
    "run.cancelled": _ordered("cancelled"),
    "run.resumed": _went_on("resumed"),
    "run.retried": _went_on("went on with a due retry of"),
    "run.recovered": _went_on("took over"),
    "run.metadata_set": _metadata_set,
}
