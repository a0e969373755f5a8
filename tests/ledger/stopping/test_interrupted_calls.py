"""Who is interrupted while an executor is called in a thread tells it, wherever the interrupt comes."""

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.execution import executors
from flowledger.domain.execution.cancellation import Cancellation, StepCancellation
from flowledger.domain.execution.executors import tell_to_stop
from flowledger.domain.execution.step_loop import Execute
from flowledger.infrastructure.concurrency.threads import ThreadPool
from flowledger.infrastructure.execution import timed_call

from .harness import MAX_WAIT, SHORT, Slow, first_step


def interrupt_the_process() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def interrupt_what_is_not_the_main_thread() -> None:
    """Nothing wakes the main thread, which Python has the signal handled by."""
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)


@pytest.mark.parametrize("interrupt", [interrupt_the_process, interrupt_what_is_not_the_main_thread])
def test_who_interrupts_a_call_tells_the_executor_that_goes_on(interrupt: Callable[[], None]) -> None:
    slow = Slow(is_async=False, timeout=MAX_WAIT)
    told = threading.Event()

    @slow.executors.register("interrupts", timeout=MAX_WAIT)
    def interrupts(step: fl.StepContext) -> None:
        interrupt()
        if step.cancelled.wait(MAX_WAIT):
            slow.reasons.append(step.cancelled.reason)
        told.set()

    with fl.open_ledger("memory:", slow.executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "interrupts"}]}, workflow_id="w")
        with pytest.raises(KeyboardInterrupt):
            ledger.runs.start("w")
        assert told.wait(MAX_WAIT)
        (row,) = ledger.history.runs()
        assert (row.status, slow.reasons) == ("active", ["interrupted"])


@pytest.mark.skipif(sys.version_info[:2] == (3, 13), reason="3.13 tells a trace function opcodes now and then only")
def test_wherever_the_interrupt_comes_no_executor_goes_on_untold() -> None:
    """It comes before each instruction of the caller in turn, until one call comes to its end without."""
    _is_interrupted(sys.maxsize)  # from 3.12 on, opcodes of a function are told from its second call on
    place = 0
    while _is_interrupted(place := place + 1):
        pass
    assert place > 50  # instructions of the caller; else nothing was interrupted


def _is_interrupted(place: int) -> bool:
    """Interrupt one call at its instruction of this number. Return whether it hasn't come to its end before."""
    pool, executors = ThreadPool(f"interrupted-at-{place}", 1), fl.ExecutorRegistry()
    told: list[bool] = []
    executors.register("a")(lambda step: told.append(step.cancelled.wait(MAX_WAIT)))
    asked = Execute(next(iter(executors)), first_step(), None, SHORT)
    interrupt = _Interrupt(place)
    before = sys.gettrace()
    sys.settrace(interrupt.trace)
    try:
        timed_call.call_in_time(asked, pool)
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        pool.close()
    for thread in threading.enumerate():
        if thread.name.startswith(f"interrupted-at-{place}-"):
            thread.join(MAX_WAIT)
            assert not thread.is_alive()
    assert all(told)
    return interrupt.has_come


def test_an_executor_that_asks_at_the_moment_in_which_it_is_told_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    step, in_between = first_step(), list[StepCancellation]()

    def make() -> Cancellation:
        if not in_between:  # another thread asks while this one makes it
            monkeypatch.undo()
            in_between.append(step.cancelled)
        return Cancellation()

    monkeypatch.setattr(executors, "Cancellation", make)
    tell_to_stop(step, "timed out")
    assert in_between[0].is_set()
    assert step.cancelled is in_between[0]


class _Interrupt:
    """Raised before an instruction of the module under test, as a handler of signals would."""

    def __init__(self, place: int) -> None:
        self._left = place
        self.has_come = False

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != timed_call.__file__ or frame.f_code.co_name == "leave":
            return None  # who leaves the call does what an interrupt makes it do
        frame.f_trace_opcodes = True
        if event == "opcode":
            self._left -= 1
            if self._left == 0:
                self.has_come = True
                raise KeyboardInterrupt
        return self.trace
