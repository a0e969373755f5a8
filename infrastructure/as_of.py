"""Time only ever finds a version: the last one of the longest prefix that was recorded by then."""

from datetime import datetime

from ..domain.clock import micros
from ..domain.errors import NothingAsOf
from ..domain.ports import EventStore, RecordedEvent


def version_as_of(store: EventStore, stream: str, head: int, at: datetime, subject: str) -> int:
    """The version of a stream as of a moment, found by bisection: recording times never fall within a stream.

    Raises NothingAsOf when the stream began later, InvalidRequest for a naive datetime.
    """
    micros(at)
    first = _event(store, stream, 1)
    if first.recorded_at > at:
        raise NothingAsOf(at, first.recorded_at, subject)
    low, high = 1, head
    while low < high:
        middle = (low + high + 1) // 2
        if _event(store, stream, middle).recorded_at <= at:
            low = middle
        else:
            high = middle - 1
    return low


def _event(store: EventStore, stream: str, version: int) -> RecordedEvent:
    return next(iter(store.read(stream, after=version - 1, upto=version)))
