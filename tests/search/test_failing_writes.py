"""A search whose entries can't be kept: it says why, and keeps all that it can."""

import logging
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store

from ..storage.test_migrations import run_sql
from .events import append, completed, index_of, started
from .test_index import read_only

REFUSING = {
    "sqlite": """CREATE TRIGGER no_zebras BEFORE INSERT ON flowledger_search WHEN instr(NEW.words, 'zebra')
    BEGIN SELECT RAISE(ABORT, 'no zebras here'); END""",
    "postgres": "ALTER TABLE flowledger_search ADD CONSTRAINT no_zebras CHECK (NOT words @@ 'zebra'::tsquery)",
}
"""As a database that can't hold a certain entry, whoever writes it."""


def dialect(url: str) -> str:
    return "sqlite" if url.startswith("sqlite") else "postgres"


def test_an_entry_that_the_database_refuses_is_left_out_alone_named_and_counted(
    durable_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(open_store(durable_url)) as store:
        run_sql(durable_url, REFUSING[dialect(durable_url)])
        for run_id, word in (("one", "giraffe"), ("two", "zebra"), ("three", "giraffe")):
            append(store, run_id, [started(word), completed("a", word)])
        lag = index_of(store).catch_up()
        assert (lag.seconds, lag.position == lag.head, lag.left_out) == (0, True, 1)
        assert sorted(store.search.entries(["one", "two", "three"])) == ["one", "three"]
        assert "run 'two' can't be found" in caplog.text
        append(store, "four", [started("giraffe")])
        assert index_of(store).catch_up().left_out == 0
        assert "four" in store.search.entries(["four"])


def test_a_body_that_is_none_of_its_type_hides_no_other_run(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "one", [started("giraffe")])
        append(store, "two", [started("zebra"), completed("a", "lion")])
        body = b'{"recorded_at":5,"by":"eve","node_id":["a"],"output":{"b":1}}'
        statement = "UPDATE flowledger_events SET state = {} WHERE originator_id = 'two' AND originator_version = 2"
        if durable_url.startswith("sqlite"):
            run_sql(durable_url, "DROP TRIGGER flowledger_events_refuse_update")
            run_sql(durable_url, statement.format(f"CAST(substr(state, 1, 41) || x'{body.hex()}' AS BLOB)"))
        else:
            run_sql(durable_url, "ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
            run_sql(durable_url, statement.format(f"substr(state, 1, 41) || '\\x{body.hex()}'::bytea"))
        lag = index_of(store).catch_up()
        assert (lag.seconds, lag.left_out) == (0, 1)
        assert sorted(store.search.entries(["one", "two"])) == ["one", "two"]


def test_a_step_that_the_database_refuses_leaves_all_others_in_the_lists(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        run_sql(durable_url, REFUSED_STEPS["sqlite" if durable_url.startswith("sqlite") else "postgres"])
        append(store, "run", [started(), completed("a", 1), completed("zebra", 2), completed("b", 3)])
        lag = index_of(store).catch_up()
        assert (lag.seconds, lag.left_out) == (0.0, 1)
        found = store.recorder.query("SELECT node_id FROM flowledger_steps ORDER BY position", {})
        assert found == [("a",), ("b",)]
        assert set(store.search.entries(["run"])) == {"run"}


REFUSED_STEPS = {
    "sqlite": """CREATE TRIGGER no_zebras BEFORE INSERT ON flowledger_steps WHEN NEW.node_id = 'zebra'
        BEGIN SELECT RAISE(ABORT, 'no zebras'); END""",
    "postgres": "ALTER TABLE flowledger_steps ADD CONSTRAINT no_zebras CHECK (node_id <> 'zebra')",
}


# --- read-only is told from failed ------------------------------------------------------------------------------------


def test_a_store_that_is_read_only_says_so(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("giraffe")])
        read_only(store, durable_url)
        with pytest.raises(fl.StoreReadOnly, match=r"read-only|readonly"):
            index_of(store).clear()
        with pytest.raises(fl.StoreReadOnly):
            append(store, "other", [started()])
        assert index_of(store).catch_up().seconds > 0


def test_a_role_that_may_only_read_is_told_of_the_grants_and_searches_all_the_same(new_postgres_url: Any) -> None:
    url = new_postgres_url()
    with closing(open_store(url)) as store:
        append(store, "run", [started("giraffe")])
        index_of(store).catch_up()
        append(store, "later", [started("zebra")])
        run_sql(url, "DO $$ BEGIN CREATE ROLE h_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        run_sql(url, "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO h_reader', current_schema()); END $$")
        tables = "GRANT SELECT ON ALL TABLES IN SCHEMA %I TO h_reader"
        run_sql(url, f"DO $$ BEGIN EXECUTE format('{tables}', current_schema()); END $$")
    with closing(open_store(f"{url}%20-c%20role%3Dh_reader", create=False)) as reader:
        assert index_of(reader).catch_up().seconds > 0
        with pytest.raises(fl.StoreReadOnly, match="GRANTs"):
            index_of(reader).clear()


def full(*_: object) -> bool:
    raise fl.StorageUnavailable("database or disk is full")


def test_a_full_disk_is_told_by_who_catches_up_and_lists_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("t")(lambda step: 1)
    with fl.open_ledger(f"sqlite:///{tmp_path / 's.db'}", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "t"}]}, workflow_id="w")
        known = ledger.runs.start("w", payload="giraffe").id
        ledger.search.catch_up()
        ledger.runs.start("w", payload="giraffe")
        monkeypatch.setattr(ledger._store.search, "save", full)
        with pytest.raises(fl.StorageUnavailable, match="full"):
            ledger.search.catch_up()
        with caplog.at_level(logging.WARNING):
            page = ledger.history.runs(text="giraffe")
        assert [run.id for run in page] == [known]
        assert page.behind
        assert "can't take in what was written lately: database or disk is full" in caplog.text


def test_an_error_that_is_no_value_s_is_never_taken_for_one(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(open_store(store_url)) as store:
        append(store, "run", [started("giraffe")])
        index = index_of(store)
        monkeypatch.setattr(store.search, "save", full)
        monkeypatch.setattr(store.search, "can_hold", pytest.fail)
        with pytest.raises(fl.StorageUnavailable, match="full"):
            index.catch_up()
