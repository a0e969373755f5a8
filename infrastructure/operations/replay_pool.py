"""Many runs replayed by several processes at once, each with a ledger of its own."""

import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from typing import Any, Final, Protocol, cast

from ...domain.errors import (
    EventNotReadable,
    FlowledgerError,
    InvalidRequest,
    NotFound,
    StorageCorrupt,
    StorageUnavailable,
)
from ...projections.replay.report import Replayed, ReplayFailure
from ..services.history.service import History

AHEAD: Final = 2
"""Runs that a worker has in hand: the one that it replays, and the next one."""

PATIENCE: Final = 5.0
"""Seconds that a worker whose work is done may take to leave; what executors left running may hold it up."""


class OpenLedger(Protocol):
    """What a worker needs of a ledger: its history."""

    @property
    def history(self) -> History: ...


@dataclass(frozen=True, slots=True)
class Order:
    """What each worker is to do. It goes to other processes, so all in it can be pickled."""

    open_ledger: Callable[[], AbstractContextManager[OpenLedger]]
    effects: tuple[str, ...] = ()
    globals: Mapping[str, Any] | None = None

    def replay(self, ledger: OpenLedger, run_id: str) -> Replayed:
        """What comes of one run. One that can't be read says nothing of the others."""
        try:
            return ledger.history.replay(run_id, effects=self.effects, globals=self.globals)
        except (EventNotReadable, StorageCorrupt, NotFound) as error:
            return ReplayFailure(run_id, "unreadable", str(error))


def cores() -> int:
    """How many processes may compute at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def replay_many(order: Order, run_ids: Sequence[str], workers: int) -> Generator[Replayed]:
    """Replay runs in so many processes; what came of each as it comes.

    A worker that dies is a failure of the run that it replayed, and another one takes its place. Closing the generator
    stops all workers at once. Raises InvalidRequest where a worker can't open the ledger, StorageUnavailable.
    """
    waiting = deque(run_ids)
    crew: dict[Connection, _Worker] = {}
    done: list[_Worker] = []
    try:
        while waiting or crew:
            while len(crew) < min(workers, len(crew) + len(waiting)):
                worker = _Worker(order)
                crew[worker.connection] = worker
            for count in range(1, AHEAD + 1):
                for worker in crew.values():
                    worker.take(waiting, count)
            for connection in wait(list(crew)):
                worker = crew[cast("Connection", connection)]
                outcome = worker.outcome()
                if outcome is not None:
                    yield outcome
                if worker.is_dead:
                    del crew[worker.connection]
                    waiting.extendleft(reversed(worker.in_hand))
                elif not worker.in_hand and not waiting:
                    done.append(crew.pop(worker.connection))
                    worker.dismiss()
    finally:
        for worker in crew.values():
            worker.stop()
        for worker in done:
            worker.see_off()


class _Worker:
    """A process that replays the runs that it is given, one by one."""

    def __init__(self, order: Order) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.in_hand: deque[str] = deque()
        self.is_dead = False
        self._is_open = False
        self._process = context.Process(target=_work, args=(theirs, order))
        # It inherits that interrupts are blocked: Ctrl-C is for the one who gave the order, who then stops it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def take(self, waiting: deque[str], count: int) -> None:
        """Take the next run, where that makes no more than so many."""
        if waiting and len(self.in_hand) < count:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died, as the next outcome tells
                self.connection.send(waiting[0])
                self.in_hand.append(waiting.popleft())

    def outcome(self) -> Replayed | None:
        """What it says next: what came of a run; None: that it is ready. Raises what it can't go on with."""
        try:
            said: Replayed | FlowledgerError | None = self.connection.recv()
        except (EOFError, ConnectionResetError):
            return self._died()
        if isinstance(said, FlowledgerError):
            raise said
        if said is None:
            self._is_open = True
        else:
            self.in_hand.popleft()
        return said

    def _died(self) -> ReplayFailure | None:
        self.is_dead = True
        self.see_off()
        ended = f"the process that replayed it ended with exit code {self._process.exitcode}"
        if not self._is_open:
            raise InvalidRequest(f"{ended} before it had opened the ledger: does importing the application end it?")
        return ReplayFailure(self.in_hand.popleft(), "worker died", ended) if self.in_hand else None

    def dismiss(self) -> None:
        """Tell it that there is nothing left to do."""
        self.connection.close()

    def see_off(self) -> None:
        """Wait until it is gone, for as long as patience lasts."""
        self._process.join(PATIENCE)
        self.stop()

    def stop(self) -> None:
        """Stop it where it is: it has written nothing."""
        self.connection.close()
        self._process.kill()
        self._process.join()


def _work(connection: Connection, order: Order) -> None:
    """The life of a worker."""
    # What executors print must not get between the answers of the command line.
    with connection, contextlib.redirect_stdout(sys.stderr), contextlib.suppress(EOFError, BrokenPipeError):
        try:
            with order.open_ledger() as ledger:
                connection.send(None)
                while True:
                    connection.send(order.replay(ledger, connection.recv()))
        except FlowledgerError as error:
            kind = StorageUnavailable if isinstance(error, StorageUnavailable) else InvalidRequest
            connection.send(kind(str(error)))
