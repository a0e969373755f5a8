"""A fork at step 1,000 (quick: 100) of a run whose steps put out 100 KB each: what it writes, and how long it takes."""

import random
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

import flowledger as fl

from .counting import counted
from .race import Field
from .report import Row
from .servers import Stores
from .systems import ours
from .workers import Work

STEPS, STEPS_QUICK = 1_000, 100
OUTPUT = random.Random(1).randbytes(50_000).hex()
MOST_BYTES = 5_000
"""That a fork may add to tables and indexes, its entry in the work order included: a twentieth of one output."""


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [_row(stores, backend, rounds, quick=quick) for backend in ("PostgreSQL", "SQLite")]


def _row(stores: Stores, backend: str, rounds: int, *, quick: bool) -> Row:
    steps = STEPS_QUICK if quick else STEPS
    contestant = partial(forks, steps=steps)
    counts = counted(contestant, stores.new(backend), 10 if quick else 40)
    assert counts is not None
    field = Field(1, rounds)
    field.enter("append", ours.append, stores.new(backend))
    field.enter("fork", contestant, stores.new(backend))
    outcomes = field.run().outcomes
    append, fork = outcomes["append"].figure, outcomes["fork"].figure
    assert append is not None
    assert fork is not None
    return Row(
        f"fork at step {steps:,} with outputs of 100 KB, {backend}",
        f"{counts.commits:.2f} commits, {counts.table_bytes:,.0f} B",
        f"1 commit, < {MOST_BYTES:,} B",
        met=0.9 < counts.commits < 1.1 and counts.table_bytes < MOST_BYTES,
        detail=f"{counts}; {fork} in all, of which the append of an event {append}: the rest is reading the state",
        peers={"DBOS": "copies 142 MB, 1.03 s"},
    )


@contextmanager
def forks(url: str, steps: int) -> Generator[Work]:
    """Each unit is one fork, left to a worker: nothing runs."""
    with fl.open_ledger(url, _executors()) as ledger:
        run = _long_run(ledger, steps)

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                ledger.runs.fork(run.id, steps + 1, wait=False)
            return time.perf_counter() - began

        yield work


def _long_run(ledger: fl.Ledger, steps: int) -> fl.Run:
    definition = {
        "nodes": [{"id": "work", "type": "work"}],
        "edges": [{"source": "work", "target": "work", "sourceHandle": "more"}],
        "start": "work",
    }
    ledger.workflows.save(definition, workflow_id="long")
    return ledger.runs.start("long", step_limit=steps)


def _executors() -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("work")
    def work(step: fl.StepContext) -> fl.StepResult:
        return fl.StepResult(OUTPUT, "more")

    return executors
