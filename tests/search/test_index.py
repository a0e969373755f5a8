"""The indexer: however it gets there, the entries are those of the events, and nobody else's business suffers."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flowledger as fl
from flowledger.domain.errors import StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.recorder import BATCH_ROWS

from ..effort import tries
from ..storage.test_migrations import run_sql
from .events import append, completed, everything, failed, histories, index_of, metadata_set, rows, started, values


@pytest.mark.scaled
def test_entries_are_the_same_whatever_the_batches(store: LedgerEventStore) -> None:
    runs = iter(range(10**6))

    @settings(max_examples=tries(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(values, histories), max_size=3), st.lists(st.integers(1, 5), max_size=10))
    def check(stories: list[Any], budgets: list[int]) -> None:
        index = index_of(store)
        named = [(f"run-{next(runs)}", payload, history) for payload, history in stories]
        for run_id, payload, _ in named:
            append(store, run_id, [started(payload)])
        for step in range(6):
            for run_id, _, history in named:
                append(store, run_id, history[step : step + 1])
            for budget in budgets[:2]:
                index.catch_up(budget)
        index.catch_up()
        incremental = everything(store)
        index.clear()
        assert everything(store) == []
        assert index.catch_up().seconds == 0
        assert everything(store) == incremental

    check()


def test_a_budget_is_kept_and_the_rest_reported(store: LedgerEventStore) -> None:
    index = index_of(store)
    assert index.catch_up() == fl.Lag(0, 0, 0.0)
    append(store, "run", [started()])
    append(store, "run", [completed("a", number) for number in range(BATCH_ROWS + 500)])
    told: list[float] = []
    lag = index.catch_up(BATCH_ROWS + 100, told.append)
    positions = [event.position for event in store.tail()]
    whole = positions[-1] - positions[0]
    assert told == [(positions[place - 1] - positions[0]) / whole for place in (BATCH_ROWS, BATCH_ROWS + 100)]
    assert lag == index.lag() == fl.Lag(positions[BATCH_ROWS + 99], positions[-1], 5.0)
    assert index.catch_up(0) == lag
    assert index.catch_up() == fl.Lag(positions[-1], positions[-1], 0.0)


def test_indexers_at_once_count_each_event_once(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        for number in range(60):
            append(store, f"run-{number}", [started(number), *(completed(f"n{step}", step) for step in range(50))])
        threads = [threading.Thread(target=index_of(store).catch_up) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert index_of(store).lag().seconds == 0
        at_once = everything(store)
        index_of(store).clear()
        index_of(store).catch_up()
        assert everything(store) == at_once


def test_an_indexer_killed_in_the_middle_loses_nothing_and_doubles_nothing(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        for number in range(150):
            append(store, f"run-{number}", [started(number), *(completed(f"n{step}", "x y z") for step in range(30))])
        for batches in (1, 1, 2):
            command = [sys.executable, str(Path(__file__).with_name("indexer.py")), durable_url, str(batches)]
            killed = subprocess.run(command, check=False, capture_output=True, text=True)
            assert killed.returncode == -9, killed.stderr
            assert 0 < index_of(store).lag().position < index_of(store).lag().head
        index_of(store).catch_up()
        survived = everything(store)
        index_of(store).clear()
        index_of(store).catch_up()
        assert everything(store) == survived
        assert len(survived) == 150 + 150 * 30


def test_who_was_overtaken_by_a_rebuild_keeps_nothing(store: LedgerEventStore) -> None:
    append(store, "run", [started("first"), completed("a", "second")])
    index = index_of(store)
    index.catch_up(1)
    since = store.search.progress()
    stale = list(store.search.entries(["run"]).values())
    index.clear()
    index.catch_up(1)
    assert store.search.progress().position == since.position
    assert not store.search.save(since, store.log_batch(since.position), stale)


def test_a_store_that_cannot_be_written_answers_from_what_is_there(
    durable_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("before")])
        index_of(store).catch_up()
        append(store, "later", [started("after")])
        read_only(store, durable_url)
        with pytest.raises(StorageUnavailable):
            append(store, "never", [started()])
        lag = index_of(store).catch_up()
        assert (lag.position < lag.head, lag.seconds) == (True, 5.0)
        assert list(store.search.entries(["run", "later"])) == ["run"]


def test_a_search_held_up_by_an_open_transaction_says_that_it_is_behind(postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store:
        append(store, "run", [started("before")])
        with psycopg.connect(postgres_url) as other:
            other.execute("SELECT pg_current_xact_id()")  # its events would come before those below
            append(store, "later", [started("after")])
            lag = index_of(store).catch_up()
            assert (lag.position < lag.head, lag.seconds) == (True, 5.0)
        assert index_of(store).catch_up().seconds == 0


def read_only(store: LedgerEventStore, url: str) -> None:
    if url.startswith("sqlite"):
        store.recorder.datastore.connection().execute("PRAGMA query_only = ON")  # type: ignore[attr-defined]
    else:
        store.recorder.datastore._pool.drop_idle()  # type: ignore[attr-defined]
        with psycopg.connect(url) as connection:
            connection.execute("ALTER DATABASE postgres SET default_transaction_read_only = off")
        pool = store.recorder.datastore._pool  # type: ignore[attr-defined]
        pool._conninfo += "%20-c%20default_transaction_read_only%3Don"
        pool._era += 1  # those that are in use now are opened anew, too
        pool.drop_idle()


def test_an_event_that_cannot_be_read_hides_no_other(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("one"), completed("a", "two"), failed("b", "ValueError", "three")])
        tamper(durable_url)
        assert index_of(store).catch_up().seconds == 0
        (entry,) = store.search.entries(["run"]).values()
        assert {"one", "three"} <= entry.words
        assert "two" not in entry.words


def tamper(url: str) -> None:
    damaged = "UPDATE flowledger_events SET state = substr(state, 1, 50) WHERE originator_version = 2"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("DROP TRIGGER flowledger_events_refuse_update")
            connection.execute(damaged)
    else:
        with psycopg.connect(url) as connection:
            connection.execute("ALTER TABLE flowledger_events DISABLE TRIGGER USER")
            connection.execute(damaged.encode())


def test_what_is_large_is_left_out_and_said_to_be(store: LedgerEventStore) -> None:
    append(
        store,
        "run",
        [
            started({"note": "x" * 1_001, "kept": "x" * 1_000, "many": list(range(101)), "far": 1e16, "nul": "a\0b"}),
            completed("large", ["x" * 900] * 20),
            completed("grows", "x" * 2_000),
            completed("shrinks", "x" * 2_000),
            completed("shrinks", "short"),
        ],
    )
    index_of(store).catch_up()
    (entry,) = store.search.entries(["run"]).values()
    assert entry.document == {
        "payload": {"kept": "x" * 1_000},
        "output": {"shrinks": "short"},
        "metadata": {},
        "leftOut": {"payload": True, "output": {"large": True, "grows": True}},
    }


def test_a_run_of_many_nodes_has_a_document_of_bounded_size(store: LedgerEventStore) -> None:
    append(store, "run", [started(), *(completed(f"n{number}", "x" * 1_000) for number in range(100))])
    index_of(store).catch_up()
    (entry,) = store.search.entries(["run"]).values()
    kept = entry.document["output"]
    assert list(map(len, kept.values())) == [1_000] * len(kept)
    assert 60 < len(kept) < 66
    assert len(entry.document["leftOut"]["output"]) == 100 - len(kept)


def test_the_door_catches_up(store_url: str, executors: Callable[[], fl.ExecutorRegistry]) -> None:
    with fl.open_ledger(store_url, executors()) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w", by="ada")
        ledger.runs.start("w", payload="hello")
        assert ledger.search.lag().seconds >= 0
        lag = ledger.search.catch_up()
        assert (lag.position, lag.seconds) == (lag.head, 0.0)
        assert lag == ledger.search.lag()


hostile = st.text(
    st.sampled_from(["a", "é", "漢", "\0", "\ud800", "\udfff", "\uffff", " ", "'", '"', "\\"]), max_size=4
)
strangers = st.recursive(
    st.one_of(st.none(), hostile, st.integers(-(2**63), 2**64 - 1)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(hostile, inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.scaled
def test_no_text_stops_a_search(store: LedgerEventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies: dict[tuple[str, int], dict[str, Any]] = {}
    read = store.body
    monkeypatch.setattr(store, "body", lambda row: read(row) | bodies.get((row.stream, row.version), {}))
    runs = iter(range(10**6))

    @settings(max_examples=tries(50), deadline=None, suppress_health_check=list(HealthCheck))
    @given(strangers, strangers, hostile, hostile)
    def check(payload: Any, output: Any, node_id: str, said: str) -> None:
        run_id = f"run-{next(runs)}"
        append(store, run_id, [started(), completed("a", None), failed("a", "E", "m"), metadata_set()])
        # As they would be, had anybody brought them into the log.
        lines = [{"level": "INFO", "at": 1, "message": said}]
        bodies[run_id, 1] = {"payload": payload, "by": said, "metadata": {node_id: payload}}
        bodies[run_id, 2] = {"node_id": node_id, "output": output, "logs": lines}
        bodies[run_id, 3] = {"node_id": node_id, "error": {"type": said, "message": said}}
        bodies[run_id, 4] = {"metadata": {said: output}, "by": said}
        assert index_of(store).catch_up().seconds == 0
        assert run_id in store.search.entries([run_id])

    check()


def test_entries_can_be_dropped_however_often_they_were(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run-1", [started()])
        run_sql(durable_url, f"UPDATE flowledger_search_progress SET generation = {2**63 - 1}")
        index = index_of(store)
        for _ in range(2):
            index.clear()
            assert index.catch_up().seconds == 0
        assert len(rows(store)) == 1
