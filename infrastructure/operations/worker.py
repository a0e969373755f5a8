"""The worker with threads: beside an application, or as a process of its own."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Condition, Thread, current_thread, main_thread
from time import monotonic
from types import FrameType, TracebackType
from typing import Self

from ...domain.live import Unpicklable
from ...projections.runs.run import Run
from ..concurrency.threads import ThreadPool
from ..execution.runner import PreparedCall, run_steps
from ..storage.wakeups import Wakeups
from .work import POLL, Work


class Worker(Unpicklable):
    """Executes the runs of a store that are due, were queued, or were left by workers that are gone.

    With ``with`` it works in threads beside the block, and stops at its end; ``run`` works until it is told to stop.
    Async executors are run, too, each on an event loop of its run's thread.
    """

    _send_instead = "send the store's URL, and make a worker there"

    def __init__(self, work: Work, wakeups: Wakeups) -> None:
        self._work = work
        self._wakeups = wakeups
        self._pool = ThreadPool(f"flowledger-worker-{work.custody.worker['name']}", work.options.concurrency)
        self._changed = Condition()
        self._busy = 0
        self._is_woken = False
        self._has_ended = True
        self._interrupts = 0
        self._thread: Thread | None = None

    @property
    def name(self) -> str:
        """As ``ledger.workers()`` and the events show it."""
        return self._work.custody.worker["name"]

    @property
    def id(self) -> str:
        """No other worker ever has it."""
        return self._work.custody.id

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._serve, name=f"flowledger-worker-{self.name}", daemon=True)
        self._has_ended = False
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self.close()

    def run(self) -> None:
        """Work in this thread until ``stop`` is called, or the process gets SIGTERM or SIGINT (in the main thread).

        Then no more runs are claimed, and each run that is executed is handed back after the step that is under way.
        Steps that take longer than the grace period are told by ``step.cancelled`` and abandoned; a second signal
        doesn't wait for them.
        """
        self._has_ended = False
        with self._signals():
            self._serve()
            self.close()

    def stop(self, *, now: bool = False) -> None:
        """Claim no more runs, and hand back what is executed. Returns at once; may be called in a signal handler.

        ``now``: steps that are under way are abandoned, as after the grace period.
        """
        if now:
            self._interrupts = 2
        self._work.is_stopping = True
        self._wake()

    def close(self) -> None:
        """Stop, and wait until all runs are handed back, at most for the grace period."""
        self.stop()
        deadline = monotonic() + self._work.options.grace
        with self._changed:
            while (self._busy or not self._has_ended) and not self._interrupts > 1:
                left = deadline - monotonic()
                if left <= 0 or not self._changed.wait(left):
                    break
        self._work.abandon()
        self._work.leave_bulk()
        self._work.custody.close()
        self._pool.close()

    # --- the loop -----------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        self._wakeups.add_listener(self._wake, lambda: self._work.hears_all)
        try:
            while not self._work.is_stopping:
                self._turn()
        finally:
            self._wakeups.remove_listener(self._wake)
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _turn(self) -> None:
        """Claim what is due, as much as there is room for; then wait until there may be more."""
        with self._changed:
            self._is_woken = False
            free = self._work.options.concurrency - self._busy
        for call in self._work.take(free) if free else []:
            with self._changed:
                self._busy += 1
            self._pool.submit(self._execute, call)
        is_more = bool(free) and self._work.may_be_more
        if self._work.advance_bulk(is_busy=is_more) or is_more:
            return
        with self._changed:
            if free:
                is_late = self._work.came_late and not self._busy
                self._changed.wait_for(lambda: not (self._busy or is_late) or self._work.is_stopping, self._work.rest)
            if self._is_woken:
                return
        seconds = self._work.seconds_to_wait() if free else POLL
        with self._changed:
            if not self._is_woken and not self._work.is_stopping:
                self._changed.wait(seconds)

    def _execute(self, call: PreparedCall[Run]) -> None:
        try:
            steps = self._work.steps_of(call)
            if steps is not None:
                run_steps(*steps, self._work.services.threads.executors)
        except BaseException as error:  # noqa: BLE001 - said, and the run is left to others; this thread serves more runs
            self._work.report(error)
            self._wake()  # it can be taken again
        finally:
            with self._changed:
                self._busy -= 1
                self._is_woken |= self._work.hears_all
                self._changed.notify_all()

    def _wake(self) -> None:
        """Look again. A signal handler may take the lock from the very thread that holds it: it is reentrant."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    @contextmanager
    def _signals(self) -> Generator[None]:
        if current_thread() is not main_thread():
            yield
            return
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signature of handlers
        self._interrupts += 1
        self.stop()
