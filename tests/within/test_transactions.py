"""Traps of a caller's transaction on PostgreSQL: its state, isolation, settings, positions, locks, and who waits."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from threading import Event
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import IsolationLevel
from psycopg.rows import dict_row
from psycopg.types.string import TextBinaryLoader

import flowledger as fl
from flowledger.domain.ports import Write
from flowledger.infrastructure.storage.callers import CallersConnection
from flowledger.infrastructure.storage.inside import InsideEventStore
from flowledger.infrastructure.storage.postgres import borrowing

from ..storage.clusters import new_database
from ..storage.events import notes, texts
from .conftest import definition

Connection = psycopg.Connection[Any]


def key() -> str:
    return uuid4().hex


def inside(ledger: fl.Ledger, connection: object) -> InsideEventStore:
    return InsideEventStore(ledger._store, CallersConnection(connection))


@pytest.fixture
def other(pg_url: str) -> Iterator[Connection]:
    """Another caller."""
    with psycopg.connect(pg_url) as connection:
        yield connection
        connection.rollback()


# --- what is no transaction -------------------------------------------------------------------------------------------


def test_a_connection_in_autocommit_mode_is_refused_unless_a_transaction_is_open(
    pg_ledger: fl.Ledger, pg: Connection
) -> None:
    pg.autocommit = True
    with pytest.raises(fl.InvalidRequest, match="autocommit"):
        pg_ledger.within(pg).runs.start("order", wait=False)
    with pg.transaction():
        run = pg_ledger.within(pg).runs.start("order", wait=False)
    assert pg_ledger.runs.get(run.id).status == "active"


def test_a_transaction_that_has_failed_is_refused(pg_ledger: fl.Ledger, pg: Connection) -> None:
    with suppress(psycopg.errors.DivisionByZero):
        pg.execute("SELECT 1 / 0")
    with pytest.raises(fl.InvalidRequest, match="has failed"):
        pg_ledger.within(pg).runs.start("order", wait=False)
    pg.rollback()
    assert pg_ledger.within(pg).runs.start("order", wait=False).version == 1


def test_a_connection_to_another_database_is_refused(pg_ledger: fl.Ledger, postgres_url: str) -> None:
    with psycopg.connect(new_database(postgres_url)) as elsewhere:
        with pytest.raises(fl.InvalidRequest, match="another database"):
            pg_ledger.within(elsewhere).runs.start("order", wait=False)
        assert elsewhere.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_that_is_busy_closed_or_none_at_all_is_refused(
    pg_ledger: fl.Ledger, pg_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(borrowing, "BUSY_TIMEOUT", 0.01)
    connection = psycopg.connect(pg_url)
    runs = pg_ledger.within(connection).runs
    with connection.pipeline(), pytest.raises(fl.InvalidRequest, match="pipeline"):
        runs.start("order", wait=False)
    with closing(connection.cursor().stream("SELECT generate_series(1, 9)")) as stream:
        assert next(stream) == (1,)
        with pytest.raises(fl.InvalidRequest, match="running"):
            runs.start("order", wait=False)
    connection.close()
    with pytest.raises(fl.InvalidRequest, match="closed"):
        runs.start("order", wait=False)
    with pytest.raises(fl.InvalidRequest, match="no connection"):
        pg_ledger.within("postgresql://")
    with (
        fl.open_ledger("memory:") as ledger,
        psycopg.connect(pg_url) as connection,
        pytest.raises(fl.InvalidRequest, match="in PostgreSQL, or in an SQLite file"),
    ):
        ledger.within(connection)


def test_an_encoding_that_events_are_not_written_in_is_refused(pg_ledger: fl.Ledger, pg_url: str) -> None:
    with (
        psycopg.connect(pg_url, client_encoding="latin1") as connection,
        pytest.raises(fl.InvalidRequest, match="client_encoding"),
    ):
        pg_ledger.within(connection).runs.start("order", "é", wait=False)


def test_a_read_only_transaction_can_be_read_in(pg_ledger: fl.Ledger, pg: Connection) -> None:
    pg.read_only = True
    with pytest.raises(fl.StoreReadOnly, match="READ ONLY"):
        pg_ledger.within(pg).runs.start("order", wait=False)
    assert pg_ledger.within(pg).workflows.get("order").version == 1


# --- settings of the caller -------------------------------------------------------------------------------------------


def test_nothing_that_a_caller_sets_touches_what_is_appended(
    pg_ledger: fl.Ledger, pg_url: str, postgres_url: str
) -> None:
    class Shouting(TextBinaryLoader):
        def load(self, data: Any) -> str:
            return str(super().load(data)).upper()

    class OwnCursor(psycopg.ClientCursor[Any]):
        pass

    schema = f"other_{uuid4().hex}"
    heard: list[str] = []
    with psycopg.connect(postgres_url, row_factory=dict_row, cursor_factory=OwnCursor, prepare_threshold=0) as pg:
        pg.add_notice_handler(lambda notice: heard.append(str(notice.message_primary)))
        pg.adapters.register_loader("text", Shouting)
        pg.execute(f"CREATE SCHEMA {schema}")
        pg.execute(f"CREATE TABLE {schema}.flowledger_events (nothing int)")
        pg.execute(f"SET search_path = {schema}, pg_catalog; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = 'escape'")
        run = pg_ledger.within(pg).runs.start("order", {"n": "é"}, wait=False)
        pg_ledger.within(pg).runs.set_metadata(run.id, {"a": "ü"})
        assert pg.execute("SELECT 'small'::text AS said, current_schema() AS place").fetchone() == {
            "said": "small",
            "place": schema,
        }
        pg.execute("DO $$ BEGIN RAISE NOTICE 'still heard'; END $$")
        pg.rollback()
        run = pg_ledger.within(pg).runs.start("order", {"n": "é"}, wait=False)
    assert heard == ["still heard"]
    assert pg_ledger.runs.get(run.id).snapshot.payload == {"n": "é"}


# --- savepoints, and calls that fail ----------------------------------------------------------------------------------


def test_a_lost_race_leaves_the_transaction_usable(pg_ledger: fl.Ledger, pg: Connection) -> None:
    store = inside(pg_ledger, pg)
    stream = f"race {key()}"
    pg.execute("INSERT INTO mine VALUES (%s)", (stream,))
    store.append(Write(stream, 0, notes(1)))
    with pytest.raises(fl.ConcurrencyError):
        store.append(Write(stream, 0, notes(2)))
    with pytest.raises(fl.ConcurrencyError):
        store.append(Write(f"{stream} beside", 0, notes(3)), Write(stream, 3, notes(4)))
    store.append(Write(stream, 1, notes(5)))
    pg.commit()
    assert texts(pg_ledger._store, stream) == [1, 5]
    assert pg_ledger._store.head(f"{stream} beside") == 0
    assert pg.execute("SELECT count(*) FROM mine WHERE text = %s", (stream,)).fetchone() == (1,)


def test_a_value_that_can_not_be_stored_leaves_the_transaction_usable(pg_ledger: fl.Ledger, pg: Connection) -> None:
    runs = pg_ledger.within(pg).runs
    with pytest.raises(fl.InvalidValue):
        runs.start("order", {1, 2}, wait=False)
    with pytest.raises(fl.InvalidRequest):
        runs.start("order", wait=False, idempotency_key="\0")
    assert runs.start("order", wait=False).version == 1


def test_what_was_taken_back_to_a_savepoint_is_appended_again_at_the_same_place(
    pg_ledger: fl.Ledger, pg: Connection
) -> None:
    store, stream = inside(pg_ledger, pg), f"back {key()}"
    store.append(Write(stream, 0, notes(1)))
    pg.execute("SAVEPOINT flowledger")  # the name that ours have
    taken_back = store.append(Write(stream, 1, notes(2, 3)))
    pg.execute("ROLLBACK TO SAVEPOINT flowledger")
    assert store.head(stream) == 1
    assert store.append(Write(stream, 1, notes(4))) == taken_back[:1]
    pg.commit()
    assert texts(pg_ledger._store, stream) == [1, 4]


# --- memory is never believed -----------------------------------------------------------------------------------------


def test_nothing_is_remembered_of_a_transaction_that_was_rolled_back(
    pg_ledger: fl.Ledger, pg: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    store, stream = inside(pg_ledger, pg), f"again {key()}"
    pg_ledger._store.append(Write(stream, 0, notes(1)))
    store.append(Write(stream, 1, notes("taken back")))
    pg.rollback()
    pg_ledger._store.append(Write(stream, 1, notes(2)))
    store.append(Write(stream, 2, notes(3)))
    pg.execute("SAVEPOINT mine")
    store.append(Write(stream, 3, notes("taken back")))
    pg.execute("ROLLBACK TO SAVEPOINT mine")
    store.append(Write(stream, 3, notes(4)))
    pg.commit()
    assert texts(pg_ledger._store, stream) == [1, 2, 3, 4]
    assert caplog.records == []  # nothing seems lost


def test_the_ledger_believes_nothing_that_was_rolled_back(
    pg_ledger: fl.Ledger, pg: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    run = pg_ledger.runs.start("order", wait=False)
    id = f"flow {key()}"
    within = pg_ledger.within(pg)
    within.runs.hold(run.id)
    within.workflows.save(definition("ask"), workflow_id=id)
    within.runs.start(id, wait=False)
    pg.rollback()
    assert pg_ledger.runs.hold(run.id).version == 2
    pg_ledger.workflows.save(definition("echo"), workflow_id=id)
    assert pg_ledger.runs.start(id, 7).status == "completed"
    assert pg_ledger.verify().ok
    assert caplog.records == []


def test_a_run_that_was_held_inside_refuses_the_late_append_of_who_executes_it(
    pg_ledger: fl.Ledger, pg: Connection, pg_url: str
) -> None:
    begun, goes_on = Event(), Event()
    slow = fl.ExecutorRegistry()

    @slow.register("slow")
    def wait(step: fl.StepContext) -> None:
        begun.set()
        assert goes_on.wait(30)

    id = f"slow {key()}"
    with fl.open_ledger(pg_url, slow) as ledger, ThreadPoolExecutor(1) as pool:
        ledger.workflows.save(definition("slow", "slow"), workflow_id=id)
        call = pool.submit(ledger.runs.start, id)
        assert begun.wait(30)
        (run,) = ledger.history.runs(workflow_id=id).items
        pg_ledger.within(pg).runs.hold(run.id)
        goes_on.set()
        pg.commit()
        assert call.result(30).held is not None
        assert [event.type for event in ledger.history.events(run.id)] == [
            "run.started",
            "run.held",
            "run.step_completed",
        ]


# --- positions and isolation ------------------------------------------------------------------------------------------


def test_readers_of_the_log_wait_for_an_open_transaction_and_miss_nothing(pg_ledger: fl.Ledger, pg: Connection) -> None:
    store = pg_ledger._store
    last = store.last_position()
    first = inside(pg_ledger, pg).append(Write(f"early {key()}", 0, notes("early")))
    second = store.append(Write(f"late {key()}", 0, notes("late")))
    assert first < second
    assert [event.position for event in store.tail(after=last)] == []
    third = inside(pg_ledger, pg).append(Write(f"early {key()}", 0, notes("early, too")))
    pg.commit()
    assert [event.position for event in store.tail(after=last)] == [*first, *third, *second]


def test_nothing_is_stored_before_what_it_follows(pg_ledger: fl.Ledger, pg: Connection) -> None:
    run = pg_ledger.runs.start("order", wait=False)
    pg.execute("INSERT INTO mine VALUES (%s)", (run.id,))  # so it has a number
    pg_ledger.runs.hold(run.id)
    runs = pg_ledger.within(pg).runs
    with pytest.raises(fl.TransactionConflict, match="all of it again"):
        runs.release(run.id)
    assert runs.start("order", wait=False).version == 1
    pg.rollback()
    assert runs.release(run.id).version == 3
    pg.commit()
    assert pg_ledger.verify().ok


def test_a_run_does_not_start_before_the_version_that_it_runs_was_saved(pg_ledger: fl.Ledger, pg: Connection) -> None:
    id = f"flow {key()}"
    pg_ledger.workflows.save(definition("echo"), workflow_id=id)
    pg.execute("INSERT INTO mine VALUES (%s)", (id,))
    pg_ledger.workflows.save(definition("echo", "echo"), workflow_id=id)
    with pytest.raises(fl.TransactionConflict):
        pg_ledger.within(pg).runs.start(id, wait=False)
    assert pg_ledger.within(pg).runs.start("order", wait=False).version == 1


@pytest.mark.parametrize("level", [IsolationLevel.REPEATABLE_READ, IsolationLevel.SERIALIZABLE])
def test_what_a_snapshot_is_too_old_for_is_refused_as_such(
    pg_ledger: fl.Ledger, pg: Connection, level: IsolationLevel
) -> None:
    run = pg_ledger.runs.start("order", wait=False)
    used = key()
    pg.isolation_level = level
    pg.execute("SELECT 1 FROM mine")
    pg_ledger.runs.hold(run.id)
    pg_ledger.runs.start("order", wait=False, idempotency_key=used)
    runs = pg_ledger.within(pg).runs
    with pytest.raises(fl.TransactionConflict):
        runs.cancel(run.id)
    with pytest.raises(fl.TransactionConflict):
        runs.start("order", wait=False, idempotency_key=used)
    new = runs.start("order", wait=False)
    runs.cancel(new.id)
    pg.commit()
    assert pg_ledger.runs.get(new.id).status == "cancelled"
    assert runs.cancel(run.id).version == 3


# --- others -----------------------------------------------------------------------------------------------------------


def test_of_two_callers_with_one_key_the_second_waits_and_gets_the_run_of_the_first(
    pg_ledger: fl.Ledger, pg: Connection, other: Connection
) -> None:
    used = key()
    first = pg_ledger.within(pg).runs.start("order", wait=False, idempotency_key=used)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(pg_ledger.within(other).runs.start, "order", wait=False, idempotency_key=used)
        wait_until_one_waits(pg)
        pg.commit()
        second = call.result(30)
    assert (second.id, second.created) == (first.id, False)


def test_of_two_callers_that_wait_for_each_other_one_can_go_on_without_its_call(
    pg_ledger: fl.Ledger, pg: Connection, other: Connection
) -> None:
    a, b = f"a {key()}", f"b {key()}"
    first, second = inside(pg_ledger, pg), inside(pg_ledger, other)
    first.append(Write(a, 0, notes(1)))
    second.append(Write(b, 0, notes(2)))
    refused: list[str] = []

    def go_on(store: InsideEventStore, connection: Connection, stream: str) -> None:
        try:
            store.append(Write(stream, 0, notes(3)))
        except fl.TransactionConflict:
            refused.append(stream)
        except fl.ConcurrencyError:
            pass  # the other one has committed
        connection.commit()

    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(go_on, first, pg, b), pool.submit(go_on, second, other, a)]
        for call in calls:
            call.result(60)
    assert refused in ([a], [b])
    assert (texts(pg_ledger._store, a), texts(pg_ledger._store, b)) == ([1], [2])


def test_tasks_share_a_connection_in_turn(pg_ledger: fl.Ledger, pg_url: str) -> None:
    async def main() -> list[str]:
        async with await psycopg.AsyncConnection.connect(pg_url) as connection:
            within = pg_ledger.within(connection)
            begun = (within.runs.astart("order", number, wait=False) for number in range(9))
            asked = (connection.execute("SELECT pg_sleep(0.001)") for _ in range(9))
            runs, *_ = await asyncio.gather(asyncio.gather(*begun), *asked)
        return [run.id for run in runs]

    assert [pg_ledger.runs.get(run_id).snapshot.payload for run_id in asyncio.run(main())] == [*range(9)]


def test_a_task_that_is_cancelled_while_it_waits_gives_the_connection_back(
    pg_ledger: fl.Ledger, pg: Connection, pg_url: str
) -> None:
    used = key()
    pg_ledger.within(pg).runs.start("order", wait=False, idempotency_key=used)

    async def main() -> None:
        async with await psycopg.AsyncConnection.connect(pg_url) as connection:
            start = pg_ledger.within(connection).runs.astart("order", wait=False, idempotency_key=used)
            task = asyncio.create_task(start)
            await asyncio.to_thread(wait_until_one_waits, pg)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            other = await pg_ledger.within(connection).runs.astart("order", wait=False)
            assert (await pg_ledger.within(connection).runs.aget(other.id)).version == 1

    asyncio.run(main())


def test_who_waits_is_woken_by_the_commit(pg_ledger: fl.Ledger, pg: Connection, pg_url: str) -> None:
    with fl.open_ledger(pg_url) as elsewhere:
        wakeups = elsewhere._store.wakeups
        count = wakeups.wait(wakeups.count, 30)
        while (now := wakeups.wait(count, 0.5)) != count:  # until it has caught up
            count = now
        with pg_ledger.within(pg) as within:
            run = within.runs.start("order", wait=False)
        watched = pg_ledger._store.wakeups._transactions._watched
        assert len(watched) == 1
        pg.commit()
        assert wakeups.wait(count, 30) > count
        assert elsewhere.runs.get(run.id).version == 1
        while watched:
            wakeups.wait(wakeups.count, 0.01)


def wait_until_one_waits(connection: Connection) -> None:
    """Return when some session waits for a lock."""
    while connection.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'").fetchone() is None:
        pass
