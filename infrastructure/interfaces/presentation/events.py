"""An event in one line, for people."""

from ....domain.event_registry import EVENTS
from ....domain.ports import RecordedEvent
from ....domain.values.brief import brief


def describe_event(event: RecordedEvent) -> str:
    """What an event did. A type that isn't in the registry shows its body."""
    entry = EVENTS.get(event.type)
    return brief(event.data) if entry is None else entry.describe(event.data)
