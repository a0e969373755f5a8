"""The index made anew, online: to the same rows, whoever writes meanwhile."""

import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

import flowledger as fl
from flowledger.infrastructure.store.backends import open_store
from flowledger.infrastructure.store.codec import BODY, PLAIN

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
            run_sql(durable_url, f"DELETE FROM {table}")  # noqa: S608
        assert list(ledger.history.runs()) == []
        told: list[float] = []
        assert ledger.rebuild(told.append) == 1 + 6 * 2 + 6
        assert index_of(ledger._store) == before
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_what_is_written_while_the_index_is_rebuilt_is_in_it(store_url: str) -> None:
    with fl.open_ledger(store_url, executors) as ledger:
        fill(ledger)
        rebuilding, stop = threading.Event(), threading.Event()

        def write() -> None:
            rebuilding.wait()
            while not stop.is_set():
                ledger.runs.start("w", payload="go")

        writers = [threading.Thread(target=write) for _ in range(3)]
        for writer in writers:
            writer.start()
        rebuilding.set()
        for _ in range(5):
            ledger.rebuild()
        stop.set()
        for writer in writers:
            writer.join()
        kept = index_of(ledger._store)
        ledger.rebuild()
        assert index_of(ledger._store) == kept
        assert len(kept["flowledger_index_runs"]) == sum(event.type == "run.started" for event in ledger._store.tail())


@pytest.mark.parametrize("steps", [1, 2])
def test_a_rebuild_killed_in_the_middle_leaves_the_index_of_before(durable_url: str, steps: int) -> None:
    """Also what others write while it waits; in the second step it holds up writers, to swap."""
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
        command = [sys.executable, str(Path(__file__).with_name("rebuilder.py")), durable_url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as rebuilder:
            assert rebuilder.stdin is not None
            assert rebuilder.stdout is not None
            for step in range(steps):
                assert rebuilder.stdout.readline() == "got further\n"
                if step == 0:
                    fill(ledger)
                if step < steps - 1:
                    print(file=rebuilder.stdin, flush=True)
            rebuilder.kill()
            assert rebuilder.wait() == -signal.SIGKILL
        assert len(ledger.history.runs()) == 12
        ledger.runs.start("w", payload="go")
        kept = index_of(ledger._store)
        ledger.rebuild()
        assert index_of(ledger._store) == kept


def test_a_store_from_before_the_index_says_that_it_must_be_built(durable_url: str) -> None:
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
    run_sql(durable_url, "UPDATE flowledger_index SET revision = 0")
    with fl.open_ledger(durable_url, executors) as ledger:
        with pytest.raises(fl.StorageUnavailable, match="flowledger rebuild"):
            ledger.history.runs()
        ledger.rebuild()
        assert len(ledger.history.runs()) == 6


def test_a_rebuild_that_meets_an_unreadable_event_leaves_the_index_as_it_was(durable_url: str) -> None:
    with fl.open_ledger(durable_url, executors) as ledger:
        fill(ledger)
        before = index_of(ledger._store)
        disable = (
            "DROP TRIGGER flowledger_events_refuse_update"
            if "sqlite" in durable_url
            else ("ALTER TABLE flowledger_events DISABLE TRIGGER ALL")
        )
        run_sql(durable_url, disable)
        run_sql(durable_url, "UPDATE flowledger_events SET topic = 'run.unheard_of' WHERE originator_version = 2")
        with pytest.raises(fl.EventNotReadable, match=r"run\.unheard_of.*the index is as it was.*flowledger verify"):
            ledger.rebuild()
        assert index_of(ledger._store) == before
    with closing(open_store(durable_url)) as store:
        assert index_of(store) == before


def test_a_rebuild_names_the_event_whose_body_is_not_one_of_its_type(store_url: str) -> None:
    with fl.open_ledger(store_url, executors) as ledger:
        fill(ledger)
        before = index_of(ledger._store)
        state = bytes([PLAIN]).ljust(BODY, b"\0") + b'{"recorded_at":1,"by":"eve"}'
        ledger._store._recorder.insert_events([StoredEvent("somebody-elses", 1, "run.started", state)])
        with pytest.raises(fl.EventNotReadable, match=r"'workflow_id'.*the index is as it was") as refused:
            ledger.rebuild()
        assert (refused.value.stream, refused.value.version) == ("somebody-elses", 1)
        assert index_of(ledger._store) == before


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


def test_two_rebuilds_at_once_are_refused(new_postgres_url: Any) -> None:
    url = new_postgres_url()
    with fl.open_ledger(url, executors) as ledger, fl.open_ledger(url) as other:
        fill(ledger)
        refused: list[str] = []

        def meanwhile(_: float) -> None:
            if not refused:
                with pytest.raises(fl.StorageUnavailable) as error:
                    other.rebuild()
                refused.append(str(error.value))

        ledger.rebuild(meanwhile)
    assert "somebody else rebuilds" in refused[0]
