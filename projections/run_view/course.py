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


class Follower:
    """Reads the events of a run one after another, and knows its course up to the last one read."""

    def __init__(self) -> None:
        self._course = Course()
        self._node: str | None = None
        self._waiting: tuple[str | None, int, int] | None = None
        """Node, version and time of the open question."""
        self._held: tuple[int, int] | None = None

    def follow(self, event: RecordedEvent) -> None:
        """Take one event into account."""
        type, data, version = event.type, event.data, event.version
        at: int = data["recorded_at"]
        self._course.recorded.append(at)
        if type == STARTED:
            self._node = data.get("start_node_id")
        elif is_execution(type, data):
            self._execute(event, data)
        elif type in (PAUSED, HELD):
            self._held = (version, at)
            self._enter(version, "held")
        elif type == RELEASED:
            self._release(version, at)
            self._enter(version, "paused" if self._waiting else "active")
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
        self._course.executions.append(execution)
        self._node = execution.node_id
        if event.type == PAUSED:
            self._waiting = (self._node, event.version, data["recorded_at"])
            self._enter(event.version, "paused")
            return
        retried = execution.retry_at is not None
        self._enter(event.version, "completed" if event.type == STEP_COMPLETED else "error" if retried else "failed")
        if not retried:
            self._node = execution.next_node_id

    def _enter(self, version: int, state: NodeState) -> None:
        if self._node is not None:
            self._course.states.setdefault(self._node, []).append((version, state))

    def _answer(self, version: int, at: int) -> None:
        self._course.stretches += self._open_wait(version, at)
        self._waiting = None

    def _release(self, version: int, at: int) -> None:
        self._course.stretches += self._open_hold(version, at)
        self._held = None

    def _open_wait(self, version: int | None, end: int) -> list[Stretch]:
        if self._waiting is None:
            return []
        node_id, asked, since = self._waiting
        return [Stretch("paused", node_id, asked, since, end, version)]

    def _open_hold(self, version: int | None, end: int) -> list[Stretch]:
        if self._held is None:
            return []
        began, since = self._held
        return [Stretch("held", self._node, began, since, end, version)]

    def course(self, now: int | None) -> Course:
        """The course of at least one event, as it was read so far. What is still open goes on until ``now``.

        ``now`` is in microseconds since 1970; None: the run has ended.
        """
        read = self._course
        end = max(read.recorded[-1], now or 0)
        open_ones = [*self._open_hold(None, end), *self._open_wait(None, end)]
        return Course(
            start=read.recorded[0],
            end=end,
            executions=list(read.executions),
            stretches=sorted([*read.stretches, *open_ones], key=lambda stretch: stretch.version),
            states={node_id: list(known) for node_id, known in read.states.items()},
            recorded=list(read.recorded),
        )


def course_of(events: Sequence[RecordedEvent], now: int | None) -> Course:
    """The course of a run by all its events up to some version, at least one; ``now`` as for a Follower."""
    follower = Follower()
    for event in events:
        follower.follow(event)
    return follower.course(now)


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
