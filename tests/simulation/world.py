"""One store and all that works on it, made from a seed."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any

import flowledger as fl
from flowledger.infrastructure import new_id as ids
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage import codec

from .clients import Client, draw_acts
from .faults import LEASE, Fault
from .injector import Injector
from .journal import Journal
from .scheduler import SECOND, Scheduler, Task
from .schedules import Schedule
from .services import Service
from .watch import Watch
from .worker_loop import POLL, work
from .workflows import Executors, draw_definition

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_EPOCH_MICROS = round(EPOCH.timestamp()) * SECOND

BOUND = LEASE + 2 * POLL
"""Microseconds within which somebody goes on with what is due, once all goes well."""


class World:
    """``scenario`` decides who does what; faults and schedule come from elsewhere, so that they can be varied."""

    longest_restart = 10 * SECOND

    def __init__(self, seed: int, scenario: Random, schedule: Schedule, faults: list[Fault], clients: set[int]) -> None:
        self.seed = seed
        self.scheduler = Scheduler(schedule, tick=scenario.choice((50, 500, 20_000)))
        self.clock_offset = _EPOCH_MICROS
        self.checkpoint_every = scenario.choice((None, 3))
        self.store = open_store("memory:")
        self.journal, self.watch = Journal(self), Watch(self)
        self.faults = Injector(self, faults)
        self.scheduler.before = self.faults.before
        self.runs: list[str] = []
        self._labels: dict[str, str] = {}
        self.workflows = [f"w{number}" for number in range(scenario.choice((1, 1, 2)))]
        self.web = Service(self, "web")
        self.workers = [Service(self, f"worker {number}", work) for number in range(scenario.choice((1, 2, 2, 3)))]
        for workflow in self.workflows:
            self.web.processes[0].ledger.workflows.save(draw_definition(scenario), workflow_id=workflow, by="ada")
        drawn = [
            ("shop", scenario.randint(1, 4)),
            ("webhook", scenario.randint(0, 6)),
            ("operator", scenario.randint(0, 5)),
        ]
        self.clients: list[Task] = []
        for number, (kind, count) in enumerate(drawn):
            acts = draw_acts(scenario, kind, count)
            if number in clients:
                client = Client(self, kind, acts)
                self.clients.append(self.scheduler.spawn(kind, client.live))

    def run(self) -> None:
        """Until all clients are done, and afterwards until nothing is due."""
        referee = self.scheduler.spawn("referee", self._referee)
        self.scheduler.run(referee)
        if referee.outcome is not None and referee.outcome.error is not None:
            raise referee.outcome.error

    def close(self) -> None:
        self.scheduler.finish()
        for service in (self.web, *self.workers):
            for process in service.processes:
                process.ledger.close()
        self.store.close()

    # --- for processes and clients ------------------------------------------------------------------------------------

    def executors(self, process: Any) -> fl.ExecutorRegistry:
        return Executors(self, process).registry

    def now(self) -> int:
        """What the clock shows; it moves with each look."""
        self.scheduler.time += 1
        return self.scheduler.time + self.clock_offset

    def moment(self, micros: int) -> datetime:
        return EPOCH + timedelta(microseconds=micros - _EPOCH_MICROS)

    def label(self, run_id: str) -> str:
        """A name that doesn't depend on ids."""
        return self._labels.setdefault(run_id, f"run {len(self._labels)}")

    def started(self, run: fl.Run) -> None:
        if run.id not in self.runs:
            self.runs.append(run.id)

    def some_run(self, luck: int) -> str | None:
        return self.runs[luck % len(self.runs)] if self.runs else None

    def workflow_of(self, luck: int) -> str:
        return self.workflows[luck % len(self.workflows)]

    # --- the end ------------------------------------------------------------------------------------------------------

    def _referee(self) -> None:
        for client in self.clients:
            outcome = self.scheduler.wait_for(client)
            if outcome.error is not None:
                raise outcome.error
        self.faults.stop()
        quiet = self.scheduler.time
        while self._is_busy():
            self.scheduler.sleep(POLL)
            if self.scheduler.time > quiet + 100 * BOUND:
                raise AssertionError("the runs never end")

    def _is_busy(self) -> bool:
        """Whether a run will go on by itself. Looks past all switch points."""
        me, self.scheduler.current = self.scheduler.current, None
        try:
            ledger = self.web.processes[0].ledger if self.web.processes else None
            return ledger is None or any(
                run.status in ("active", "error") or run.next_due_at is not None
                for run in (ledger.runs.get(each.id) for each in ledger.history.runs(limit=200).items)
                if run.held is None and run.status not in ("completed", "failed", "cancelled")
            )
        finally:
            self.scheduler.current = me


@contextmanager
def determined(seed: int) -> Iterator[None]:
    """Ids and jitter come from the seed, and nothing is logged."""
    state, urandom = random.getstate(), Random(f"{seed}/ids")
    random.seed(seed)
    codec._ids.seed(seed)
    real, ids.os = ids.os, SimpleNamespace(urandom=urandom.randbytes)  # type: ignore[attr-defined]
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        ids.os = real  # type: ignore[attr-defined]
        codec._ids.seed()
        random.setstate(state)
