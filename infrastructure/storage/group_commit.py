"""Group commit: the writers of one process share commits.

A commit takes as long for sixty events as for one. So a writer that arrives during a commit queues, and queued writers
share the next commit. A writer that arrives alone commits at once. A thread that leads a commit passes the lead on
afterwards, or the events of others would hold up its own run. Tasks of event loops are served by a thread that does
nothing else, so no loop is ever blocked. The main thread is served likewise while others commit: it may be interrupted
anywhere, and if it led, others could wait for ever.

Where a shared commit fails, it is unclear which writer caused it. After a conflict the writers without one commit
together once more. The rest, and all writers after any other error, try alone, and only the one that caused the error
gets it. Trying again is safe: a writer recognises its own event if it is stored already.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Condition, Lock, get_ident, main_thread

from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent

from ..concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ..concurrency.threads import ThreadPool
from .errors import ConnectionLost
from .recorder import LedgerRecorder, holds
from .stored_events import guards_in

MAX_SHARED_BYTES = 2**20
"""Encoded bytes in one shared commit at most; a larger write is committed by itself, beside the others."""

MAX_SHARED_EVENTS = 1_000


class _Writer:
    """A writer whose events wait for a commit."""

    __slots__ = ("answer", "events")

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        self.events = events
        self.answer: list[int] | Exception | None = None
        """None while it waits, and where it must try alone."""


class _WaitingThread(_Writer):
    """A thread that waits until it has an answer, must try alone, or is to lead."""

    __slots__ = ("leads", "may_lead", "woken")

    def __init__(self, events: Sequence[StoredEvent], *, may_lead: bool) -> None:
        super().__init__(events)
        self.may_lead = may_lead
        self.leads = False
        self.woken = Lock()
        self.woken.acquire()


class _WaitingTask(_Writer):
    """A task of an event loop."""

    __slots__ = ("future", "loop")

    def __init__(self, events: Sequence[StoredEvent], loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(events)
        self.loop = loop
        self.future: asyncio.Future[list[int] | None] = loop.create_future()


class GroupCommit(ResetOnFork):
    """Wraps a recorder's ``insert_events``: the same contract, with commits shared by threads and event loops."""

    def __init__(self, recorder: LedgerRecorder, threads: ThreadPool) -> None:
        self._recorder = recorder
        self._threads = threads
        self._closed = False
        self._start()
        register_for_forks(self)

    def _start(self) -> None:
        # The main thread may be interrupted anywhere, so it never leads: others could wait for ever.
        self._main_thread = main_thread().ident
        self._lock = Lock()
        self._stopped = Condition(self._lock)
        self._leading = False
        """Whether a writer leads, or is appointed to."""
        self._queue: deque[_Writer] = deque()
        self._server: ThreadPoolExecutor | None = None

    def insert(self, events: Sequence[StoredEvent]) -> list[int]:
        """Store the events durably, all or none, in a commit of their own or in a shared one."""
        handle_missed_fork()
        may_lead = get_ident() != self._main_thread
        if _is_large(events) or self._closed or not (may_lead or self._leading):
            return self._recorder.insert_events(events)
        writer: _WaitingThread | None = None
        leads = False
        try:
            with self._lock:
                if self._leading:
                    writer = _WaitingThread(events, may_lead=may_lead)
                    self._queue.append(writer)
                else:
                    leads = self._leading = may_lead
            if writer is None:
                return self._recorder.insert_events(events)
        finally:
            if leads:
                self._pass_on()
        try:
            writer.woken.acquire()
            if writer.leads:
                self._commit_next()
        finally:
            self._leave(writer)
        if writer.answer is None:
            return self._recorder.insert_events(events)
        if isinstance(writer.answer, Exception):
            raise writer.answer
        return writer.answer

    async def ainsert(self, events: Sequence[StoredEvent]) -> list[int]:
        """The same for a task; its loop isn't blocked. A cancelled task's events may be stored all the same."""
        handle_missed_fork()
        if _is_large(events) or self._closed:
            return await self._threads.run(self._recorder.insert_events, events)
        writer = _WaitingTask(events, asyncio.get_running_loop())
        with self._lock:
            self._queue.append(writer)
            if not self._leading:
                self._leading = True
                self._serve()
        positions = await writer.future
        if positions is None:
            return await self._threads.run(self._recorder.insert_events, events)
        return positions

    def close(self) -> None:
        """Return when no writer waits any more. Later writers commit by themselves."""
        handle_missed_fork()
        with self._lock:
            self._closed = True
            while self._leading:
                self._stopped.wait()
        if self._server is not None:
            self._server.shutdown()

    # --- leading ------------------------------------------------------------------------------------------------------

    def _commit_next(self) -> None:
        """Commit for the writers that wait longest, as many as fit in one commit."""
        batch: list[_Writer] = []
        sharing: list[_Writer] = batch
        try:
            with self._lock:
                _take(self._queue, batch)
            try:
                self._commit(batch)
            except IntegrityError:
                if len(batch) == 1:
                    raise
                # Most likely few have a conflict, and the others needn't commit one by one.
                sharing = self._without_conflicts(batch)
                self._commit(sharing)
        except ConnectionLost as error:
            # The commit may have happened: each writer gets the error as if it had been alone.
            for writer in sharing:
                writer.answer = ConnectionLost(*error.args)
        except Exception as error:  # noqa: BLE001 - raised in the writer that caused it: that may be another thread
            if len(batch) == 1:
                batch[0].answer = error
        finally:
            _wake(batch)

    def _commit(self, writers: Sequence[_Writer]) -> None:
        positions = self._recorder.insert_events([event for writer in writers for event in writer.events])
        start = 0
        for writer in writers:
            end = start + len(writer.events)
            writer.answer = positions[start:end]
            start = end

    def _without_conflicts(self, batch: Sequence[_Writer]) -> list[_Writer]:
        """The writers whose places are neither stored nor claimed by a writer before them, and whose guards hold.

        The rest must try alone.
        """
        free: list[_Writer] = []
        claimed: set[str] = set()
        guards = guards_in([event for writer in batch for event in writer.events])
        refused = {guard for guard in guards if not holds(self._recorder, guard)}
        for writer in batch:
            if not refused.isdisjoint(guards_in(writer.events)):
                continue
            first: dict[str, int] = {}
            for event in writer.events:
                first.setdefault(str(event.originator_id), event.originator_version)
            if claimed.isdisjoint(first) and not any(self._recorder.header(*place) for place in first.items()):
                claimed.update(first)
                free.append(writer)
        return free

    def _pass_on(self) -> None:
        """Appoint the next leader, if a writer waits."""
        with self._lock:
            self._appoint()

    def _appoint(self) -> None:
        if self._stop_if_idle():
            return
        first = self._queue[0]
        if isinstance(first, _WaitingThread) and first.may_lead:
            first.leads = True
            first.woken.release()
        else:
            self._serve()

    def _stop_if_idle(self) -> bool:
        """Whether no writer waits; then no one leads any more."""
        if not self._queue:
            self._leading = False
            self._stopped.notify_all()
        return not self._queue

    def _leave(self, writer: _WaitingThread) -> None:
        """Remove a thread that no longer waits: it has its answer, has led, or was interrupted."""
        with self._lock:
            if writer in self._queue:
                self._queue.remove(writer)
            if writer.leads:
                writer.leads = False
                self._appoint()

    # --- serving writers that can't lead ------------------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            if self._server is None:
                self._server = ThreadPoolExecutor(1, "flowledger-commit")
            self._server.submit(self._commit_for_all)
        except RuntimeError as error:  # no thread can be started
            self._server = None
            self._refuse(f"no thread can commit for others: {error}")
            self._appoint()

    def _refuse(self, reason: str) -> None:
        """Refuse the writers that can't lead; the others commit by themselves."""
        helpless = [writer for writer in self._queue if not (isinstance(writer, _WaitingThread) and writer.may_lead)]
        for writer in helpless:
            self._queue.remove(writer)
            writer.answer = OperationalError(reason)
        _wake(helpless)

    def _commit_for_all(self) -> None:
        """Commit until no writer waits: this thread has no run of its own that would be held up."""
        while True:
            with self._lock:
                if self._stop_if_idle():
                    return
            self._commit_next()

    def after_fork_in_child(self) -> None:
        self._start()  # the writers that wait or lead are the parent's


def _is_large(events: Sequence[StoredEvent]) -> bool:
    if len(events) == 1:
        return len(events[0].state) > MAX_SHARED_BYTES
    return len(events) > MAX_SHARED_EVENTS or _size(events) > MAX_SHARED_BYTES


def _size(events: Sequence[StoredEvent]) -> int:
    return sum(len(event.state) for event in events)


def _take(queue: deque[_Writer], batch: list[_Writer]) -> None:
    """Move the first writers from the queue into the batch."""
    events = size = 0
    while queue:
        events += len(queue[0].events)
        size += _size(queue[0].events)
        if batch and (events > MAX_SHARED_EVENTS or size > MAX_SHARED_BYTES):
            return
        batch.append(queue.popleft())


def _wake(batch: Sequence[_Writer]) -> None:
    tasks: dict[asyncio.AbstractEventLoop, list[_WaitingTask]] = {}
    for writer in batch:
        if isinstance(writer, _WaitingTask):
            tasks.setdefault(writer.loop, []).append(writer)
        elif isinstance(writer, _WaitingThread) and not writer.leads:
            writer.woken.release()
    for loop, waiting in tasks.items():
        with suppress(RuntimeError):  # the loop is closed, and its tasks are gone
            loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(tasks: Sequence[_WaitingTask]) -> None:
    for task in tasks:
        if task.future.done():  # cancelled meanwhile
            continue
        if isinstance(task.answer, Exception):
            task.future.set_exception(task.answer)
        else:
            task.future.set_result(task.answer)
