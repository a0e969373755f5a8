"""The part of a snapshot's JSON that is ours: what belongs to the state and has no key in the source documents.

Other engines carry it along without knowing what it means, so it says which state it belongs to: behind a step of
theirs it no longer counts.
"""

from collections.abc import Mapping
from typing import Any, Final

from ..status import TERMINAL
from ..values.json import freeze

OWN_PART: Final = "flowledger"
"""Its key, at the top of a snapshot."""


def own_part(payload: Any, version: int, last_started_at: int | None) -> dict[str, Any]:
    """The part that holds a payload which no step has seen yet, of a snapshot with this version and time in ms."""
    part = {"payload": payload, "version": version}
    return part if last_started_at is None else {**part, "lastStartedAt": last_started_at}


def tell_order(data: dict[str, Any], order: list[str] | None) -> dict[str, Any]:
    """The JSON of a snapshot, with the order of its results where that is given, isn't clear, and the run goes on."""
    if order is None or len(data["context"]) < 2 or data["status"] in TERMINAL:
        return data
    return {**data, OWN_PART: {**data.get(OWN_PART, {}), "order": order}}


def take_order(extra: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str] | None]:
    """A snapshot's other keys without the order of its results, and that order."""
    part = extra.get(OWN_PART, {})
    if "order" not in part:
        return extra, None
    rest = {key: value for key, value in part.items() if key != "order"}
    others = {key: value for key, value in extra.items() if key != OWN_PART}
    return freeze({**others, OWN_PART: rest} if rest else others), part["order"]


def pending_payload(extra: Mapping[str, Any], version: int, last_started_at: int | None) -> Any:
    """The payload in the part of ours among a snapshot's other keys, if it is the state of this very snapshot."""
    part = extra.get(OWN_PART, {})
    belongs = part.get("version") == version and part.get("lastStartedAt") == last_started_at
    return part.get("payload") if belongs else None
