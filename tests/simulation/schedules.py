"""Which task goes on at a switch point."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .scheduler import Task


class Schedule(Protocol):
    """Decides by what it is given and by its own chance, so that the same schedule decides the same again."""

    def enter(self, task: "Task") -> None:
        """A task is new."""

    def pick(self, decision: int, task: "Task | None", ready: "Sequence[Task]") -> "Task":
        """One of those that are ready; ``task`` is the one that runs, None where it can't go on."""
        ...


class RandomWalk:
    """At each point another task goes on with the same probability."""

    def __init__(self, chance: Random, probability: float) -> None:
        self._random = chance.random
        self._probability = probability

    def enter(self, task: "Task") -> None:
        """All are equal."""

    def pick(self, decision: int, task: "Task | None", ready: "Sequence[Task]") -> "Task":
        if task is not None and self._random() >= self._probability:
            return task
        return ready[int(self._random() * len(ready))]


class Priorities:
    """Probabilistic concurrency testing (Burckhardt and others, 2010): the task with the highest priority runs; at a
    few points, drawn beforehand, it falls behind all others. Bugs that need few switches are found early."""

    def __init__(self, chance: Random, changes: int, length: int) -> None:
        self._chance = chance
        self._changes = {chance.randrange(length) for _ in range(changes)}
        self._lowest = 0.0

    def enter(self, task: "Task") -> None:
        task.priority = 1 + self._chance.random()

    def pick(self, decision: int, task: "Task | None", ready: "Sequence[Task]") -> "Task":
        if task is not None and decision in self._changes:
            self._lowest -= 1
            task.priority = self._lowest
        return max(ready, key=_priority)


def _priority(task: "Task") -> float:
    return task.priority


class Replayed:
    """Switches at recorded points alone, each a decision and the name of the task that goes on; else the task that runs
    goes on, or the oldest."""

    def __init__(self, switches: Iterable[tuple[int, str]]) -> None:
        self._switches = dict(switches)

    def enter(self, task: "Task") -> None:
        """All are equal."""

    def pick(self, decision: int, task: "Task | None", ready: "Sequence[Task]") -> "Task":
        name = self._switches.get(decision)
        named = next((each for each in ready if each.name == name), None) if name is not None else None
        return named or task or min(ready, key=lambda each: each.number)
