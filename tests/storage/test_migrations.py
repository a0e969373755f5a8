"""Creating and upgrading the tables."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from flowledger.domain.errors import StorageUnavailable
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage import migrations
from flowledger.infrastructure.storage import sql as sql_files

from ..prepared import PreparedPython
from .events import opened, texts, write
from .test_races import in_processes


def run_sql(url: str, statement: str) -> None:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute(statement)
    else:
        with psycopg.connect(url) as connection:
            connection.execute(statement.encode())


@pytest.mark.exhaustive
def test_ten_processes_may_open_an_empty_store_at_once(prepared_python: PreparedPython, durable_url: str) -> None:
    in_processes(prepared_python, 10, durable_url, "open")
    with opened(durable_url) as store:
        assert sorted(event.stream for event in store.tail()) == [f"s{number}" for number in range(10)]


def test_a_store_newer_than_the_code_is_refused(durable_url: str) -> None:
    with opened(durable_url) as store:
        write(store, "a", 0, 1)
    newer = migrations.newest("sqlite" if durable_url.startswith("sqlite") else "postgres") + 1
    run_sql(durable_url, "UPDATE flowledger_schema SET version = version + 1")
    with pytest.raises(StorageUnavailable, match=rf"written by a newer flowledger \(schema {newer}.*upgrade"):
        open_store(durable_url)


def test_an_older_store_is_upgraded_and_keeps_its_events(durable_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(durable_url) as store:
        write(store, "a", 0, 1)
    current = sql_files.migrations
    monkeypatch.setattr(
        migrations, "migrations", lambda dialect: current(dialect) | {99: ["CREATE TABLE of_the_future (x int);"]}
    )
    for _ in range(2):
        with opened(durable_url) as store:
            assert texts(store, "a") == [1]
    run_sql(durable_url, "INSERT INTO of_the_future VALUES (1)")


def test_an_upgrade_that_fails_leaves_the_store_as_it_was(durable_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(durable_url) as store:
        write(store, "a", 0, 1)
    current = sql_files.migrations
    with monkeypatch.context() as patch:
        broken = {98: ["CREATE TABLE half_done (x int);"], 99: ["CREATE TABLE flowledger_events (x int);"]}
        patch.setattr(migrations, "migrations", lambda dialect: current(dialect) | broken)
        with pytest.raises(Exception, match="flowledger_events"):
            open_store(durable_url)
    with opened(durable_url) as store:
        assert texts(store, "a") == [1]
    run_sql(durable_url, "CREATE TABLE half_done (x int)")


def test_every_statement_has_its_sentence() -> None:
    folder = Path(sql_files.__file__).parent
    for dialect in ("sqlite", "postgres"):
        for path in (folder / dialect / "sql").glob("*.sql"):
            for paragraph in path.read_text().split("\n\n"):
                assert paragraph.lstrip().startswith("-- "), paragraph


@pytest.fixture
def plain_user(postgres_url: str) -> Iterator[str]:
    """A role that owns nothing and may create nothing."""
    name = f"plain_{uuid4().hex}"
    run_sql(postgres_url, f"CREATE ROLE {name}")
    yield name
    run_sql(postgres_url, f"DROP OWNED BY {name}")
    run_sql(postgres_url, f"DROP ROLE {name}")


def as_user(url: str, name: str) -> str:
    return f"{url}%20-c%20role%3D{name}"


def test_a_user_who_may_not_create_tables_is_told_what_to_do(
    new_postgres_url: Callable[[], str], plain_user: str
) -> None:
    with pytest.raises(StorageUnavailable, match="let an administrator open the store once"):
        open_store(as_user(new_postgres_url(), plain_user))


def test_a_user_who_may_not_create_tables_may_use_them(new_postgres_url: Callable[[], str], plain_user: str) -> None:
    url = new_postgres_url()
    open_store(url).close()
    schema = url.rpartition("search_path%3D")[2]
    run_sql(url, f"GRANT USAGE ON SCHEMA {schema} TO {plain_user}")
    run_sql(url, f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA {schema} TO {plain_user}")
    with opened(as_user(url, plain_user)) as store:
        write(store, "a", 0, 1)
        assert texts(store, "a") == [1]
