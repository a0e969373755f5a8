"""Starting a run for workers, beside the append of the same events."""

from .race import Field
from .report import Row
from .servers import Stores
from .systems import ours_starting


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [_measured(stores, max(rounds, 21), 100 if quick else 300, backend) for backend in ("PostgreSQL", "SQLite")]


def _measured(stores: Stores, rounds: int, runs: int, backend: str) -> Row:
    field = Field(runs, rounds)
    field.enter("append", ours_starting.appends, stores.new(backend))
    field.enter("start", ours_starting.starts, stores.new(backend))
    what = f"start(wait=False) beside the append that it is, {backend}"
    return field.run().row(what, "run", "start", "append", least=1 / 1.3)
