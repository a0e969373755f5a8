"""The history of a workflow as a list: who did what to it, and what each save changed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ..ports import RecordedEvent
from ..visible import visible
from .changes import Changes, changes_between
from .events import ARCHIVED, SAVES


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """One version of a workflow: a save, or that it was archived or restored. ``str()`` tells it in a line."""

    workflow_id: str
    version: int
    kind: Literal["saved", "archived", "restored"]
    by: str
    taken_at: datetime
    message: str | None
    """A save's message; the reason of anything else."""
    snapshot_id: str | None
    """Seven characters that name a save; None for anything else."""
    name: str | None
    digest: str | None
    is_latest: bool
    changes: Changes
    """What changed since the save before."""

    def __str__(self) -> str:
        done = str(self.changes) if self.kind == "saved" else self.kind
        said = "" if self.message is None else f" ({self.message})"
        return visible(f"version {self.version}, {self.by} at {self.taken_at.isoformat()}{said}: {done}")


def versions_in(events: Iterable[RecordedEvent], before: Mapping[str, Any] | None = None) -> list[WorkflowVersion]:
    """The versions of these events of one stream, oldest first; ``before`` is the body of the save before them."""
    found: list[WorkflowVersion] = []
    latest = None
    for event in events:
        if event.type in SAVES:
            found.append(_version(event, "saved", _changes(before, event.data)))
            before, latest = event.data, len(found) - 1
        else:
            found.append(_version(event, "archived" if event.type == ARCHIVED else "restored", Changes()))
    if latest is not None:
        found[latest] = replace(found[latest], is_latest=True)
    return found


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Changes:
    try:
        return changes_between(before, after)
    except (LookupError, TypeError, AttributeError, RecursionError):
        return Changes(unreadable=True)


def _version(event: RecordedEvent, kind: Literal["saved", "archived", "restored"], changes: Changes) -> WorkflowVersion:
    data = event.data
    return WorkflowVersion(
        workflow_id=data["workflow_id"],
        version=event.version,
        kind=kind,
        by=event.by,
        taken_at=event.recorded_at,
        message=data.get("message", data.get("reason")),
        snapshot_id=data.get("snapshot_id"),
        name=data.get("name"),
        digest=data.get("digest"),
        is_latest=False,
        changes=changes,
    )
