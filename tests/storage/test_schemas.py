"""One ledger a schema: many in one database, which never see each other and share few connections."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.postgres import append
from flowledger.infrastructure.storage.postgres.notifier import channel_of, listeners_lock
from flowledger.infrastructure.storage.postgres.url import split_url

from ..operations.until import until
from .clusters import as_user, ask, move, new_database, new_user, run_sql, running_cluster
from .events import opened, texts, write

executors = fl.ExecutorRegistry()


@executors.register("echo")
def echo(step: fl.StepContext) -> Any:
    return fl.Pause(reason="who?") if step.payload == "ask" and not step.answer else step.payload


@pytest.fixture
def on(postgres_url: str) -> Iterator[Callable[[str], str]]:
    """Call it with a name for the URL of the store in the schema of that name; connections say whose they are."""
    tag, made = uuid4().hex, set[str]()

    def url_on(name: str) -> str:
        made.add(f"{name}_{tag}")
        mark = "&" if "?" in postgres_url else "?"
        return f"{postgres_url}{mark}application_name={tag}&schema={name}_{tag}"

    yield url_on
    run_sql(postgres_url, *(f'DROP SCHEMA IF EXISTS "{name}" CASCADE' for name in made))


def connections(postgres_url: str, url: str) -> int:
    tag = url.partition("application_name=")[2].partition("&")[0]
    count: int = ask(postgres_url, f"SELECT count(*) FROM pg_stat_activity WHERE application_name = '{tag}'")
    return count


def told_by(ledger: fl.Ledger) -> dict[str, Any]:
    """What the ledger answers to every question about all of it."""
    return {
        "runs": [(run.id, run.workflow_id, run.status) for run in ledger.history.runs()],
        "as of": [run.id for run in ledger.history.runs(as_of=datetime.now(UTC))],
        "zebras": [run.id for run in ledger.history.runs(text="zebra")],
        "values": [run.id for run in ledger.history.runs(where="payload.word=zebra")],
        "waits": [wait.run_id for wait in ledger.history.waits()],
        "orders": [order.id for order in ledger.history.work_orders()],
        "workflows": [flow.id for flow in ledger.workflows.list()],
        "trail": [(act.by, act.stream) for act in ledger.history.trail()],
        "log": [event.stream for event in ledger._store.tail()],
        "ok": ledger.verify(deep=True).ok,
    }


def test_the_same_ids_in_two_schemas_never_meet(on: Callable[[str], str], tmp_path: Path) -> None:
    with fl.open_ledger(on("a"), executors) as a, fl.open_ledger(on("b"), executors) as b:
        a.workflows.save({"nodes": [{"id": "n", "type": "echo"}]}, workflow_id="w", by="ada")
        first = a.runs.start("w", payload={"word": "zebra"}, by="ada", idempotency_key="one")
        asks = a.runs.start("w", payload="ask", by="ada")
        assert (told_by(b)["log"], told_by(b)["ok"]) == ([], True)
        # The same runs, in both.
        for run in (first, asks):
            a.history.export(run.id, tmp_path / "run.jsonl")
            b.history.import_(tmp_path / "run.jsonl")
        before = told_by(b)
        assert before["ok"]
        assert {run_id for run_id, *_ in before["runs"]} == {first.id, asks.id}
        a.runs.resume(asks.id, payload="ada", by="ada")
        a.runs.start("w", payload={"word": "zebra"}, by="ada")
        a.workflows.save({"nodes": [{"id": "m", "type": "echo"}]}, workflow_id="w", by="ada")
        assert told_by(b) == before
        after = told_by(a)
        for ledger, kept in ((b, before), (a, after)):
            ledger.rebuild()
            ledger._store.checkpoints.clear()
            assert told_by(ledger) == kept
        assert b.runs.start("w", payload={"word": "emu"}, by="bob", idempotency_key="two").created
        assert told_by(a) == after


def test_appends_to_many_schemas_share_a_connection_and_keep_apart(on: Callable[[str], str], postgres_url: str) -> None:
    with ExitStack() as stack:
        stores = {name: stack.enter_context(opened(on(name))) for name in "abcd"}
        for version in range(3):
            for name, store in stores.items():
                write(store, "s", version, f"{name}{version}")  # alone
                write(store, "t", 2 * version, f"{name}{version}", "and another")  # several
        assert connections(postgres_url, on("a")) == 1
        for name, store in stores.items():
            assert texts(store, "s") == [f"{name}{version}" for version in range(3)]
            assert len(list(store.tail())) == 9


@pytest.mark.parametrize(("schemas", "at_once"), [(6, 2), pytest.param(50, 16, marks=pytest.mark.exhaustive)])
def test_many_schemas_are_open_within_the_connections_of_one_pool(
    on: Callable[[str], str], postgres_url: str, monkeypatch: pytest.MonkeyPatch, schemas: int, at_once: int
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setattr(append, "MAX_PREPARED", 10)
    with ExitStack() as stack, ThreadPoolExecutor(at_once) as pool:
        ledgers = [stack.enter_context(fl.open_ledger(on(f"s{number}"), executors)) for number in range(schemas)]

        def work(ledger: fl.Ledger) -> str:
            ledger.workflows.save({"nodes": [{"id": "n", "type": "echo"}]}, workflow_id="w")
            return ledger.runs.start("w", payload=7).id

        ids = [list(pool.map(work, ledgers)) for _ in range(2)]
        until(lambda: connections(postgres_url, on("s0")) <= 10)  # those beyond are closed
        for number, ledger in enumerate(ledgers):
            assert {run.id for run in ledger.history.runs()} == {ids[0][number], ids[1][number]}
        idle = list(ledgers[0]._store.recorder.datastore._pool._idle)  # type: ignore[attr-defined]
        prepared = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'append%'"
        assert 0 < max(connection.execute(prepared).fetchone()[0] for connection in idle) <= 10
        for ledger in ledgers[1:]:
            ledger.close()
            ledger.close()  # a second time changes nothing for the others
        assert work(ledgers[0])
    until(lambda: connections(postgres_url, on("s0")) == 0)  # the server notices a moment later


def test_each_schema_may_hold_a_connection_while_it_needs_another(on: Callable[[str], str]) -> None:
    # As workers do, which lock what they claim, and then append.
    with ExitStack() as stack:
        stores = [stack.enter_context(opened(on(f"s{number}"))) for number in range(12)]
        for store in stores:
            stack.enter_context(store.recorder.datastore.connection())  # type: ignore[attr-defined]
        for store in stores:
            write(store, "a", 0, 1)


def test_connections_beyond_those_of_one_store_are_closed_when_nobody_needs_them(
    on: Callable[[str], str], postgres_url: str
) -> None:
    with ExitStack() as stack:
        stores = [stack.enter_context(opened(on(f"s{number}"))) for number in range(12)]
        with ExitStack() as held:
            for store in stores:
                held.enter_context(store.recorder.datastore.connection())  # type: ignore[attr-defined]
            assert connections(postgres_url, on("s0")) == 12
        until(lambda: connections(postgres_url, on("s0")) == 10)


def test_a_migration_in_one_schema_holds_up_no_other(on: Callable[[str], str], postgres_url: str) -> None:
    from threading import Thread

    (conninfo, stuck), store = split_url(on("stuck")), open_store(on("fine"))
    run_sql(postgres_url, f'CREATE SCHEMA "{stuck}"')
    waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = '{}'"
    tag = on("fine").partition("application_name=")[2].partition("&")[0]
    with closing(store), psycopg.connect(postgres_url) as blocker:
        blocker.execute(f'CREATE TABLE "{stuck}".flowledger_schema (of_another integer)')  # and it is not committed
        opening = Thread(target=lambda: open_store(on("stuck")).close())
        opening.start()
        while ask(postgres_url, waits.format(tag)) == 0:
            assert opening.is_alive()
        # Whoever waits for that migration fails after a while, instead of never.
        impatient = make_conninfo(conninfo, options="-c lock_timeout=10s")
        with psycopg.connect(impatient) as connection:
            append.lock_schema(connection, "fine")  # type: ignore[arg-type]
        with opened(on("new")) as another:
            write(another, "a", 0, 1)
        write(store, "a", 0, 1)
        blocker.rollback()
        opening.join()
    with opened(on("stuck"), create=False) as late:
        write(late, "a", 0, 1)


def test_each_schema_has_a_channel_and_locks_of_its_own() -> None:
    names = ["a", "b", "x" * 63, "x" * 62 + "y"]
    assert len({channel_of(name) for name in names}) == len({listeners_lock(name) for name in names}) == len(names)


@pytest.mark.exhaustive
def test_a_schema_from_another_cluster_counts_its_positions_for_itself() -> None:
    with running_cluster() as old, running_cluster() as new:
        with psycopg.connect(old.get_uri(), autocommit=True) as connection:
            for _ in range(2_000):
                connection.execute("SELECT pg_current_xact_id()")
        source, target = new_database(old.get_uri()), new_database(new.get_uri())
        with opened(source) as store:
            write(store, "a", 0, 1)
            (seen,) = store.tail()
        move(old, source, target)
        mark = "&" if "?" in target else "?"
        with opened(f"{target}{mark}schema=public") as moved, opened(f"{target}{mark}schema=fresh") as fresh:
            for version in range(3):
                (here,) = write(moved, "a", version + 1, 1)
                (there,) = write(fresh, "a", version, 1)
                assert there < seen.position < here


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("schema=a&schema=b", "names a schema twice"),
        ("schema=a&options=-csearch_path%3Db", "names a schema twice"),
        ("schema=", "is no name"),
        ("schema=" + "x" * 64, "is no name"),
        ("schema=a%00b", "is no name"),
        ("schema=pg_catalog", "belongs to the server"),
        ("schema=Information_Schema", "belongs to the server"),
    ],
)
def test_what_can_not_be_a_schema_of_ours_is_refused(options: str, fault: str) -> None:
    with pytest.raises(fl.InvalidRequest, match=fault):
        open_store(f"postgresql://ada:hunter2@127.0.0.1:1/x?{options}")


@pytest.mark.parametrize("name", ['it\'s 100% "odd", $1', "Tenant", "tenant", "Ünïcode :text"])
def test_any_other_name_is_taken_as_it_is(postgres_url: str, name: str) -> None:
    from urllib.parse import quote

    mark = "&" if "?" in postgres_url else "?"
    url = f"{postgres_url}{mark}schema={quote(name, safe='')}"
    identifier = '"' + name.replace('"', '""') + '"'
    try:
        with fl.open_ledger(url, executors) as ledger:
            ledger.workflows.save({"nodes": [{"id": "n", "type": "echo"}]}, workflow_id="w")
            run = ledger.runs.start("w", payload={"word": "zebra"})
            assert [found.id for found in ledger.history.runs(text="zebra")] == [run.id]
            ledger.rebuild()
            assert ledger.verify().ok
        assert ask(postgres_url, f"SELECT count(*) FROM {identifier}.flowledger_events") > 0
    finally:
        run_sql(postgres_url, f"DROP SCHEMA IF EXISTS {identifier} CASCADE")


def test_a_schema_is_made_by_who_may_and_only_to_create_a_store(on: Callable[[str], str], postgres_url: str) -> None:
    with pytest.raises(fl.StorageUnavailable, match="there is no store"):
        open_store(on("missing"), create=False)
    _, name = split_url(on("missing"))
    exists = f"SELECT count(*) FROM pg_namespace WHERE nspname = '{name}'"
    assert ask(postgres_url, exists) == 0
    with new_user(postgres_url) as user:
        with pytest.raises(fl.StorageUnavailable, match="flowledger schema"):
            open_store(as_user(on("missing"), user))
        assert ask(postgres_url, exists) == 0
        run_sql(postgres_url, f'CREATE SCHEMA "{name}" AUTHORIZATION {user}')
        with opened(as_user(on("missing"), user)) as store:
            write(store, "a", 0, 1)
