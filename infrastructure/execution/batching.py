"""Durability in batches: a run continues before its last steps are stored; they are stored together, soon after."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import TIMEOUT_MAX, Condition, Lock, Thread

from ...domain.errors import ConcurrencyError, FlowledgerError, InvalidRequest, InvalidValue
from ...domain.ports import EventStore, NewEvent, Write
from ...domain.run import RunState, advance, is_plain_step, with_header
from ...domain.status import TERMINAL
from ...domain.values.json import size_of
from ...domain.visible import quoted
from ..concurrency.forking import ResetOnFork, handle_missed_fork, register_for_forks
from ..concurrency.threads import Threads
from .committer import Committer, after_operators, only_operators

_log = logging.getLogger("flowledger.batches")

LARGE = 2**20
"""Bytes of values that may wait: a batch of large ones would need as much memory."""

MOST_STEPS = 100_000
"""The largest batch: one commit takes no more than ten times as many events."""

MOST_MILLISECONDS = int(TIMEOUT_MAX) * 1000


@dataclass(frozen=True, slots=True)
class Batch:
    """Store a run's steps every so many steps, or so many milliseconds after the first that isn't stored yet.

    Values of over 1 MiB in all don't wait. Starting, pausing, waiting for a retry and ending are durable when the call
    returns, as are all steps before. A crash loses at most the steps of one batch: they run again, with the same
    idempotency keys, as a step that was in flight would.

    Raises InvalidRequest for a size that is none.
    """

    steps: int = 100
    milliseconds: int = 50

    def __post_init__(self) -> None:
        if type(self.steps) is not int or not 1 <= self.steps <= MOST_STEPS:
            raise InvalidRequest(f"a batch of {quoted(self.steps)} steps: give 1 to {MOST_STEPS:,}")
        if type(self.milliseconds) is not int or not 1 <= self.milliseconds <= MOST_MILLISECONDS:
            raise InvalidRequest(
                f"a batch within {quoted(self.milliseconds)} milliseconds: give 1 to {MOST_MILLISECONDS:,}"
            )


class BatchCommitter:
    """Holds a run's events, folded but not stored, until a batch is full, its time is up, or the run stops.

    Events that operators append meanwhile take effect when the batch is stored: its steps are recorded after them.
    """

    def __init__(
        self,
        store: EventStore,
        load: "_Load",
        state: RunState,
        batch: Batch,
        timer: "Timer",
        threads: Threads,
        on_close: Callable[[], object],
        refuse_late: Callable[[], object],
    ) -> None:
        self._store = store
        self._on_close = on_close
        self._refuse_late = refuse_late
        self._load = load
        self._state = state
        self._run_id = state.run_id or ""
        self._hold = store.hold(self._run_id)
        self._batch = batch
        self._timer = timer
        self._threads = threads
        # The holder of the lock stores; the timer's thread may do so while the run's own is in an executor.
        self._lock = Lock()
        self._waiting: list[list[NewEvent]] = []
        """Grouped by step, as the events of one step belong together."""
        self._size = 0
        self._stored = state.version
        self._moved: RunState | None = None
        """The state in the store, where it differs from the run's own; the run's thread takes it over."""
        self._refused: BaseException | None = None

    def __call__(self, events: list[NewEvent]) -> None:
        with self._lock:
            try:
                self._refuse_late()
                self._add(events)
            except FlowledgerError:
                self._waiting = []  # the call ends here, and nothing is stored after it has failed
                raise

    async def acommit(self, events: list[NewEvent]) -> None:
        """The same for a task; its event loop isn't blocked."""
        if self._try_add(events):
            await asyncio.sleep(0)  # let other tasks run
        else:
            await self._threads.store.run(self, events)

    def close(self) -> None:
        """The call is over. Where it was interrupted between two batches, the waiting steps are stored now."""
        self.store()
        self._on_close()
        if self._refused is not None:
            _log.warning(
                "the last steps of run %r were not stored and will run again: %s",
                self._run_id,
                self._refused,
                extra={"run_id": self._run_id},
            )

    def store(self) -> None:
        """Store the waiting steps, from another thread than the run's. An error is raised in the run's own."""
        with self._lock:
            if self._refused is not None:
                return  # a refused batch isn't tried again without the caller's knowledge
            try:
                self._store_waiting()
            except BaseException as error:  # noqa: BLE001 - raised where the run is; this thread serves others, too
                self._refused = error

    def _try_add(self, events: list[NewEvent]) -> bool:
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._must_store(events):
                return False
            self._add(events)
            return True
        finally:
            self._lock.release()

    def _add(self, events: list[NewEvent]) -> None:
        if self._refused is not None:
            raise self._refused
        full = self._must_store(events)
        first = not self._waiting
        if events := self._take_over(events):
            self._waiting.append(_fold(self._state, events))
            self._size += _size(events)
        if full:
            self._store_waiting()
            self._take_over([])
        elif first:
            self._timer.call_in(self._batch.milliseconds / 1000, self.store)

    def _must_store(self, events: list[NewEvent]) -> bool:
        return (
            len(events) != 1
            or not is_plain_step(*events[0])
            or self._moved is not None  # an operator may have stopped the run
            or len(self._waiting) + 1 >= self._batch.steps
            or self._size + _size(events) > LARGE
        )

    def _take_over(self, events: list[NewEvent]) -> list[NewEvent]:
        """Continue from the state in the store. Returns the events as they are to be recorded after it."""
        if self._moved is None:
            return events
        state = self._state
        state.become(self._moved)
        self._moved = None
        if not events or (state.status in TERMINAL and not state.cancelled):  # a step before these was too large
            return []
        return after_operators(state, events)

    def _store_waiting(self) -> None:
        while self._waiting:
            events = [event for step in self._waiting for event in step]
            try:
                self._store.append(Write(self._run_id, self._stored, events))
            except ConcurrencyError:
                self._move_after_operators()
            except InvalidValue:
                self._store_one_by_one()
            else:
                self._waiting = []  # first: an interrupt before the next line must not store them twice
                self._stored += len(events)
        self._size = 0
        self._timer.cancel(self.store)  # last: steps left waiting by an interrupt are still due

    def _move_after_operators(self) -> None:
        """Decide the waiting steps again, after the events appended meanwhile.

        Raises ConcurrencyError after a takeover.
        """
        state = self._load(self._run_id, None)
        stored = state.version
        added = list(self._store.read(self._run_id, after=self._stored, upto=stored))
        if not only_operators(added):
            raise ConcurrencyError(self._run_id, self._stored, stored)
        decided = [_fold(state, after_operators(state, step)) for step in self._waiting]
        self._waiting = [step for step in decided if step]
        self._moved = state
        self._stored = stored  # last: after an interrupt before this line, they are decided again

    def _store_one_by_one(self) -> None:
        """Store the waiting steps up to the one whose event is over the store's limit: it has failed, and so has the
        run."""
        state = self._load(self._run_id, self._stored)
        waiting, self._waiting = self._waiting, []
        commit = Committer(self._store, state, self._threads)
        for step in waiting:
            commit(step)
            if state.status in TERMINAL and not state.cancelled:
                break
        self._moved = state
        self._stored = state.version


_Load = Callable[[str, int | None], RunState]
"""The state of a run at a version, or now (None)."""


def _fold(state: RunState, events: list[NewEvent]) -> list[NewEvent]:
    """Fold the events into the state. Returns them as they are to be stored."""
    stored, after = with_header(state, events)
    advance(state, stored, after)
    return stored


def _size(events: list[NewEvent]) -> int:
    """Bytes of the executor's input, output and log."""
    values = (size_of(event.data[key]) for event in events for key in ("input", "output") if key in event.data)
    return sum(values) + sum(len(line["message"]) for event in events for line in event.data.get("logs", ()))


class Timer(ResetOnFork):
    """Calls back after a delay, from one thread of its own, which exists while calls are due."""

    def __init__(self) -> None:
        self._closed = False
        self._start()
        register_for_forks(self)

    def _start(self) -> None:
        self._changed = Condition()
        self._due: dict[Callable[[], None], float] = {}
        """Callback → time of the call, earliest first: all callers have the same delay."""
        self._thread: Thread | None = None

    def call_in(self, seconds: float, callback: Callable[[], None]) -> None:
        handle_missed_fork()
        with self._changed:
            self._due[callback] = time.monotonic() + seconds
            if self._thread is None:
                self._thread = Thread(target=self._serve, name="flowledger-batches", daemon=True)
                self._thread.start()

    def cancel(self, callback: Callable[[], None]) -> None:
        """Don't make the call if it is still due."""
        handle_missed_fork()
        with self._changed:
            self._due.pop(callback, None)

    def close(self) -> None:
        """Make all calls that are still due, now."""
        handle_missed_fork()
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _serve(self) -> None:
        while (callback := self._next()) is not None:
            callback()

    def _next(self) -> Callable[[], None] | None:
        """Wait for the next call that is due; None when there is none left."""
        with self._changed:
            while self._due:
                left = next(iter(self._due.values())) - time.monotonic()
                if left <= 0 or self._closed:
                    callback = next(iter(self._due))
                    del self._due[callback]
                    return callback
                self._changed.wait(left)
            self._thread = None
            return None

    def after_fork_in_child(self) -> None:
        self._start()  # the thread, and the runs that it serves, belong to the parent
