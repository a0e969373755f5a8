"""The time line of a run: a row for each node, a bar for each attempt, waits, holds, retry delays, on a broken axis."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from .axis import Axis, Interval, broken_axis
from .course import Course, Execution, NodeState, Stretch
from .loops import loops_of


@dataclass(frozen=True, slots=True)
class Bar:
    """An attempt, in percent of the axis."""

    execution: Execution
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Delay:
    """The time from a failed attempt to the next one."""

    version: int
    """Of the attempt that failed."""
    x: float
    until: float


@dataclass(frozen=True, slots=True)
class Waited:
    """A wait for an answer, or a hold."""

    stretch: Stretch
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Row:
    """A node, or a loop."""

    node_id: str
    """Of a loop: the node at which it was entered."""
    within: tuple[tuple[str, int], ...]
    """The other nodes of the loop, and how often each completed."""
    version: int
    """At which it was first executed; 0: it wasn't."""
    state: NodeState | None
    bars: tuple[Bar, ...] = ()
    """Of a long run without those that would be drawn over others of their kind."""
    delays: tuple[Delay, ...] = ()
    waits: tuple[Waited, ...] = ()
    attempts: int = 0
    """Executions, those left out that only asked."""
    failed: int = 0
    """Executions that failed."""
    took: int = 0
    """Microseconds inside executors."""

    def waited(self, kind: str = "paused") -> int:
        """Microseconds that it waited, or was held."""
        return sum(wait.stretch.end - wait.stretch.start for wait in self.waits if wait.stretch.kind == kind)


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Rows in the order in which they began, nodes that weren't reached last."""

    axis: Axis
    rows: tuple[Row, ...]
    recorded: Sequence[int]
    """When each version was recorded, the first one at index 0."""

    def cursor(self, version: int) -> float:
        """Where a version is."""
        return self.axis.x(self.recorded[version - 1])


FINEST: Final = 400
"""Bars of a long run that are told apart along the whole axis."""
LONG: Final = 500
"""Executions of a run of which more than so many aren't all drawn."""


def time_line(course: Course, node_ids: Sequence[str]) -> TimeLine:
    """The time line of a course; ``node_ids``: the nodes of its definition, in order."""
    axis = broken_axis(course.start, course.end, _busy(course))
    loops = loops_of([done.node_id for done in course.executions if done.outcome == "completed"])
    rows: dict[str, list[Execution]] = {}
    heads: dict[str, str] = {}
    for execution in course.executions:
        node_id = execution.node_id
        if node_id not in heads:
            heads.update(dict.fromkeys(loops.get(node_id, (node_id,)), node_id))
        rows.setdefault(heads[node_id], []).append(execution)
    delays = _delays_by_row(axis, course, heads)
    drawn = [_row(axis, course, head, executions, heads, delays.get(head, ())) for head, executions in rows.items()]
    drawn += [Row(node_id, (), 0, None) for node_id in node_ids if node_id not in heads]
    return TimeLine(axis, tuple(drawn), course.recorded)


def _busy(course: Course) -> Iterator[Interval]:
    """When something was going on: executions, and retry delays that aren't longer than all of them together."""
    work = sum(execution.took for execution in course.executions)
    for execution in course.executions:
        yield execution.started_at, execution.finished_at
    yield from (delay for _, delay in _delays(course.executions) if delay[1] - delay[0] <= work)


def _delays(executions: Sequence[Execution]) -> Iterator[tuple[Execution, Interval]]:
    for failed, following in pairwise(executions):
        if failed.retry_at is not None:
            yield failed, (failed.finished_at, max(failed.finished_at, following.started_at))
    if executions and (due := executions[-1].retry_at) is not None:
        yield executions[-1], (executions[-1].finished_at, max(executions[-1].finished_at, due))


def _delays_by_row(axis: Axis, course: Course, heads: Mapping[str, str]) -> Mapping[str, Sequence[Delay]]:
    found: dict[str, list[Delay]] = {}
    for failed, (since, until) in _delays(course.executions):
        found.setdefault(heads[failed.node_id], []).append(Delay(failed.version, axis.x(since), axis.x(until)))
    return found


def _row(
    axis: Axis,
    course: Course,
    head: str,
    executions: Sequence[Execution],
    heads: Mapping[str, str],
    delays: Sequence[Delay],
) -> Row:
    members = Counter(done.node_id for done in executions if done.outcome == "completed" and done.node_id != head)
    waits = [wait for wait in course.stretches if wait.node_id is not None and heads.get(wait.node_id) == head]
    outcomes = Counter(done.outcome for done in executions)
    drawn = executions if len(course.executions) <= LONG else _told_apart(executions, axis.scaled // FINEST)
    return Row(
        node_id=head,
        within=tuple(members.items()),
        version=executions[0].version,
        state=max((course.states[node][-1] for node in {done.node_id for done in executions}), default=(0, None))[1],
        bars=tuple(Bar(done, *_place(axis, done.started_at, done.finished_at)) for done in drawn),
        delays=tuple(delays),
        waits=tuple(Waited(wait, *_place(axis, wait.start, wait.end)) for wait in waits),
        attempts=len(executions) - outcomes["paused"],
        failed=outcomes["failed"],
        took=sum(done.took for done in executions),
    )


def _told_apart(executions: Sequence[Execution], distance: int) -> Iterator[Execution]:
    """Those that take longer than ``distance`` (microseconds), and of the others of each outcome one in every such."""
    drawn_until: dict[str, int] = {}
    for done in executions:
        if done.took > distance or done.started_at >= drawn_until.get(done.outcome, done.started_at):
            drawn_until[done.outcome] = done.started_at + distance
            yield done


def _place(axis: Axis, start: int, end: int) -> tuple[float, float]:
    x = axis.x(start)
    return x, max(0.0, axis.x(end) - x)
