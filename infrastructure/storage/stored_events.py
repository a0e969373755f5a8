"""Events as recorders take them: the stored values, and the conditions and index data that go with them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eventsourcing.persistence import StoredEvent


@dataclass(frozen=True)
class LinkedEvent(StoredEvent):
    """A stored event that may be stored only after a certain other one."""

    previous: bytes = b""
    """The digest of the event before it in its stream; empty where that is no condition: the event is the stream's
    first one, or is stored together with the one before."""


@dataclass(frozen=True)
class IndexedEvent(LinkedEvent):
    """A stored event that changes rows of the index; ``data`` is its body."""

    data: Mapping[str, Any] = field(default_factory=dict)


def previous_of(event: StoredEvent) -> bytes:
    """The digest of the event that must be stored before this one; empty where that is no condition."""
    return event.previous if isinstance(event, LinkedEvent) else b""
