"""What is on record about one question: who asked what, and who answered it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from .....domain.errors import InvalidRequest
from .....domain.ports import RecordedEvent
from .....domain.run.events import PAUSED, RESUMED
from .....domain.run.waits import Hold, wait_version
from .....domain.status import RunStatus
from .....domain.visible import quoted
from .....projections.runs.attempts import moment_of

if TYPE_CHECKING:
    from ....ledger.ledger import Ledger


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer that was recorded."""

    by: str
    at: datetime
    payload: Any
    timed_out: bool
    """Whether nobody answered, and the deadline did."""


@dataclass(frozen=True, slots=True)
class AskedWait:
    """A question of a run, open or answered."""

    id: str
    run_id: str
    workflow_id: str
    workflow_version: int
    node_id: str | None
    reason: str | None
    asked_at: datetime
    until: datetime | None
    answer: Mapping[str, Any] | None
    """The JSON Schema that an answer must fit."""
    input: Any
    """What the node knew when it asked."""
    is_open: bool
    held: Hold | None
    given: GivenAnswer | None
    """None while it is open, and where the run ended without an answer."""
    run_status: RunStatus
    run_node: str | None
    """Where the run is now."""


def find_wait(ledger: Ledger, wait_id: str) -> AskedWait:
    """The question of this id. Reads the run's events up to its answer. Raises InvalidRequest, RunNotFound."""
    run_id = wait_id.rpartition(":")[0]
    version = wait_version(wait_id, run_id)
    run = ledger.runs.get(run_id)
    asked, answered = _events(ledger, run_id, version)
    open_wait = next((wait for wait in run.waits if wait.id == wait_id), None)
    if asked is None or (open_wait is None and not _asks(asked)):
        raise InvalidRequest(f"run {quoted(run_id)} asked nothing at version {version}: its page has what it asks")
    data = asked.data
    found = AskedWait(
        wait_id,
        run_id,
        run.workflow_id,
        run.workflow_version,
        data.get("node_id"),
        data.get("reason"),
        asked.recorded_at,
        moment_of(data.get("until")),
        data.get("answer"),
        data.get("input"),
        open_wait is not None,
        run.held,
        None if open_wait is not None or answered is None else _given(answered),
        run.status,
        run.snapshot.current_node_id,
    )
    if open_wait is None:
        return found
    return replace(  # a fork asks again what the run asked that it comes from
        found,
        node_id=open_wait.node_id,
        reason=open_wait.reason,
        asked_at=open_wait.asked_at,
        until=open_wait.until,
        answer=open_wait.answer,
    )


def _events(ledger: Ledger, run_id: str, version: int) -> tuple[RecordedEvent | None, RecordedEvent | None]:
    """The event that asked, and the one that answered."""
    asked = None
    for event in ledger.history.events(run_id):
        if event.version == version:
            asked = event
        elif event.version > version and event.type == RESUMED:
            return asked, event
    return asked, None


def _asks(event: RecordedEvent) -> bool:
    return event.type == PAUSED and "node_id" in event.data


def _given(event: RecordedEvent) -> GivenAnswer:
    return GivenAnswer(event.by, event.recorded_at, event.data.get("payload"), "timed_out" in event.data)
