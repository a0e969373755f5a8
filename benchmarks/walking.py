"""A walk through a very long run: opening it beside one fold, and what a look at any version of it then takes."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from itertools import islice

import flowledger as fl

from .race import Field
from .report import Row
from .servers import Stores
from .systems import ours, raw
from .workers import Work

EVENTS = 100_000
AT_ONCE = 0.05
"""Seconds within which a screen must answer."""


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [row for backend in ("PostgreSQL", "SQLite") for row in _walking(stores, rounds, backend)]


def _walking(stores: Stores, rounds: int, backend: str) -> list[Row]:
    url = stores.new(backend)
    ours.store_run(url, "walked", EVENTS)
    field = Field(1, rounds)
    field.enter("fold", partial(ours.replay, run_id="walked"), url)
    field.enter("open", partial(_open, run_id="walked"), url)
    opening = field.run().row(f"open a walk through {EVENTS:,} events, {backend}", "run", "open", "fold", [], least=0.8)
    with _step(url, "walked") as look:
        taken = look(1_000) / 1_000
    what = f"a look at any version of that walk: state, event, changes, {backend}"
    return [opening, Row(what, f"{taken * 1e3:.2f} ms", f"< {AT_ONCE * 1e3:.0f} ms", met=taken < AT_ONCE)]


@contextmanager
def _open(url: str, run_id: str) -> Generator[Work]:
    """Each unit opens a walk through a run."""
    with fl.open_ledger(url, checkpoint_every=None) as ledger:

        def work(units: int) -> float:
            began = time.perf_counter()
            for _ in range(units):
                assert ledger.history.walk(run_id).head == EVENTS
            return time.perf_counter() - began

        yield work


@contextmanager
def _step(url: str, run_id: str) -> Generator[Work]:
    """Each unit is all that a screen shows of one version, now here, now there, after what is read ahead was read."""
    with fl.open_ledger(url, checkpoint_every=None) as ledger:
        walk = ledger.history.walk(run_id)
        assert list(walk.read_results())[-1] == EVENTS

        def work(units: int) -> float:
            began = time.perf_counter()
            for version in islice(raw.versions(EVENTS), units):
                assert walk.event(version).version == walk.snapshot(version).version == version
                assert walk.changes(version)
            return time.perf_counter() - began

        yield work
