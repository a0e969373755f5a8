"""``flowledger schema``: what it prints is what opening a store would do."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg
import pytest

from flowledger.infrastructure.ledger.stores import open_store

from ...storage.clusters import as_user, new_user, run_sql
from ...storage.older import make_store
from .conftest import CommandLine


@pytest.fixture
def application_user(postgres_url: str) -> Iterator[str]:
    with new_user(postgres_url) as name:
        yield name


def run_by_administrator(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


def test_a_user_with_the_printed_rights_works_on_the_printed_tables(
    cli: CommandLine, new_postgres_url: Callable[[], str], application_user: str
) -> None:
    url = new_postgres_url()
    cli.environment["FLOWLEDGER_STORE"] = as_user(url, application_user)
    definition = json.dumps({"nodes": [{"id": "n1", "type": "ask"}], "edges": []})
    save = ("workflow", "save", "-", "--id", "w")
    assert "run the SQL that `flowledger schema` prints" in cli.refused(*save, stdin=definition)

    run_by_administrator(url, cli("schema", "--user", application_user).stdout)

    cli.json(*save, stdin=definition)
    run = cli.json("run", "start", "w")
    assert cli.json("run", "resume", run["id"], "--payload", "1")["status"] == "completed"
    assert cli.json("show", run["id"])["status"] == "completed"
    assert cli.json("verify")["ok"]
    for change in (
        "UPDATE flowledger_events SET topic = 'x'",
        "DELETE FROM flowledger_events",
        "CREATE TABLE more (x int)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            run_sql(as_user(url, application_user), change)


def test_readers_are_granted_what_they_read(
    cli: CommandLine, new_postgres_url: Callable[[], str], application_user: str
) -> None:
    url = new_postgres_url()
    with new_user(url) as reader:
        printed = cli("--store", url, "schema", "--user", application_user, "--reader", reader).stdout
        run_by_administrator(url, printed)
        assert cli.json("--store", as_user(url, reader), "history")["runs"] == []


@pytest.mark.exhaustive
def test_the_printed_tables_are_those_that_opening_a_store_makes(
    cli: CommandLine, new_postgres_url: Callable[[], str], application_user: str
) -> None:
    printed, opened = new_postgres_url(), new_postgres_url()
    run_by_administrator(printed, cli("--store", printed, "schema", "--user", application_user).stdout)
    open_store(opened).close()
    columns = """
        SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
        WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position
    """
    found = []
    for url in (printed, opened):
        with psycopg.connect(url) as connection:
            found.append((connection.execute(columns).fetchall(), version_of(connection)))
    assert found[0] == found[1]
    assert len(found[0][0]) > 10


def version_of(connection: psycopg.Connection) -> object:
    return connection.execute("SELECT version FROM flowledger_schema").fetchone()


def test_what_an_older_store_lacks_is_printed_alone(
    cli: CommandLine, new_postgres_url: Callable[[], str], application_user: str
) -> None:
    url = new_postgres_url()
    make_store(url, 1)
    schema = url.rpartition("search_path%3D")[2]
    run_sql(url, f"GRANT USAGE ON SCHEMA {schema} TO {application_user}")
    run_sql(url, f"GRANT SELECT ON flowledger_schema TO {application_user}")
    cli.environment["FLOWLEDGER_STORE"] = as_user(url, application_user)
    assert "too old" in cli.refused("verify")
    rest = cli.json("schema", "--user", application_user, "--after", "1")
    assert "CREATE TABLE stored_events" not in rest["sql"]
    assert "CREATE TABLE flowledger_events" not in rest["sql"]
    run_by_administrator(url, rest["sql"])
    assert cli.json("verify")["ok"]
    with psycopg.connect(url) as connection:
        assert version_of(connection) == (rest["version"],)


@pytest.mark.exhaustive
def test_nothing_is_left_when_the_user_is_not_there(cli: CommandLine, new_postgres_url: Callable[[], str]) -> None:
    url = new_postgres_url()
    with pytest.raises(psycopg.errors.UndefinedObject, match="application_user"):
        run_by_administrator(url, cli("--store", url, "schema").stdout)
    assert "there is no store at" in cli.refused("--store", url, "verify")


def test_names_are_quoted(cli: CommandLine) -> None:
    sql = cli.json("--store", "postgresql:///x", "schema", "--user", 'a"b', "--schema", "Led ger")["sql"]
    assert 'SET LOCAL search_path = "Led ger";' in sql
    assert 'GRANT USAGE ON SCHEMA "Led ger" TO "a""b";' in sql
    assert "application_user" not in sql


@pytest.mark.parametrize(
    ("store", "schema"),
    [
        ("postgresql:///x", "public"),
        ("postgresql:///x?options=-c%20search_path%3Dledger,public", "ledger"),
        ("postgresql:///x?options=--search_path%3Dledger", "ledger"),
    ],
)
def test_the_schema_is_that_of_the_stores_url(cli: CommandLine, store: str, schema: str) -> None:
    assert f'SET LOCAL search_path = "{schema}";' in cli.json("--store", store, "schema")["sql"]


def test_the_printed_sql_makes_an_sqlite_store(cli: CommandLine) -> None:
    printed = cli.json("schema")
    assert printed["backend"] == "sqlite"
    assert not (cli.home / "ledger.db").exists()
    with closing(sqlite3.connect(cli.home / "ledger.db")) as connection:
        connection.executescript(printed["sql"])
    cli.workflow("w", "echo")
    assert cli.json("verify")["ok"]


@pytest.mark.parametrize("store", ["memory:", "mysql://x/y", "postgresql://a:b@c@d/x?nonsense=1"])
def test_a_store_without_a_schema_is_refused(cli: CommandLine, store: str) -> None:
    cli.refused("--store", store, "schema")
