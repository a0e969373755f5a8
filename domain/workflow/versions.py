"""The history of a workflow as a list: who did what to it, what each save changed, and which version is live."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from ..ports import RecordedEvent
from ..visible import visible
from .changes import Changes, changes_between
from .events import ARCHIVED, RELEASED, RESTORED, SAVES


@dataclass(frozen=True, slots=True)
class WorkflowVersion:
    """One version of a workflow: a save, or that one was released, or the workflow archived or restored.

    ``str()`` tells it in a line.
    """

    workflow_id: str
    version: int
    kind: Literal["saved", "archived", "restored", "released"]
    by: str
    taken_at: datetime
    message: str | None
    """What somebody said about it: a save's message, or the reason of anything else."""
    snapshot_id: str | None
    """Seven characters that name a save; None for anything else."""
    name: str | None
    digest: str | None
    is_latest: bool
    changes: Changes
    """What changed since the save before."""
    is_live: bool = False
    """Whether it is the version that runs start with."""
    is_draft: bool = False
    """Whether it was never live."""
    of_version: int | None = None
    """The version that was released, or whose definition came back with this save."""

    def __str__(self) -> str:
        return visible(f"version {self.version}, {self.by} at {self.taken_at.isoformat()}{self._said()}: {self.done}")

    @property
    def done(self) -> str:
        """What was done, in words."""
        if self.kind == "released":
            return "nothing changed" if self.of_version is None else f"released version {self.of_version}"
        if self.kind != "saved":
            return self.kind
        restored = "" if self.of_version is None else f"restored version {self.of_version}: "
        return f"{'draft: ' if self.is_draft else ''}{restored}{self.changes}"

    def _said(self) -> str:
        return "" if self.message is None else f" ({self.message})"


def versions_in(events: Iterable[RecordedEvent], before: Mapping[str, Any] | None = None) -> list[WorkflowVersion]:
    """The versions of these events of one stream, oldest first; ``before`` is the body of the save before them."""
    found: dict[int, WorkflowVersion] = {}
    latest = live = None
    for event in events:
        changes = _changes(before, event.data) if event.type in SAVES else Changes()
        found[event.version] = _version(event, changes)
        if event.type in SAVES:
            before, latest = event.data, event.version
            live = event.data.get("live_version", event.version)
        elif event.type == RELEASED:
            live = event.data["version"]
            if live in found and "unchanged" not in event.data:
                found[live] = replace(found[live], is_draft=False)
    if latest is not None:
        found[latest] = replace(found[latest], is_latest=True)
    if live in found:
        found[live] = replace(found[live], is_live=True)
    return [*found.values()]


def _changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Changes:
    try:
        return changes_between(before, after)
    except (LookupError, TypeError, AttributeError, RecursionError):
        return Changes(unreadable=True)


def _version(event: RecordedEvent, changes: Changes) -> WorkflowVersion:
    data = event.data
    return WorkflowVersion(
        workflow_id=data["workflow_id"],
        version=event.version,
        kind=_KINDS.get(event.type, "saved"),
        by=event.by,
        taken_at=event.recorded_at,
        message=data.get("message", data.get("reason")),
        snapshot_id=data.get("snapshot_id"),
        name=data.get("name"),
        digest=data.get("digest"),
        is_latest=False,
        changes=changes,
        is_draft="live_version" in data,
        of_version=None if data.get("unchanged") else data.get("restored_version", data.get("version")),
    )


_KINDS: Mapping[str, Literal["archived", "restored", "released"]] = {
    ARCHIVED: "archived",
    RESTORED: "restored",
    RELEASED: "released",
}
