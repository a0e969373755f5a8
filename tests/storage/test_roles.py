"""What the roles of ``flowledger schema`` may do, tried: a writer changes no history, a reader changes nothing."""

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

import psycopg
import pytest

import flowledger as fl
from flowledger.infrastructure.storage.sql import eraser_grants, grants, reader_grants

from .clusters import as_user, ask, new_user, run_sql

ONE_NODE = {"nodes": [{"id": "a", "type": "work"}]}

executors = fl.ExecutorRegistry()
executors.register("work")(lambda step: step.payload)


class Store(NamedTuple):
    owner: str
    writer: str
    reader: str
    eraser: str


@pytest.fixture(scope="module")
def users(postgres_url: str) -> Iterator[tuple[str, str, str]]:
    with new_user(postgres_url) as writer, new_user(postgres_url) as reader, new_user(postgres_url) as eraser:
        yield writer, reader, eraser


@pytest.fixture
def store(new_postgres_url: Callable[[], str], users: tuple[str, str, str]) -> Store:
    url, (writer, reader, eraser) = new_postgres_url(), users
    fl.open_ledger(url).close()
    schema = url.rpartition("search_path%3D")[2]
    run_sql(url, f"GRANT USAGE ON SCHEMA {schema} TO {writer}, {reader}, {eraser}")
    run_sql(url, grants(writer), reader_grants(reader), eraser_grants(eraser))
    with fl.open_ledger(as_user(url, writer), executors) as ledger:
        ledger.workflows.save(ONE_NODE, workflow_id="w", by="ada")
        ledger.runs.start("w", payload="zebra", by="bob")
    return Store(url, *(as_user(url, user) for user in users))


CHANGES_OF_HISTORY = (
    "UPDATE flowledger_events SET state = ''",
    "DELETE FROM flowledger_events",
    "TRUNCATE flowledger_events",
    "MERGE INTO flowledger_events USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO flowledger_events SELECT * FROM flowledger_events ON CONFLICT (originator_id, originator_version) "
    "DO UPDATE SET state = ''",
    "DELETE FROM flowledger_epochs",
    "ALTER TABLE flowledger_events DISABLE TRIGGER ALL",
    "ALTER TABLE flowledger_events OWNER TO CURRENT_USER",
    "DROP TRIGGER flowledger_events_refuse ON flowledger_events",
    "CREATE TRIGGER mine BEFORE INSERT ON flowledger_events FOR EACH ROW EXECUTE FUNCTION flowledger_refuse()",
    "CREATE RULE mine AS ON INSERT TO flowledger_events DO INSTEAD NOTHING",
    "ALTER FUNCTION flowledger_refuse() RENAME TO refused",
    "DROP TABLE flowledger_events",
    "SET session_replication_role = replica",
    "LOCK TABLE flowledger_events IN SHARE ROW EXCLUSIVE MODE",
)


def test_no_role_changes_history(store: Store) -> None:
    before = ask(store.owner, "SELECT count(*) FROM flowledger_events")
    for url in (store.writer, store.reader):
        for change in CHANGES_OF_HISTORY:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                in_a_transaction(url, change)
    assert ask(store.owner, "SELECT count(*) FROM flowledger_events") == before


def in_a_transaction(url: str, statement: str) -> None:
    """As ``LOCK TABLE`` asks for one."""
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())


def test_the_owner_is_refused_by_the_triggers_and_can_take_them_away(store: Store) -> None:
    for change in CHANGES_OF_HISTORY[:3]:
        with pytest.raises(psycopg.errors.RestrictViolation, match="history is read-only"):
            run_sql(store.owner, change)
    run_sql(store.owner, "ALTER TABLE flowledger_events DISABLE TRIGGER ALL", "DELETE FROM flowledger_events")
    assert ask(store.owner, "SELECT count(*) FROM flowledger_events") == 0


def tables_of(store: Store) -> set[str]:
    names = ask(
        store.owner,
        "SELECT json_agg(table_name)::text FROM information_schema.tables "
        "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE'",
    )
    return set(json.loads(names))


def test_a_reader_reads_every_table_but_those_that_say_who_may_use_the_pages(store: Store) -> None:
    refused = set()
    for table in tables_of(store):
        for change in (f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                run_sql(store.reader, change)
        try:
            run_sql(store.reader, f"SELECT * FROM {table}")
        except psycopg.errors.InsufficientPrivilege:
            refused.add(table)
    assert refused == {"flowledger_tokens", "flowledger_sessions"}


def test_a_reader_answers_every_question_and_writes_nothing(store: Store) -> None:
    with fl.open_ledger(store.reader, executors) as ledger:
        (run,) = ledger.history.runs("w")
        assert ledger.history.snapshot(run.id).status == "completed"
        assert ledger.history.audit(run.id).to_data()
        assert [entry.by for entry in ledger.history.trail(by="bob")]
        assert ledger.verify().ok
        assert ledger.status().backlog.running == 0
        with pytest.raises(fl.StorageUnavailable, match="flowledger schema"):
            ledger.runs.start("w", by="eve")
        with pytest.raises(fl.StorageUnavailable, match="flowledger schema"):
            ledger.workflows.save({**ONE_NODE, "name": "mine"}, workflow_id="w", by="eve")


def test_who_erases_removes_what_is_old_whole_and_recorded_and_nothing_else(store: Store) -> None:
    everything = fl.RetentionPolicy(everything=True, archived_workflows=True)
    with fl.open_ledger(store.writer) as ledger, pytest.raises(fl.StoreReadOnly):
        ledger.retention.apply(everything, by="bob")
    for change in ("DELETE FROM flowledger_events", "DELETE FROM flowledger_events WHERE originator_version > 1"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="history is read-only"):
            run_sql(store.eraser, change)
    for change in CHANGES_OF_HISTORY:
        if not change.startswith(("DELETE FROM flowledger_events", "LOCK")):
            with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.RestrictViolation)):
                in_a_transaction(store.eraser, change)
    with fl.open_ledger(store.eraser) as ledger:
        assert ledger.retention.apply(everything, by="ops").runs == 1
        ledger.workflows.archive("w", by="ops")
        assert ledger.retention.apply(everything, by="ops").workflows == 1
        assert ledger.verify(deep=True).findings == ()
