"""The part of a snapshot's JSON that is ours: what belongs to the state and has no key in the source documents.

Other engines carry it along without knowing what it means, so it says which state it belongs to: behind a step of
theirs it no longer counts.
"""

from collections.abc import Mapping
from typing import Any, Final

OWN_PART: Final = "flowledger"
"""Its key, at the top of a snapshot."""


def own_part(payload: Any, version: int, last_started_at: int | None) -> dict[str, Any]:
    """The part that holds a payload which no step has seen yet, of a snapshot with this version and time in ms."""
    part = {"payload": payload, "version": version}
    return part if last_started_at is None else {**part, "lastStartedAt": last_started_at}


def pending_payload(extra: Mapping[str, Any], version: int, last_started_at: int | None) -> Any:
    """The payload in the part of ours among a snapshot's other keys, if it is the state of this very snapshot."""
    part = extra.get(OWN_PART, {})
    belongs = part.get("version") == version and part.get("lastStartedAt") == last_started_at
    return part.get("payload") if belongs else None
