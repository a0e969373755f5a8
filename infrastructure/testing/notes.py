"""An event type for tests of stores, and short ways to write and read it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from typing_extensions import TypedDict

from ...domain.events.catalogue import event_type
from ...domain.ports import EventStore, ExpectedVersion, Guard, NewEvent, Write

NOON = 1_760_000_000_000_000


class Noted(TypedDict):
    recorded_at: int
    by: str
    text: Any


NOTED = event_type("test.noted", Noted)


def note(text: Any, at: int = NOON) -> NewEvent:
    return NewEvent(NOTED, {"recorded_at": at, "by": "ada", "text": text})


def notes(*texts: Any) -> list[NewEvent]:
    return [note(text) for text in texts]


def write(store: EventStore, stream: str, expected: int | ExpectedVersion, *texts: Any) -> list[int]:
    return store.append(Write(stream, expected, notes(*texts)))


class Folded(NamedTuple):
    """What a fold reads of an event."""

    version: int
    type: str
    data: dict[str, Any]


def rows(store: EventStore, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[Folded]:
    """The events as a fold that looks at all of them gets them."""
    for page in store.pages(stream, after=after, upto=upto):
        for row in page.rows:
            yield Folded(row[0], row[1], page.decoder.decode(row))


def texts(store: EventStore, stream: str) -> list[Any]:
    return [row.data["text"] for row in rows(store, stream)]


def end_of(store: EventStore, stream: str) -> Guard:
    """A guard on the stream as it ends now."""
    last = next(iter(store.read(stream, backwards=True)))
    return Guard(stream, last.version, last.digest)
