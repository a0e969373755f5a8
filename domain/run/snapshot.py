"""The state of a run at one version: field for field the JSON object that the source documents describe."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from pydantic_core import to_json

from ..errors import InvalidSnapshot
from ..status import SnapshotStatus
from ..values.clock import millis
from ..values.json import reduce
from ..values.json_text import read_json
from ..values.partly_read import PartlyRead
from ..visible import visible_json
from .context import Context
from .own_part import tell_order
from .results import NO_KEYS
from .snapshot_reader import read_fields


@dataclass(frozen=True, slots=True)
class RetryState:
    """The retry that a run in status ``error`` waits for."""

    node_id: str
    attempts: int
    """Attempts made so far."""
    next_retry_at: datetime | None = None
    payload: Any = None
    """The payload of the failed attempt, which the retry will see again; None when it had none."""
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_KEYS)
    """Other keys of its JSON, as an application keeps them: written back for as long as this state lasts."""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "payload", "extra")


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
    metadata: Mapping[str, Any] = field(default_factory=lambda: NO_KEYS)
    retry_state: RetryState | None = None
    extra: Mapping[str, Any] = field(default_factory=lambda: NO_KEYS)
    """Other keys of its JSON, as an application keeps them: written back. Ours is among them, ``flowledger``."""
    payload: Any = field(default=None, compare=False)
    """What the next step will see as its payload; None: it sees none.

    In JSON it stands where no step is under way that has seen it.
    """

    _READ_LATE: ClassVar[tuple[str, ...]] = ("current_node_id", "last_started_at", "total_execution_time")
    """Unset in the snapshots that ``running_snapshot`` makes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return reduce(self, "metadata", "extra", "payload")

    def to_data(self) -> dict[str, Any]:
        """The JSON object; an unset optional key is absent. Outputs and metadata in it are read-only."""
        return tell_order(_data(self, self.context.to_data()), self.context.order)

    def to_json(self) -> bytes:
        """UTF-8 JSON, compact."""
        return to_json(tell_order(_data(self, self.context.raw_data()), self.context.order))

    @staticmethod
    def from_json(value: bytes | str | Mapping[str, Any]) -> "Snapshot":
        """A snapshot from JSON text or its parsed object. Raises InvalidSnapshot naming the path of what is wrong.

        A key that comes twice in one object of the text is wrong, too. Keys that no snapshot has are kept, times are
        rounded to whole milliseconds, and integers beyond 64 bits are taken as JavaScript writes its numbers.
        """
        if isinstance(value, bytes | bytearray | str):
            try:
                value = read_json(value)
            except ValueError as error:
                raise InvalidSnapshot("$", f"not JSON: {error}") from None
        fields = read_fields(value)
        if (retry := fields["retry_state"]) is not None:
            fields["retry_state"] = RetryState(**retry)
        return Snapshot(**fields)

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
        data["lastStartedAt"] = millis(snapshot.last_started_at)
    if snapshot.total_execution_time is not None:
        data["totalExecutionTime"] = snapshot.total_execution_time
    data["metadata"] = snapshot.metadata
    if snapshot.retry_state is not None:
        data["retryState"] = _retry_to_data(snapshot.retry_state)
    return {**data, **snapshot.extra} if snapshot.extra else data


def _retry_to_data(retry: RetryState) -> dict[str, Any]:
    data: dict[str, Any] = {"nodeId": retry.node_id, "attempts": retry.attempts}
    if retry.next_retry_at is not None:
        data["nextRetryAt"] = millis(retry.next_retry_at)
    if retry.payload is not None:
        data["payload"] = retry.payload
    return {**data, **retry.extra} if retry.extra else data
