"""The events of a workflow in words: in a list of events, and in the audit trail."""

from ..events.registry import Body
from ..events.words import because
from ..ports import RecordedEvent


def describe_save(data: Body) -> str:
    message = f": {data['message']}" if "message" in data else ""
    name = f"{data['name']!r}, " if "name" in data else ""
    return f"{name}{data['snapshot_id']}, {len(data['definition']['nodes'])} nodes{message}"


def narrate_save(event: RecordedEvent) -> str:
    verb = "created" if event.version == 1 else f"saved version {event.version} of"
    return f"{verb} {event.data['workflow_id']!r}{because(event.data.get('message'))}"


def narrate_archive(event: RecordedEvent) -> str:
    return f"archived {event.data['workflow_id']!r}{because(event.data.get('reason'))}"


def narrate_restoration(event: RecordedEvent) -> str:
    return f"restored {event.data['workflow_id']!r}{because(event.data.get('reason'))}"
