"""eventsourcing as it comes: an aggregate, an application, its default recorders."""

import time
from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from ..workers import Work
from .ours import OUTPUT


class Line(Aggregate):
    """Does what a run does, as the library's tutorial would have it."""

    @event("Started")
    def __init__(self) -> None:
        self.outputs: list[str] = []

    @event("StepCompleted")
    def complete_step(self, node_id: str, output: str, attempt: int) -> None:
        self.outputs.append(output)


@contextmanager
def save(url: str, writers: int = 1) -> Generator[Work]:
    """Each unit is one event, saved by itself, on one of so many threads."""
    app = _application(url)
    pool = ThreadPoolExecutor(writers)

    def save_steps(steps: int) -> None:
        line = Line()
        for _ in range(steps):
            line.complete_step("step", OUTPUT, 1)
            app.save(line)

    def work(units: int) -> float:
        began = time.perf_counter()
        for saved in [pool.submit(save_steps, units // writers) for _ in range(writers)]:
            saved.result()
        return time.perf_counter() - began

    with pool:
        yield work
    app.close()


@contextmanager
def replay(url: str, events: int) -> Generator[Work]:
    """Each unit is ``repository.get`` of an aggregate of so many events."""
    app = _application(url)
    line = _stored(app, events)

    def work(units: int) -> float:
        began = time.perf_counter()
        for _ in range(units):
            assert app.repository.get(line).version == events
        return time.perf_counter() - began

    yield work
    app.close()


def _stored(app: Application[UUID], events: int) -> UUID:
    line = Line()
    for number in range(1, events):
        line.complete_step("step", OUTPUT, 1)
        if number % 100 == 0:
            app.save(line)
    app.save(line)
    return line.id


def _application(url: str) -> Application[UUID]:
    if url.startswith("sqlite"):
        return Application(
            {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": url.removeprefix("sqlite:///")}
        )
    settings = conninfo_to_dict(url)
    # Opening it replaces its database functions, which fails when many do so at the same time.
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        return _application_on_postgres(settings)


def _application_on_postgres(settings: Mapping[str, object]) -> Application[UUID]:
    return Application(
        {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": str(settings["dbname"]),
            "POSTGRES_HOST": str(settings["host"]),
            "POSTGRES_PORT": str(settings.get("port", 5432)),
            "POSTGRES_USER": str(settings["user"]),
            "POSTGRES_PASSWORD": str(settings.get("password") or ""),
        }
    )
