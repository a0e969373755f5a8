"""From a moment to a version. Time only ever finds a version: the last of the longest prefix recorded by then."""

from datetime import datetime

from ...domain.errors import NothingAsOf, StorageCorrupt, VersionNotFound
from ...domain.moments import AsOf, AtVersion, Moment
from ...domain.ports import EventStore, RecordedEvent


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


def version_as_of(store: EventStore, stream: str, head: int, time: datetime, subject: str) -> int:
    """The last version whose event, and every one before it, was recorded by then. Raises NothingAsOf."""
    first = _event(store, stream, 1)
    if first.recorded_at > time:
        raise NothingAsOf(time, first.recorded_at, subject)
    low, high = 1, head
    while low < high:  # recording times never fall within a stream
        middle = (low + high + 1) // 2
        if _event(store, stream, middle).recorded_at <= time:
            low = middle
        else:
            high = middle - 1
    return low


def _event(store: EventStore, stream: str, version: int) -> RecordedEvent:
    event = next(iter(store.read(stream, after=version - 1, upto=version)), None)
    if event is None:
        raise StorageCorrupt(f"event {version} of stream {stream!r} is missing in the store: verify tells what else is")
    return event
