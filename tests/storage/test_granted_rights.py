"""Whoever has the rights of an application can write nonsense, but stop nobody with it."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import pytest

import flowledger as fl
from flowledger.infrastructure.storage.index_writer import TABLES
from flowledger.infrastructure.storage.sql import grants

from .clusters import as_user, ask, new_user, run_sql
from .older import make_store

EXTREMES = (-(2**63), -1, 0, 1, 2**52, 2**53, 2**62, 2**63 - 1)
EVENT = "INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id) VALUES"
POSITION = "(pg_current_xact_id()::text::bigint << 20) + 1"

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> Any:
    if step.payload == "fail":
        raise ValueError("no luck")
    return step.payload


class Store(NamedTuple):
    admin: str
    app: str
    """The URL for who has the rights that ``flowledger schema`` grants, and no others."""


@pytest.fixture(scope="module")
def app(postgres_url: str) -> Iterator[str]:
    with new_user(postgres_url) as name:
        yield name


@pytest.fixture
def store(new_postgres_url: Callable[[], str], app: str) -> Store:
    return granted(new_postgres_url(), app)


def granted(url: str, user: str) -> Store:
    fl.open_ledger(url, executors).close()
    schema = url.rpartition("search_path%3D")[2]
    run_sql(url, f"GRANT USAGE ON SCHEMA {schema} TO {user}", grants(user))
    return Store(url, as_user(url, user))


def use(url: str) -> None:
    """Everything goes on: a save, runs, lists, a search."""
    with fl.open_ledger(url, executors) as ledger:
        name = f"w{ask(url, 'SELECT count(*) FROM flowledger_events')}"
        ledger.workflows.save({"nodes": [{"id": "a", "type": "work"}]}, workflow_id=name, by="ada")
        run = ledger.runs.start(name, payload="zebra", by="bob")
        ledger.runs.start(name, payload="fail", by="bob")
        assert ledger.history.snapshot(run.id).status == "completed"
        assert len(ledger.history.runs(name, text="zebra")) == 1
        ledger.history.timings(name)
        list(ledger.history.trail(by="bob"))
        read_all(ledger)


def read_all(ledger: fl.Ledger) -> None:
    """What answers from the index alone. Where that names events that aren't there, others say so."""
    now = datetime.now(UTC)
    for runs in (ledger.history.runs(), ledger.history.runs(as_of=now), ledger.history.runs(by="bob", status="failed")):
        for summary in runs:
            assert ledger.history.lineage(summary.id)
    list(ledger.history.work_orders())
    list(ledger.workflows.list(archived=True))
    list(ledger.history.steps(longer_than=0))
    list(ledger.history.failures(retried=True))


@pytest.mark.parametrize("column", ["originator_version", "notification_id"])
@pytest.mark.parametrize("extreme", EXTREMES)
def test_no_event_stops_the_store(store: Store, column: str, extreme: int) -> None:
    use(store.app)
    version, position = (extreme, POSITION) if column == "originator_version" else (1, extreme)
    attempt(store.app, f"{EVENT} ('stranger', {version}, 'x', '', {position})")
    use(store.app)


@pytest.mark.parametrize("beyond", [1, 2, 2**20, 2**40])
def test_no_event_lies_beyond_those_of_its_transaction(store: Store, beyond: int) -> None:
    use(store.app)
    with pytest.raises(psycopg.errors.CheckViolation, match="lies beyond"):
        run_sql(store.app, f"{EVENT} ('stranger', 1, 'x', '', {POSITION} + ({beyond}::bigint << 20))")
    run_sql(store.app, f"{EVENT} ('stranger', 1, 'x', '', {POSITION})")


@pytest.mark.parametrize(
    "before",
    ["CREATE TEMPORARY TABLE flowledger_epochs AS SELECT 4000000000000 AS added", "SET search_path = pg_catalog"],
)
def test_who_looks_for_tables_elsewhere_is_bounded_alike(store: Store, before: str) -> None:
    schema = store.admin.rpartition("search_path%3D")[2]
    insert = EVENT.replace("flowledger_events", f"{schema}.flowledger_events")
    with pytest.raises(psycopg.errors.CheckViolation, match="lies beyond"):
        run_sql(store.app, before, f"{insert} ('stranger', 1, 'x', '', {POSITION} + (1000::bigint << 20))")
    run_sql(store.app, before, f"{insert} ('stranger', 1, 'x', '', {POSITION})")
    use(store.app)


@pytest.mark.parametrize("extreme", EXTREMES)
def test_no_epoch_begins_that_need_not(store: Store, extreme: int) -> None:
    use(store.app)
    with pytest.raises((psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation)):
        run_sql(store.app, f"INSERT INTO flowledger_epochs (added) VALUES ({extreme})")
    use(store.app)


@pytest.mark.parametrize("extreme", [2**42, 2**62, 2**63 - 1])
def test_where_an_epoch_must_begin_it_begins_where_it_must(store: Store, extreme: int) -> None:
    use(store.app)
    run_sql(
        store.admin,
        "SET session_replication_role = replica",  # as it is when a dump is restored: without triggers
        f"{EVENT} ('restored', 1, 'x', '', 1000000000000::bigint << 20)",
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        run_sql(store.app, f"INSERT INTO flowledger_epochs (added) VALUES ({extreme})")
    use(store.app)
    assert ask(store.admin, "SELECT count(*) FROM flowledger_epochs") == 2
    with pytest.raises(psycopg.errors.CheckViolation, match="lies beyond"):
        run_sql(store.app, f"{EVENT} ('stranger', 1, 'x', '', (2000000000000::bigint << 20) + 1)")
    use(store.app)


def test_rows_from_before_there_were_bounds_stop_no_append(new_postgres_url: Callable[[], str], app: str) -> None:
    url = new_postgres_url()
    make_store(url, 6)
    run_sql(url, f"{EVENT} ('stranger', 1, 'x', '', {2**63 - 1})")
    run_sql(url, f"INSERT INTO flowledger_epochs (added) VALUES ({2**63 - 1})")
    with fl.open_ledger(granted(url, app).app, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "work"}]}, workflow_id="w", by="ada")
        assert ledger.runs.start("w").status == "completed"
        assert len(ledger.history.runs()) == 1


def test_an_index_from_before_there_were_bounds_is_rebuilt(new_postgres_url: Callable[[], str], app: str) -> None:
    url = new_postgres_url()
    make_store(url, 6)
    run = f"({2**62}, 1, 1, 1, NULL, FALSE, 'r', 'o', 'w', 'completed', NULL, NULL, 'ada', NULL, NULL)"
    run_sql(url, f"INSERT INTO flowledger_index_runs VALUES {run}")
    store = granted(url, app)
    with fl.open_ledger(store.app, executors) as ledger:
        ledger.rebuild()
        assert list(ledger.history.runs()) == []
    use(store.app)


def numbers_of(url: str) -> list[tuple[str, str]]:
    """Table and column of each number that the application may write, but for events and epochs."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT table_name, column_name FROM information_schema.column_privileges JOIN information_schema.columns "
            "USING (table_schema, table_name, column_name) WHERE table_schema = current_schema() "
            "AND data_type = 'bigint' AND privilege_type = 'UPDATE' AND grantee = current_user"
        ).fetchall()


@pytest.mark.exhaustive
def test_no_number_in_the_index_stops_a_list(store: Store) -> None:
    use(store.app)
    columns = numbers_of(store.app)
    assert {table for table, _ in columns} > {
        *TABLES,
        "flowledger_search",
        "flowledger_search_progress",
        "flowledger_steps",
        "flowledger_failures",
    }
    for table, column in columns:
        with fl.open_ledger(store.app, executors) as ledger:
            read_all(ledger)
            for extreme in EXTREMES:
                if attempt(store.app, f"UPDATE {table} SET {column} = {extreme}"):
                    read_all(ledger)
                    list(ledger.history.runs(text="zebra"))
            ledger.rebuild()
            ledger.search.rebuild()
            assert len(ledger.history.runs(text="zebra")) == 1, (table, column)
    use(store.app)


@pytest.mark.parametrize(
    "document",
    [
        "null",
        "1",
        "[]",
        "{}",
        '{"output": 1}',
        '{"output": {}, "metadata": []}',
        '{"output": {}, "leftOut": 3}',
        '{"output": {}, "leftOut": {"output": true}}',
        '{"output": {}}',
    ],
)
def test_no_document_stops_a_search(store: Store, document: str) -> None:
    use(store.app)
    attempt(store.app, f"UPDATE flowledger_search SET document = '{document}'")
    with fl.open_ledger(store.app, executors) as ledger:
        (run,) = ledger.history.runs(text="zebra", limit=1)
        ledger.history.runs(where="payload == 1 && metadata.x == 2 && output.a == 3")
        ledger.runs.set_metadata(run.id, {"x": 1}, by="eve")
        assert len(ledger.history.runs(text="eve")) == 1
    use(store.app)


@pytest.mark.parametrize("change", ["DELETE FROM flowledger_index", "INSERT INTO flowledger_index VALUES (0)"])
def test_the_index_has_one_revision(store: Store, change: str) -> None:
    use(store.app)
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation)):
        run_sql(store.app, change)
    use(store.app)


def test_a_revision_that_was_deleted_is_asked_for_and_comes_back(store: Store) -> None:
    """As those may delete it who were granted their rights by an older version."""
    use(store.app)
    run_sql(store.admin, "DELETE FROM flowledger_index")
    with fl.open_ledger(store.app, executors) as ledger:
        with pytest.raises(fl.StorageUnavailable, match="flowledger rebuild"):
            ledger.history.runs()
        ledger.rebuild()
    use(store.app)


def attempt(url: str, statement: str) -> bool:
    """Whether the database takes it."""
    try:
        run_sql(url, statement)
    except (psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation, psycopg.DataError):
        return False
    return True
