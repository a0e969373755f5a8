"""A worker whose runs are handed out by Procrastinate.

Which runs are due is known by the ledger alone. Sweeps defer a job for each of the first that are, and a job says no
more than that a run is due: whoever gets it claims the run by an append, as every worker does, or finds that there is
nothing to claim. So a job that is lost, comes twice or never ends changes nothing but when.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import procrastinate
import psycopg
from procrastinate.exceptions import AlreadyEnqueued, ProcrastinateException
from procrastinate.jobs import Job, Status
from psycopg.sql import SQL, Identifier

from ....domain.errors import StorageUnavailable
from ...concurrency.threads import Threads
from ...storage.leases import ClaimableRow
from ...storage.wakeups import Wakeups
from ..async_worker import AsyncWorker
from ..work import Work, longer
from .schema import prepare_schema

AHEAD: Final = 500
"""Jobs that wait in the queue, at most. What is due behind them is deferred when they are gone, in our order."""

TASK: Final = "flowledger.run_is_due"
QUEUE: Final = "flowledger"

STALLED: Final = 30.0
"""Seconds without a heartbeat of Procrastinate after which a job that a worker has is dropped."""

CONNECTIONS: Final = 4
"""For jobs, at most; one more listens."""

_log = logging.getLogger("flowledger.workers")


class ClusterWorker(AsyncWorker):
    """The same as ``AsyncWorker``, for what Procrastinate hands out."""

    def __init__(self, work: Work, wakeups: Wakeups, threads: Threads, conninfo: str, schema: str) -> None:
        super().__init__(work, wakeups, threads)
        self._conninfo = conninfo
        self._schema = schema
        self._setback = 0.0

    async def _serve(self) -> None:
        self._wakeups.add_listener(self._wake)
        try:
            while not self._work.is_stopping:
                try:
                    await self._threads.store.run(prepare_schema, self._conninfo, self._schema)
                    async with self._app().open_async() as app:
                        await self._dispatch(app)
                except (StorageUnavailable, ProcrastinateException, psycopg.Error) as error:
                    await self._wait_after(error)
        finally:
            self._wakeups.remove_listener(self._wake)

    async def _dispatch(self, app: procrastinate.App) -> None:
        """Sweep, while Procrastinate's worker takes jobs, until one of both ends or is to stop."""
        options = self._work.options
        taking = asyncio.create_task(
            app.run_worker_async(
                queues=[QUEUE],
                name=self.name,
                concurrency=options.concurrency,
                shutdown_graceful_timeout=options.grace,
                delete_jobs="always",
                install_signal_handlers=False,
            )
        )
        try:
            while not self._work.is_stopping and not taking.done():
                self._changed.clear()
                rows = await self._threads.store.run(self._work.due, AHEAD)
                await defer(app, rows)
                self._setback = 0.0
                if await self._threads.store.run(partial(self._work.advance_bulk, is_busy=False)):
                    continue
                await self._wait(await self._threads.store.run(self._work.seconds_to_wait))
        finally:
            taking.cancel()  # it then waits for the runs that it has
            with suppress(asyncio.CancelledError):
                await taking
        if not self._work.is_stopping:
            raise StorageUnavailable("Procrastinate's worker has ended; its own log says why")

    async def _wait_after(self, error: Exception) -> None:
        """Where jobs can't be handed out: this is said once, and tried again after a while, longer each time."""
        if not self._setback:
            _log.warning("worker %s is handed no jobs, and goes on trying: %s", self.name, error)
        self._setback = longer(self._setback)
        await self._wait(self._setback)

    async def _execute_due(self, run_id: str) -> None:
        """What a job does. Nothing that it meets makes the job fail: the ledger knows how the run stands."""
        if self._work.is_stopping:
            return
        call = await self._threads.store.run(self._work.take_one, run_id)
        if call is not None:
            await self._execute(call)
        self._wake()  # there is room in the queue

    def _app(self) -> procrastinate.App:
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo, min_size=1, max_size=CONNECTIONS, configure=self._configure
        )
        app = procrastinate.App(connector=connector)
        app.task(name=TASK, queue=QUEUE)(self._execute_due)
        return app

    async def _configure(self, connection: psycopg.AsyncConnection[Any]) -> None:
        await connection.set_autocommit(True)
        await connection.execute(SQL("SET search_path = {}, pg_temp").format(Identifier(self._schema)))


async def defer(app: procrastinate.App, rows: Sequence[ClaimableRow]) -> None:
    """Defer a job for each of these runs that has none waiting, in one transaction; drop jobs that nobody has any more.

    A job that some worker has doesn't count: where the run is due all the same, that worker has lost it.
    """
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(queue=QUEUE, task_name=TASK, seconds_since_heartbeat=STALLED):
        await manager.finish_job(job, Status.FAILED, delete_job=True)
    if not rows:
        return
    waiting = await manager.list_jobs_async(queue=QUEUE, task=TASK, status=Status.TODO.value)
    known = {job.queueing_lock for job in waiting}
    jobs = [_job_of(row.run_id) for row in rows if row.run_id not in known]
    try:
        if jobs:
            await manager.batch_defer_jobs_async(jobs)
    except AlreadyEnqueued:  # another sweep was faster with some
        for job in jobs:
            with suppress(AlreadyEnqueued):
                await manager.defer_job_async(job)


def _job_of(run_id: str) -> Job:
    return Job(lock=None, queueing_lock=run_id, task_name=TASK, queue=QUEUE, task_kwargs={"run_id": run_id})
