"""Writers that share commits, some of whom are interrupted, cancelled or fail: the others go on."""

import asyncio
import ctypes
import dis
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from threading import get_ident
from types import FrameType
from typing import Any

import pytest

from flowledger.infrastructure.storage import group_commit

from .company import MAX_WAIT, Company, WatchedQueue, event, run_in_thread


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
    assert isinstance(alone.exception(MAX_WAIT), OverflowError)
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
    assert interrupt(ctypes.c_ulong(idents.get(timeout=MAX_WAIT)), ctypes.py_object(KeyboardInterrupt)) == 1
    leading.end()
    company.all_go_on()
    assert isinstance(waiting.exception(MAX_WAIT), KeyboardInterrupt)


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
        interrupting.result(MAX_WAIT)
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
