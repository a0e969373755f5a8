"""What actors did, in words: the trail that each of them leaves through workflows, runs and work orders."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ...domain.event_registry import EVENTS
from ...domain.ports import RecordedEvent
from ...domain.values.clock import moment
from ...domain.values.ids import bulk_stream, retention_stream, subject_stream, workflow_stream
from ..index.rows import ActRow

Kind = Literal["workflow", "run", "work order", "bulk action", "token", "view", "subject", "retention", "legal hold"]


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that an actor did."""

    at: datetime
    by: str
    type: str
    """The event's: ``workflow.saved``, ``run.resumed``, …"""
    stream: str
    version: int
    position: int
    kind: Kind
    """What kind of thing it was done to."""
    subject: str
    """The id of that thing."""
    summary: str
    """What was done, in words."""
    channel: str | None
    """Through what, such as ``web``, ``api`` or ``cli``; None where that isn't known."""


def act_of(event: RecordedEvent) -> Act:
    """The act that an event records."""
    kind, subject = _subject(event)
    entry = EVENTS.get(event.type)
    narrate = None if entry is None else entry.narrate
    return Act(
        at=event.recorded_at,
        by=event.by,
        type=event.type,
        stream=event.stream,
        version=event.version,
        position=event.position,
        kind=kind,
        subject=subject,
        summary=f"{event.type} {event.stream}" if narrate is None else narrate(event),
        channel=event.data.get("channel"),
    )


def damaged_act(row: ActRow, reason: str) -> Act:
    """The act of an event that can't be shown, as far as the index knows it."""
    family = row.type.partition(".")[0]
    subject = _without_prefix(row.stream)
    return Act(
        at=moment(row.recorded_at),
        by=row.by,
        type=row.type,
        stream=row.stream,
        version=row.version,
        position=row.position,
        kind=_KINDS.get(family, "run"),
        subject=subject,
        summary=f"can't be shown: {reason}",
        channel=None,
    )


_KINDS: dict[str, Kind] = {
    "workflow": "workflow",
    "run": "run",
    "work_order": "work order",
    "bulk": "bulk action",
    "tokens": "token",
    "access": "view",
    "subject": "subject",
    "retention": "retention",
    "legal_hold": "legal hold",
}
"""By what the type of the event begins with."""

KINDS: dict[str, str] = {kind: family for family, kind in _KINDS.items()}
"""The other way round."""


def _subject(event: RecordedEvent) -> tuple[Kind, str]:
    family = event.type.partition(".")[0]
    if family == "workflow":
        return "workflow", event.data["workflow_id"]
    if family == "tokens":
        return "token", event.data["name"]
    if family == "legal_hold":
        return "legal hold", event.data["held"]
    if family == "access":
        return "view", event.data["id"]
    return _KINDS.get(family, "run"), _without_prefix(event.stream)


def _without_prefix(stream: str) -> str:
    for prefix in (workflow_stream(""), bulk_stream(""), subject_stream(""), retention_stream("")):
        stream = stream.removeprefix(prefix)
    return stream
