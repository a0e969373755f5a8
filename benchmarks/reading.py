"""What is read of the past: a whole run replayed, its state at one version, its states at all versions."""

from functools import partial

from .race import Field
from .report import Row
from .servers import Stores
from .systems import langgraph, ours, raw, stock

LONG = 100_000
"""Events of the run whose state at one version is asked for."""
LANGGRAPH_LONG = 1_000
LANGGRAPH_LONG_QUICK = 200
"""LangGraph writes a thousand steps a second at best, and what its get_state costs doesn't depend on their number."""
REPLAYED = 10_000
WALKED = 1_000


def measure(stores: Stores, rounds: int, quick: bool) -> list[Row]:
    return [
        row
        for backend in ("PostgreSQL", "SQLite")
        for row in (
            *_replay(stores, rounds, backend),
            *_state_at(stores, rounds, backend, quick),
            *_every_state(stores, rounds, backend),
        )
    ]


def _replay(stores: Stores, rounds: int, backend: str) -> list[Row]:
    url = stores.new(backend)
    ours.store_run(url, "replayed", REPLAYED)
    field = Field(1, rounds)
    field.enter("raw", partial(raw.fetch_and_load, stream="replayed"), url)
    field.enter("flowledger", partial(ours.replay, run_id="replayed"), url)
    field.enter("eventsourcing", partial(stock.replay, events=REPLAYED), stores.new(backend))
    what = f"replay a run of {REPLAYED:,} events into a Snapshot, {backend}"
    return [field.run().row(what, "run", "flowledger", "raw", ["eventsourcing"], least=0.8)]


def _state_at(stores: Stores, rounds: int, backend: str, quick: bool) -> list[Row]:
    url = stores.new(backend)
    ours.store_run(url, "long", LONG)
    checkpoints = LANGGRAPH_LONG_QUICK if quick else LANGGRAPH_LONG
    field = Field(200, rounds)
    field.enter("raw", partial(raw.read_one_row, stream="long", events=LONG), url)
    field.enter("header", partial(ours.header_at, run_id="long", events=LONG), url)
    field.enter("Snapshot", partial(ours.snapshot_at, run_id="long", events=LONG), url, share=0.05)
    field.enter("LangGraph", partial(langgraph.state_at, checkpoints=checkpoints), stores.new(backend))
    race = field.run()
    at = f"at any version of a run of {LONG:,} events, {backend}"
    return [
        race.row(f"status, node and times {at}", "read", "header", "raw", ["LangGraph"], least=1 / 3),
        race.row(f"the whole Snapshot {at}", "read", "Snapshot", "raw", ["LangGraph"]),
    ]


def _every_state(stores: Stores, rounds: int, backend: str) -> list[Row]:
    url = stores.new(backend)
    ours.store_run(url, "walked", WALKED)
    field = Field(2, rounds)
    field.enter("raw", partial(raw.fetch_and_load, stream="walked"), url)
    field.enter("walk", partial(ours.every_snapshot, run_id="walked"), url)
    field.enter("look", partial(ours.every_snapshot, run_id="walked", look=True), url)
    field.enter("LangGraph", partial(langgraph.every_state, checkpoints=WALKED), stores.new(backend))
    race = field.run()
    what = f"the Snapshots at all versions of a run of {WALKED:,} events"
    return [
        race.row(f"{what}, {backend}", "run", "walk", "raw", ["LangGraph"], least=1 / 3),
        race.row(f"{what}, and each one's newest output, {backend}", "run", "look", "raw", ["LangGraph"]),
    ]
