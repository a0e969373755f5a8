"""A handler of signals that exits stops the process, not the run: the step is executed again when that is recovered.

Python runs handlers in the main thread, between two instructions of whatever runs there.
"""

import asyncio
import functools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import pydantic
import pytest

import flowledger as fl

ASKED: Any = signal.SIGUSR1


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = signal.getsignal(ASKED)
    yield
    signal.signal(ASKED, before)


class StopNow(BaseException):
    """What a server may raise instead of SystemExit."""


class Server:
    def stop(self, number: int, frame: FrameType | None) -> None:
        self.leave()

    def leave(self) -> None:
        sys.exit(143)

    @classmethod
    def stop_all(cls, number: int, frame: FrameType | None) -> None:
        sys.exit(143)

    def __call__(self, *given: Any) -> None:
        sys.exit(143)


def plain(number: int, frame: FrameType | None) -> None:
    raise SystemExit(143)


def with_a_default(number: int, frame: FrameType | None, *, code: int = 143) -> None:
    sys.exit(code)


def twice_kills(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    sys.exit(143)


def of_its_own_kind(number: int, frame: FrameType | None) -> None:
    raise StopNow


def also(first: str, number: int, frame: FrameType | None) -> None:
    sys.exit(143)


@functools.wraps(plain)
def decorated(*given: Any, **named: Any) -> None:
    plain(*given, **named)


HANDLERS: dict[str, Any] = {
    "a function": plain,
    "a lambda": lambda *_: sys.exit(143),
    "a lambda of two": lambda _number, _frame: sys.exit(143),
    "a bound method that calls another one": Server().stop,
    "a class method": Server.stop_all,
    "a callable object": Server(),
    "a partial": functools.partial(also, "first"),
    "a partial by name": functools.partial(with_a_default, code=143),
    "a decorated function": decorated,
    "one that takes itself away": twice_kills,
    "one that raises an error of its own": of_its_own_kind,
}


class Registry:
    """One executor, which is interrupted in its first execution, as ``interrupt`` says."""

    def __init__(self, interrupt: Callable[[], Any], *, is_async: bool = False) -> None:
        self.attempts: list[int] = []
        self.executors = fl.ExecutorRegistry()
        do = self._ado if is_async else self._do
        self._interrupt = interrupt
        self.executors.register("held", retry=fl.RetryPolicy(max_retries=1, interval=0))(do)

    def _do(self, step: fl.StepContext) -> Any:
        self.attempts.append(step.attempt)
        return self._interrupt() if len(self.attempts) == 1 else "done"

    async def _ado(self, step: fl.StepContext) -> Any:
        return self._do(step)


def opened(url: str, registry: Registry) -> fl.Ledger:
    ledger = fl.open_ledger(url, registry.executors)
    ledger.workflows.save({"nodes": [{"id": "a", "type": "held"}]}, workflow_id="w", by="ada")
    return ledger


def is_left_to_be_recovered(ledger: fl.Ledger, registry: Registry) -> None:
    (row,) = ledger.history.runs("w")
    assert [event.type for event in ledger.history.events(row.id)] == ["run.started"]
    assert ledger.runs.get(row.id).status == "active"
    assert ledger.runs.proceed(row.id).status == "completed"
    assert registry.attempts == [1, 1]


@pytest.mark.parametrize("name", HANDLERS)
@pytest.mark.parametrize("is_async", [False, True])
def test_whatever_the_handler_is_that_exits_it_stops_the_call(name: str, is_async: bool) -> None:
    signal.signal(ASKED, HANDLERS[name])
    registry = Registry(lambda: signal.raise_signal(ASKED), is_async=is_async)
    with opened("memory:", registry) as ledger:
        with pytest.raises((SystemExit, StopNow)) as stopped:
            ledger.runs.start("w")
        if isinstance(stopped.value, SystemExit):
            assert stopped.value.code == 143
            assert "proceed" in "".join(getattr(stopped.value, "__notes__", []))
        is_left_to_be_recovered(ledger, registry)


def deep(levels: int) -> None:
    if levels:
        deep(levels - 1)
    signal.raise_signal(ASKED)


def while_cleaning_up() -> None:
    try:
        signal.raise_signal(ASKED)
    finally:
        raise ConnectionError("can't roll back")


def wrapped_by_a_library() -> None:
    try:
        signal.raise_signal(ASKED)
    except BaseException as error:
        raise RuntimeError("the driver failed") from error


def in_a_group() -> None:
    try:
        signal.raise_signal(ASKED)
    except BaseException as error:
        raise BaseExceptionGroup("several", [ValueError("x"), error]) from None


def in_a_generator() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        signal.raise_signal(ASKED)
        yield 2

    list(numbers())


def waiting_for_a_thread() -> None:
    done = threading.Event()
    threading.Thread(target=signal.pthread_kill, args=(threading.get_ident(), ASKED), daemon=True).start()
    done.wait()


class Interrupted(pydantic.BaseModel):
    @pydantic.model_serializer
    def dump(self) -> Any:
        signal.raise_signal(ASKED)


class SilentError(Exception):
    def __str__(self) -> str:
        signal.raise_signal(ASKED)
        return "never said"


def raised_without_words() -> None:
    raise SilentError


PLACES: dict[str, Callable[[], Any]] = {
    "deep below": lambda: deep(50),
    "while cleaning up, which fails": while_cleaning_up,
    "wrapped by a library": wrapped_by_a_library,
    "in a group": in_a_group,
    "in a generator": in_a_generator,
    "while it waits for a thread": waiting_for_a_thread,
    "while its output is read": Interrupted,
    "while its error is read": raised_without_words,
}


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("is_async", [False, True])
def test_wherever_the_executor_is_interrupted_the_exit_passes_through(name: str, is_async: bool) -> None:
    signal.signal(ASKED, plain)
    registry = Registry(PLACES[name], is_async=is_async)
    with opened("memory:", registry) as ledger:
        with pytest.raises(SystemExit) as stopped:
            ledger.runs.start("w")
        assert stopped.value.code == 143
        is_left_to_be_recovered(ledger, registry)


async def test_an_async_call_is_stopped_too() -> None:
    signal.signal(ASKED, plain)
    registry = Registry(lambda: signal.raise_signal(ASKED), is_async=True)
    ledger = await asyncio.to_thread(opened, "memory:", registry)
    coroutine = ledger.runs.astart("w")
    # A task would pass it on to the loop that runs this test.
    with pytest.raises(SystemExit):
        await coroutine
    await asyncio.to_thread(is_left_to_be_recovered, ledger, registry)
    await ledger.aclose()


def own_exit() -> None:
    sys.exit("this executor gives up")


def exit_of_a_library(number: int, frame: Any) -> None:
    sys.exit(f"{number} {frame}")


def exit_in_a_thread() -> Any:
    found: list[BaseException] = []

    def work() -> None:
        try:
            sys.exit("this executor gives up")
        except SystemExit as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    raise found[0]


OWN: dict[str, tuple[Callable[[], Any], str]] = {
    "its own exit": (own_exit, "SystemExit: this executor gives up"),
    "that of a function which takes a number": (lambda: exit_of_a_library(15, None), "SystemExit: 15 None"),
    "that of a thread": (exit_in_a_thread, "SystemExit: this executor gives up"),
    "a timeout that a handler raises": (lambda: signal.raise_signal(ASKED), "TimeoutError: too slow"),
}


def too_slow(number: int, frame: FrameType | None) -> None:
    raise TimeoutError("too slow")


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize("is_async", [False, True])
def test_an_executors_own_exit_or_timeout_is_recorded(name: str, is_async: bool) -> None:
    signal.signal(ASKED, too_slow)
    do, error = OWN[name]
    registry = Registry(do, is_async=is_async)
    with opened("memory:", registry) as ledger:
        run = ledger.runs.start("w")
        assert run.status == "error"
        assert run.snapshot.context["a"][-1].error == error
        assert ledger.runs.proceed(run.id).status == "completed"
        assert registry.attempts == [1, 2]


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_failure_in_a_call_that_cleans_up_after_a_shutdown_is_recorded(
    stop: type[BaseException], is_async: bool
) -> None:
    def fails() -> None:
        raise ValueError("no luck")

    signal.signal(ASKED, plain)
    with opened("memory:", Registry(fails, is_async=is_async)) as ledger:
        try:
            if stop is KeyboardInterrupt:
                raise KeyboardInterrupt
            signal.raise_signal(ASKED)
        except stop:
            run = ledger.runs.start("w")
        assert run.snapshot.context["a"][-1].error == "ValueError: no luck"
