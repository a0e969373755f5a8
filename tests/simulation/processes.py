"""A process: a ledger on the store that all share, with memory of its own, which is gone when the process dies."""

from collections.abc import Callable
from threading import get_ident
from typing import Any

from flowledger.domain.execution.step import StepLimits
from flowledger.infrastructure.ledger.ledger import Ledger
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.storage.codec import LedgerMapper
from flowledger.infrastructure.storage.group_commit import GroupCommit

from .faults import LEASE
from .journal import JournalingStore
from .recorder import SimulatedRecorder
from .scheduler import Outcome, Task
from .wakeups import SimulatedWakeups


class Process:
    """``name`` is that of its service and the number of times that it was started."""

    def __init__(self, world: Any, service: Any, number: int) -> None:
        self.world = world
        self.service = service
        self.name = f"{service.name} {number}"
        self.is_alive = True
        self.tasks: list[Task] = []
        raw = world.store
        recorder: Any = SimulatedRecorder(raw.recorder, self)
        wakeups = SimulatedWakeups(world)
        self.store = JournalingStore(LedgerMapper(), recorder, raw.checkpoints, raw.search, wakeups)
        self.store.journal = world.journal
        # Greenlets of one thread: the main thread never leads a shared commit, and others would wait for real locks.
        commits: GroupCommit = self.store._commits
        commits._main_thread = get_ident()
        self.ledger: Ledger = compose(
            self.store, world.executors(self), world.now, StepLimits(100_000), world.checkpoint_every, lease=LEASE
        )

    def spawn(self, name: str, work: Callable[[Ledger], Any]) -> Task:
        """A thread of this process."""
        task: Task = self.world.scheduler.spawn(f"{self.name}/{name}", lambda: work(self.ledger), self)
        self.tasks.append(task)
        return task

    def call(self, name: str, work: Callable[[Ledger], Any]) -> Outcome:
        """A request from outside, which waits for the answer; it is lost with the process."""
        if not self.is_alive:
            return Outcome(is_lost=True)
        outcome: Outcome = self.world.scheduler.wait_for(self.spawn(name, work))
        return outcome

    def fork(self, child: "Process") -> None:
        """Give the child what it has copies of: what this process remembers, and no thread."""
        child.store._heads._heads.update(self.store._heads._heads)
        for each in (child.store._heads, child.store._commits):
            each.after_fork_in_child()
        child.store._commits._main_thread = get_ident()

    def die(self) -> None:
        """All of its threads stop where they are."""
        self.is_alive = False
        for task in self.tasks:
            self.world.scheduler.kill(task)
