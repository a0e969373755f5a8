"""What a snapshot's metadata shows beside the caller's: what a run waits for, who holds it, why it failed.

A caller may have values of his own under these names. Ours cover them while they are shown, and he has them back then.
So whoever goes on from a snapshot must know which of them are ours.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ..values.clock import OddTime, moment_of_millis
from ..values.json import freeze
from ..values.json_compare import same_json
from .own_part import OWN_PART

if TYPE_CHECKING:
    from .snapshot import Snapshot

SHOWN: Final = frozenset({"pausedReason", "pausedUntil", "failedReason", "held"})

_RETRY = re.compile(r"Retry attempt \d+").fullmatch
"""The reference engine leaves it there when the retry is long done with."""

_UNENDED = ("active", "paused", "error")


def split_metadata(snapshot: "Snapshot") -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """The caller's metadata, and ours among it."""
    metadata = snapshot.metadata
    if SHOWN.isdisjoint(metadata):
        return metadata, {}
    told = snapshot.extra.get(OWN_PART, {}).get("metadata")
    if isinstance(told, Mapping):
        callers: Mapping[str, Any] = told
    else:
        callers = {name: metadata[name] for name in SHOWN & metadata.keys() if not _is_likely_ours(name, snapshot)}
    ours = {
        name: metadata[name]
        for name in SHOWN & metadata.keys()
        if _may_be_ours(name, snapshot) and not (name in callers and same_json(callers[name], metadata[name]))
    }
    rest = {name: value for name, value in metadata.items() if name not in ours}
    return freeze({**rest, **{name: callers[name] for name in ours if name in callers}}), ours


def tell_apart(snapshot: "Snapshot", callers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The snapshot's other keys; where it could be misread, they tell which of the metadata are the caller's."""
    if SHOWN.isdisjoint(callers) or same_json(split_metadata(snapshot)[0], callers):
        return snapshot.extra
    part = {**snapshot.extra.get(OWN_PART, {}), "metadata": {name: callers[name] for name in SHOWN & callers.keys()}}
    return freeze({**snapshot.extra, OWN_PART: part})  # type: ignore[no-any-return]


def _may_be_ours(name: str, snapshot: "Snapshot") -> bool:
    """Whether we write such a value there."""
    value, status = snapshot.metadata[name], snapshot.status
    match name:
        case "pausedReason":
            return isinstance(value, str) and (status == "paused" or _RETRY(value) is not None)
        case "failedReason":
            return isinstance(value, str) and status == "failed"
        case "pausedUntil":
            return status == "paused" and _is_time(value)
        case _:
            return status == "paused" and _is_hold(value)


def _is_hold(value: Any) -> bool:
    match value:
        case {"by": str(), "at": at, "status": status, **others}:
            return _is_time(at) and status in _UNENDED and all(isinstance(others.get(key), str) for key in others)
        case _:
            return False


def _is_time(value: Any) -> bool:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return is_number and value >= 0 and not isinstance(moment_of_millis(value), OddTime)


def _is_likely_ours(name: str, snapshot: "Snapshot") -> bool:
    """Where nothing tells: the reference engine gives no reason for a pause, so one in a snapshot of its is a caller's.

    Its version counts successes. Ours counts every event, of which each run has one more.
    """
    if name in ("failedReason", "held") or (name == "pausedReason" and _RETRY(str(snapshot.metadata[name]))):
        return True
    successes = sum(result.error is None for results in snapshot.context.values() for result in results)
    return snapshot.version > successes
