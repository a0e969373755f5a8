"""64 runs at once in one process, against one raw connection: what sharing commits is worth."""

from functools import partial

from .race import Field
from .report import Row
from .servers import Stores
from .systems import dbos, langgraph, ours, raw, stock

RUNS = 64


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    field = Field(RUNS * (10 if quick else 40), rounds)
    field.enter("raw", raw.insert, stores.postgres())
    field.enter("one event loop", partial(ours.runs_on_one_loop, runs=RUNS), stores.postgres())
    field.enter("threads", partial(ours.runs_on_threads, runs=RUNS), stores.postgres())
    field.enter("eventsourcing", partial(stock.save, writers=RUNS), stores.postgres())
    field.enter("DBOS", partial(dbos.steps, runs=RUNS), stores.postgres(), share=0.5)
    field.enter("LangGraph", partial(langgraph.steps, runs=RUNS), stores.postgres(), share=0.5)
    race = field.run(count=0 if quick else RUNS * 5)
    peers = ["eventsourcing", "DBOS", "LangGraph"]
    return [
        race.row(f"{RUNS} runs at once, one event loop, PostgreSQL", "step", "one event loop", "raw", peers, least=3),
        race.row(f"{RUNS} runs at once, threads, PostgreSQL", "step", "threads", "raw", peers, least=3),
        _on_sqlite(stores, rounds, quick),
    ]


def _on_sqlite(stores: Stores, rounds: int, quick: bool) -> Row:
    field = Field(RUNS * (10 if quick else 40), rounds)
    field.enter("raw", raw.insert, stores.sqlite())
    field.enter("one event loop", partial(ours.runs_on_one_loop, runs=RUNS), stores.sqlite())
    return field.run().row(f"{RUNS} runs at once, one event loop, SQLite", "step", "one event loop", "raw")
