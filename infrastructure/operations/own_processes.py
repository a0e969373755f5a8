"""Bulk work in several processes of our own at once, each with a ledger of its own."""

import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Generator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, TypeVar, cast

from ...domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable
from ...projections.bulk import BulkFailure
from .jobs import Job, do_or_report

_Done = TypeVar("_Done")

PREFETCH: Final = 2
"""Runs that are sent to a worker: the one that it works on, and the next one."""

JOIN_TIMEOUT: Final = 5.0
"""Seconds that a worker may take to exit when its work is done: threads of executors may still run in it."""


def count_cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def work_in_processes(job: Job[_Done], run_ids: Sequence[str], workers: int) -> Generator[_Done | BulkFailure]:
    """Do the job with all runs in this number of processes; yields what came of each run as it arrives.

    When a worker dies, the run that it worked on has failed, and a new worker replaces it. Closing the generator stops
    all workers at once. Raises InvalidRequest where a worker can't open the ledger, StorageUnavailable.
    """
    waiting = deque(run_ids)
    pool: dict[Connection, _Worker] = {}
    done: list[_Worker] = []
    try:
        while waiting or pool:
            while len(pool) < min(workers, len(pool) + len(waiting)):
                worker = _Worker(job)
                pool[worker.connection] = worker
            for count in range(1, PREFETCH + 1):
                for worker in pool.values():
                    worker.send_next(waiting, count)
            for connection in wait(list(pool)):
                worker = pool[cast("Connection", connection)]
                outcome = worker.outcome()
                if outcome is not None:
                    yield outcome
                if worker.is_dead:
                    del pool[worker.connection]
                    waiting.extendleft(reversed(worker.sent))
                elif not worker.sent and not waiting:
                    done.append(pool.pop(worker.connection))
                    worker.dismiss()
    finally:
        for worker in pool.values():
            worker.stop()
        for worker in done:
            worker.join_or_kill()


class _Worker:
    """A process that works on the runs that are sent to it, one by one."""

    def __init__(self, job: Job[Any]) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.sent: deque[str] = deque()
        self.is_dead = False
        self._is_open = False
        self._process = context.Process(target=_work, args=(theirs, job))
        # It inherits that interrupts are blocked: Ctrl-C reaches the parent, which then stops its workers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def send_next(self, waiting: deque[str], count: int) -> None:
        """Send it the next run, unless it has this many already."""
        if waiting and len(self.sent) < count:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died; the next outcome says so
                self.connection.send(waiting[0])
                self.sent.append(waiting.popleft())

    def outcome(self) -> Any:
        """Its next message: the outcome of a run, or None when it is ready. Raises the error that ends it."""
        try:
            message: Any = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._report_death()
        if isinstance(message, FlowledgerError):
            raise message
        if message is None:
            self._is_open = True
        else:
            self.sent.popleft()
        return message

    def _report_death(self) -> BulkFailure | None:
        self.is_dead = True
        self.join_or_kill()
        ended = f"the process that worked on it ended with exit code {self._process.exitcode}"
        if not self._is_open:
            raise InvalidRequest(f"{ended} before it had opened the ledger: does importing the application end it?")
        return BulkFailure(self.sent.popleft(), "worker died", ended) if self.sent else None

    def dismiss(self) -> None:
        """Close its connection: there is nothing left to do, and it exits."""
        self.connection.close()

    def join_or_kill(self) -> None:
        """Wait until it has exited, for JOIN_TIMEOUT at most, then kill it."""
        self._process.join(JOIN_TIMEOUT)
        self.stop()

    def stop(self) -> None:
        """Kill it at once: it has written nothing."""
        self.connection.close()
        self._process.kill()
        self._process.join()


def _work(connection: Connection, job: Job[Any]) -> None:
    """What a worker process runs, until its connection is closed."""
    # What executors print must not get between the answers of the command line.
    with connection, contextlib.redirect_stdout(sys.stderr), contextlib.suppress(EOFError, BrokenPipeError):
        try:
            with job.open_ledger() as ledger:
                connection.send(None)
                while True:
                    connection.send(do_or_report(job, ledger, connection.recv()))
        except FlowledgerError as error:
            kind = StorageUnavailable if isinstance(error, StorageUnavailable) else InvalidRequest
            connection.send(kind(str(error)))
