"""Starting a run for workers, beside the append of the same events; and in a transaction of the caller's."""

from functools import partial

from .race import Field
from .report import Row
from .servers import Stores
from .systems import ours_starting, ours_within


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    rounds, runs = max(rounds, 21), 100 if quick else 300
    return [
        row
        for backend in ("PostgreSQL", "SQLite")
        for row in (_measured(stores, rounds, runs, backend), *_within(stores, rounds, runs, backend))
    ]


def _measured(stores: Stores, rounds: int, runs: int, backend: str) -> Row:
    field = Field(runs, rounds)
    field.enter("append", ours_starting.appends, stores.new(backend))
    field.enter("start", ours_starting.starts, stores.new(backend))
    what = f"start(wait=False) beside the append that it is, {backend}"
    return field.run().row(what, "run", "start", "append", least=1 / 1.3)


def _within(stores: Stores, rounds: int, runs: int, backend: str) -> list[Row]:
    field = Field(runs, rounds)
    for unit in (ours_within.both_apart, ours_within.both_together, ours_within.start_alone, ours_within.start_inside):
        field.enter(unit.__name__, partial(ours_within.doing, unit), stores.new(backend))
    figures = field.run()
    return [
        figures.row(
            f"a start and an own row in one transaction beside both apart, {backend}",
            "run",
            "both_together",
            "both_apart",
        ),
        figures.row(
            f"a start in a transaction of the caller's beside one by itself, {backend}",
            "run",
            "start_inside",
            "start_alone",
        ),
    ]
