"""The executions of a run's nodes, one by one: input, outcome, execution time and waiting time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ...domain.ports import RecordedEvent
from ...domain.run.events import (
    CLAIMED,
    PAUSED,
    RECOVERED,
    RELEASED,
    RESUMED,
    RETRIED,
    STARTED,
    STEP_COMPLETED,
    STEP_FAILED,
)
from ...domain.values.clock import moment
from ..serialization import ADDED

AttemptOutcome = Literal["completed", "failed", "paused"]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line that an executor logged."""

    at: datetime
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class TakenFrom:
    """Where a step's outcome was taken from that was not executed in this run, as it acts on the world."""

    run_id: str
    version: int | None
    """Of the event there; None: nothing was on record there, so the step failed."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of one node."""

    version: int
    """The version of the event that recorded it."""
    position: int
    node_id: str
    attempt: int
    """1 for the first one, more for retries after failures."""
    outcome: AttemptOutcome
    by: str
    """The actor who started, resumed or retried the run last."""
    started_at: datetime
    finished_at: datetime
    execution_time: float
    """Milliseconds inside the executor."""
    waiting_time: float
    """Milliseconds from when the step was due until it began."""
    input: Any
    """The node's data as the executor saw it, values from globals masked."""
    output: Any
    """null if it failed or paused."""
    error: Mapping[str, str] | None
    """``type``, ``message`` and, if an executor raised it, ``traceback``."""
    handle: str | None
    next_node_id: str | None
    unrouted: bool
    """Whether no edge led on from it, or a condition couldn't be evaluated, so that the run failed."""
    retry_at: datetime | None
    """When a retry was due; None: no retry."""
    reason: str | None
    """Why the node paused the run."""
    until: datetime | None
    logs: tuple[LogEntry, ...]
    no_condition_held: bool = field(default=False, metadata=ADDED)
    """Whether there were edges, and none of their conditions was true."""
    taken_from: TakenFrom | None = field(default=None, metadata=ADDED)
    """Where its outcome was taken from. None: it was executed."""


class Due:
    """Follows the events of a run and knows since when its next step has been due.

    A step is due when the one before it ended; a retry at its time, or when it was retried earlier; after a pause
    when the run was resumed; after a hold when that was released; after a worker was lost when another took over; in a
    queued run when that was started.
    """

    __slots__ = ("_queued", "since")

    def __init__(self) -> None:
        self.since = 0
        """Microseconds since 1970."""
        self._queued = False

    def follow(self, type: str, data: Mapping[str, Any]) -> None:
        """Take the run's next event into account."""
        if is_execution(type, data):
            self.since = data["retry_at"] if "retry_at" in data else finish_time(data)
        elif type == STARTED:
            self.since = data["recorded_at"]
            self._queued = "queued" in data
        elif type == RETRIED:
            self.since = min(self.since, data["recorded_at"])
            self._queued = "queued" in data
        elif type == RESUMED or (type == RECOVERED and not self._queued):
            self.since = data["recorded_at"]
            self._queued = "queued" in data
        elif type == RELEASED:
            self.since = max(self.since, data["recorded_at"])
        elif type in (CLAIMED, RECOVERED):
            self._queued = False

    def waited(self, started_at: int) -> int:
        """Microseconds that a step which began then had waited; 0 where its worker's clock was slow."""
        return max(0, started_at - self.since)


def is_execution(type: str, data: Mapping[str, Any]) -> bool:
    """Whether the event records the execution of a node: a step, or a pause by the node itself."""
    return type in (STEP_COMPLETED, STEP_FAILED) or (type == PAUSED and "node_id" in data)


def finish_time(data: Mapping[str, Any]) -> int:
    """When an execution ended, in microseconds since 1970."""
    at: int = data["finished_at"] if "finished_at" in data else data["recorded_at"]
    return at


def attempts(events: Iterable[RecordedEvent]) -> Iterator[Attempt]:
    """The executions among all the events of a run up to some version."""
    due = Due()
    for event in events:
        if is_execution(event.type, event.data):
            yield _attempt(event, due.waited(event.data["started_at"]))
        due.follow(event.type, event.data)


_OUTCOMES: dict[str, AttemptOutcome] = {STEP_COMPLETED: "completed", STEP_FAILED: "failed", PAUSED: "paused"}


def _attempt(event: RecordedEvent, waited: int) -> Attempt:
    data = event.data
    ended = finish_time(data)
    return Attempt(
        version=event.version,
        position=event.position,
        node_id=data["node_id"],
        attempt=data.get("attempt", 1),
        outcome=_OUTCOMES[event.type],
        by=event.by,
        started_at=moment(data["started_at"]),
        finished_at=moment(ended),
        execution_time=milliseconds(ended - data["started_at"]),
        waiting_time=milliseconds(waited),
        input=data.get("input", {}),
        output=data.get("output"),
        error=data.get("error"),
        handle=data.get("handle"),
        next_node_id=data.get("next_node_id"),
        unrouted="unrouted" in data,
        retry_at=moment_of(data.get("retry_at")),
        reason=data.get("reason"),
        until=moment_of(data.get("until")),
        logs=tuple(LogEntry(moment(line["at"]), line["level"], line["message"]) for line in data.get("logs", ())),
        no_condition_held="no_condition_held" in data,
        taken_from=_taken_from(data.get("recorded")),
    )


def _taken_from(place: Mapping[str, Any] | None) -> TakenFrom | None:
    return None if place is None else TakenFrom(place["run_id"], place.get("version"))


def moment_of(at: int | None) -> datetime | None:
    """A time that may not be there."""
    return None if at is None else moment(at)


def milliseconds(micros: float) -> float:
    """Microseconds as milliseconds."""
    return micros / 1000
