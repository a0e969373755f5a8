"""Runs greenlets one at a time, in an order that a schedule decides at every switch point, on a clock that it moves."""

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from zlib import crc32

from greenlet import GreenletExit, getcurrent, greenlet

from .schedules import Schedule

SECOND = 1_000_000
"""In microseconds, which all times of the simulation are."""


class Outcome(NamedTuple):
    """What came of a task: one of the three."""

    value: Any = None
    error: BaseException | None = None
    is_lost: bool = False
    """Its process died, so nobody will ever know."""


class Task:
    """A thread of a process. One whose process died is never resumed, but kept: to collect it would throw an exception
    into its code, which would go on with that."""

    __slots__ = ("greenlet", "is_dead", "name", "number", "outcome", "owner", "priority", "stalled_until", "waiters")

    def __init__(self, number: int, name: str, owner: Any) -> None:
        self.number = number
        self.name = name
        self.owner = owner
        """The process that it belongs to; None: it is outside of all, and never dies."""
        self.greenlet: greenlet
        self.outcome: Outcome | None = None
        self.is_dead = False
        self.priority = 0.0
        self.stalled_until = 0
        """It doesn't go on before, whatever happens."""
        self.waiters: list[Task] = []


class Scheduler:
    """``before`` is called at each switch point with the task and the kind of the point: there faults strike."""

    def __init__(self, schedule: Schedule, tick: int) -> None:
        self.time = 0
        """Microseconds that have passed, whatever clocks show."""
        self.steps = 0
        self.tick = tick
        self.current: Task | None = None
        self.ready: list[Task] = []
        self.tasks: list[Task] = []
        self.trace = 0
        """A hash of which task came to which point, in order."""
        self.points: Counter[str] = Counter()
        self.switches: list[tuple[int, str]] = []
        """At which decisions another task went on, and which."""
        self.decisions = 0
        self.before: Callable[[Task, str], None] = lambda task, kind: None
        self.accidents: list[str] = []
        """How threads ended that shouldn't have."""
        self.is_over = False
        self._names: Counter[str] = Counter()
        self._schedule = schedule
        self._sleepers: list[tuple[int, int, Task]] = []
        self._hub = getcurrent()

    # --- for tasks ----------------------------------------------------------------------------------------------------

    def point(self, kind: str) -> None:
        """A switch point: others may go on here, and faults may strike. Does nothing outside of tasks."""
        task = self.current
        if task is None:
            return
        if self.is_over:
            raise GreenletExit
        self.steps += 1
        self.time += self.tick
        self.points[kind] += 1
        self.trace = crc32(f"{task.number}{kind}".encode(), self.trace)
        self.before(task, kind)
        if self._sleepers and self._sleepers[0][0] <= self.time:
            self._wake()
        if task.is_dead or task not in self.ready:
            self._switch(None)
            return
        self.decisions += 1
        chosen = self._schedule.pick(self.decisions, task, self.ready)
        if chosen is not task:
            self._switch(chosen)

    def sleep(self, micros: int) -> None:
        """The task goes on when so much time has passed, or later."""
        task = self._me()
        self.point("sleep")
        self.put_to_sleep(task, self.time + micros)
        self._switch(None)

    def wait_for(self, task: Task) -> Outcome:
        """Wait until a task has ended, or its process died."""
        self.point("wait")
        while task.outcome is None:
            me = self._me()
            task.waiters.append(me)
            self.ready.remove(me)
            self._switch(None)
        return task.outcome

    def park(self, seconds: float | None) -> None:
        """The task goes on when it is unparked, or the time is over; or sooner."""
        task = self._me()
        if self.is_over:
            raise GreenletExit
        if seconds is None:
            self.ready.remove(task)
        else:
            self.put_to_sleep(task, self.time + max(int(seconds * SECOND), 1))
        self._switch(None)

    def unpark(self, task: Task) -> None:
        """A task that was parked is ready."""
        if task.outcome is not None or task in self.ready:
            return
        if task.stalled_until > self.time:
            self.put_to_sleep(task, task.stalled_until)
        else:
            self._forget_sleeper(task)
            self.ready.append(task)

    def stall(self, task: Task, micros: int) -> None:
        """Let it stand still, wherever it is."""
        task.stalled_until = self.time + micros
        until = self.wakes_at(task)
        if task in self.ready or until is not None:
            self.put_to_sleep(task, max(task.stalled_until, until or 0))

    # --- tasks --------------------------------------------------------------------------------------------------------

    def spawn(self, name: str, work: Callable[[], Any], owner: Any = None) -> Task:
        """A new task, which is ready to run. Those of one name are numbered."""
        self._names[name] += 1
        if self._names[name] > 1:
            name = f"{name} #{self._names[name]}"
        task = Task(len(self.tasks), name, owner)

        def run() -> None:
            try:
                outcome = Outcome(value=work())
            except GreenletExit:
                return
            except BaseException as error:
                outcome = Outcome(error=error)
            if not self.is_over:
                self._end(task, outcome)

        task.greenlet = greenlet(run, self._hub)
        self.tasks.append(task)
        self.ready.append(task)
        self._schedule.enter(task)
        return task

    def kill(self, task: Task) -> None:
        """The task never goes on."""
        if task.outcome is None:
            task.is_dead = True
            self._end(task, Outcome(is_lost=True))

    def put_to_sleep(self, task: Task, until: int) -> None:
        """It goes on no earlier than that, wherever it is."""
        if task in self.ready:
            self.ready.remove(task)
        self._forget_sleeper(task)
        heapq.heappush(self._sleepers, (until, task.number, task))

    def wakes_at(self, task: Task) -> int | None:
        """When a sleeping task goes on; None: it doesn't sleep."""
        return next((until for until, _, sleeper in self._sleepers if sleeper is task), None)

    # --- the run ------------------------------------------------------------------------------------------------------

    def run(self, until: Task) -> None:
        """Run tasks until this one has ended. What is left of the others stays as it is."""
        while until.outcome is None:
            if not self.ready:
                if not self._sleepers:
                    waiting = [task.name for task in self.tasks if task.outcome is None]
                    raise AssertionError(f"all tasks wait for each other: {waiting}")
                self.time = max(self.time, self._sleepers[0][0])
            self._wake()
            self.decisions += 1
            self._go_to(self._schedule.pick(self.decisions, None, self.ready))
        self.current = None

    def finish(self) -> None:
        """Unwind what is left of all tasks, so that nothing of them stays in memory."""
        self.is_over = True
        for task in self.tasks:
            self.current = task
            if not task.greenlet.dead:
                task.greenlet.throw(GreenletExit)
        self.current = None

    def _switch(self, chosen: Task | None) -> None:
        """Leave the task that runs, for another or for the hub."""
        me = self._me()
        if chosen is None:
            self._hub.switch()
        else:
            self._go_to(chosen)
        if self.is_over:
            raise GreenletExit
        self.current = me

    def _go_to(self, task: Task) -> None:
        self.switches.append((self.decisions, task.name))
        self.current = task
        task.greenlet.switch()

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self.time:
            self.ready.append(heapq.heappop(self._sleepers)[2])

    def _end(self, task: Task, outcome: Outcome) -> None:
        task.outcome = outcome
        if task in self.ready:
            self.ready.remove(task)
        self._forget_sleeper(task)
        for waiter in task.waiters:
            self.unpark(waiter)
        task.waiters.clear()

    def _forget_sleeper(self, task: Task) -> None:
        if any(entry[2] is task for entry in self._sleepers):
            self._sleepers = [entry for entry in self._sleepers if entry[2] is not task]
            heapq.heapify(self._sleepers)

    def _me(self) -> Task:
        assert self.current is not None, "only a task can wait"
        return self.current
