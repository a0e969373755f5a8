"""Events as recorders take them: the stored values, and the conditions and index data that go with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventsourcing.persistence import StoredEvent

from ...domain.ports import Guard


@dataclass(frozen=True)
class LinkedEvent(StoredEvent):
    """A stored event that may be stored only after a certain other one."""

    previous: bytes = b""
    """The digest of the event before it in its stream; empty where that is no condition: the event is the stream's
    first one, or is stored together with the one before."""


@dataclass(frozen=True)
class IndexedEvent(LinkedEvent):
    """A stored event that changes rows of the index; ``data`` is its body."""

    data: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class GuardedEvent(IndexedEvent):
    """A stored event that may be stored only while another stream ends with a certain event.

    Without ``data`` where it changes no row of the index.
    """

    guard: Guard = field(kw_only=True)


def guarded(event: LinkedEvent, guard: Guard) -> GuardedEvent:
    """The same event on a condition, which holds for all that is stored with it."""
    data = event.data if isinstance(event, IndexedEvent) else {}
    return GuardedEvent(
        event.originator_id,
        event.originator_version,
        event.topic,
        event.state,
        event.previous,
        data,
        guard=guard,
    )


def guards_in(events: Sequence[StoredEvent]) -> list[Guard]:
    """The conditions on other streams under which these events may be stored, each once."""
    return list(dict.fromkeys(event.guard for event in events if isinstance(event, GuardedEvent)))


def previous_of(event: StoredEvent) -> bytes:
    """The digest of the event that must be stored before this one; empty where that is no condition."""
    return event.previous if isinstance(event, LinkedEvent) else b""
