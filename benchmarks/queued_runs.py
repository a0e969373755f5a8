"""Queued runs, executed by 1 to 8 worker processes, beside queues and engines that keep theirs in PostgreSQL."""

from functools import partial

from .fleet import STEPS
from .race import Field
from .report import Row
from .servers import Stores
from .systems import absurd, dbos, ours_queued, procrastinate, raw

RUNS = 1_000
PEERS = {
    "DBOS": dbos.queued_runs,
    "Procrastinate": procrastinate.queued_runs,
    "Absurd": absurd.queued_runs,
}


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [_measured(stores, 3 if quick else 5, workers, RUNS // 5 if quick else RUNS) for workers in (1, 2, 4, 8)]


def _measured(stores: Stores, rounds: int, workers: int, runs: int) -> Row:
    field = Field(runs * STEPS, rounds)
    field.enter("raw", raw.insert, stores.postgres())
    field.enter("flowledger", partial(ours_queued.queued_runs, workers=workers), stores.postgres())
    for name, opener in PEERS.items():
        field.enter(name, partial(opener, workers=workers), stores.postgres())
    what = f"{runs:,} runs of {STEPS} steps from start to end, worker processes: {workers}, PostgreSQL"
    return field.run().row_beside_peers(what, "step", "flowledger", "raw", list(PEERS), least=3)
