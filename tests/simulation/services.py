"""A service: processes of one kind, which are started again when they die."""

from collections.abc import Callable
from typing import Any

from .processes import Process
from .scheduler import Outcome, Task
from .threads import Thread

Loop = Callable[[Process], None]
"""What one thread of each of its processes does for ever."""


class Service:
    """One process at a time, and after a fork its child beside it."""

    def __init__(self, world: Any, name: str, loop: Loop | None = None) -> None:
        self.world = world
        self.name = name
        self._loop = loop
        self._started = 0
        self.processes: list[Process] = []
        self.start()

    def start(self) -> Process:
        """Start a process."""
        self._started += 1
        process = Process(self.world, self, self._started)
        self.processes.append(process)
        if self._loop is not None:
            loop = self._loop
            Thread(self.world.scheduler, target=loop, args=(process,), name="loop").start_in(process)
        return process

    def crash(self, restarts_after: int) -> None:
        """All of its processes die, and one is started later."""
        for process in self.processes:
            process.die()
        self.processes.clear()
        scheduler = self.world.scheduler

        def restart() -> None:
            scheduler.sleep(min(restarts_after, self.world.longest_restart))
            self.start()

        scheduler.spawn(f"{self.name} restarts {self._started}", restart)

    def fork(self) -> None:
        """A process has a child, which goes on beside it."""
        parent = self.processes[0]
        parent.fork(self.start())

    def call(self, name: str, work: Callable[[Any], Any], luck: int) -> Outcome:
        """A request to one of its processes; lost where none runs, or where it dies meanwhile."""
        if not self.processes:
            self.world.scheduler.point("refused")
            return Outcome(is_lost=True)
        return self.processes[luck % len(self.processes)].call(name, work)

    def tasks(self) -> list[Task]:
        return [task for process in self.processes for task in process.tasks]
