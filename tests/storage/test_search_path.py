"""A store lives in the first schema of the search path; nothing falls through to a store in another."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit
from uuid import uuid4

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store

from .clusters import as_user, ask, new_user, run_sql
from .events import opened, texts, write

TENANT, OTHER = "tenant", "other"

executors = fl.ExecutorRegistry()


@executors.register("echo")
def echo(step: fl.StepContext) -> Any:
    return step.payload


@pytest.fixture
def schemas(postgres_url: str) -> Iterator[dict[str, str]]:
    """Two empty schemas by what they are for."""
    names = {purpose: f"{purpose}_{uuid4().hex}" for purpose in (TENANT, OTHER)}
    run_sql(postgres_url, *(f"CREATE SCHEMA {name}" for name in names.values()))
    yield names
    run_sql(postgres_url, *(f"DROP SCHEMA IF EXISTS {name} CASCADE" for name in names.values()))


@pytest.fixture
def on(postgres_url: str, schemas: dict[str, str]) -> Callable[..., str]:
    """Call it with a search path, such as ``tenant, other``, for the URL of its store."""

    def url_on(path: str, url: str = postgres_url) -> str:
        for purpose, name in schemas.items():
            path = path.replace(purpose, name).replace(purpose.upper(), name.upper())
        path = path.replace("\\", "\\\\").replace(" ", "\\ ")
        parts = urlsplit(url)
        option = f"options={quote(f'-csearch_path={path}', safe='')}"
        return urlunsplit(parts._replace(query=f"{parts.query}&{option}".lstrip("&")))

    return url_on


def tables_in(url: str, schema: str) -> int:
    count: int = ask(url, f"SELECT count(*) FROM pg_tables WHERE schemaname = '{schema}'")
    return count


def events_in(url: str, schema: str) -> int:
    count: int = ask(url, f"SELECT count(*) FROM {schema}.flowledger_events")
    return count


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    "path",
    ["tenant,other", '"tenant" , other', "TENANT,public,other", "$user,tenant,other", "missing,other", "missing"],
)
def test_a_store_behind_the_first_schema_is_not_taken(
    postgres_url: str, schemas: dict[str, str], on: Callable[..., str], path: str, create: bool
) -> None:
    with opened(on("other")) as store:
        write(store, "a", 0, 1)
    with pytest.raises(fl.StorageUnavailable, match="schema"):
        open_store(on(path), create=create)
    assert tables_in(postgres_url, schemas[TENANT]) == 0
    assert events_in(postgres_url, schemas[OTHER]) == 1


def test_each_tenant_has_a_store_of_its_own(on: Callable[..., str]) -> None:
    with opened(on("other")) as store:
        write(store, "a", 0, 1)
    open_store(on("tenant")).close()
    with opened(on("tenant,other")) as store:
        assert list(store.tail()) == []
        write(store, "a", 0, 2)
        assert texts(store, "a") == [2]
    with opened(on("other,tenant")) as store:
        assert texts(store, "a") == [1]


def test_where_no_store_is_on_the_path_the_first_schema_gets_it(
    postgres_url: str, schemas: dict[str, str], on: Callable[..., str]
) -> None:
    with pytest.raises(fl.StorageUnavailable, match="there is no store at"):
        open_store(on("tenant,other"), create=False)
    open_store(on("tenant,other")).close()
    assert events_in(postgres_url, schemas[TENANT]) == 0
    assert tables_in(postgres_url, schemas[OTHER]) == 0


@pytest.mark.parametrize("path", ["missing,tenant", "missing", "", "missing,$user,tenant"])
def test_a_path_whose_first_schema_is_missing_is_refused(
    postgres_url: str, schemas: dict[str, str], on: Callable[..., str], path: str
) -> None:
    with pytest.raises(fl.StorageUnavailable, match=r"names (first, doesn't exist|no schema)"):
        open_store(on(path))
    assert tables_in(postgres_url, schemas[TENANT]) == 0


def test_a_schema_of_the_users_own_comes_first_once_it_is_there(postgres_url: str, on: Callable[..., str]) -> None:
    with new_user(postgres_url, "SUPERUSER") as user:
        url = on('"$user",tenant', as_user(postgres_url, user))
        with opened(url) as store:
            write(store, "a", 0, 1)
        run_sql(postgres_url, f"CREATE SCHEMA {user} AUTHORIZATION {user}")
        with pytest.raises(fl.StorageUnavailable, match=rf"no store in the schema {user}.* behind it in tenant"):
            open_store(url)
        with opened(on("tenant")) as store:
            assert texts(store, "a") == [1]


def test_a_store_that_loses_its_tables_does_not_go_on_in_another_one(
    postgres_url: str, schemas: dict[str, str], on: Callable[..., str]
) -> None:
    for path in ("other", "tenant"):
        open_store(on(path)).close()
    with opened(on("tenant,other")) as store:
        write(store, "a", 0, 1)
        run_sql(postgres_url, f"DROP SCHEMA {schemas[TENANT]} CASCADE")
        for use in (lambda: write(store, "a", 1, 2), lambda: list(store.tail()), store.checkpoints.clear):
            with pytest.raises(fl.StorageCorrupt, match="flowledger_"):
                use()
    assert events_in(postgres_url, schemas[OTHER]) == 0


def test_a_temporary_table_of_our_name_is_passed_over(
    postgres_url: str, schemas: dict[str, str], on: Callable[..., str]
) -> None:
    with opened(on("tenant")) as store:
        pool = store.recorder.datastore._pool
        connection = pool.acquire()
        for table in ("flowledger_events", "flowledger_schema", "flowledger_epochs", "flowledger_numbering"):
            connection.execute(f"CREATE TEMPORARY TABLE {table} AS SELECT 7 AS nothing_of_ours".encode())
        pool.release(connection)
        write(store, "a", 0, 1)
        assert texts(store, "a") == [1]
    assert events_in(postgres_url, schemas[TENANT]) == 1


@pytest.mark.parametrize("name", ['it\'s 100% "odd", $1', "Ünïcode :text", "flowledger_events", "x" * 63])
def test_any_name_of_a_schema_will_do(postgres_url: str, on: Callable[..., str], name: str) -> None:
    identifier = '"' + name.replace('"', '""') + '"'
    run_sql(postgres_url, f"CREATE SCHEMA {identifier}")
    try:
        url = on(identifier)
        with fl.open_ledger(url, executors) as ledger:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w", by="ada")
            ledger.runs.start("w", payload={"word": "zebra"})
            assert len(ledger.history.runs(text="zebra", where="payload.word=zebra")) == 1
            ledger.rebuild()
            assert len(ledger.history.runs(as_of=datetime.now(UTC))) == 1
            assert ledger.verify().ok
        with closing(open_store(url, create=False)) as store:
            assert len(list(store.tail())) > 3
            write(store, "many", 0, *range(2_000))  # by COPY
        assert events_in(postgres_url, identifier) > 2_003
    finally:
        run_sql(postgres_url, f"DROP SCHEMA {identifier} CASCADE")


def test_a_rebuild_in_one_schema_leaves_the_others_alone(
    postgres_url: str, schemas: dict[str, str], on: Callable[..., str]
) -> None:
    for runs, path in enumerate(("tenant", "other"), 1):
        with fl.open_ledger(on(path), executors) as ledger:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w", by="ada")
            for _ in range(runs):
                ledger.runs.start("w")
    with fl.open_ledger(on("tenant,other"), executors) as ledger:
        run_sql(postgres_url, *(f"DELETE FROM {name}.flowledger_index_runs" for name in schemas.values()))
        ledger.rebuild()
        assert len(ledger.history.runs()) == 1
    assert ask(postgres_url, f"SELECT count(*) FROM {schemas[OTHER]}.flowledger_index_runs") == 0
