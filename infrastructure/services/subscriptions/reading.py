"""Reading on behind a place in the log, and noticing that the store has lost it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....domain.errors import EventsLost
from ...storage.subscription_table import Place

if TYPE_CHECKING:
    from ...storage.reader import EventReader
    from ...storage.recorder import EventRow

HEADER = 41
"""Bytes of an event that identify it."""


def read_behind(store: "EventReader", place: Place) -> "Sequence[EventRow]":
    """The next events behind the place, at most a page; none that a later commit could precede.

    Raises EventsLost where another event lies there now, or none: then new events may lie before it, too.
    """
    if place.stream is None or place.version is None:
        return store.log_batch(place.position)
    # The page begins with the last event that was read.
    page = store.log_batch(place.position - 1)
    if page and place_of(store, page[0]) == place:
        return page[1:]
    is_there = store.header(place.stream, place.version) == (place.header, place.position)
    if not is_there and not store.was_removed(place.stream):
        raise EventsLost(place.stream, place.version, store.head(place.stream))
    return store.log_batch(place.position)  # a replica may hold it back again


def place_of(store: "EventReader", row: "EventRow") -> Place:
    """The place behind an event."""
    if row.encoded is not None:
        header = row.encoded[:HEADER]
    else:
        found = store.header(row.stream, row.version)
        header = b"" if found is None else found[0]
    return Place(row.position, row.stream, row.version, header)
