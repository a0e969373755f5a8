"""DBOS: a workflow whose steps return the output."""

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event

from ..fleet import STEPS, fleet, runs_from_start_to_end
from ..workers import Work
from .ours import OUTPUT

APPLICATION = "benchmark"
QUEUE = "steps"
OPEN = "SELECT count(*) FROM dbos.workflow_status WHERE queue_name = 'steps' AND status IN ('ENQUEUED', 'PENDING')"
CONCURRENCY = 20
"""Workflows at once in a process."""
POLL = 0.05
"""Seconds; by default they are 1."""


@contextmanager
def steps(url: str, runs: int = 1) -> Generator[Work]:
    """Each unit is a step of one of so many workflows; several are started in the background."""
    from dbos import DBOS

    DBOS(config={"name": "benchmark", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    def step() -> str:
        return OUTPUT

    @DBOS.workflow()
    def line(steps: int) -> None:
        for _ in range(steps):
            step()

    DBOS.launch()

    def work(units: int) -> float:
        began = time.perf_counter()
        if runs == 1:
            line(units)
        else:
            for handle in [DBOS.start_workflow(line, units // runs) for _ in range(runs)]:
                handle.get_result()
        return time.perf_counter() - began

    try:
        yield work
    finally:
        DBOS.destroy()


@contextmanager
def queued_runs(url: str, workers: int) -> Generator[Work]:
    """Each unit is a step of a workflow of a queue; they are enqueued all in one transaction."""
    import dbos
    import sqlalchemy

    _launch(url)  # makes the tables
    dbos.DBOS.destroy()
    engine = sqlalchemy.create_engine(sqlalchemy.make_url(url).set(drivername="postgresql+psycopg"))
    client = dbos.DBOSClient(system_database_engine=engine, application_name=APPLICATION)

    def queue(runs: int) -> None:
        with engine.begin() as connection:
            for _ in range(runs):
                client.enqueue_in_transaction(connection, {"workflow_name": "line", "queue_name": QUEUE}, STEPS)

    try:
        with fleet(_serve, url, workers) as crew, runs_from_start_to_end(crew, url, queue, OPEN) as work:
            yield work
    finally:
        client.destroy()
        engine.dispose()


def _serve(url: str, ready: Callable[[], None]) -> None:
    _launch(url)
    ready()
    Event().wait()


def _launch(url: str) -> None:
    from dbos import DBOS

    # Workers that share an executor's id would take each other's workflows for their own when they start.
    DBOS(
        config={
            "name": APPLICATION,
            "system_database_url": url,
            "log_level": "ERROR",
            "executor_id": str(os.getpid()),
            "application_version": "1",
        }
    )

    @DBOS.step()
    def step() -> str:
        return OUTPUT

    @DBOS.workflow(name="line")
    def line(steps: int) -> None:
        for _ in range(steps):
            step()

    DBOS.launch()
    DBOS.register_queue(QUEUE, worker_concurrency=CONCURRENCY, polling_interval_sec=POLL)
