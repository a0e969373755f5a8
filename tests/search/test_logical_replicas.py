"""A database that logical replication feeds has a search of its own: events come in the order of their commits."""

import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from random import Random
from threading import Thread
from time import monotonic
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowledger.domain.ports import NewEvent, Write
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.index_writer import TABLES
from flowledger.infrastructure.verification.walk import verify

from ..effort import tries
from ..storage.clusters import as_owner, ask, run_sql, running_cluster
from .events import append, completed, everything, index_of, rows, started

INSERT = """INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id)
VALUES (%s, %s, %s, %s, %s)"""

Rows = list[tuple[str, int, str, bytes]]


@pytest.fixture
def store(new_postgres_url: Callable[[], str]) -> Iterator[LedgerEventStore]:
    with closing(open_store(new_postgres_url())) as opened:
        yield opened


def run_of_events(run_id: str, steps: int) -> Rows:
    """The events of a run as they lie in storage: stream, version, type, state."""
    return as_stored(run_id, [completed("a", f"{run_id}x{step}") for step in range(steps)])


def as_stored(run_id: str, steps: Sequence[NewEvent]) -> Rows:
    with closing(open_store("memory:")) as store:
        append(store, run_id, [started(run_id), *steps])
        return [(row.stream, row.version, row.type, row.encoded or b"") for row in store.rows(run_id)]


def arrive(connection: psycopg.Connection[Any], first: int, events: Rows) -> None:
    """What the worker of a subscription does, up to its commit."""
    connection.execute("SET LOCAL session_replication_role = replica")
    for place, row in enumerate(events):
        connection.execute(
            INSERT,
            (*row, first + place),
        )
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")


def connect(store: LedgerEventStore) -> psycopg.Connection[Any]:
    return psycopg.connect(store.recorder.datastore._pool._conninfo)  # type: ignore[attr-defined]


def words_of(store: LedgerEventStore, run_ids: Sequence[str]) -> dict[str, set[str]]:
    return {run_id: entry.words for run_id, entry in store.search.entries(run_ids).items()}


@pytest.mark.scaled
def test_events_are_found_in_whatever_order_they_arrive(store: LedgerEventStore) -> None:
    names, positions = iter(range(10**6)), iter(range(2**20, 2**60, 2**30))
    index = index_of(store)

    @settings(max_examples=tries(25), deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.integers(0, 3), min_size=1, max_size=9), st.randoms(use_true_random=False), st.data())
    def check(source: list[int], chance: Random, data: st.DataObject) -> None:
        """``source``: whose event each transaction brings, in the order of positions."""
        base, runs = next(positions), [f"r{next(names)}" for _ in range(4)]
        events = {run: iter(run_of_events(runs[run], source.count(run))) for run in set(source)}
        places = {run: iter([place for place, other in enumerate(source) if other == run]) for run in set(source)}
        with connect(store) as connection:
            for run in chance.sample(source, len(source)):  # those of a run come in their order, others as it happens
                arrive(connection, base + (next(places[run]) << 20) + 1, [next(events[run])])
                connection.commit()
                if data.draw(st.booleans()):
                    assert index.lag().seconds > 0
                    index.catch_up(data.draw(st.sampled_from([1, 3, None])))
                    assert [found for found in verify(store, deep=True).findings if found.kind == "search"] == []
        assert index.catch_up().seconds == 0
        for run in set(source):
            said = {runs[run], *(f"{runs[run]}x{step}" for step in range(source.count(run) - 1))}
            assert said <= words_of(store, [runs[run]])[runs[run]]
        kept = everything(store)
        index.clear()
        index.catch_up()
        assert everything(store) == kept

    check()


def test_what_is_read_again_makes_the_entry_that_it_made(store: LedgerEventStore) -> None:
    # Of these b and d don't both fit into a document; b leaves in the end, and then d would, beside e.
    sizes = [("f", 16), ("g", 16), ("h", 16), ("b", 14), ("d", 11), ("b", 1), ("e", 12)]
    begun, *steps = as_stored("large", [completed(node_id, ["y" * 900] * size) for node_id, size in sizes])
    with connect(store) as worker:
        arrive(worker, 1 << 30, [begun])
        arrive(worker, 3 << 30, steps)
        worker.commit()
        index_of(store).catch_up()
        kept = rows(store)
        arrive(worker, 2 << 30, run_of_events("late", 0))
        worker.commit()
    index_of(store).catch_up(3)
    assert [found for found in verify(store, deep=True).findings if found.kind == "search"] == []
    index_of(store).catch_up()
    assert [row for row in rows(store) if row[1] == "large"] == kept


def test_an_event_that_arrives_while_the_search_passes_its_place_is_found(store: LedgerEventStore) -> None:
    index_of(store).catch_up()  # of an empty log: its first act is to begin
    with connect(store) as worker:
        arrive(worker, 2 << 30, run_of_events("quick", 1))
        worker.commit()
        arrive(worker, 1 << 30, run_of_events("late", 1))  # nobody sees it yet, and the search stands before it
        searching = Thread(target=index_of(store).catch_up)
        searching.start()
        wait_for_a_lock(store)
        worker.commit()
        searching.join()
    assert index_of(store).lag().seconds == 0
    assert set(words_of(store, ["quick", "late"])) == {"quick", "late"}


def wait_for_a_lock(store: LedgerEventStore) -> None:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%search_progress%'"
    with connect(store) as connection:
        connection.autocommit = True
        until(lambda: connection.execute(waiting).fetchone() != (0,))


def test_searches_while_events_arrive_miss_none(store: LedgerEventStore) -> None:
    runs = [f"run{number}" for number in range(40)]
    arriving = [(number, run_of_events(run_id, 1)) for number, run_id in enumerate(runs)]
    arriving = arriving[::2] + arriving[1::2][::-1]

    def bring() -> None:
        with connect(store) as worker:
            for number, events in arriving:
                arrive(worker, (number + 1) << 30, events)
                worker.commit()

    replication = Thread(target=bring)
    replication.start()
    while replication.is_alive():
        index_of(store).catch_up()
    replication.join()
    assert index_of(store).catch_up().seconds == 0
    assert set(words_of(store, runs)) == set(runs)


def test_where_events_are_appended_nothing_takes_the_search_back(store: LedgerEventStore) -> None:
    append(store, "run", [started("one")])
    index_of(store).catch_up()
    generation = store.search.progress().generation
    with connect(store) as worker, pytest.raises(psycopg.errors.UniqueViolation):
        worker.execute(
            "INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id) "
            "SELECT 'other', 1, topic, state, notification_id FROM flowledger_events"
        )
    append(store, "later", [started("two")])
    index_of(store).catch_up()
    assert store.search.progress().generation == generation


@pytest.mark.exhaustive
def test_a_subscriber_finds_what_a_slow_commit_brings_late() -> None:
    with ExitStack() as stack:
        source, reports = (stack.enter_context(running_cluster()) for _ in range(2))
        restart_with_logical_replication(source)
        at_source, at_reports = (
            stack.enter_context(closing(open_store(server.get_uri()))) for server in (source, reports)
        )
        run_sql(reports.get_uri(), "ALTER SYSTEM SET wal_retrieve_retry_interval = 20", "SELECT pg_reload_conf()")
        tables = ", ".join(("flowledger_events", *TABLES))
        run_sql(source.get_uri(), f"CREATE PUBLICATION ledger FOR TABLE {tables}")
        run_sql(reports.get_uri(), f"CREATE SUBSCRIPTION ledger CONNECTION '{source.get_uri()}' PUBLICATION ledger")
        stack.callback(run_sql, reports.get_uri(), "DROP SUBSCRIPTION ledger")
        wait_until_copied(reports.get_uri())  # which waits for transactions that are open at the source
        with psycopg.connect(source.get_uri()) as slow:
            ((base,),) = slow.execute("SELECT pg_current_xact_id()::text::bigint << 20").fetchall()
            for place, row in enumerate(run_of_events("late", 1)):
                slow.execute(INSERT, (*row, base + place + 1))
            at_source.append(Write("quick", 0, [started("giraffe")]))
            wait_until_found(at_reports, "quick")
        wait_until_found(at_reports, "late")
        assert index_of(at_reports).lag().seconds == 0
        assert set(words_of(at_reports, ["quick", "late"])) == {"quick", "late"}


def restart_with_logical_replication(server: Any) -> None:
    run_sql(server.get_uri(), "ALTER SYSTEM SET wal_level = logical")
    command = [server.bin_path / "pg_ctl", "-w", "-D", server.pgdata, "-m", "fast", "-l", server.pgdata / "log"]
    options = f"-h '' -k {server.pgdata}"
    subprocess.run(
        [*command, "-o", options, "restart"], check=True, cwd="/", stdout=subprocess.DEVNULL, **as_owner(server.pgdata)
    )
    server.ensure_postgres_running()  # so that it is stopped in the end


def wait_until_copied(url: str) -> None:
    until(lambda: ask(url, "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'") == 0)


def wait_until_found(store: LedgerEventStore, run_id: str) -> None:
    until(lambda: index_of(store).catch_up() and run_id in words_of(store, [run_id]))


def until(is_so: Callable[[], bool]) -> None:
    """Returns when it is so; fails, and doesn't hang, where it never will be."""
    end = monotonic() + 120
    while not is_so():
        assert monotonic() < end
