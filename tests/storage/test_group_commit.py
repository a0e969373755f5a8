"""Writers that share commits: each hears of its own events, whatever becomes of the others; nobody waits for ever."""

import asyncio
import ctypes
import dis
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from threading import Condition, Thread, get_ident
from types import FrameType
from typing import Any

import hypothesis.strategies as st
import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent
from hypothesis import HealthCheck, Phase, given, settings

from flowledger.infrastructure.concurrency.threads import ThreadPool
from flowledger.infrastructure.storage import group_commit
from flowledger.infrastructure.storage.errors import ConnectionLost
from flowledger.infrastructure.storage.group_commit import GroupCommit

PATIENCE = 10
"""Seconds after which a writer is taken to wait for ever. Where all is well nothing takes as long."""


# --- a disk whose every insert waits for the test ---------------------------------------------------------------------


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
            return self._ended(insert, "stored" if self.open else insert.outcome.get(timeout=PATIENCE))
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
            assert self.changed.wait_for(condition, PATIENCE), "somebody waits for ever"

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
                future.exception(PATIENCE)
        last = event("last")
        assert [self.disk.log[position - 1] for position in self.on_thread(last).result(PATIENCE)] == [last]


def event(stream: str, version: int = 1, size: int = 8) -> StoredEvent:
    return StoredEvent(stream, version, "test", next(_states).to_bytes(8, "big").rjust(size, b"\0"))


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


@pytest.fixture(scope="module")
def loops() -> Iterator[list[asyncio.AbstractEventLoop]]:
    loops = [asyncio.new_event_loop() for _ in range(2)]
    threads = [Thread(target=loop.run_forever, daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    yield loops
    for loop, thread in zip(loops, threads, strict=True):
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


@pytest.fixture
def company(loops: list[asyncio.AbstractEventLoop]) -> Company:
    return Company(loops)


# --- who shares with whom ---------------------------------------------------------------------------------------------


def test_who_comes_alone_commits_in_its_own_thread(company: Company) -> None:
    company.disk.open = True
    events = [event("a", 1), event("a", 2)]
    assert company.group.insert(events) == [1, 2]
    assert [insert.events for insert in company.disk.inserts] == [events]
    assert company.disk.inserts[0].thread is threading.current_thread()
    assert company.group._server is None


def test_a_task_that_comes_alone_causes_one_insert_off_its_loop(company: Company) -> None:
    company.disk.open = True
    events = (event("a", 1), event("a", 2))
    assert company.on_loop(*events).result(PATIENCE) == [1, 2]
    assert [tuple(insert.events) for insert in company.disk.inserts] == [events]


def test_all_who_come_while_another_commits_share_the_next_commit(company: Company) -> None:
    first = company.on_thread(event("first"))
    leading = company.disk.next_insert()
    others = [company.on_thread(event(f"t{number}"), event(f"u{number}")) for number in range(3)]
    others += [company.on_loop(event(f"l{number}"), loop=number % 2) for number in range(3)]
    company.queued(6)
    leading.end()
    company.all_go_on()
    assert first.result() == [1]
    assert [len(insert.events) for insert in company.disk.inserts[:2]] == [1, 9]
    assert sorted(position for other in others for position in other.result()) == list(range(2, 11))


@pytest.mark.parametrize("place_taken_by", ["who is stored", "who shares the commit"])
def test_one_conflict_leaves_the_others_their_shared_commit(company: Company, place_taken_by: str) -> None:
    company.on_thread(event("stored"))
    leading = company.disk.next_insert()
    others = [company.on_thread(event("twice"))]
    company.queued(1)
    taken = "stored" if place_taken_by == "who is stored" else "twice"
    late = [company.on_thread(event(taken)), company.on_loop(event(taken))]
    company.queued(3)
    others += [company.on_loop(event(f"l{number}")) for number in range(3)]
    company.queued(6)
    leading.end()
    company.disk.open = True
    assert sorted(position for other in others for position in other.result(PATIENCE)) == [2, 3, 4, 5]
    for writer in late:
        with pytest.raises(IntegrityError):
            writer.result(PATIENCE)
    assert [len(insert.events) for insert in company.disk.inserts] == [1, 6, 4, 1, 1]


@pytest.mark.parametrize(("count", "size"), [(1, 2**20 + 1), (2, 2**19 + 1), (1_001, 8)])
@pytest.mark.parametrize("joins", [Company.on_thread, Company.on_loop])
def test_what_is_too_large_to_share_goes_beside_the_others(
    company: Company, joins: Callable[..., "Future[list[int]]"], count: int, size: int
) -> None:
    company.on_thread(event("first"))
    company.disk.next_insert()
    large = joins(company, *(event("large", version, size) for version in range(1, count + 1)))
    company.disk.until(lambda: len(company.disk.at_gate) == 2)
    company.disk.at_gate[1].end()
    assert large.result(PATIENCE) == list(range(1, count + 1))
    assert company.queue.came == []
    company.all_go_on()


OUTCOMES = ["stored", "stored", "stored", "lost before", "lost after", OperationalError]
PLACES = st.sampled_from(["thread", "thread", 0, 1])
SIZES = st.lists(st.sampled_from([8, 8, 8, 40, 70]), min_size=1, max_size=3)
COMES = st.tuples(st.just("comes"), PLACES, st.sampled_from("abcdefgh"), SIZES)
ENDS = st.tuples(st.just("ends"), st.integers(0, 3), st.sampled_from(OUTCOMES))
LEAVES = st.tuples(st.just("leaves"), st.integers(0, 9))
PROGRAMS = st.lists(st.one_of(COMES, COMES, COMES, ENDS, ENDS, LEAVES), min_size=15, max_size=40)


# A program that hangs isn't shrunk, as each try would last until patience ends.
@settings(max_examples=200, deadline=None, phases=[Phase.reuse, Phase.generate], suppress_health_check=[*HealthCheck])
@given(program=PROGRAMS)
def test_whatever_happens_each_writer_gets_the_answer_that_is_its_own(
    loops: list[asyncio.AbstractEventLoop], program: list[tuple[Any, ...]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_commit, "MAX_SHARED_BYTES", 64)
        patch.setattr(group_commit, "MAX_SHARED_EVENTS", 4)
        company = Company(loops)
        for action in program:
            perform(company, *action)
            company.settle()
        company.all_go_on()
        company.group.close()
        assert not company.group._leading
        assert not company.queue
        for events, future in company.futures:
            check_answer(company.disk, events, future)
        check_sharing(company)


def perform(company: Company, action: str, *rest: Any) -> None:
    if action == "comes":
        where, stream, sizes = rest
        head = sum(stored.originator_id == stream for stored in company.disk.log)
        events = [event(stream, version, size) for version, size in enumerate(sizes, head + 1)]
        if where == "thread":
            company.on_thread(*events)
        else:
            company.on_loop(*events, loop=where)
    elif action == "ends" and company.disk.at_gate:
        which, outcome = rest
        insert = company.disk.at_gate[which % len(company.disk.at_gate)]
        insert.end(OperationalError("no room") if outcome is OperationalError else outcome)
        company.disk.until(lambda: insert not in company.disk.at_gate)
    elif action == "leaves" and company.futures:
        company.futures[rest[0] % len(company.futures)][1].cancel()


def check_answer(disk: Disk, events: list[StoredEvent], future: "Future[list[int]]") -> None:
    stored = [one for one in disk.log if one in events]
    assert stored in ([], events), "half of a writer's events"
    *earlier, last = (insert for insert in disk.inserts if events[0] in insert.events)
    assert not any(isinstance(insert.raised, ConnectionLost) for insert in earlier), "perhaps stored, and tried again"
    if future.cancelled():
        return
    error = future.exception()
    if error is None:
        assert [disk.log[position - 1] for position in future.result()] == events
        return
    assert type(last.raised) is type(error)
    assert last.events == events or not isinstance(error, IntegrityError), "a conflict of others"
    if isinstance(error, IntegrityError):
        assert stored or {place(one) for one in disk.log} & set(map(place, events)), "a conflict with nobody"


def check_sharing(company: Company) -> None:
    writers = {events[0]: events for events, _ in company.futures}
    in_order: list[StoredEvent] = []
    for insert in company.disk.inserts:
        sharing = [one for one in insert.events if one in writers]
        if len(sharing) > 1:
            assert not insert.is_large
        if insert.is_first:
            in_order += sharing
    came = [events[0] for events in company.queue.came]
    assert [one for one in in_order if one in came] == came, "the order of arrival"


# --- interrupted and cancelled ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, MemoryError, OverflowError])
def test_a_thread_whose_commit_for_several_ends_in_any_error_leaves_the_others_to_go_on(
    company: Company, stop: type[BaseException]
) -> None:
    shared = ends_a_shared_commit(company, stop, [company.on_thread, company.on_loop, company.on_thread])
    assert all(future.exception() is None for future in shared[1:])
    assert type(shared[0].exception()) in (stop, type(None))


@pytest.mark.parametrize("stop", [MemoryError, OverflowError])
def test_the_server_goes_on_after_any_error(company: Company, stop: type[Exception]) -> None:
    shared = ends_a_shared_commit(company, stop, [company.on_loop, company.on_thread, company.on_loop])
    assert all(future.exception() is None for future in shared)


@pytest.mark.parametrize("joins", [Company.on_thread, Company.on_loop])
def test_an_error_that_no_recorder_should_raise_reaches_the_writer_at_fault(
    company: Company, joins: Callable[..., "Future[list[int]]"]
) -> None:
    alone = joins(company, event("alone"))
    for _ in range(2):  # a task's events are tried again in a thread
        company.disk.until(lambda: company.disk.at_gate or alone.done())
        for insert in [*company.disk.at_gate]:
            insert.end(OverflowError("a version that no column can hold"))
            company.disk.until(lambda gone=insert: gone not in company.disk.at_gate)
    assert isinstance(alone.exception(PATIENCE), OverflowError)
    company.all_go_on()


def ends_a_shared_commit(
    company: Company, stop: type[BaseException], come: Sequence[Callable[..., "Future[list[int]]"]]
) -> "list[Future[list[int]]]":
    company.on_thread(event("first"))
    leading = company.disk.next_insert()
    shared = []
    for number, joins in enumerate(come):
        shared.append(joins(event(f"shares {number}")))
        company.queued(number + 1)
    leading.end()
    company.disk.until(lambda: len(company.disk.inserts) == 2 and company.disk.at_gate)
    company.disk.next_insert().end(stop("on purpose"))
    company.all_go_on()
    return shared


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_thread_interrupted_while_it_waits_does_not_hold_up_the_others(company: Company, ahead: int) -> None:
    """The interrupt takes effect when the thread is woken: to lead, or with its answer."""
    company.on_thread(event("first"))
    leading = company.disk.next_insert()
    idents: SimpleQueue[int] = SimpleQueue()

    def interrupted() -> list[int]:
        idents.put(get_ident())
        return company.group.insert([event("interrupted")])

    for number in range(ahead):
        company.on_thread(event(f"ahead {number}"))
        company.queued(number + 1)
    waiting = run_in_thread(interrupted)
    company.queued(ahead + 1)
    company.on_thread(event("behind"))
    company.on_loop(event("task"))
    company.queued(ahead + 3)
    interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc
    assert interrupt(ctypes.c_ulong(idents.get(timeout=PATIENCE)), ctypes.py_object(KeyboardInterrupt)) == 1
    leading.end()
    company.all_go_on()
    assert isinstance(waiting.exception(PATIENCE), KeyboardInterrupt)


def test_the_main_thread_interrupted_while_it_waits_leaves_the_queue(company: Company) -> None:
    company.on_thread(event("first"))
    leading = company.disk.next_insert()
    main, interrupted = threading.main_thread().ident or 0, threading.Event()

    def handler(*_: object) -> None:
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    def interrupt() -> None:
        company.queued(1)
        # Again and again, as the interpreter overlooks a signal that comes just before it waits for a lock.
        while not interrupted.wait(0.01):
            signal.pthread_kill(main, signal.SIGUSR1)

    with handling(handler):
        interrupting = run_in_thread(interrupt)
        with pytest.raises(KeyboardInterrupt):
            company.group.insert([event("interrupted")])
        interrupting.result(PATIENCE)
    assert not company.queue
    leading.end()
    company.all_go_on()
    assert [stored.originator_id for stored in company.disk.log] == ["first", "last"]


@contextmanager
def handling(handler: Callable[..., object]) -> Iterator[None]:
    """SIGUSR1 is handled so; signals only ever reach the main thread."""
    assert threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


class InterruptAt:
    """Interrupts this thread at the ``nth`` place of the group commit where the interpreter looks for signals.

    It looks when a function begins, at jumps backwards, and behind calls of what is written in C.
    """

    def __init__(self, nth: int) -> None:
        self.left = nth
        self.at: str | None = None
        self._last: dict[FrameType, str] = {}

    def __enter__(self) -> "InterruptAt":
        self._trace = sys.gettrace()
        sys.settrace(self._function)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._trace)

    def _function(self, frame: FrameType, event: str, _: object) -> Any:
        if frame.f_back is not None and frame.f_code is not WatchedQueue.append.__code__:  # else written in C
            self._last[frame.f_back] = "a call of Python"
        if frame.f_code.co_filename != group_commit.__file__:
            return None
        frame.f_trace_opcodes = True
        return self._instruction

    def _instruction(self, frame: FrameType, event: str, _: object) -> Any:
        if event != "opcode":
            return self._instruction
        last = self._last.get(frame, "")
        self._last[frame] = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        if last == "RESUME" or last.startswith(("CALL", "JUMP_BACKWARD")):
            self.left -= 1
            if self.left < 0:
                self.at = f"{frame.f_code.co_qualname}, line {frame.f_lineno}, after {last}"
                raise KeyboardInterrupt
        return self._instruction


def comes_alone(company: Company) -> None:
    company.disk.open = True


def is_at_the_disk_when_others_come(company: Company) -> None:
    """The others come while the disk is at work for the main thread."""

    def others_come() -> None:
        insert = company.disk.next_insert()
        company.disk.open = True
        for number, joins in enumerate([company.on_thread, company.on_loop, company.on_thread]):
            joins(event(f"other {number}"))
        insert.end()

    run_in_thread(others_come)


def is_answered(company: Company) -> None:
    """A thread commits for the main thread, which waits behind it."""
    in_company(company, main_thread_is=2)


def is_next(company: Company) -> None:
    """The main thread is the first who waits: it is served, as it never leads."""
    in_company(company, main_thread_is=0)


def others_wait(company: Company) -> None:
    come = [company.on_thread, company.on_loop, company.on_thread]
    for number, joins in enumerate(come, len(company.queue.came)):
        joins(event(f"other {number}"))
        company.queued(number + 1)


def in_company(company: Company, main_thread_is: int) -> None:
    company.on_thread(event("first"))
    leading = company.disk.next_insert()
    for number in range(main_thread_is):
        company.on_thread(event(f"ahead {number}"))
        company.queued(number + 1)

    def the_main_thread_came() -> None:
        company.queue.when_one_comes = lambda: None
        run_in_thread(others_come)

    def others_come() -> None:
        others_wait(company)
        company.disk.open = True
        leading.end()

    company.queue.when_one_comes = the_main_thread_came


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="3.13 tells a trace function opcodes now and then only")
@pytest.mark.parametrize("scene", [comes_alone, is_at_the_disk_when_others_come, is_answered, is_next])
def test_wherever_the_main_thread_is_interrupted_the_others_go_on(
    loops: list[asyncio.AbstractEventLoop], scene: Callable[[Company], None]
) -> None:
    places = 0
    while True:
        company = Company(loops)
        scene(company)
        with InterruptAt(sys.maxsize):  # from 3.12 on, opcodes of a function are told from its second call on
            company.group.insert([event("main")])
        company = Company(loops)
        scene(company)
        with InterruptAt(places) as interrupt:
            try:
                company.group.insert([event("main")])
            except KeyboardInterrupt:
                pass
            else:
                break
        places += 1
        try:
            company.all_go_on()
        except (TimeoutError, AssertionError):
            pytest.fail(f"somebody waits for ever, as {interrupt.at} was interrupted")
    assert places >= 3


def test_a_cancelled_task_leaves_the_others_their_commit(company: Company) -> None:
    company.on_thread(event("first"))
    leading = company.disk.next_insert()
    queued = company.on_loop(event("cancelled", 1), event("cancelled", 2))
    at_disk = company.on_loop(event("cancelled at the disk"))
    company.on_loop(event("behind"))
    company.on_thread(event("thread"))
    company.queued(4)
    queued.cancel()
    leading.end()
    company.disk.until(lambda: len(company.disk.inserts) == 2)
    at_disk.cancel()
    company.all_go_on()
    assert len(company.disk.log) == 7


def test_a_loop_that_was_closed_while_its_tasks_waited_leaves_the_others_to_go_on(company: Company) -> None:
    company.on_thread(event("first"))
    leading = company.disk.next_insert()

    async def leave_early() -> None:
        task = asyncio.create_task(company.group.ainsert([event("closed")]))
        await asyncio.sleep(0)
        task.cancel()

    asyncio.run(leave_early())
    company.on_loop(event("task"))
    company.on_thread(event("thread"))
    company.queued(3)
    leading.end()
    company.all_go_on()
    assert [stored.originator_id for stored in company.disk.log].count("closed") == 1


def test_closing_waits_for_tasks_that_wait_behind_a_thread(company: Company) -> None:
    company.disk.open = True
    served(company, event("there is a server"))
    company.disk.open = False
    thread = company.on_thread(event("thread"))
    leading = company.disk.next_insert()
    task = company.on_loop(event("task"))
    company.queued(2)
    closing = run_in_thread(company.group.close)
    company.disk.open = True
    leading.end()
    assert thread.result(PATIENCE) == [2]
    assert task.result(PATIENCE) == [3]
    closing.result(PATIENCE)


def test_closing_ends_though_others_keep_coming(company: Company) -> None:
    """Whenever it looks, somebody commits and somebody waits."""
    company.on_thread(event("first"))
    company.on_thread(event("second"))
    company.settle()
    closing = run_in_thread(company.group.close)
    for number in range(300):
        company.on_thread(event(f"comes while it closes {number}"))
        company.settle()
        if closing.done():
            break
        passing = company.disk.next_insert()
        passing.end()
        company.disk.until(lambda passing=passing: company.disk.at_gate not in ([], [passing]))
    assert closing.done()
    company.all_go_on()


@pytest.mark.parametrize("why", ["closed", "no thread"])
def test_where_no_thread_can_serve_tasks_they_hear_of_it_and_threads_go_on(
    company: Company, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    company.disk.open = True
    if why == "closed":
        served(company, event("there is a server"))
        company.group.close()
    else:
        monkeypatch.setattr(Thread, "start", no_thread)
    late = asyncio.run_coroutine_threadsafe(company.group.ainsert([event("late")]), company.loops[0])
    late.exception(PATIENCE)
    monkeypatch.undo()
    company.all_go_on()


def no_thread(_: Thread) -> None:
    raise RuntimeError("can't start new thread")


def served(company: Company, one: StoredEvent) -> list[int]:
    """What a task gets that comes alone; returns when the server is idle again."""
    positions = company.on_loop(one).result(PATIENCE)
    company.group._server.submit(int).result(PATIENCE)  # type: ignore[union-attr]
    return positions


def test_a_server_that_went_idle_serves_again(company: Company) -> None:
    company.disk.open = True
    for number in range(3):
        assert served(company, event(f"task {number}")) == [2 * number + 1]
        assert company.group.insert([event(f"thread {number}")]) == [2 * number + 2]
    assert len({insert.thread for insert in company.disk.inserts}) == 2


FORKED = """
import os, signal, sys, threading
from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.ledger.stores import open_store
sys.path.insert(0, sys.argv[2])
from tests.storage.events import write

store = open_store(sys.argv[1])
recorder, parent = store.recorder, os.getpid()
insert_events, at_work, may_end = recorder.insert_events, threading.Event(), threading.Event()

def gated(events, **options):
    if os.getpid() == parent:
        at_work.set()
        assert may_end.wait(60)
    return insert_events(events, **options)

recorder.insert_events = gated
threads = [threading.Thread(target=write, args=(store, f"parent {number}", 0, 1)) for number in range(3)]
for thread in threads:
    thread.start()
assert at_work.wait(60)
while len(store._commits._queue) < 2:
    os.sched_yield()
child = os.fork()
if not child:
    signal.alarm(5)
    if sys.argv[3] == "append":
        write(store, "child", 0, 1)
    store.close()
    os._exit(0)
_, status = os.waitpid(child, 0)
may_end.set()
for thread in threads:
    thread.join()
assert status == 0
print(store.head("child"), *(store.head(f"parent {number}") for number in range(3)))
store.close()
"""


@pytest.mark.parametrize("child", ["append", "close"])
def test_a_forked_child_can_append_and_close_though_its_parent_was_committing(durable_url: str, child: str) -> None:
    command = [sys.executable, "-c", FORKED, durable_url, str(Path(__file__).parents[2]), child]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.stdout.split() == ["1" if child == "append" else "0", "1", "1", "1"], done.stderr
