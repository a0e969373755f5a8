"""The events of a workflow in words: in a list of events, and in the audit trail."""

from ..events.registry import Body
from ..events.words import because
from ..ports import RecordedEvent


def describe_save(data: Body) -> str:
    message = f": {data['message']}" if "message" in data else ""
    name = f"{data['name']!r}, " if "name" in data else ""
    draft = "draft, " if "live_version" in data else ""
    restored = f"version {data['restored_version']} restored, " if "restored_version" in data else ""
    return f"{draft}{restored}{name}{data['snapshot_id']}, {len(data['definition']['nodes'])} nodes{message}"


def narrate_save(event: RecordedEvent) -> str:
    data, subject = event.data, repr(event.data["workflow_id"])
    draft = " a draft," if "live_version" in data else ""
    if "restored_version" in data:
        done = f"restored version {data['restored_version']} of {subject} as{draft} version {event.version}"
    elif event.version == 1:
        done = f"created {subject}{' as a draft' if draft else ''}"
    else:
        done = f"saved{draft} version {event.version} of {subject}"
    said = data.get("message")
    is_told = "restored_version" in data and said == restoration_message(data["restored_version"])
    return f"{done}{_renaming(data)}{because(None if is_told else said)}"


def restoration_message(version: int) -> str:
    """The message of a save that restores a version, where nobody gave one."""
    return f"restored from version {version}"


def _renaming(data: Body) -> str:
    if not data.get("renamed"):
        return ""
    return f", renamed to {data['name']!r}" if "name" in data else ", without its name"


def narrate_archive(event: RecordedEvent) -> str:
    return f"archived {event.data['workflow_id']!r}{because(event.data.get('reason'))}"


def narrate_restoration(event: RecordedEvent) -> str:
    data = event.data
    version = f" at version {data['restored_version']}" if "restored_version" in data else ""
    return f"restored {data['workflow_id']!r}{version}{because(data.get('reason'))}"


def describe_release(data: Body) -> str:
    if data.get("unchanged"):
        return "nothing changed"
    return f"version {data['version']} is live{because(data.get('message'))}"


def narrate_release(event: RecordedEvent) -> str:
    data = event.data
    if data.get("unchanged"):
        return f"asked for what {data['workflow_id']!r} was already"
    return f"released version {data['version']} of {data['workflow_id']!r}{because(data.get('message'))}"
