"""Traps of a caller's transaction on an SQLite file."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import flowledger as fl

from .conftest import definition, executors


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def ledger(file: Path) -> Iterator[fl.Ledger]:
    with fl.open_ledger(f"sqlite:///{file}", executors) as ledger:
        ledger.workflows.save(definition("echo"), workflow_id="order")
        yield ledger


@pytest.fixture
def caller(ledger: fl.Ledger, file: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(file, timeout=0)) as connection:
        connection.execute("CREATE TABLE mine (text TEXT)")
        yield connection


def test_a_connection_in_autocommit_mode_is_refused_unless_a_transaction_is_open(
    ledger: fl.Ledger, caller: sqlite3.Connection
) -> None:
    caller.isolation_level = None
    with pytest.raises(fl.InvalidRequest, match="BEGIN IMMEDIATE"):
        ledger.within(caller).runs.start("order", wait=False)
    caller.execute("BEGIN")
    run = ledger.within(caller).runs.start("order", wait=False)
    caller.execute("COMMIT")
    assert ledger.runs.proceed(run.id).status == "completed"


def test_another_file_is_refused_also_where_the_ledgers_is_attached(
    ledger: fl.Ledger, file: Path, tmp_path: Path
) -> None:
    for place in (":memory:", tmp_path / "other.db"):
        with closing(sqlite3.connect(place)) as other:
            other.execute("ATTACH ? AS flow", (str(file),))
            with pytest.raises(fl.InvalidRequest, match="in one file"):
                ledger.within(other).runs.start("order", wait=False)


def test_a_connection_to_a_server_is_none_to_a_file(ledger: fl.Ledger, pg_url: str) -> None:
    import psycopg

    with psycopg.connect(pg_url) as connection, pytest.raises(fl.InvalidRequest, match="sqlite3's"):
        ledger.within(connection).runs.start("order", wait=False)


def test_a_connection_to_a_file_is_none_to_a_server(pg_ledger: fl.Ledger, caller: sqlite3.Connection) -> None:
    with pytest.raises(fl.InvalidRequest, match="psycopg's"):
        pg_ledger.within(caller).runs.start("order", wait=False)


def test_factories_of_the_caller_stay_the_callers(ledger: fl.Ledger, caller: sqlite3.Connection) -> None:
    caller.row_factory, caller.text_factory = sqlite3.Row, bytes
    run = ledger.within(caller).runs.start("order", {"n": "é"}, wait=False)
    ledger.within(caller).runs.hold(run.id)
    caller.execute("INSERT INTO mine VALUES ('a')")
    caller.commit()
    (row,) = caller.execute("SELECT text FROM mine").fetchall()
    assert row["text"] == b"a"
    assert ledger.runs.get(run.id).snapshot.payload == {"n": "é"}


def test_a_transaction_that_read_before_others_wrote_is_refused_as_such(
    ledger: fl.Ledger, caller: sqlite3.Connection
) -> None:
    caller.execute("BEGIN")
    caller.execute("SELECT * FROM mine").fetchall()
    ledger.runs.start("order", wait=False)
    with pytest.raises(fl.TransactionConflict, match="BEGIN IMMEDIATE"):
        ledger.within(caller).runs.start("order", wait=False)
    caller.rollback()
    assert ledger.within(caller).runs.start("order", wait=False).version == 1


def test_while_another_caller_writes_nothing_is_begun(
    ledger: fl.Ledger, caller: sqlite3.Connection, file: Path
) -> None:
    with closing(sqlite3.connect(file)) as other:
        ledger.within(other).runs.start("order", wait=False)
        with pytest.raises(fl.StorageUnavailable, match="locked"):
            ledger.within(caller).runs.start("order", wait=False)
        other.rollback()
    assert ledger.within(caller).runs.start("order", wait=False).version == 1


def test_a_lost_race_leaves_the_transaction_usable(ledger: fl.Ledger, caller: sqlite3.Connection) -> None:
    runs = ledger.within(caller).runs
    run = runs.start("order", wait=False)
    caller.execute("INSERT INTO mine VALUES ('kept')")
    with pytest.raises(fl.RunMovedOn):
        runs.hold(runs.hold(run.id).id, expected_version=1)
    runs.release(run.id)
    caller.commit()
    assert caller.execute("SELECT count(*) FROM mine").fetchone() == (1,)
    assert ledger.runs.get(run.id).version == 3
    assert ledger.verify().ok


def test_async_calls_stay_in_the_thread_of_the_connection(ledger: fl.Ledger, caller: sqlite3.Connection) -> None:
    async def main() -> str:
        async with ledger.within(caller) as inside:
            return (await inside.runs.astart("order", wait=False)).id

    run_id = asyncio.run(main())
    caller.commit()
    assert ledger.runs.get(run_id).version == 1
