"""Operations on many runs: the outcome of each, and ids that make them resumable."""

import hashlib
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from ..errors import InvalidRequest
from ..status import RunStatus
from ..values.ids import uuid7
from ..visible import quoted


@dataclass(frozen=True, slots=True)
class BulkItem:
    """What was done with one of many runs or work orders."""

    run_id: str
    """The id that was given."""
    work_order_id: str | None
    """None if there is no such run."""
    outcome: Literal["retried", "cancelled", "skipped", "refused"]
    """``skipped``: there was nothing to do; ``refused``: it can't be done."""
    new_run_id: str | None = None
    """The retry."""
    status: RunStatus | None = None
    """The status of the retry, or of the cancelled run."""
    reason: str | None = None
    """Why it was skipped or refused."""


def operation_time(operation_id: str) -> int:
    """When the operation began, in microseconds, whole milliseconds. Raises InvalidRequest for what isn't a UUIDv7."""
    try:
        id = UUID(operation_id)
    except (ValueError, AttributeError, TypeError):
        id = None
    if id is None or id.version != 7:
        raise InvalidRequest(
            f"operation_id {quoted(operation_id)} is not that of an operation: it is a UUIDv7, as printed"
        )
    return (id.int >> 80) * 1000


def run_of_operation(operation_id: str, work_order_id: str) -> str:
    """The id of the run that the operation adds to the work order: the same whenever it is resumed."""
    noise = hashlib.sha256(f"{UUID(operation_id)}\0{work_order_id}".encode()).digest()[:10]
    return uuid7(operation_time(operation_id), noise)
