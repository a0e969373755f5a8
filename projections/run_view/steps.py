"""The list of a run's steps: a line for each attempt, the rounds of a loop folded into one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from .course import Course, Execution, Stretch
from .loops import loops_of


@dataclass(frozen=True, slots=True)
class Step:
    """One attempt."""

    execution: Execution
    numbered: bool
    """Whether its number is said: the node needed several."""
    waited: Stretch | None
    """Of one that asked: until when it waited."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """A loop that was gone round several times."""

    node_id: str
    """Where it was entered."""
    rounds: int
    steps: tuple[Step, ...]
    took: int
    """Microseconds inside executors."""
    failed: int
    """Steps in it that failed."""

    @property
    def version(self) -> int:
        """Of its first step."""
        return self.steps[0].execution.version


def steps_of(course: Course) -> tuple[Step | Rounds, ...]:
    """The steps of a course, in order."""
    loops = loops_of([done.node_id for done in course.executions if done.outcome == "completed"])
    waits = {stretch.version: stretch for stretch in course.stretches}
    steps = list(_steps(course.executions, waits))
    found: list[Step | Rounds] = []
    for loop, grouped in groupby(steps, lambda step: loops.get(step.execution.node_id)):
        stretch = list(grouped)
        found += stretch if loop is None else _fold(stretch, loop)
    return tuple(found)


def _steps(executions: Sequence[Execution], waits: Mapping[int, Stretch]) -> Iterator[Step]:
    for place, execution in enumerate(executions):
        following = executions[place + 1] if place + 1 < len(executions) else None
        again = following is not None and following.node_id == execution.node_id and following.attempt > 1
        yield Step(execution, execution.attempt > 1 or again, waits.get(execution.version))


def _fold(steps: list[Step], loop: frozenset[str]) -> Iterator[Step | Rounds]:
    """A stretch within a loop; the step that leaves it stands alone."""
    left = steps[-1].execution
    out = [steps.pop()] if left.outcome != "completed" or left.next_node_id not in loop else []
    head = steps[0].execution.node_id if steps else ""
    rounds = sum(step.execution.node_id == head and step.execution.outcome == "completed" for step in steps)
    yield from steps if rounds < 2 else [_rounds(head, rounds, steps)]
    yield from out


def _rounds(head: str, rounds: int, steps: Sequence[Step]) -> Rounds:
    took = sum(step.execution.took for step in steps)
    failed = sum(step.execution.outcome == "failed" for step in steps)
    return Rounds(head, rounds, tuple(steps), took, failed)
