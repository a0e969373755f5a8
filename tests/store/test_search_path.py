"""A store lives in the first schema of the search path; nothing falls through to a store in another."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

import flowledger as fl
from flowledger.infrastructure.store.backends import open_store

from .clusters import as_user, ask, new_database, new_user, run_sql
from .events import opened, texts, write


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database."""
    url = new_database(postgres_url)
    yield url
    run_sql(postgres_url, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


def on(url: str, path: str) -> str:
    parts = urlsplit(url)
    path = path.replace("\\", "\\\\").replace(" ", "\\ ")
    option = f"options={quote(f'-csearch_path={path}', safe='')}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{option}".lstrip("&")))


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize(
    "path", ["tenant,public", '"tenant" , public', "TENANT,other,public", "missing,public", "missing"]
)
def test_a_store_behind_the_first_schema_is_not_taken(database: str, path: str, create: bool) -> None:
    run_sql(database, "CREATE SCHEMA tenant", "CREATE SCHEMA other")
    with opened(on(database, "public")) as store:
        write(store, "a", 0, 1)
    with pytest.raises(fl.StorageUnavailable, match="schema"):
        open_store(on(database, path), create=create)
    assert ask(database, "SELECT count(*) FROM pg_tables WHERE schemaname IN ('tenant', 'other')") == 0
    assert ask(database, "SELECT count(*) FROM public.flowledger_events") == 1


def test_each_tenant_has_a_store_of_its_own(database: str) -> None:
    run_sql(database, "CREATE SCHEMA tenant")
    with opened(on(database, "public")) as store:
        write(store, "a", 0, 1)
    open_store(on(database, "tenant")).close()
    with opened(on(database, "tenant,public")) as store:
        assert list(store.tail()) == []
        write(store, "a", 0, 2)
        assert texts(store, "a") == [2]
    with opened(on(database, "public")) as store:
        assert texts(store, "a") == [1]


def test_where_no_store_is_on_the_path_the_first_schema_gets_it(database: str) -> None:
    run_sql(database, "CREATE SCHEMA tenant")
    with pytest.raises(fl.StorageUnavailable, match="there is no store at"):
        open_store(on(database, "tenant,public"), create=False)
    open_store(on(database, "tenant,public")).close()
    assert ask(database, "SELECT count(*) FROM tenant.flowledger_events") == 0


@pytest.mark.parametrize("path", ["missing,public", "missing", "", "missing,$user,public"])
def test_a_path_whose_first_schema_is_missing_is_refused(database: str, path: str) -> None:
    with pytest.raises(fl.StorageUnavailable, match=r"names (first, doesn't exist|no schema)"):
        open_store(on(database, path))
    assert ask(database, "SELECT count(*) FROM pg_tables WHERE tablename LIKE 'flowledger%'") == 0


def test_a_schema_of_the_users_own_comes_before_public_once_it_is_there(database: str) -> None:
    with new_user(database, "SUPERUSER") as user:
        url = as_user(database, user)
        with opened(url) as store:
            write(store, "a", 0, 1)
        assert ask(database, "SELECT count(*) FROM public.flowledger_events") == 1
        run_sql(database, f"CREATE SCHEMA {user} AUTHORIZATION {user}")
        with pytest.raises(fl.StorageUnavailable, match=rf"no store in the schema {user}.* behind it in public"):
            open_store(url)
        with opened(on(url, "public")) as store:
            assert texts(store, "a") == [1]
        run_sql(database, f"DROP SCHEMA {user}", f"REASSIGN OWNED BY {user} TO CURRENT_USER")


def test_a_store_that_loses_a_table_does_not_go_on_in_another_one(database: str) -> None:
    run_sql(database, "CREATE SCHEMA tenant")
    for path in ("public", "tenant"):
        open_store(on(database, path)).close()
    with opened(on(database, "tenant,public")) as store:
        write(store, "a", 0, 1)
        run_sql(database, "DROP SCHEMA tenant CASCADE")
        for use in (lambda: write(store, "a", 1, 2), lambda: list(store.tail()), store.checkpoints.clear):
            with pytest.raises(fl.StorageCorrupt, match="flowledger_"):
                use()
    for table in ("flowledger_events", "flowledger_checkpoints"):
        assert ask(database, f"SELECT count(*) FROM public.{table}") == 0  # noqa: S608 - ours


def test_a_temporary_table_of_our_name_is_passed_over(database: str) -> None:
    with opened(database) as store:
        connection = store._recorder.datastore._pool.take()
        connection.execute("CREATE TEMPORARY TABLE flowledger_events (LIKE public.flowledger_events)")
        connection.execute("CREATE TEMPORARY TABLE flowledger_schema (version int)")
        store._recorder.datastore._pool.give_back(connection)
        write(store, "a", 0, 1)
        assert texts(store, "a") == [1]
    assert ask(database, "SELECT count(*) FROM public.flowledger_events") == 1


def test_any_name_of_a_schema_will_do(database: str) -> None:
    for name in ('it\'s 100% "odd", $1', "Ünïcode :text", "flowledger_events"):
        identifier = '"' + name.replace('"', '""') + '"'
        run_sql(database, f"CREATE SCHEMA {identifier}")
        executors = fl.ExecutorRegistry()
        executors.register("echo")(lambda step: step.payload)
        url = on(database, identifier)
        with fl.open_ledger(url, executors) as ledger:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w", by="ada")
            ledger.runs.start("w", payload={"word": "zebra"})
            assert len(ledger.history.runs(text="zebra", where="payload.word=zebra")) == 1
            ledger.rebuild()
            assert len(ledger.history.runs(as_of=datetime.now(UTC))) == 1
            assert ledger.verify().ok
        with closing(open_store(url, create=False)) as store:
            assert len(list(store.tail())) > 3
        assert ask(database, f"SELECT count(*) > 3 FROM {identifier}.flowledger_events") is True  # noqa: S608 - ours


def test_a_rebuild_in_one_schema_leaves_the_others_alone(database: str) -> None:
    run_sql(database, "CREATE SCHEMA tenant")
    executors = fl.ExecutorRegistry()
    executors.register("echo")(lambda step: step.payload)
    ledgers: list[Callable[[], fl.Ledger]] = [lambda: fl.open_ledger(database, executors)]
    ledgers.append(lambda: fl.open_ledger(on(database, "tenant"), executors))
    for number, open_it in enumerate(ledgers, 1):
        with open_it() as ledger:
            ledger.workflows.save({"nodes": [{"id": "a", "type": "echo"}]}, workflow_id="w", by="ada")
            for _ in range(number):
                ledger.runs.start("w")
    with ledgers[0]() as ledger:
        run_sql(database, "DELETE FROM tenant.flowledger_index_runs", "DELETE FROM public.flowledger_index_runs")
        ledger.rebuild()
        assert len(ledger.history.runs()) == 1
    assert ask(database, "SELECT count(*) FROM tenant.flowledger_index_runs") == 0
