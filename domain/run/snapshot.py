"""The state of a run at one version: field for field the JSON object that the source documents describe."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, cast

from pydantic_core import to_json

from ..errors import InvalidSnapshot, InvalidValue
from ..status import SNAPSHOT_STATUSES, SnapshotStatus
from ..values.clock import OddTime, moment_of_millis
from ..values.json import freeze, render_path, restore
from ..values.json_text import read_json
from ..values.partly_read import PartlyRead
from ..visible import quoted, visible_json
from .context import Context
from .results import Entry, ResultLog


@dataclass(frozen=True, slots=True)
class RetryState:
    """The retry that a run in status ``error`` waits for."""

    node_id: str
    attempts: int
    """Attempts made so far."""
    next_retry_at: datetime | None = None
    payload: Any = None
    """The payload of the failed attempt, which the retry will see again; None when it had none."""

    def __setstate__(self, state: list[Any]) -> None:
        restore(self, state, "payload")


@dataclass(frozen=True, slots=True)
class Snapshot(PartlyRead):
    """Immutable, equal by value. Times are whole milliseconds, as in its JSON."""

    workflow_id: str
    status: SnapshotStatus
    current_node_id: str | None
    context: Context
    version: int
    """How many transitions were recorded."""
    last_started_at: datetime | None = None
    """When the last step, or the call that was to begin it, began."""
    total_execution_time: int | None = None
    """Milliseconds spent inside executors."""
    metadata: Mapping[str, Any] = field(default_factory=lambda: cast("Mapping[str, Any]", freeze({})))
    retry_state: RetryState | None = None

    _READ_LATE: ClassVar[tuple[str, ...]] = ("current_node_id", "last_started_at", "total_execution_time")
    """Unset in the snapshots that ``running_snapshot`` makes."""

    def __setstate__(self, state: list[Any]) -> None:
        restore(self, state, "metadata")

    def to_data(self) -> dict[str, Any]:
        """The JSON object; an unset optional key is absent. Outputs and metadata in it are read-only."""
        return _data(self, self.context.to_data())

    def to_json(self) -> bytes:
        """UTF-8 JSON, compact."""
        return to_json(_data(self, self.context.raw_data()))

    @staticmethod
    def from_json(value: bytes | str | Mapping[str, Any]) -> "Snapshot":
        """A snapshot from JSON text or its parsed object. Raises InvalidSnapshot naming the path of what is wrong.

        A key that comes twice in one object of the text is wrong, too.
        """
        if isinstance(value, bytes | bytearray | str):
            try:
                value = read_json(value)
            except ValueError as error:
                raise InvalidSnapshot("$", f"not JSON: {error}") from None
        return _read(value)

    def __str__(self) -> str:
        return visible_json(json.dumps(_data(self, self.context.raw_data()), indent=2, ensure_ascii=False))


def shallow_data(snapshot: Snapshot) -> dict[str, Any]:
    """The JSON object with the Context itself as its context: to read few of very many results."""
    return _data(snapshot, snapshot.context)


def data_without_context(snapshot: Snapshot) -> dict[str, Any]:
    """The JSON object without its context."""
    data = _data(snapshot, {})
    del data["context"]
    return data


def _data(snapshot: Snapshot, context: Mapping[str, Any]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "workflowId": snapshot.workflow_id,
        "status": snapshot.status,
        "currentNodeId": snapshot.current_node_id,
        "context": context,
        "version": snapshot.version,
    }
    if snapshot.last_started_at is not None:
        data["lastStartedAt"] = _millis(snapshot.last_started_at)
    if snapshot.total_execution_time is not None:
        data["totalExecutionTime"] = snapshot.total_execution_time
    data["metadata"] = snapshot.metadata
    if snapshot.retry_state is not None:
        data["retryState"] = _retry_to_data(snapshot.retry_state)
    return data


def _millis(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _retry_to_data(retry: RetryState) -> dict[str, Any]:
    data: dict[str, Any] = {"nodeId": retry.node_id, "attempts": retry.attempts}
    if retry.next_retry_at is not None:
        data["nextRetryAt"] = _millis(retry.next_retry_at)
    if retry.payload is not None:
        data["payload"] = retry.payload
    return data


_KNOWN = frozenset(
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


def _read(value: Any) -> Snapshot:
    data = _expect(value, Mapping, "$", "an object")
    unknown = sorted(set(data) - _KNOWN, key=str)
    if unknown:
        raise InvalidSnapshot(f"$.{unknown[0]}", f"unknown key; a snapshot has {', '.join(sorted(_KNOWN))}")
    status = _text(data, "status")
    if status not in SNAPSHOT_STATUSES:
        raise InvalidSnapshot("$.status", f"{quoted(status)} is not one of {', '.join(SNAPSHOT_STATUSES)}")
    started = _integer(data, "lastStartedAt", optional=True)
    context = _read_context(_expect(data.get("context"), Mapping, "$.context", "an object"))
    return Snapshot(
        workflow_id=_text(data, "workflowId"),
        status=status,
        current_node_id=None if data.get("currentNodeId") is None else _text(data, "currentNodeId"),
        context=context,
        version=_required(_integer(data, "version"), "$.version"),
        last_started_at=None if started is None else _moment(started, "$.lastStartedAt"),
        total_execution_time=_integer(data, "totalExecutionTime", optional=True),
        metadata=_json(_expect(data.get("metadata", {}), Mapping, "$.metadata", "an object"), "$.metadata"),
        retry_state=_read_retry(data["retryState"]) if data.get("retryState") is not None else None,
    )


def _read_context(nodes: Mapping[str, Any]) -> Context:
    entries: list[Entry] = []
    for node_id, results in nodes.items():
        path = f"$.context{render_path((str(node_id),))}"
        for index, item in enumerate(_expect(results, list, path, "a list")):
            place = f"{path}[{index}]"
            result = _expect(item, Mapping, place, "an object")
            at = _required(_integer(result, "timestamp", place), f"{place}.timestamp")
            _moment(at, f"{place}.timestamp")
            entry: dict[str, Any] = {
                "node_id": str(node_id),
                "output": _json(result.get("output"), f"{place}.output"),
                "finished_at": at * 1000,
                "attempt": _required(_integer(result, "attempt", place), f"{place}.attempt"),
            }
            if result.get("error") is not None:
                entry["error"] = {"message": _text(result, "error", place)}
                if result.get("nextNodeId") is not None:
                    entry["next_node_id"] = _text(result, "nextNodeId", place)
            entries.append(entry)
    return Context(ResultLog(entries), len(entries))


def _read_retry(value: Any) -> RetryState:
    data = _expect(value, Mapping, "$.retryState", "an object")
    due = _integer(data, "nextRetryAt", "$.retryState", optional=True)
    return RetryState(
        node_id=_text(data, "nodeId", "$.retryState"),
        attempts=_required(_integer(data, "attempts", "$.retryState"), "$.retryState.attempts"),
        next_retry_at=None if due is None else _moment(due, "$.retryState.nextRetryAt"),
        payload=_json(data.get("payload"), "$.retryState.payload"),
    )


def _expect(value: Any, kind: Any, path: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise InvalidSnapshot(path, f"expected {name}, got {type(value).__name__}")
    return value


def _text(data: Mapping[str, Any], key: str, path: str = "$") -> str:
    return cast("str", _expect(data.get(key), str, f"{path}.{key}", "text"))


def _integer(data: Mapping[str, Any], key: str, path: str = "$", *, optional: bool = False) -> int | None:
    value = data.get(key)
    if value is None and optional:
        return None
    if isinstance(value, float) and value.is_integer():  # JavaScript has one number type
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidSnapshot(f"{path}.{key}", f"expected a whole number, 0 or more, got {quoted(value)}")
    return value


def _required(value: int | None, path: str) -> int:
    if value is None:
        raise InvalidSnapshot(path, "is missing")
    return value


def _moment(at: int, path: str) -> datetime:
    moment = moment_of_millis(at)
    if isinstance(moment, OddTime):
        raise InvalidSnapshot(path, f"{at} is beyond the calendar; times are milliseconds since 1970")
    return moment


def _json(value: Any, path: str) -> Any:
    try:
        return freeze(value, path)
    except InvalidValue as error:
        raise InvalidSnapshot(error.path, str(error).removeprefix(f"{error.path}: ")) from None
