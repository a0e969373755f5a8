"""Threads, locks and conditions as the simulation has them: their names in the modules that use them lead here."""

from collections import deque
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from .scheduler import SECOND, Scheduler, Task

_MODULES = {
    "flowledger.infrastructure.operations.worker": ("Condition", "Thread", "current_thread", "monotonic"),
    "flowledger.infrastructure.services.runs.custody": ("Condition", "Thread", "monotonic"),
    "flowledger.infrastructure.services.runs.executions": ("Lock",),
    "flowledger.infrastructure.concurrency.threads": ("SimpleQueue", "Thread"),
    "flowledger.infrastructure.storage.wakeups": ("Condition", "Event", "Thread"),
    "flowledger.domain.execution.cancellation": ("Event",),
}
"""What each module of the product imports of ``threading``, ``queue`` and ``time``."""


@contextmanager
def simulated(scheduler: Scheduler) -> Generator[None]:
    """For as long as the block lasts, the product's threads are tasks."""
    names = {
        "Condition": lambda: Condition(scheduler),
        "Event": lambda: Event(scheduler),
        "Lock": lambda: Lock(scheduler),
        "SimpleQueue": lambda: SimpleQueue(scheduler),
        "Thread": lambda **given: Thread(scheduler, **given),
        "current_thread": lambda: scheduler.current,
        "monotonic": lambda: scheduler.time / SECOND,
    }
    with ExitStack() as stack:
        for module, used in _MODULES.items():
            for name in used:
                stack.enter_context(patch(f"{module}.{name}", names[name]))
        yield


class Thread:
    """A thread of the process whose task starts it, which dies with it."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., Any],
        args: tuple[Any, ...] = (),
        name: str = "thread",
        daemon: bool = False,
    ) -> None:
        self._scheduler = scheduler
        self._target = target
        self._args = args
        self._name = name
        self._task: Task | None = None

    def start(self) -> None:
        """Let it run, as soon as the schedule says so."""
        starter = self._scheduler.current
        if starter is None or starter.owner is None:
            raise RuntimeError("only a process has threads")
        self.start_in(starter.owner)

    def start_in(self, process: Any) -> None:
        """Start it as a thread of this process."""
        self._task = process.spawn(self._name, lambda _: self._run())

    def _run(self) -> None:
        try:
            self._target(*self._args)
        except Exception as error:
            self._scheduler.accidents.append(f"thread {self._name} ended with {error!r}")

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, or for so many seconds."""
        task, me = self._task, self._scheduler.current
        if task is None or me is None or task.outcome is not None:
            return
        self._scheduler.point("join")
        if task.outcome is None:
            task.waiters.append(me)
            self._scheduler.park(timeout)
            if me in task.waiters:
                task.waiters.remove(me)

    def is_alive(self) -> bool:
        """Whether it was started and hasn't ended."""
        return self._task is not None and self._task.outcome is None


class Condition:
    """A reentrant lock, and those who wait until something is changed under it."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._holder: Task | None = None
        self._depth = 0
        self._entering: deque[Task] = deque()
        self._waiting: list[Task] = []

    def __enter__(self) -> bool:
        self._take(1)
        return True

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth <= 0:
            self._release()

    def wait(self, timeout: float | None = None) -> bool:
        """Let go of the lock until somebody notifies, or the time is over."""
        task, depth = self._scheduler.current, self._depth
        if task is None:
            return False  # outside of the simulation nobody comes
        self._waiting.append(task)
        self._release()
        self._scheduler.point("condition")
        if task in self._waiting:
            self._scheduler.park(timeout)
        is_notified = task not in self._waiting
        if not is_notified:
            self._waiting.remove(task)
        self._take(depth)
        return is_notified

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until it is true, or the time is over."""
        until = None if timeout is None else self._scheduler.time + int(timeout * SECOND)
        while not (found := predicate()):
            left = None if until is None else (until - self._scheduler.time) / SECOND
            if left is not None and left <= 0:
                break
            if not self.wait(left) and self._scheduler.current is None:
                break
        return found

    def notify_all(self) -> None:
        """All who wait go on."""
        self.notify(len(self._waiting))

    def notify(self, n: int = 1) -> None:
        """Some of those who wait go on."""
        told, self._waiting = self._waiting[:n], self._waiting[n:]
        for task in told:
            self._scheduler.unpark(task)

    def _take(self, depth: int) -> None:
        task = self._scheduler.current
        if task is None or self._scheduler.is_over:
            return
        while self._holder is not None and self._holder is not task:
            if self._holder.outcome is not None:
                break  # it died with its process, and whoever comes now is of another
            self._entering.append(task)
            self._scheduler.park(None)
        self._holder = task
        self._depth += depth

    def _release(self) -> None:
        self._holder, self._depth = None, 0
        if self._entering:
            self._scheduler.unpark(self._entering.popleft())


class Lock(Condition):
    """Others may go on when it is let go of: what was read under it may have changed a moment later."""

    def __exit__(self, *details: object) -> None:
        super().__exit__(*details)
        if self._scheduler.current is not None and not self._scheduler.is_over:
            self._scheduler.point("lock")


class Event:
    """A flag to wait for."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._changed = Condition(scheduler)
        self._is_set = False

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._changed.notify_all()

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(lambda: self._is_set, timeout))


class SimpleQueue:
    """Items for whoever takes them."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._changed = Condition(scheduler)
        self._items: deque[Any] = deque()

    def put(self, item: Any) -> None:
        self._items.append(item)
        self._changed.notify()

    def get(self) -> Any:
        with self._changed:
            self._changed.wait_for(lambda: self._items)
            return self._items.popleft()
