"""The list of all bulk actions, a stream of its own: which there are, and which have something left to do.

So a process that looks for work reads one version number, and what is new behind the one that it knows.
"""

from dataclasses import dataclass, field
from typing import Final

from ..events.envelope import Recorded
from ..events.registry import Body, EventEntry, Registry, register
from ..ports import NewEvent

DIRECTORY: Final = "bulks"
"""The name of the stream."""


class BulkOpened(Recorded):
    """There is a new one."""

    bulk_id: str


class BulkClosed(Recorded):
    """One has finished, or was stopped."""

    bulk_id: str


OPENED: Final = "bulks.opened"
CLOSED: Final = "bulks.closed"


@dataclass(slots=True)
class BulkDirectory:
    """The fold of the list."""

    id: str = DIRECTORY
    ids: list[str] = field(default_factory=list[str])
    """Of all, oldest first."""
    open: dict[str, None] = field(default_factory=dict[str, None])
    """Of those that have something left to do, oldest first."""
    recorded_at: int = 0
    version: int = 0


def entered(bulk_id: str, *, by: str, now: int) -> NewEvent:
    """The entry of a new one."""
    return NewEvent(OPENED, {"recorded_at": now, "by": by, "bulk_id": bulk_id})


def closed(bulk_id: str, *, by: str, now: int) -> NewEvent:
    """One has nothing left to do."""
    return NewEvent(CLOSED, {"recorded_at": now, "by": by, "bulk_id": bulk_id})


def on_opened(directory: BulkDirectory, data: Body) -> None:
    directory.ids.append(data["bulk_id"])
    directory.open[data["bulk_id"]] = None


def on_closed(directory: BulkDirectory, data: Body) -> None:
    directory.open.pop(data["bulk_id"], None)


def why_not(_: BulkDirectory) -> str | None:
    return None


def describe(data: Body) -> str:
    bulk_id: str = data["bulk_id"]
    return bulk_id


DIRECTORY_EVENTS: Final[Registry] = register(
    *(
        EventEntry(
            name=name,
            schema=schema,
            aggregate="bulks",
            evolve=evolve,
            why_not=why_not,
            index="none",
            describe=describe,
            narrate=None,
            sign="·",
            tone="quiet",
        )
        for name, schema, evolve in ((OPENED, BulkOpened, on_opened), (CLOSED, BulkClosed, on_closed))
    )
)


def evolve_directory(directory: BulkDirectory, type: str, data: Body) -> None:
    """Fold one event into the list. Raises KeyError for an event that is none of it."""
    DIRECTORY_EVENTS[type].evolve(directory, data)
    directory.recorded_at = data["recorded_at"]
    directory.version += 1
