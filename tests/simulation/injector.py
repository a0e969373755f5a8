"""Lets the faults of a plan strike."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any

from .faults import AT_COMMIT, Fault
from .scheduler import SECOND, Task


class Injector:
    """Called at each switch point."""

    def __init__(self, world: Any, faults: Iterable[Fault]) -> None:
        self._world = world
        self._plan = deque(sorted(faults, key=lambda fault: fault.at))
        self._at_commit: deque[Fault] = deque()
        self._out_until = -1
        self.struck: Counter[str] = Counter()

    @property
    def is_out(self) -> bool:
        """Whether the store can't be reached."""
        return self._out_until > self._world.scheduler.time

    def stop(self) -> None:
        """From here on all goes well."""
        self._plan.clear()
        self._at_commit.clear()
        self._out_until = -1

    def at_commit(self) -> str | None:
        """What happens to the commit that is being made now."""
        if not self._at_commit or self._world.scheduler.current is None:
            return None
        kind = self._at_commit.popleft().kind
        self._world.story.tell("is struck", fault=kind)
        self.struck[kind] += 1
        return kind

    def before(self, task: Task, kind: str) -> None:
        """A task has come to a switch point."""
        if not self._plan or self._plan[0].at > self._world.scheduler.steps:
            return
        if task.owner is None and self._plan[0].kind in _IN_A_PROCESS:
            return  # it waits until a process comes by
        fault = self._plan.popleft()
        if fault.kind in AT_COMMIT:
            self._at_commit.append(fault)
            return
        self._world.story.tell("is struck", fault=fault.kind, seconds=fault.micros / SECOND)
        self._strike(fault, task)
        self.struck[fault.kind] += 1

    def _strike(self, fault: Fault, task: Task) -> None:
        world, scheduler = self._world, self._world.scheduler
        if fault.kind == "crash":
            task.owner.service.crash(fault.micros)
        elif fault.kind == "stall of a task":
            scheduler.stall(task, fault.micros)
        elif fault.kind == "stall of a process":
            for each in task.owner.tasks:
                scheduler.stall(each, fault.micros)
        elif fault.kind == "clock forward":
            world.clock_offset += fault.micros
        elif fault.kind == "clock back":
            world.clock_offset -= fault.micros
            world.set_back_by += fault.micros
        elif fault.kind == "outage":
            self._out_until = scheduler.time + fault.micros
        else:
            task.owner.service.fork()


_IN_A_PROCESS = frozenset({"crash", "stall of a task", "stall of a process", "fork"})
