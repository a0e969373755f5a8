"""The rows of lists of steps and failures, made of a run's events. Times are microseconds since 1970 (UTC)."""

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple

from ...domain.run import FAILED, PAUSED, STEP_COMPLETED, STEP_FAILED
from ...domain.values.clock import EARLIEST, LATEST
from ..index.columns import count_column, id_column, key, row_time
from ..runs.attempts import AttemptOutcome, finish_time, is_execution
from .messages import general_message

SLOWEST: Final = 12
"""The largest slowness: of what took 4.7 hours and longer."""

LONGEST: Final = LATEST - EARLIEST
"""Microseconds."""


class StepRow(NamedTuple):
    """One attempt at a node. The fields are in the order of the statements that keep them, as are those of failures."""

    position: int
    """Of the event that recorded it."""
    started_at: int
    took: int
    """Microseconds inside the executor."""
    version: int
    """Of the event."""
    workflow_version: int
    attempt: int
    retry_at: int | None
    slowness: int
    """What it took, in steps of four."""
    taken: bool
    """Whether its outcome was taken from the record, and not executed. SQLite says 0 and 1."""
    run_id: str
    workflow_id: str
    node_id: str
    status: AttemptOutcome
    error_type: str | None
    message: str | None
    """The beginning of what its error said, or of what it waits for."""
    handle: str | None


class FailureRow(NamedTuple):
    """One failure, of a step or of a run."""

    position: int
    failed_at: int
    version: int
    workflow_version: int
    fingerprint: int
    """Alike where workflow, node, type and message are."""
    ended: bool
    """Whether the run has failed by it."""
    run_id: str
    workflow_id: str
    node_id: str | None
    error_type: str | None
    """None where no step failed: the run came to its step limit, or no edge led on."""
    message: str
    """Without what varies."""


class StepRows(NamedTuple):
    """What some events add to the lists."""

    attempts: list[StepRow]
    failures: list[FailureRow]


NO_STEPS: Final = StepRows([], [])


class RanVersion(NamedTuple):
    """What a run executes."""

    workflow_id: str
    version: int


def ran_version(data: Mapping[str, Any]) -> RanVersion:
    """What its first event says of that. Raises one of MISFITS."""
    return RanVersion(id_column(data["workflow_id"]), count_column(data["workflow_version"]))


def is_listed(type: str) -> bool:
    """Whether events of this type may be attempts or failures."""
    return type in _LISTED


def add_event(
    rows: StepRows,
    place: tuple[str, int, int],
    type: str,
    data: Mapping[str, Any],
    ran: RanVersion,
) -> None:
    """Add the rows of an event; ``place`` is its run, version and position. Raises one of MISFITS, and adds nothing."""
    attempt = _attempt(place, type, data, ran) if is_execution(type, data) else None
    failure = _failure(place, data, ran) if type in (STEP_FAILED, FAILED) else None
    if attempt is not None:
        rows.attempts.append(attempt)
    if failure is not None:
        rows.failures.append(failure)


def slowness(took: int) -> int:
    """In which step of four lies what took so many microseconds: 0 to SLOWEST, never less for what took longer."""
    return min((took // 1_000).bit_length() // 2, SLOWEST)


_LISTED: Final = frozenset({STEP_COMPLETED, STEP_FAILED, PAUSED, FAILED})

_OUTCOMES: Final[dict[str, AttemptOutcome]] = {
    STEP_COMPLETED: "completed",
    STEP_FAILED: "failed",
    PAUSED: "paused",
}


def _attempt(place: tuple[str, int, int], type: str, data: Mapping[str, Any], ran: RanVersion) -> StepRow:
    run_id, version, position = place
    error = data.get("error")
    retry_at = data.get("retry_at")
    started_at = row_time(data["started_at"])
    took = min(max(0, row_time(finish_time(data)) - started_at), LONGEST)
    return StepRow(
        position,
        started_at,
        took,
        version,
        ran.version,
        count_column(data.get("attempt", 1)),
        None if retry_at is None else row_time(retry_at),
        slowness(took),
        "recorded" in data,
        run_id,
        ran.workflow_id,
        _text(data["node_id"]),
        _OUTCOMES[type],
        None if error is None else _text(error["type"]),
        _optional_text(data.get("reason") if error is None else error["message"]),
        _optional_text(data.get("handle")),
    )


def _failure(place: tuple[str, int, int], data: Mapping[str, Any], ran: RanVersion) -> FailureRow:
    run_id, version, position = place
    after, error = data["after"], data.get("error")
    node_id = _optional_text(after.get("node_id") if error is None else data["node_id"])
    error_type = None if error is None else _text(error["type"])
    message = _text(general_message(data["reason"] if error is None else error["message"]))
    return FailureRow(
        position,
        row_time(finish_time(data)),
        version,
        ran.version,
        fingerprint(ran.workflow_id, node_id, error_type, message),
        after["status"] == "failed",
        run_id,
        ran.workflow_id,
        node_id,
        error_type,
        message,
    )


def group_id(fingerprint: int) -> str:
    """The id of the failures with this fingerprint: 16 hexadecimal digits."""
    return f"{fingerprint % 2**64:016x}"


def fingerprint_of(group_id: str) -> int:
    """The same back. Raises ValueError."""
    if not re.fullmatch("[0-9a-f]{16}", group_id):
        raise ValueError(group_id)
    return int.from_bytes(bytes.fromhex(group_id), signed=True)


def fingerprint(*parts: str | None) -> int:
    """A number of 64 bits, signed, as every database holds it."""
    return int.from_bytes(sha256(json.dumps(parts).encode()).digest()[:8], signed=True)


def _text(text: str) -> str:
    """The beginning of a text. An event may hold half a character, which no database does."""
    return key(text).encode(errors="replace").decode()


def _optional_text(text: str | None) -> str | None:
    return None if text is None else _text(text)
