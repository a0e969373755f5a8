"""From a moment to a version: a time selects the last version of the longest prefix recorded by then."""

from collections.abc import Callable
from datetime import datetime

from ...domain.errors import NothingAsOf, VersionNotFound
from ...domain.ports import EventStore, RecordedEvent
from ...domain.values.names import check_run_id
from ...domain.values.point_in_time import AsOf, AtVersion, Moment, parse_moment
from .missing import missing_run


def version_at(store: EventStore, stream: str, moment: Moment, head: int, subject: str) -> int:
    """The version of a stream, whose head is known, at a moment.

    Raises VersionNotFound for a version that isn't there, NothingAsOf when the stream began later.
    """
    match moment:
        case AtVersion(version):
            if not 1 <= version <= head:
                raise VersionNotFound(version, head, subject)
            return version
        case AsOf(time):
            return version_as_of(store, stream, head, time, subject)
        case _:
            return head


def version_of_run(store: EventStore, run_id: str, version: int) -> int:
    """The version that a caller gives of a run, checked. Raises RunNotFound, VersionNotFound, InvalidRequest."""
    check_run_id(run_id)
    head = store.head(run_id)
    if head == 0:
        raise missing_run(store, run_id)
    return version_at(store, run_id, parse_moment(version, None), head, f"run {run_id!r}")


def version_as_of(store: EventStore, stream: str, head: int, time: datetime, subject: str) -> int:
    """The last version whose event, and every one before it, was recorded by then. Raises NothingAsOf."""
    first = event_at(store, stream, 1)
    if first.recorded_at > time:
        raise NothingAsOf(time, first.recorded_at, subject)
    # Recording times never fall within a stream, and positions always grow.
    return _last_version(store, stream, head, lambda event: event.recorded_at <= time)


def version_at_position(store: EventStore, stream: str, head: int, position: int) -> int:
    """The last version whose event is at or before a position of the store; 0 when there is none."""
    if event_at(store, stream, 1).position > position:
        return 0
    return _last_version(store, stream, head, lambda event: event.position <= position)


def _last_version(store: EventStore, stream: str, head: int, is_before: Callable[[RecordedEvent], bool]) -> int:
    """The last version for which ``is_before`` holds: it holds for the first, and never again once it doesn't."""
    low, high = 1, head
    while low < high:
        middle = (low + high + 1) // 2
        if is_before(event_at(store, stream, middle)):
            low = middle
        else:
            high = middle - 1
    return low


def event_at(store: EventStore, stream: str, version: int) -> RecordedEvent:
    """One event that must exist. Raises StorageCorrupt when it doesn't."""
    return store.events_at([(stream, version)])[0]
