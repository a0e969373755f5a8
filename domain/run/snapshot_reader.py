"""Reading a snapshot that came from elsewhere: another engine wrote it, or an application kept it with changes.

What it has beyond the keys of a snapshot is kept. What is wrong is refused with its path.
"""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, Final, cast

from ..errors import InvalidSnapshot, InvalidValue
from ..status import SNAPSHOT_STATUSES
from ..values.clock import OddTime, moment_of_millis
from ..values.json import freeze, render_path
from ..visible import quoted
from .context import Context, context_of
from .own_part import OWN_PART, pending_payload, take_order
from .result_order import in_order
from .results import Entry, Pruned

LARGEST: Final = 2**53 - 1
"""The largest integer up to which JavaScript tells one from the next."""

_OF_A_SNAPSHOT = frozenset(
    {
        "workflowId",
        "status",
        "currentNodeId",
        "context",
        "version",
        "lastStartedAt",
        "totalExecutionTime",
        "metadata",
        "retryState",
    }
)
_OF_A_RESULT = frozenset({"output", "timestamp", "attempt", "error"})
_OF_A_FAILURE = frozenset({*_OF_A_RESULT, "nextNodeId"})
_OF_A_RETRY = frozenset({"nodeId", "attempts", "nextRetryAt", "payload"})


def read_fields(value: Any) -> dict[str, Any]:
    """The fields of a Snapshot by name, ``retry_state`` as the fields of a RetryState. Raises InvalidSnapshot."""
    data = _expect(value, Mapping, "$", "an object")
    status = _text(data, "status")
    if status not in SNAPSHOT_STATUSES:
        raise InvalidSnapshot("$.status", f"{quoted(status)} is not one of {', '.join(SNAPSHOT_STATUSES)}")
    retry = None if data.get("retryState") is None else _read_retry(data["retryState"])
    version = _count(data, "version")
    last_started_at = _optional(_timestamp, data, "lastStartedAt")
    extra, order = take_order(_read_own_part(_extra(data, _OF_A_SNAPSHOT, "$")))
    return {
        "workflow_id": _text(data, "workflowId"),
        "status": status,
        "current_node_id": None if data.get("currentNodeId") is None else _text(data, "currentNodeId"),
        "context": _read_context(_expect(data.get("context"), Mapping, "$.context", "an object"), retry, order),
        "version": version,
        "last_started_at": None if last_started_at is None else moment_of_millis(last_started_at),
        "total_execution_time": _optional(_duration, data, "totalExecutionTime"),
        "metadata": _json(_expect(data.get("metadata", {}), Mapping, "$.metadata", "an object"), "$.metadata"),
        "retry_state": retry,
        "extra": extra,
        "payload": pending_payload(extra, version, last_started_at) if retry is None else retry["payload"],
    }


def _read_context(nodes: Mapping[Any, Any], retry: Mapping[str, Any] | None, order: list[str] | None) -> Context:
    by_node: dict[str, list[Entry]] = {}
    empty: dict[str, None] = {}
    for node_id, results in nodes.items():
        path = f"$.context{render_path((_key(node_id, '$.context'),))}"
        if not _expect(results, list, path, "a list"):
            empty[node_id] = None
        by_node[node_id] = [_read_result(node_id, item, f"{path}[{index}]") for index, item in enumerate(results)]
    entries, told = in_order(by_node, order or ()), order is not None
    context = context_of(entries, order_counts=told)
    if retry is not None and context.next_attempt(retry["node_id"]) != retry["attempts"] + 1:
        return context_of(entries, Pruned(empty, retry["node_id"], retry["attempts"], len(entries)), told)
    return context_of(entries, Pruned(empty, None, 0, 0), told) if empty else context


def _read_result(node_id: str, value: Any, path: str) -> Entry:
    result = _expect(value, Mapping, path, "an object")
    at = _timestamp(result, "timestamp", path) * 1000
    entry: dict[str, Any] = {
        "node_id": node_id,
        "output": _json(result.get("output"), f"{path}.output"),
        "started_at": at,
        "recorded_at": at,
        "attempt": _count(result, "attempt", path),
    }
    if result.get("error") is not None:
        entry["error"] = {"type": "", "message": _text(result, "error", path)}
        if result.get("nextNodeId") is not None:
            entry["next_node_id"] = _text(result, "nextNodeId", path)
    if extra := _extra(result, _OF_A_FAILURE if "next_node_id" in entry else _OF_A_RESULT, path):
        entry["extra"] = extra
    return entry


def _read_retry(value: Any) -> Mapping[str, Any]:
    path = "$.retryState"
    data = _expect(value, Mapping, path, "an object")
    return {
        "node_id": _text(data, "nodeId", path),
        "attempts": _count(data, "attempts", path),
        "next_retry_at": _optional(_moment, data, "nextRetryAt", path),
        "payload": _json(data.get("payload"), f"{path}.payload"),
        "extra": _extra(data, _OF_A_RETRY, path),
    }


def _read_own_part(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    if OWN_PART in extra:
        path = f"$.{OWN_PART}"
        part = _expect(extra[OWN_PART], Mapping, path, "an object of flowledger")
        _optional(_count, part, "version", path)
        _optional(_timestamp, part, "lastStartedAt", path)
        _expect(part.get("metadata", {}), Mapping, f"{path}.metadata", "an object")
        for index, node_id in enumerate(_expect(part.get("order", []), list, f"{path}.order", "a list")):
            _expect(node_id, str, f"{path}.order[{index}]", "text")
    return extra


def _extra(data: Mapping[Any, Any], known: frozenset[str], path: str) -> Mapping[str, Any]:
    """What an object has beyond the keys that are known in it."""
    return cast("Mapping[str, Any]", _json({key: data[key] for key in data if key not in known}, path))


# One value


def _expect(value: Any, kind: Any, path: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidSnapshot(path, "is missing" if value is None else f"expected {name}, got {type(value).__name__}")
    return value


def _key(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise InvalidSnapshot(path, f"the key {quoted(value)} is no text, as JSON keys are")
    return cast("str", _json(value, path))


def _text(data: Mapping[str, Any], key: str, path: str = "$") -> str:
    place = f"{path}.{key}"
    return cast("str", _json(_expect(data.get(key), str, place, "text"), place))


def _json(value: Any, path: str) -> Any:
    try:
        return freeze(value, path, converts=False, javascript=True)
    except InvalidValue as error:
        raise InvalidSnapshot(error.path, str(error).removeprefix(f"{error.path}: ")) from None


def _optional(
    read: Callable[[Mapping[str, Any], str, str], Any], data: Mapping[str, Any], key: str, path: str = "$"
) -> Any:
    return None if data.get(key) is None else read(data, key, path)


def _count(data: Mapping[str, Any], key: str, path: str = "$") -> int:
    return _integer(data, key, path, "a whole number", whole=True)


def _duration(data: Mapping[str, Any], key: str, path: str) -> int:
    return _integer(data, key, path, "milliseconds", whole=False)


def _timestamp(data: Mapping[str, Any], key: str, path: str) -> int:
    at = _integer(data, key, path, "milliseconds since 1970", whole=False)
    if isinstance(moment_of_millis(at), OddTime):
        raise InvalidSnapshot(f"{path}.{key}", f"{at} is beyond the calendar; times are milliseconds since 1970")
    return at


def _moment(data: Mapping[str, Any], key: str, path: str) -> Any:
    return moment_of_millis(_timestamp(data, key, path))


def _integer(data: Mapping[str, Any], key: str, path: str, name: str, *, whole: bool) -> int:
    """From 0 to LARGEST. JavaScript has one type of number: 1.0 is whole, and times may have fractions, rounded."""
    value = data.get(key)
    if value is None:
        raise InvalidSnapshot(f"{path}.{key}", "is missing")
    number = value
    if isinstance(value, float) and isfinite(value) and (value.is_integer() or not whole):
        number = round(value)
    if isinstance(number, bool) or not isinstance(number, int) or value < 0 or number > LARGEST:
        raise InvalidSnapshot(f"{path}.{key}", f"expected {name} from 0 to {LARGEST}, got {quoted(value)}")
    return number
