"""Workers that Procrastinate hands runs to: whatever happens to its jobs changes nothing but when."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import flowledger as fl

from .until import PATIENCE

procrastinate = pytest.importorskip("procrastinate")

from flowledger.infrastructure.operations.cluster import schema as jobs_schema  # noqa: E402
from flowledger.infrastructure.operations.cluster.schema import (  # noqa: E402
    INSTALLED,
    migrations_after,
    prepare_schema,
    schema_of,
)
from flowledger.infrastructure.operations.cluster.worker import QUEUE, TASK, ClusterWorker, defer  # noqa: E402

pytestmark = pytest.mark.exhaustive

LINE = {
    "nodes": [{"id": "a", "type": "note"}, {"id": "b", "type": "note"}],
    "edges": [{"source": "a", "target": "b"}],
}


class Desk:
    """A ledger in a schema of its own, and the jobs beside it."""

    def __init__(self, ledger: fl.Ledger, executed: list[tuple[str, str]]) -> None:
        self.ledger = ledger
        self.executed = executed
        datastore = ledger._store.recorder.datastore  # type: ignore[attr-defined]
        self.conninfo: str = datastore.conninfo
        self.schema = schema_of(datastore.store_schema)

    def sql(self, statement: str, *parameters: Any) -> list[Any]:
        """Run a statement on the tables of the jobs."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f'SET search_path = "{self.schema}"')
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def jobs(self) -> list[tuple[str, str]]:
        return self.sql("SELECT queueing_lock, status::text FROM procrastinate_jobs ORDER BY id")

    def worker(self, **options: Any) -> ClusterWorker:
        worker = self.ledger.aworker(cluster=True, **options)
        assert isinstance(worker, ClusterWorker)
        return worker

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[Callable[[], Any]]:
        """Call it to sweep once, while no worker takes jobs."""
        worker = self.worker()
        prepare_schema(self.conninfo, self.schema)
        async with worker._app().open_async() as app:

            async def sweep() -> None:
                await defer(app, worker._work.due(500))

            yield sweep
        await worker.aclose()

    async def completed(self, run_ids: list[str]) -> None:
        for run_id in run_ids:
            await self.ledger.runs.await_for(run_id, until=("completed",), timeout=PATIENCE)

    async def emptied(self) -> None:
        """Wait until no job is left."""
        import asyncio

        async with asyncio.timeout(PATIENCE):
            while self.jobs():
                await asyncio.sleep(0.01)


@pytest.fixture
def desk(new_postgres_url: Callable[[], str]) -> Any:
    executors, executed = fl.ExecutorRegistry(), list[tuple[str, str]]()

    @executors.register("note", retry=fl.RetryPolicy(max_retries=1, interval=0.05, jitter=0.0))
    def note(step: fl.StepContext) -> Any:
        executed.append((step.run_id, step.node.id))
        if step.payload == "flaky" and step.attempt == 1:
            raise TimeoutError("at first")
        if step.payload == "ask" and step.node.id == "a" and step.answer is None:
            return fl.Pause(reason="who?", until=datetime.now(UTC) + timedelta(milliseconds=50))
        return step.node.id

    with fl.open_ledger(new_postgres_url(), executors) as ledger:
        ledger.workflows.save(LINE, workflow_id="w")
        yield Desk(ledger, executed)


def once(run_ids: list[str]) -> list[tuple[str, str]]:
    return sorted((run_id, node) for run_id in run_ids for node in "ab")


async def test_what_is_due_is_executed_and_no_job_is_left(desk: Desk) -> None:
    start = desk.ledger.runs.start
    runs = [start("w", payload=payload, wait=False).id for payload in ("", "flaky", "ask")]
    async with desk.worker(name="one", concurrency=4):
        runs.append(start("w", wait=False).id)
        await desk.completed(runs)
        await desk.emptied()
    claims = [event for event in desk.ledger.history.events(runs[0]) if event.type == "run.claimed"]
    assert [claim.by for claim in claims] == ["one"]
    assert desk.sql("SELECT version FROM flowledger_cluster") == [(INSTALLED,)]
    store_schema = desk.ledger._store.recorder.datastore.store_schema  # type: ignore[attr-defined]
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'procrastinate%%'"
    assert desk.sql(tables, store_schema) == [(0,)]
    assert desk.ledger.verify().ok


async def test_jobs_that_are_lost_are_deferred_again(desk: Desk) -> None:
    runs = [desk.ledger.runs.start("w", wait=False).id for _ in range(10)]
    async with desk.sweeping() as sweep:
        await sweep()
        assert [lock for lock, _ in desk.jobs()] == runs
        desk.sql("DELETE FROM procrastinate_jobs")
        await sweep()
        await sweep()
        assert sorted(desk.jobs()) == sorted((run, "todo") for run in runs)  # each once, however often it is swept
        desk.sql("DELETE FROM procrastinate_jobs")
    async with desk.worker():
        await desk.completed(runs)
    assert sorted(desk.executed) == once(runs)


async def test_a_sweep_that_another_one_overtakes_defers_the_rest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from procrastinate.manager import JobManager

    async def none(*_: Any, **__: Any) -> list[Any]:
        return []

    runs = [desk.ledger.runs.start("w", wait=False).id for _ in range(3)]
    async with desk.sweeping() as sweep:
        await sweep()
        runs.append(desk.ledger.runs.start("w", wait=False).id)
        monkeypatch.setattr(JobManager, "list_jobs_async", none)  # as if they had come since
        await sweep()
        assert sorted(desk.jobs()) == sorted((run, "todo") for run in runs)


async def test_jobs_that_come_twice_or_for_nothing_execute_nothing_twice(desk: Desk) -> None:
    runs = [desk.ledger.runs.start("w", wait=False).id for _ in range(10)]
    ended = desk.ledger.runs.start("w").id
    prepare_schema(desk.conninfo, desk.schema)
    doubled = """
        INSERT INTO procrastinate_jobs (queue_name, task_name, args)
        SELECT %s, %s, jsonb_build_object('run_id', run) FROM unnest(%s::text[]) AS run, generate_series(1, 4)
    """
    desk.sql(doubled, QUEUE, TASK, [*runs, ended, "nobody"])
    before = list(desk.executed)
    async with desk.worker(concurrency=8):
        await desk.completed(runs)
        await desk.emptied()
    assert sorted(desk.executed) == sorted(before + once(runs))
    assert desk.ledger.verify().ok


async def test_jobs_that_a_dead_worker_has_hold_up_nothing_and_are_dropped(desk: Desk) -> None:
    runs = [desk.ledger.runs.start("w", wait=False).id for _ in range(5)]
    async with desk.sweeping() as sweep:
        await sweep()
        desk.sql("INSERT INTO procrastinate_workers (last_heartbeat) VALUES ('2000-01-01')")
        desk.sql("UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM procrastinate_workers)")
        await sweep()
        assert sorted(desk.jobs()) == sorted((run, "todo") for run in runs)
        desk.sql("UPDATE procrastinate_jobs SET status = 'doing'")  # of nobody
    async with desk.worker():
        await desk.completed(runs)
        await desk.emptied()
    assert sorted(desk.executed) == once(runs)


KILLED = """
import asyncio, os, signal, sys
import flowledger as fl

executors = fl.ExecutorRegistry()

@executors.register("note")
def note(step):
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    with fl.open_ledger(sys.argv[1], executors) as ledger:
        async with ledger.aworker(cluster=True, lease=1.5):
            await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_run_of_a_worker_that_is_killed_is_recovered_by_its_lease(desk: Desk, tmp_path: Path) -> None:
    run = desk.ledger.runs.start("w", wait=False)
    (tmp_path / "killed.py").write_text(KILLED)
    done = subprocess.run([sys.executable, tmp_path / "killed.py", str(desk.ledger._store.url)], timeout=PATIENCE)
    assert done.returncode < 0
    assert desk.ledger.runs.get(run.id).status == "active"
    assert [status for _, status in desk.jobs()] == ["doing"]
    async with desk.worker():
        await desk.completed([run.id])
    types = [event.type for event in desk.ledger.history.events(run.id)]
    assert types.count("run.recovered") == 1
    assert desk.executed == [(run.id, "a"), (run.id, "b")]


async def test_tables_of_an_earlier_release_are_brought_up_to_date(desk: Desk) -> None:
    first, *later = [file.name for file in migrations_after("0.0.-1")]
    assert first.startswith("00.00.00")
    assert [name for name in later if name.startswith("03.04")] == [file.name for file in migrations_after("3.3.0")]
    desk.sql(f'CREATE SCHEMA "{desk.schema}"')
    for file in migrations_after("0.0.-1"):
        if not file.name.startswith("03.04"):
            desk.sql(file.read_text().replace("%", "%%"))
    desk.sql("CREATE TABLE flowledger_cluster (version text NOT NULL)")
    desk.sql("INSERT INTO flowledger_cluster VALUES ('3.3.0')")
    runs = [desk.ledger.runs.start("w", wait=False).id]
    async with desk.worker():
        await desk.completed(runs)
    assert desk.sql("SELECT version FROM flowledger_cluster") == [(INSTALLED,)]
    desk.sql("UPDATE flowledger_cluster SET version = '99.0.0'")
    with pytest.raises(fl.StorageUnavailable, match=r"Procrastinate 99\.0\.0"):
        prepare_schema(desk.conninfo, desk.schema)


async def test_while_jobs_can_not_be_handed_out_the_worker_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def away(*call: Any) -> None:
        calls.append(1)
        if len(calls) < 3:
            raise fl.StorageUnavailable("the server is away")
        prepare_schema(*call)

    monkeypatch.setattr("flowledger.infrastructure.operations.cluster.worker.prepare_schema", away)
    runs = [desk.ledger.runs.start("w", wait=False).id]
    async with desk.worker():
        await desk.completed(runs)
    assert len(calls) == 3


def test_only_a_ledger_on_postgresql_has_a_cluster(tmp_path: Path) -> None:
    with fl.open_ledger(f"sqlite:///{tmp_path / 'a.db'}", fl.ExecutorRegistry()) as ledger:
        with pytest.raises(fl.InvalidRequest, match="needs a ledger on PostgreSQL"):
            ledger.aworker(cluster=True)
        assert not isinstance(ledger.aworker(), ClusterWorker)


def test_names_of_schemas_stay_within_what_postgresql_takes() -> None:
    names = {schema_of(name) for name in ("a", "x" * 63, "x" * 62 + "y")}
    assert len(names) == 3
    assert all(len(name.encode()) <= 63 for name in names)
    assert jobs_schema.schema_of("public") == "public_cluster"
