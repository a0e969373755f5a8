"""Contestants work in processes of their own, so that one's imports, threads and garbage don't slow another."""

import multiprocessing
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

Work = Callable[[int], float]
"""Does so many units of work and returns the seconds that all of them took."""

Opener = Callable[[str], AbstractContextManager[Work]]
"""Makes a contestant ready to work at a URL. A function of a module, as it is sent to another process by name."""

_SPAWN = multiprocessing.get_context("spawn")


class Unavailable(Exception):
    """A contestant can't take part; says why."""


class Worker:
    """One contestant in one process."""

    def __init__(self, opener: Opener, url: str) -> None:
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, opener, url))
        self._process.start()
        self._ready = False
        theirs.close()

    def __call__(self, units: int) -> float:
        """Seconds for so many units. Raises Unavailable."""
        self.begin(units)
        return self.end()

    def wait_until_ready(self) -> None:
        """Return when the contestant is open. Raises Unavailable when it can't be opened."""
        if not self._ready:
            self._answer()
            self._ready = True

    def begin(self, units: int) -> None:
        self.wait_until_ready()
        self._pipe.send(units)

    def end(self) -> float:
        return self._answer()

    def _answer(self) -> float:
        try:
            answer = self._pipe.recv()
        except EOFError:
            raise Unavailable(f"its process ended with {self._process.exitcode}") from None
        if isinstance(answer, str):
            raise Unavailable(answer)
        return float(answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.close()
        self._process.join()


class Crew:
    """Many processes that do the same at the same time; its seconds are those until the last one is done."""

    def __init__(self, opener: Opener, url: str, size: int) -> None:
        self._opener = opener
        self._url = url
        self._size = size
        self._stack = ExitStack()
        self._workers: list[Worker] = []

    def __call__(self, units: int) -> float:
        """Seconds for so many units in all, shared out evenly. Raises Unavailable."""
        if not self._workers:
            self._open()
        each = units // self._size
        began = time.perf_counter()
        for worker in self._workers:
            worker.begin(each)
        for worker in self._workers:
            worker.end()
        return time.perf_counter() - began

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _open(self) -> None:
        self._workers = [self._stack.enter_context(Worker(self._opener, self._url)) for _ in range(self._size)]
        for worker in self._workers:
            worker.wait_until_ready()


def _serve(pipe: Connection, opener: Opener, url: str) -> None:
    try:
        with opener(url) as work:
            pipe.send(0.0)
            while True:
                pipe.send(work(pipe.recv()))
    except (EOFError, ConnectionResetError):  # nobody wants more
        return
    except ModuleNotFoundError as error:
        _answer(pipe, f"not installed ({error.name})")
    except Exception as error:  # noqa: BLE001 - told in the contestant's cell; the run goes on
        traceback.print_exc()
        _answer(pipe, f"failed: {type(error).__name__}: {error}".splitlines()[0])


def _answer(pipe: Connection, reason: str) -> None:
    try:
        pipe.send(reason)
    except BrokenPipeError:
        return
