"""The worker with tasks: in an application's event loop."""

import asyncio
import signal
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Self

from ...domain.live import Unpicklable
from ...projections.runs.run import Run
from ..concurrency.threads import Threads
from ..execution.runner import PreparedCall, arun_steps
from ..storage.wakeups import Wakeups
from .work import POLL, Work


class AsyncWorker(Unpicklable):
    """The same as ``Worker``, with a task for each run. Sync executors run in threads and never stop the loop.

    With ``async with`` it works beside the block; ``await worker.run()`` works until it is told to stop.
    """

    _send_instead = "send the store's URL, and make a worker there"

    def __init__(self, work: Work, wakeups: Wakeups, threads: Threads) -> None:
        self._work = work
        self._wakeups = wakeups
        self._threads = threads
        self._runs: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """As ``ledger.workers()`` and the events show it."""
        return self._work.custody.worker["name"]

    @property
    def id(self) -> str:
        """No other worker ever has it."""
        return self._work.custody.id

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def run(self, *, signals: bool = False) -> None:
        """Work until ``stop`` is called; with ``signals`` (in the main thread) also until SIGTERM or SIGINT.

        Then no more runs are claimed, and each run that is executed is handed back after the step that is under way.
        """
        loop = self._loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT) if signals else ()
        for number in numbers:
            loop.add_signal_handler(number, self.stop)
        try:
            await self._serve()
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)
            await self.aclose()

    def stop(self) -> None:
        """Claim no more runs, and hand back what is executed. Returns at once; may be called in any thread."""
        self._work.is_stopping = True
        self._wake()
        self._set(self._stopping)

    async def aclose(self) -> None:
        """Stop, and wait until all runs are handed back, at most for the grace period."""
        self.stop()
        if self._task is not None:
            await self._task
        if self._runs:
            await asyncio.wait(self._runs, timeout=self._work.options.grace)
        await self._threads.store.run(self._work.abandon)
        for task in self._runs:
            task.cancel()
        await self._threads.store.run(self._work.leave_bulk)
        await self._threads.store.run(self._work.custody.close)

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def _serve(self) -> None:
        self._wakeups.add_listener(self._wake, lambda: self._work.hears_all)
        try:
            while not self._work.is_stopping:
                await self._turn()
        finally:
            self._wakeups.remove_listener(self._wake)

    async def _turn(self) -> None:
        """Claim what is due, as much as there is room for; then wait until there may be more."""
        self._changed.clear()
        free = self._work.options.concurrency - len(self._runs)
        for call in await self._threads.store.run(self._work.take, free) if free else []:
            task = asyncio.create_task(self._execute(call))
            self._runs.add(task)
            task.add_done_callback(self._forget)
        is_more = bool(free) and self._work.may_be_more
        if await self._threads.store.run(partial(self._work.advance_bulk, is_busy=is_more)) or is_more:
            return
        if free and self._runs:
            await asyncio.wait(self._runs, timeout=self._work.rest)
        elif self._work.came_late:
            await _wait_for(self._stopping, self._work.rest)
        if not self._changed.is_set():
            await self._wait(await self._threads.store.run(self._work.seconds_to_wait) if free else POLL)

    async def _wait(self, seconds: float) -> None:
        """Until something has changed, or for so long."""
        await _wait_for(self._changed, seconds)

    async def _execute(self, call: PreparedCall[Run]) -> None:
        try:
            steps = self._work.steps_of(call)
            if steps is not None:
                await arun_steps(*steps, self._threads)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - said, and the run is left to others
            self._work.report(error)
            self._changed.set()  # it can be taken again

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._runs.discard(task)
        if self._work.hears_all:
            self._changed.set()

    def _wake(self) -> None:
        """Look again; from any thread."""
        self._set(self._changed)

    def _set(self, event: asyncio.Event) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(event.set)


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    """Until it is set, or for so long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
