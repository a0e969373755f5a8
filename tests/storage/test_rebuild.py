"""The index made anew, online: to the same rows, whoever writes meanwhile."""

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

import flowledger as fl
from flowledger.domain.run import FOLD_REVISION
from flowledger.infrastructure.queries.index import rebuild
from flowledger.infrastructure.storage import recorder
from flowledger.infrastructure.storage.codec import BODY, PLAIN
from flowledger.infrastructure.storage.memory import recorder as memory

from ..prepared import PreparedProcess, PreparedPython
from .index import index_of
from .test_migrations import run_sql

executors = fl.ExecutorRegistry()


@executors.register("work")
def work(step: fl.StepContext) -> Any:
    if step.payload == "wait":
        return fl.Pause(reason="somebody must look")
    if step.payload == "fail":
        raise ValueError("no luck")
    return step.payload


DEFINITION = {
    "nodes": [{"id": "a", "type": "work"}, {"id": "b", "type": "work"}],
    "edges": [{"source": "a", "target": "b"}],
}


def fill(ledger: Any, runs: int = 6) -> None:
    ledger.workflows.save(DEFINITION, workflow_id="w", by="ada")
    for number in range(runs):
        ledger.runs.start("w", payload=("wait", "fail", "go")[number % 3], by="bob")


def test_an_index_that_was_lost_is_rebuilt_to_the_same_rows(durable_url: str) -> None:
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
        before = index_of(ledger._store)
        for table in before:
            run_sql(durable_url, f"DELETE FROM {table}")
        assert list(ledger.history.runs()) == []
        told: list[float] = []
        assert ledger.rebuild(told.append) == 1 + 6 * 2 + 6
        assert index_of(ledger._store) == before
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_what_is_written_while_the_index_is_rebuilt_is_in_it(store_url: str) -> None:
    with fl.open_ledger(store_url, executors) as ledger:
        fill(ledger)
        index_rebuild, stop = threading.Event(), threading.Event()

        def write() -> None:
            index_rebuild.wait()
            while not stop.is_set():
                ledger.runs.start("w", payload="go")

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        index_rebuild.set()
        for _ in range(5):
            ledger.rebuild()
        stop.set()
        for writer in writers:
            writer.join()
        kept = index_of(ledger._store)
        ledger.rebuild()
        assert index_of(ledger._store) == kept
        assert len(kept["flowledger_index_runs"]) == sum(event.type == "run.started" for event in ledger._store.tail())


@pytest.mark.parametrize("moment", ["settled", "swapping"])
def test_a_rebuild_killed_in_the_middle_leaves_the_index_of_before(
    prepared_python: PreparedPython, durable_url: str, moment: str
) -> None:
    """Also what others write while it waits, and where it holds up writers, to swap."""
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
        process = rebuilder(prepared_python, durable_url)
        assert said(process) == "settled"
        fill(ledger)
        while moment == "swapping":
            print(file=process.stdin, flush=True)
            if said(process) == moment:
                break
        process.end()
        assert process.wait() == -signal.SIGKILL
        assert len(ledger.history.runs()) == 12
        ledger.runs.start("w", payload="go")
        kept = index_of(ledger._store)
        rebuild_when_free(ledger)
        assert index_of(ledger._store) == kept


def rebuild_when_free(ledger: fl.Ledger) -> None:
    """A server may take a moment to notice that whoever held the lock was killed."""
    while True:
        try:
            ledger.rebuild()
            return
        except fl.StorageUnavailable as error:
            if "somebody else rebuilds" not in str(error):
                raise


def rebuilder(python: PreparedPython, url: str) -> PreparedProcess:
    return python.start(["-m", f"{__package__}.rebuilder", url])


def said(process: PreparedProcess) -> str:
    return process.stdout.readline().strip()


def test_a_store_from_before_the_index_says_that_it_must_be_built(durable_url: str) -> None:
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
    run_sql(durable_url, "UPDATE flowledger_index SET revision = 0")
    with fl.open_ledger(durable_url, executors) as ledger:
        with pytest.raises(fl.StorageUnavailable, match="flowledger rebuild"):
            ledger.history.runs()
        ledger.rebuild()
        assert len(ledger.history.runs()) == 6


def test_a_rebuild_that_meets_unreadable_events_names_them_and_goes_on(durable_url: str) -> None:
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
        before = ledger.history.runs()
        disable = (
            "DROP TRIGGER flowledger_events_refuse_update"
            if "sqlite" in durable_url
            else ("ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
        )
        run_sql(durable_url, disable)
        run_sql(durable_url, "UPDATE flowledger_events SET topic = 'run.unheard_of' WHERE originator_version = 2")
        left_out: list[fl.EventNotReadable] = []
        ledger.rebuild(left_out=left_out.append)
        assert {error.version for error in left_out} == {2}
        assert len(left_out) >= 6
        assert all("run.unheard_of" in str(error) for error in left_out)
        assert [run.id for run in ledger.history.runs()] == [run.id for run in before]


def test_a_rebuild_names_the_event_whose_body_is_not_one_of_its_type(store_url: str) -> None:
    with fl.open_ledger(store_url, executors) as ledger:
        fill(ledger)
        before = ledger.history.runs().items
        state = bytes([PLAIN]).ljust(BODY, b"\0") + b'{"recorded_at":1,"by":"eve"}'
        ledger._store.recorder.insert_events([StoredEvent("somebody-elses", 1, "run.started", state)])
        left_out: list[fl.EventNotReadable] = []
        ledger.rebuild(left_out=left_out.append)
        (error,) = left_out
        assert (error.stream, error.version) == ("somebody-elses", 1)
        assert "'workflow_id'" in error.reason
        assert ledger.history.runs().items[:-1] == before
        assert (ledger.history.runs().items[-1].id, ledger.history.runs().items[-1].status) == (
            "somebody-elses",
            "unreadable",
        )


def test_a_rebuild_keeps_the_rights_of_others_and_the_names(new_postgres_url: Any) -> None:
    url = new_postgres_url()
    with fl.open_ledger(url, executors) as ledger:
        fill(ledger)
        run_sql(url, "DO $$ BEGIN CREATE ROLE reader_of_lists; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        run_sql(url, "GRANT SELECT ON flowledger_index_runs TO reader_of_lists")
        names = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() ORDER BY 1"
        rights = "SELECT has_table_privilege('reader_of_lists', 'flowledger_index_runs', 'SELECT')"
        with psycopg.connect(url) as connection:
            before = connection.execute(names).fetchall()
        for _ in range(2):
            ledger.rebuild()
        with psycopg.connect(url) as connection:
            assert connection.execute(names).fetchall() == before
            assert connection.execute(rights).fetchone() == (True,)


def rebuilt(ledger: Any, progress: Any = None) -> str:
    try:
        return f"from {ledger.rebuild(progress)} events"
    except fl.StorageUnavailable as error:
        return str(error)


def test_a_second_rebuild_is_refused_on_postgres(new_postgres_url: Any) -> None:
    url = new_postgres_url()
    with fl.open_ledger(url, executors) as ledger, fl.open_ledger(url) as other:
        fill(ledger)
        refused: list[str] = []
        ledger.rebuild(lambda _: refused.append(rebuilt(other)))
    assert "somebody else rebuilds" in refused[0]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few runs take several of them."""
    page_rows(5, monkeypatch)


def page_rows(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rebuild, recorder, memory):
        monkeypatch.setattr(module, "BATCH_ROWS", rows)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("step", ["page", "swap"])
@pytest.mark.parametrize("who", ["the same ledger", "another one"])
def test_rebuilds_at_once_help_each_other(sqlite_or_memory: str, who: str, step: str) -> None:
    """One inside of the other, at each of its pages: whoever ends first, the index is whole and both say so."""
    with fl.open_ledger(sqlite_or_memory, executors) as ledger:
        fill(ledger)
        expected = index_of(ledger._store)
        told: list[str] = []
        with closing(fl.open_ledger(sqlite_or_memory)) as another:
            second = ledger if who == "the same ledger" or sqlite_or_memory == "memory:" else another
            begun: list[Any] = []

            def begin_another(done: float) -> None:
                if not begun and (step == "page" or done == 1.0):
                    begun.append(done)
                    told.append(rebuilt(second, lambda _: fill(ledger, 1) if len(begun) == 1 else None))

            told.append(rebuilt(ledger, begin_another))
        assert begun
        assert len(told) == 2
        assert all(text.startswith("from ") for text in told)
        kept = index_of(ledger._store)
        assert len(kept["flowledger_index_runs"]) > len(expected["flowledger_index_runs"]) - 1
        ledger.rebuild()
        assert index_of(ledger._store) == kept


@pytest.fixture(params=["memory", "sqlite"])
def sqlite_or_memory(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.mark.usefixtures("small_pages")
def test_many_threads_may_rebuild_at_once_beside_writers(store_url: str) -> None:
    with fl.open_ledger(store_url, executors) as ledger, ThreadPoolExecutor(8) as pool:
        fill(ledger, 60)
        work = [pool.submit(rebuilt, ledger) for _ in range(6)] + [pool.submit(fill, ledger, 20) for _ in range(2)]
        told = [future.result() for future in work[:6]]
        for future in work[6:]:
            future.result()
        assert any(text.startswith("from ") for text in told)
        assert all(text.startswith("from ") or "somebody else rebuilds" in text for text in told)
        if ledger._store.recorder.dialect == "sqlite":
            assert all(text.startswith("from ") for text in told)
        kept = index_of(ledger._store)
        assert len(kept["flowledger_index_runs"]) == 100
        ledger.rebuild()
        assert index_of(ledger._store) == kept


@pytest.mark.exhaustive
@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("killed", [0, 1, 2])
def test_rebuilds_at_once_of_which_some_are_killed_leave_a_whole_index(
    prepared_python: PreparedPython, tmp_path: Path, killed: int
) -> None:
    """Three processes, each stopped after its first page; so many are killed there, and the others end well."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with fl.open_ledger(url, executors) as ledger:
        fill(ledger, 12)
        before = index_of(ledger._store)
        rebuilders = [rebuilder(prepared_python, url) for _ in range(3)]
        for process in rebuilders:
            assert said(process) == "settled"
        for process in rebuilders[3 - killed :]:
            process.end()
            assert process.wait() == -signal.SIGKILL
        assert index_of(ledger._store) == before
        for process in rebuilders[: 3 - killed]:
            process.stdin.write("\n" * 1_000)
            process.stdin.flush()
            process.stdout.read()
            assert process.wait(60) == 0
            process.end()
        assert index_of(ledger._store) == before
        assert ledger.rebuild() > 0
        assert index_of(ledger._store) == before
        assert ledger._store.recorder.query("SELECT name FROM sqlite_schema WHERE name LIKE '%rebuilt%'", {}) == []


@pytest.mark.usefixtures("small_pages")
def test_who_gives_up_leaves_the_others_to_end_it(sqlite_or_memory: str) -> None:
    class GivenUp(Exception):
        pass

    def give_up(_: float) -> None:
        raise GivenUp

    with fl.open_ledger(sqlite_or_memory, executors) as ledger:
        fill(ledger)
        before = index_of(ledger._store)
        told: list[float] = []

        def others_give_up(done: float) -> None:
            told.append(done)
            if len(told) == 1:
                with pytest.raises(GivenUp):
                    ledger.rebuild(give_up)

        assert rebuilt(ledger, others_give_up).startswith("from ")
        assert index_of(ledger._store) == before


@pytest.mark.parametrize("rows", [2, 3, 5, 7])
def test_pages_never_come_between_a_run_and_its_work_order(
    store_url: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_rows(rows, monkeypatch)
    with fl.open_ledger(store_url, executors) as ledger:
        fill(ledger)
        run_id = ledger.runs.start("w", payload="go", wait=False).id
        ledger.runs.retry(ledger.history.runs(status="failed")[0].id)
        ledger.runs.fork(run_id, version=1)
        before = index_of(ledger._store)
        ledger.rebuild()
        assert index_of(ledger._store) == before


def test_a_rebuild_drops_all_checkpoints(store_url: str) -> None:
    with fl.open_ledger(store_url, executors, checkpoint_every=1) as ledger:
        fill(ledger)
        run_id = ledger.history.runs()[0].id
        expected = ledger.history.snapshot(run_id)
        assert list(ledger._store.checkpoints.streams(FOLD_REVISION)) == [run_id]
        ledger.rebuild()
        assert list(ledger._store.checkpoints.streams(FOLD_REVISION)) == []
        assert ledger.history.snapshot(run_id) == expected
