"""How far a search has read is believed only where the log and the rules are those that it read."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import psycopg
import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.queries.search.indexer import LEAST_LAG, SearchIndex
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.projections.search import SEARCH_REVISION

from .events import NOW, append, completed, index_of, started
from .test_index import read_only

MOVED = (
    "UPDATE flowledger_search_progress SET position = 9000000000000000000",
    "UPDATE flowledger_search_progress SET position = (SELECT max(notification_id) FROM flowledger_events)",
    "UPDATE flowledger_search_progress SET position = position - 1",
    "UPDATE flowledger_search_progress SET position = 0",
    "UPDATE flowledger_search_progress SET last_stream = NULL, last_version = NULL",
    "UPDATE flowledger_search_progress SET last_stream = 'later'",
    "UPDATE flowledger_search_progress SET revision = 0",
    "DELETE FROM flowledger_search_progress",
)
"""What an administrator, a restored dump or older code may do to it."""


def change(url: str, *statements: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            for statement in statements:
                connection.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def found(store: LedgerEventStore) -> set[str]:
    return set(store.search.entries(["run", "later", "new"]))


@pytest.mark.parametrize("statement", MOVED)
def test_progress_that_is_not_that_of_this_log_is_noticed_and_made_anew(durable_url: str, statement: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("one"), completed("a", "two")])
        index_of(store).catch_up()
        append(store, "later", [started("three")])
        change(durable_url, statement)
        if "position = 0" not in statement:
            assert index_of(store).lag().seconds > 0
        append(store, "new", [started("four")])
        assert index_of(store).catch_up().seconds == 0
        assert found(store) == {"run", "later", "new"}


@pytest.mark.parametrize("statement", MOVED)
def test_who_may_only_read_is_told_that_it_cannot_be_believed(durable_url: str, statement: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("one"), completed("a", "two")])
        index_of(store).catch_up()
        change(durable_url, statement)
        read_only(store, durable_url)
        lag = index_of(store).catch_up()
        assert lag.position < lag.head or "max(" in statement
        assert lag.seconds > 0 or "max(" in statement


def test_a_store_that_lost_its_newest_events_and_went_on_is_searched_anew(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("one")])
        append(store, "later", [started("lost")])
        index_of(store).catch_up()
    unlock = (
        ["DROP TRIGGER flowledger_events_refuse_delete"]
        if durable_url.startswith("sqlite")
        else ["ALTER TABLE flowledger_events DISABLE TRIGGER USER"]
    )
    change(durable_url, *unlock, "DELETE FROM flowledger_events WHERE originator_id = 'later'")
    with closing(open_store(durable_url)) as store:
        assert index_of(store).lag().seconds > 0
        append(store, "new", [started("kept")])
        assert index_of(store).catch_up().seconds == 0
        assert found(store) == {"run", "new"}


def test_entries_that_older_code_made_are_made_anew(
    durable_url: str, executors: Callable[[], fl.ExecutorRegistry]
) -> None:
    with fl.open_ledger(durable_url, executors()) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w", payload="中华人民共和国的订单已取消")
        ledger.search.catch_up()
    words = "'中华人民共和国的订单已取消 ada'"
    as_kept = words if durable_url.startswith("sqlite") else f"array_to_tsvector(string_to_array({words}, ' '))"
    change(
        durable_url,
        f"UPDATE flowledger_search SET words = {as_kept}",
        "UPDATE flowledger_search_progress SET revision = 0, last_stream = NULL, last_version = NULL",
    )
    with fl.open_ledger(durable_url, executors()) as ledger:
        assert ledger.search.lag().seconds > 0
        page = ledger.history.runs(text="订单")
        assert ([row.id for row in page], page.behind) == ([run.id], 0.0)
        assert ledger._store.search.progress().revision == SEARCH_REVISION


@pytest.mark.parametrize("age", [0, -3_600_000_000])
def test_whoever_does_not_know_all_is_behind_whatever_the_clock_says(store: LedgerEventStore, age: int) -> None:
    index = SearchIndex(store, store.search, lambda: NOW + age)
    append(store, "run", [started("one"), completed("a", "two")])
    assert index.lag().seconds == index.catch_up(1).seconds == LEAST_LAG
    assert index.catch_up().seconds == 0.0


def test_an_event_that_cannot_be_read_makes_no_search_up_to_date(durable_url: str) -> None:
    with closing(open_store(durable_url)) as store:
        append(store, "run", [started("one")])
        index_of(store).catch_up()
        append(store, "run", [completed("a", "two")])
        damage(durable_url)
        assert index_of(store).lag().seconds == LEAST_LAG
        assert index_of(store).catch_up().seconds == 0.0


def damage(url: str) -> None:
    unlock = (
        "DROP TRIGGER flowledger_events_refuse_update"
        if url.startswith("sqlite")
        else "ALTER TABLE flowledger_events DISABLE TRIGGER USER"
    )
    change(url, unlock, "UPDATE flowledger_events SET state = substr(state, 1, 50) WHERE originator_version = 2")


def test_code_of_two_revisions_at_once_ends_with_one_that_is_behind(
    store: LedgerEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(store, "run", [started("one")])
    restart = store.search.restart

    def overtaken(revision: int) -> Any:
        restart(revision + 1)

    monkeypatch.setattr(store.search, "restart", overtaken)
    assert index_of(store).catch_up().seconds == 5.0
