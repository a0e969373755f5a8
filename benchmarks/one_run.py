"""One run, one durable step after another: the append alone, and the whole step through the public API."""

from functools import partial

from .race import Field
from .report import Row
from .servers import Stores
from .systems import dbos, langgraph, ours, raw, stock

PEERS = ("DBOS", "LangGraph")
LIBPQ = "the same INSERT past the driver's cursors"


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    rows: list[Row] = []
    for backend in ("PostgreSQL", "SQLite"):
        # Short turns and many of them: noise that lasts longer than a turn falls on all alike.
        field = Field(60, (3 if quick else 8) * rounds)
        field.enter("raw", raw.insert, stores.new(backend))
        field.enter("append alone", ours.append, stores.new(backend))
        field.enter("flowledger", ours.steps, stores.new(backend))
        field.enter("in batches", partial(ours.steps, durability="batch"), stores.new(backend))
        field.enter("eventsourcing", stock.save, stores.new(backend))
        field.enter("DBOS", dbos.steps, stores.new(backend), share=0.3)
        field.enter("LangGraph", langgraph.steps, stores.new(backend), share=0.5)
        if backend == "PostgreSQL":
            field.enter(LIBPQ, raw.insert_through_libpq, stores.new(backend))
        race = field.run(count=25 if quick else 200)
        beside = [name for name in ("eventsourcing", LIBPQ) if name in field.openers]
        rows += [
            race.row(f"append alone, {backend}", "event", "append alone", "raw", beside, least=0.85),
            race.row(f"one run, a durable step, {backend}", "step", "flowledger", "raw", PEERS, least=0.6),
            race.row(f"one run, durable in batches, {backend}", "step", "in batches", "raw"),
        ]
    return rows
