"""The time line of a run: a row for each node, a bar for each attempt, waits, holds, retry delays, on a broken axis."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
    delays: tuple[Delay, ...] = ()
    waits: tuple[Waited, ...] = ()

    @property
    def took(self) -> int:
        """Microseconds inside executors."""
        return sum(bar.execution.took for bar in self.bars)

    @property
    def attempts(self) -> int:
        """Executions, those left out that only asked."""
        return sum(bar.execution.outcome != "paused" for bar in self.bars)

    @property
    def failed(self) -> int:
        """Executions that failed."""
        return sum(bar.execution.outcome == "failed" for bar in self.bars)

    def waited(self, kind: str = "paused") -> int:
        """Microseconds that it waited, or was held."""
        return sum(wait.stretch.end - wait.stretch.start for wait in self.waits if wait.stretch.kind == kind)


@dataclass(frozen=True, slots=True)
class TimeLine:
    """Rows in the order in which they began, nodes that weren't reached last."""

    axis: Axis
    rows: tuple[Row, ...]
    cursor: tuple[float, ...]
    """Where each version is, the first one at index 0."""


def time_line(course: Course, node_ids: Sequence[str]) -> TimeLine:
    """The time line of a course; ``node_ids``: the nodes of its definition, in order."""
    axis = broken_axis(course.start, course.end, _busy(course))
    loops = loops_of([done.node_id for done in course.executions if done.outcome == "completed"])
    rows: dict[str, list[Execution]] = {}
    heads: dict[str, str] = {}
    for execution in course.executions:
        for node_id in loops.get(execution.node_id, (execution.node_id,)):
            heads.setdefault(node_id, execution.node_id)
        rows.setdefault(heads[execution.node_id], []).append(execution)
    drawn = [_row(axis, course, head, executions, heads) for head, executions in rows.items()]
    drawn += [Row(node_id, (), 0, None) for node_id in node_ids if node_id not in heads]
    return TimeLine(axis, tuple(drawn), tuple(axis.x(at) for at in course.recorded))


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


def _row(axis: Axis, course: Course, head: str, executions: Sequence[Execution], heads: Mapping[str, str]) -> Row:
    members = Counter(done.node_id for done in executions if done.outcome == "completed" and done.node_id != head)
    versions = {execution.version for execution in executions}
    waits = [wait for wait in course.stretches if wait.node_id is not None and heads.get(wait.node_id) == head]
    return Row(
        node_id=head,
        within=tuple(members.items()),
        version=executions[0].version,
        state=max((course.states[node][-1] for node in {done.node_id for done in executions}), default=(0, None))[1],
        bars=tuple(Bar(done, *_place(axis, done.started_at, done.finished_at)) for done in executions),
        delays=tuple(
            Delay(failed.version, axis.x(since), axis.x(until))
            for failed, (since, until) in _delays(course.executions)
            if failed.version in versions
        ),
        waits=tuple(Waited(wait, *_place(axis, wait.start, wait.end)) for wait in waits),
    )


def _place(axis: Axis, start: int, end: int) -> tuple[float, float]:
    x = axis.x(start)
    return x, max(0.0, axis.x(end) - x)
