"""The course of a run: when it worked, waited, was held, and where each node stood after each event."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from ...domain.ports import RecordedEvent
from ...domain.run import STEP_COMPLETED, STEP_FAILED
from ...domain.run.events import CANCELLED, FAILED, HELD, PAUSED, RELEASED, RESUMED, RETRIED, STARTED
from ..runs.attempts import finish_time, is_execution

NodeState = Literal["active", "completed", "failed", "error", "paused", "held", "cancelled"]


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of a node, by the times that its worker measured, in microseconds since 1970."""

    version: int
    """Of the event that recorded it."""
    node_id: str
    attempt: int
    outcome: Literal["completed", "failed", "paused"]
    started_at: int
    finished_at: int
    error: str | None
    """The type of the error."""
    handle: str | None
    next_node_id: str | None
    retry_at: int | None
    taken: bool
    """Whether it wasn't executed: its outcome is that of another run."""

    @property
    def took(self) -> int:
        """Microseconds."""
        return max(0, self.finished_at - self.started_at)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which a node waited for an answer, or an operator held the run."""

    kind: Literal["paused", "held"]
    node_id: str | None
    version: int
    """Of the event that began it."""
    start: int
    end: int
    ended_version: int | None
    """Of the event that ended it; None: it goes on."""


@dataclass(slots=True)
class Course:
    """What happened when, in one pass over the events."""

    start: int = 0
    end: int = 0
    executions: list[Execution] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    states: dict[str, list[tuple[int, NodeState]]] = field(default_factory=dict)
    """By node: from which version on it was in which state."""
    recorded: list[int] = field(default_factory=list)
    """When each version was recorded; the first is version 1."""


class _Follower:
    """Reads the events one after another."""

    def __init__(self) -> None:
        self.course = Course()
        self.node: str | None = None
        self.waiting: tuple[str | None, int, int] | None = None
        """Node, version and time of the open question."""
        self.held: tuple[int, int] | None = None

    def follow(self, event: RecordedEvent) -> None:
        """Take one event into account."""
        type, data, version = event.type, event.data, event.version
        at: int = data["recorded_at"]
        self.course.recorded.append(at)
        if type == STARTED:
            self.node = data.get("start_node_id")
        elif is_execution(type, data):
            self._execute(event, data)
        elif type in (PAUSED, HELD):
            self.held = (version, at)
            self._enter(version, "held")
        elif type == RELEASED:
            self._release(version, at)
            self._enter(version, "paused" if self.waiting else "active")
        elif type in (RESUMED, RETRIED):
            self._release(version, at)
            self._answer(version, at)
            self._enter(version, "active")
        elif type in (CANCELLED, FAILED):
            self._release(version, at)
            self._answer(version, at)
            self._enter(version, "cancelled" if type == CANCELLED else "failed")

    def _execute(self, event: RecordedEvent, data: Mapping[str, Any]) -> None:
        execution = _execution(event, data)
        self.course.executions.append(execution)
        self.node = execution.node_id
        if event.type == PAUSED:
            self.waiting = (self.node, event.version, data["recorded_at"])
            self._enter(event.version, "paused")
            return
        retried = execution.retry_at is not None
        self._enter(event.version, "completed" if event.type == STEP_COMPLETED else "error" if retried else "failed")
        if not retried:
            self.node = execution.next_node_id

    def _enter(self, version: int, state: NodeState) -> None:
        if self.node is not None:
            self.course.states.setdefault(self.node, []).append((version, state))

    def _answer(self, version: int | None, at: int) -> None:
        if self.waiting is not None:
            node_id, asked, since = self.waiting
            self.course.stretches.append(Stretch("paused", node_id, asked, since, at, version))
            self.waiting = None

    def _release(self, version: int | None, at: int) -> None:
        if self.held is not None:
            began, since = self.held
            self.course.stretches.append(Stretch("held", self.node, began, since, at, version))
            self.held = None

    def finish(self, end: int) -> Course:
        """What was still open goes on until ``end``."""
        self._release(None, end)
        self._answer(None, end)
        self.course.stretches.sort(key=lambda stretch: stretch.version)
        self.course.start = self.course.recorded[0]
        self.course.end = max(end, self.course.recorded[-1])
        return self.course


def course_of(events: Sequence[RecordedEvent], now: int | None) -> Course:
    """The course of a run by all its events up to some version, at least one.

    ``now`` (microseconds since 1970) is until when it has gone on; None: it has ended.
    """
    follower = _Follower()
    for event in events:
        follower.follow(event)
    return follower.finish(events[-1].data["recorded_at"] if now is None else now)


def _execution(event: RecordedEvent, data: Mapping[str, Any]) -> Execution:
    return Execution(
        version=event.version,
        node_id=data["node_id"],
        attempt=data.get("attempt", 1),
        outcome=_OUTCOMES[event.type],
        started_at=data["started_at"],
        finished_at=finish_time(data),
        error=data["error"]["type"] if "error" in data else None,
        handle=data.get("handle"),
        next_node_id=data.get("next_node_id"),
        retry_at=data.get("retry_at"),
        taken="recorded" in data,
    )


_OUTCOMES: dict[str, Literal["completed", "failed", "paused"]] = {
    STEP_COMPLETED: "completed",
    STEP_FAILED: "failed",
    PAUSED: "paused",
}
