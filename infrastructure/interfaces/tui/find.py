"""Finding a place in a run: by a version or a time, by what an event is, by a text in its values."""

from typing import Any

from ....domain.errors import InvalidRequest
from ....domain.ports import RecordedEvent
from ...services.history.walk import RunWalk
from ..presentation.inputs import read_moment, split_version

SEARCHED = ("node_id", "handle", "payload", "input", "output", "error", "logs", "metadata", "reason", "by")
"""Keys of an event whose values are searched. The others are times and digests."""


def find_version(walk: RunWalk, text: str) -> int:
    """The version of a run that ``120``, ``@120``, or a time such as ``2026-01-02T03:04`` stands for.

    Raises InvalidRequest, VersionNotFound, NothingAsOf.
    """
    text = text.strip().removeprefix(":").removeprefix("@")
    version = split_version(f"@{text}")[1]
    if version is not None:
        walk.snapshot(version)
        return version
    try:
        time = read_moment(text)
    except InvalidRequest:
        raise InvalidRequest(
            f"{text!r} is neither a version (1 to {walk.head}) nor a time, such as 2026-01-02T03:04"
        ) from None
    assert time is not None  # noqa: S101 - a text was given
    return walk.version_at(time)


def mentions(event: RecordedEvent, wanted: str) -> bool:
    """Whether a value of the event contains the text; case doesn't matter."""
    folded = wanted.casefold()
    return any(_mentions(event.data[key], folded) for key in SEARCHED if key in event.data)


def _mentions(value: Any, wanted: str) -> bool:
    match value:
        case str():
            return wanted in value.casefold()
        case dict():
            return any(_mentions(item, wanted) for item in value.values())
        case list():
            return any(_mentions(item, wanted) for item in value)
        case None | bool():
            return wanted == {None: "null", True: "true", False: "false"}[value]
        case _:
            return wanted in str(value)


def takes_handle(event: RecordedEvent) -> bool:
    """Whether a step chose its edge by a handle."""
    return "handle" in event.data
