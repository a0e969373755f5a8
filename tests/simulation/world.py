"""One store and all that works on it, made from a seed."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

import flowledger as fl
from flowledger.infrastructure import new_id as ids
from flowledger.infrastructure.concurrency import jitter
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.services.runs import custody
from flowledger.infrastructure.storage import codec

from .clients import Client, draw_acts
from .faults import LONGEST_STALL, Fault
from .injector import Injector
from .journal import Journal
from .scheduler import SECOND, Scheduler, Task
from .services import Service
from .story import Story
from .watch import Watch
from .worker_loop import LATEST, work
from .workflows import Executors, draw_definition

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
_EPOCH_MICROS = round(EPOCH.timestamp()) * SECOND


class World:
    """``scenario`` decides who does what; faults and schedule come from elsewhere, so that they can be varied."""

    longest_restart = 10 * SECOND

    def __init__(
        self, seed: int, scenario: Random, scheduler: Scheduler, faults: list[Fault], *, is_told: bool = False
    ) -> None:
        self.story = Story(scheduler, is_told=is_told)
        self.seed = seed
        self.scheduler = scheduler
        self.clock_offset = _EPOCH_MICROS
        self.set_back_by = 0
        """Microseconds, of all times together that the clock was set back."""
        self.concurrency = scenario.choice((1, 2, 4))
        self.loses_wakeups = scenario.random() < 0.3
        self.checkpoint_every = scenario.choice((None, 3))
        self.store = open_store("memory:")
        self.journal, self.watch = Journal(self), Watch(self)
        self.faults = Injector(self, faults)
        self.scheduler.before = self.faults.before
        self.quiet_since = 0
        """When the last fault was over, by the scheduler's time."""
        self.latest = LATEST + self.longest_restart + LONGEST_STALL
        """Microseconds after which what is due must be claimed, then, where no clock was set back."""
        self.runs: list[str] = []
        self._labels: dict[str, str] = {}
        self.workflows = [f"w{number}" for number in range(scenario.choice((1, 1, 2)))]
        self.workers: list[Service] = []
        self.web = Service(self, "web")
        self.workers = [Service(self, f"worker {number}", work) for number in range(scenario.choice((1, 2, 2, 3)))]
        self._definitions = {workflow: draw_definition(scenario) for workflow in self.workflows}
        self.saved = dict.fromkeys(self.workflows, 0)
        """The newest version of each workflow whose save was acknowledged."""
        for workflow in self.workflows:
            self.save(self.web.processes[0].ledger, workflow, "at first", by="ada")
        drawn = [
            ("shop", scenario.randint(1, 4)),
            ("webhook 1", scenario.randint(0, 5)),
            ("webhook 2", scenario.randint(0, 5)),
            ("operator", scenario.randint(0, 5)),
            ("author", scenario.choice((0, 0, 0, 2))),
        ]
        self.clients: list[Task] = []
        for name, count in drawn:
            client = Client(self, name, draw_acts(scenario, name.split()[0], count))
            self.clients.append(self.scheduler.spawn(name, client.live))

    def run(self) -> None:
        """Until all clients are done, and afterwards until nothing is due."""
        referee = self.scheduler.spawn("referee", self._referee)
        self.scheduler.run(referee)
        if referee.outcome is not None and referee.outcome.error is not None:
            raise referee.outcome.error

    def close(self) -> None:
        self.scheduler.finish()
        self.store.close()

    def services(self) -> list[Service]:
        return [self.web, *self.workers]

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

    def in_words(self, text: str) -> str:
        """The text with labels in place of ids."""
        for run_id, label in self._labels.items():
            text = text.replace(run_id, label)
        return text

    def started(self, run: fl.Run) -> None:
        if run.id not in self.runs:
            self.runs.append(run.id)

    def save(self, ledger: fl.Ledger, workflow: str, description: str, **given: Any) -> None:
        """The same nodes each time, so that runs of all versions are alike."""
        definition = {**self._definitions[workflow], "description": description}
        saved = ledger.workflows.save(definition, workflow_id=workflow, **given)
        self.saved[workflow] = max(self.saved[workflow], saved.version)

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
        self.quiet_since = self.scheduler.time
        self.story.tell("sees that all clients are done: from here on all goes well")
        while self._is_busy():
            self.scheduler.sleep(SECOND)
            if self.scheduler.time > self.quiet_since + 60 * LATEST:
                raise AssertionError("the runs never end")

    def _is_busy(self) -> bool:
        """Whether a run is executed, or will be by itself. Looks past all switch points."""
        return bool(self.store.recorder.query(_BUSY, {}))


_BUSY = """
    SELECT run_id FROM flowledger_index_runs
    WHERE ready_at IS NOT NULL OR (owner IS NOT NULL AND NOT held) LIMIT 1
"""


@contextmanager
def determined(seed: int) -> Iterator[None]:
    """Ids and jitter come from the seed, and nothing is logged."""
    state, urandom = random.getstate(), Random(f"{seed}/ids")
    random.seed(seed)
    jitter._source.seed(seed)
    codec._ids.seed(seed)
    real, ids.os = ids.os, SimpleNamespace(urandom=urandom.randbytes)  # type: ignore[attr-defined]
    logging.disable(logging.CRITICAL)
    try:
        with (
            patch.object(custody, "uuid4", lambda: UUID(bytes=urandom.randbytes(16))),
            patch.object(custody, "os", SimpleNamespace(getpid=lambda: 1, environ={})),
            patch.object(custody, "socket", SimpleNamespace(gethostname=lambda: "host")),
        ):
            yield
    finally:
        logging.disable(logging.NOTSET)
        ids.os = real  # type: ignore[attr-defined]
        codec._ids.seed()
        jitter._source.seed()
        random.setstate(state)
