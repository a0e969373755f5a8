"""A group commit whose disk waits for the test, and writers on threads and on event loops."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Condition, Thread
from typing import Any

from eventsourcing.persistence import IntegrityError, StoredEvent

from flowledger.domain.ports import Guard
from flowledger.infrastructure.concurrency.threads import ThreadPool
from flowledger.infrastructure.storage import group_commit
from flowledger.infrastructure.storage.codec import digest_of
from flowledger.infrastructure.storage.errors import ConnectionLost
from flowledger.infrastructure.storage.group_commit import GroupCommit
from flowledger.infrastructure.storage.recorder import holds
from flowledger.infrastructure.storage.stored_events import LinkedEvent, guarded, guards_in

MAX_WAIT = 60
"""Seconds after which a writer is taken to wait for ever. Where all is well nothing takes as long."""


@dataclass(eq=False)
class Insert:
    """One call of ``insert_events``, at the gate until ``end`` says what becomes of it."""

    events: list[StoredEvent]
    is_first: bool
    """None of its events was in an earlier call."""
    thread: Thread = field(default_factory=threading.current_thread)
    raised: BaseException | None = None
    outcome: "SimpleQueue[Any]" = field(default_factory=SimpleQueue)

    def end(self, outcome: Any = "stored") -> None:
        """``outcome``: stored (or refused, where a version is taken), lost before, lost after, or an error."""
        self.outcome.put(outcome)

    @property
    def is_large(self) -> bool:
        states = sum(len(event.state) for event in self.events)
        return states > group_commit.MAX_SHARED_BYTES or len(self.events) > group_commit.MAX_SHARED_EVENTS


class Disk:
    def __init__(self) -> None:
        self.open = False
        """Whether inserts pass without waiting."""
        self.changed = Condition()
        self.inserts: list[Insert] = []
        self.at_gate: list[Insert] = []
        self.log: list[StoredEvent] = []

    def insert_events(self, events: Sequence[StoredEvent]) -> list[int]:
        with self.changed:
            seen = {event for insert in self.inserts for event in insert.events}
            insert = Insert(list(events), is_first=seen.isdisjoint(events))
            self.inserts.append(insert)
            self.at_gate.append(insert)
            self.changed.notify_all()
        try:
            return self._ended(insert, "stored" if self.open else insert.outcome.get(timeout=MAX_WAIT))
        except BaseException as error:
            insert.raised = error
            raise
        finally:
            with self.changed:
                self.at_gate.remove(insert)
                self.changed.notify_all()

    def _ended(self, insert: Insert, outcome: Any) -> list[int]:
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome == "lost before":
            raise ConnectionLost(outcome)
        with self.changed:
            taken = [*map(place, self.log), *map(place, insert.events)]
            if len(set(taken)) < len(taken):
                raise IntegrityError("a version is taken")
            if not all(holds(self, guard) for guard in guards_in(insert.events)):  # type: ignore[arg-type]  # as far as it is used
                raise IntegrityError("a guard doesn't hold")
            self.log += insert.events
            positions = list(range(len(self.log) - len(insert.events) + 1, len(self.log) + 1))
        if outcome == "lost after":
            raise ConnectionLost(outcome)
        return positions

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        with self.changed:
            found = [(one.state, number) for number, one in enumerate(self.log, 1) if place(one) == (stream, version)]
        return found[0] if found else None

    def until(self, condition: Callable[[], object]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, MAX_WAIT), "somebody waits for ever"

    def next_insert(self) -> Insert:
        self.until(lambda: self.at_gate)
        return self.at_gate[0]


class WatchedQueue(deque[Any]):
    """The group's queue, which tells the disk's watchers who comes."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self.disk = disk
        self.came: list[Sequence[StoredEvent]] = []
        self.when_one_comes: Callable[[], object] = lambda: None

    def append(self, writer: Any) -> None:
        super().append(writer)
        with self.disk.changed:
            self.came.append(writer.events)
            self.disk.changed.notify_all()
        self.when_one_comes()


class Company:
    """A group commit, and writers on threads and on event loops."""

    def __init__(self, loops: Sequence[asyncio.AbstractEventLoop] = ()) -> None:
        self.loops = loops
        self.disk = Disk()
        threads = ThreadPool("flowledger-store", 32)  # as many as can be at the gate at once
        self.group = GroupCommit(self.disk, threads)  # type: ignore[arg-type]
        self.queue = self.group._queue = WatchedQueue(self.disk)
        self.futures: list[tuple[list[StoredEvent], Future[list[int]]]] = []

    def on_thread(self, *events: StoredEvent) -> "Future[list[int]]":
        return self._joined(events, run_in_thread(lambda: self.group.insert(events)))

    def on_loop(self, *events: StoredEvent, loop: int = 0) -> "Future[list[int]]":
        return self._joined(events, asyncio.run_coroutine_threadsafe(self.group.ainsert(events), self.loops[loop]))

    def _joined(self, events: Sequence[StoredEvent], future: "Future[list[int]]") -> "Future[list[int]]":
        self.futures.append((list(events), future))
        future.add_done_callback(self._answered)
        return future

    def _answered(self, _: object) -> None:
        with self.disk.changed:
            self.disk.changed.notify_all()

    def queued(self, count: int) -> None:
        """Wait until so many writers came behind a commit."""
        self.disk.until(lambda: len(self.queue.came) == count)

    def settle(self) -> None:
        """Wait until every writer who has no answer stands in the queue or with a thread at the gate, and one leads."""
        self.disk.until(self._is_settled)

    def _is_settled(self) -> bool:
        at_gate = {insert.thread for insert in self.disk.at_gate}
        queued = {event for writer in tuple(self.queue) for event in writer.events}
        seen = queued.union(*(insert.events for insert in self.disk.inserts if insert.thread in at_gate))
        leaders = [insert.thread for insert in self.disk.inserts if insert.is_first and not insert.is_large]
        leads = not at_gate.isdisjoint(leaders[-1:])
        return all(events[0] in seen for events, future in self.futures if not future.done()) and (leads or not queued)

    def all_go_on(self) -> None:
        """Let everything pass; check that everybody has an answer, and that one who comes now gets in."""
        self.disk.open = True
        for insert in [*self.disk.at_gate]:
            insert.end()
        for _, future in self.futures:
            if not future.cancelled():
                future.exception(MAX_WAIT)
        last = event("last")
        assert [self.disk.log[position - 1] for position in self.on_thread(last).result(MAX_WAIT)] == [last]


def event(stream: str, version: int = 1, size: int = 8) -> StoredEvent:
    return StoredEvent(stream, version, "test", next(_states).to_bytes(8, "big").rjust(size, b"\0"))


def guarded_event(stream: str, on: StoredEvent) -> StoredEvent:
    """An event that is stored only while another one is the last of its stream."""
    new = event(stream)
    guard = Guard(str(on.originator_id), on.originator_version, digest_of(on.state).hex())
    return guarded(LinkedEvent(new.originator_id, new.originator_version, new.topic, new.state), guard)


_states = iter(range(2**63))


def place(event: StoredEvent) -> tuple[Any, int]:
    return event.originator_id, event.originator_version


def run_in_thread(work: Callable[[], Any]) -> "Future[Any]":
    """Not in a pool: a thread that hangs must not hold up the end of the tests."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()  # unlike a task, a thread can't be cancelled

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
