"""Workers of commands: of one store, or of several at once, each in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from .....domain.errors import FlowledgerError, InvalidRequest, StorageUnavailable
from ....concurrency.jitter import random
from ....ledger.stores import check_url
from ....operations.async_worker import AsyncWorker
from ....operations.work import longer
from ....storage.credentials import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ....ledger.ledger import Ledger
    from ....operations.worker import Worker
    from .session import Session

_log = logging.getLogger("flowledger.workers")


class ServingOptions(NamedTuple):
    """As the ledger's own methods take them."""

    name: str | None
    concurrency: int
    workflows: Sequence[str] | None
    limits: Mapping[str, int] | None
    lease: float
    grace: float


def make_worker(ledger: Ledger, options: ServingOptions, *, cluster: bool) -> Worker | AsyncWorker:
    """One of threads, or of a cluster. Raises InvalidRequest."""
    return ledger.aworker(*options, cluster=True) if cluster else ledger.worker(*options)


def open_patiently(session: Session, opening: Mapping[str, Any], stopped: Event) -> Ledger | None:
    """The ledger, as soon as its store is there; None where the worker is told to stop before."""
    pause = 0.0
    while not stopped.is_set():
        try:
            return session.open_ledger(running=True, stays=True, **opening)
        except StorageUnavailable as error:
            if not pause:
                _log.warning("the store is away, and the worker waits for it: %s", error)
            pause = longer(pause)
            stopped.wait(pause * (0.5 + random()))
    return None


def open_or_stop(session: Session, opening: Mapping[str, Any]) -> Ledger | None:
    """The same, for a command that is told to stop by SIGTERM or Ctrl-C."""
    stopped = Event()
    before = {number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return open_patiently(session, opening, stopped)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve_all(
    session: Session, stores: Sequence[str], opening: Mapping[str, Any], options: ServingOptions, *, cluster: bool
) -> None:
    """Work in all these stores, until SIGTERM or SIGINT. One that is away holds up no other.

    Raises InvalidRequest for a store that is named twice, or isn't the URL of one, and what ends the worker of any
    store, when all have stopped.
    """
    if len(set(stores)) < len(stores):
        raise InvalidRequest("a store is named twice: each has one worker here")
    for store in stores:
        check_url(store)
    serving: list[_Serving] = []

    def stop_all(*_: object) -> None:
        for each in serving:
            each.stop()

    serving += (_Serving(replace(session, store=store), opening, options, cluster, stop_all) for store in stores)
    before = {number: signal.signal(number, stop_all) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        shown = [redact_url(store) for store in stores]
        session.answer(
            {"stores": shown},
            lambda console: console.print(f"workers of {len(shown)} stores work; stop them with Ctrl-C or SIGTERM"),
        )
        session.stdout.flush()
        for one in serving:
            one.start()
        for one in serving:
            one.join()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for one in serving:
        if one.error is not None:
            raise one.error


class _Serving(Thread):
    """The worker of one store."""

    def __init__(
        self,
        session: Session,
        opening: Mapping[str, Any],
        options: ServingOptions,
        cluster: bool,
        stop_all: Callable[[], None],
    ) -> None:
        super().__init__(name="flowledger-serving", daemon=True)
        self._session = session
        self._opening = opening
        self._options = options
        self._cluster = cluster
        self._stop_all = stop_all
        self._stopped = Event()
        self._worker: Worker | AsyncWorker | None = None
        self.error: FlowledgerError | None = None

    def run(self) -> None:
        try:
            ledger = open_patiently(self._session, self._opening, self._stopped)
            if ledger is None:
                return
            with ledger:
                self._worker = worker = make_worker(ledger, self._options, cluster=self._cluster)
                if self._stopped.is_set():  # meanwhile
                    return
                if isinstance(worker, AsyncWorker):
                    asyncio.run(worker.run())
                else:
                    worker.run()
        except FlowledgerError as error:
            self.error = error  # of the command as well, as a worker that can't work is one
            self._stop_all()

    def stop(self) -> None:
        """Hand back what is executed; a second time, abandon it."""
        again, worker = self._stopped.is_set(), self._worker
        self._stopped.set()
        if isinstance(worker, AsyncWorker):
            worker.stop()
        elif worker is not None:
            worker.stop(now=again)
