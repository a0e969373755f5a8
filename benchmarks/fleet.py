"""Processes that execute what is queued, and the time from the first start to the last end."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any

import psycopg

from .workers import Unavailable, Work

STEPS = 10
"""Of each run; all are recorded one by one."""

Serve = Callable[[str, Callable[[], None]], None]
"""Takes a URL, and what to call when it is ready; executes what is queued there until it is killed."""

_SPAWN = multiprocessing.get_context("spawn")


class Fleet:
    """Worker processes that are ready."""

    def __init__(self, processes: Sequence[Any]) -> None:
        self._processes = processes

    def stand_still(self) -> None:
        """Let others have the machine: some look for work twenty times a second with each of their connections."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        for process in self._processes:
            os.kill(process.pid, number)


@contextmanager
def fleet(serve: Serve, url: str, size: int) -> Generator[Fleet]:
    """So many worker processes, all ready. They are killed in the end. Raises Unavailable when one can't begin."""
    pipes: list[Connection] = []
    processes: list[Any] = []
    for _ in range(size):
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs, serve, url))
        process.start()
        theirs.close()
        pipes.append(ours)
        processes.append(process)
    try:
        for pipe, process in zip(pipes, processes, strict=True):
            _wait_until_ready(pipe, process)
        yield Fleet(processes)
    finally:
        for pipe, process in zip(pipes, processes, strict=True):
            process.kill()
            process.join()
            pipe.close()


@contextmanager
def runs_from_start_to_end(workers: Fleet, url: str, queue: Callable[[int], None], open_runs: str) -> Generator[Work]:
    """Each unit is a step; ``queue`` starts so many runs, ``open_runs`` counts those that haven't ended.

    The workers stand still until it is their turn, and after it.
    """
    with closing(psycopg.connect(url, autocommit=True)) as watch:
        workers.stand_still()

        def work(units: int) -> float:
            workers.go_on()
            began = time.perf_counter()
            queue(max(1, units // STEPS))
            while is_open():
                time.sleep(0.02)  # looking is work of the server, too
            took = time.perf_counter() - began
            workers.stand_still()
            return took

        def is_open() -> bool:
            row = watch.execute(open_runs.encode()).fetchone()
            assert row is not None
            return bool(row[0])

        yield work


def _serve(pipe: Connection, serve: Serve, url: str) -> None:
    serve(url, lambda: pipe.send(None))


def _wait_until_ready(pipe: Connection, process: Any) -> None:
    wait([pipe, process.sentinel])
    if not pipe.poll():
        raise Unavailable(f"a worker process ended with {process.exitcode}")
    try:
        pipe.recv()
    except EOFError:
        process.join()
        raise Unavailable(f"a worker process ended with {process.exitcode}") from None
