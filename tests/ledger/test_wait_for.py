"""Waiting for a run that somebody else executes."""

import asyncio
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.queries.index.reader import Index

from ..conftest import BACKENDS, url_of

LONG = 60.0
"""Seconds after which a test gives up."""

executors = fl.ExecutorRegistry()


@executors.register("ask")
def ask(step: fl.StepContext) -> Any:
    return step.answer.payload if step.answer else fl.Pause(reason="go on?")


@executors.register("echo")
def echo(step: fl.StepContext) -> Any:
    return step.payload


@executors.register("fail")
def fail(step: fl.StepContext) -> Any:
    raise fl.NonRetryable("no")


@pytest.fixture(params=BACKENDS)
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[fl.Ledger, fl.Ledger]]:
    """Who waits, and who executes, as in two processes where that is possible."""
    url = url_of(request.param, request)
    with fl.open_ledger(url, executors) as there:
        for type in ("ask", "echo", "fail"):
            definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": type}], "edges": []})
            there.workflows.save(definition, workflow_id=type, by="ada")
        if url == "memory:":
            yield there, there
        else:
            with fl.open_ledger(url) as here:
                yield here, there


def queued(ledger: fl.Ledger, workflow_id: str = "echo") -> str:
    return ledger.runs.start(workflow_id, wait=False).id


def test_who_waits_gets_the_run_when_it_has_ended(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = queued(there)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(here.runs.wait_for, run_id, timeout=LONG)
        there.runs.proceed(run_id)
        run = waiting.result()
    assert (run.id, run.status) == (run_id, "completed")
    assert run == there.runs.get(run_id)


async def test_a_task_waits_without_a_thread_of_its_own(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = await asyncio.to_thread(queued, there)
    waiting = asyncio.create_task(here.runs.await_for(run_id, timeout=LONG))
    await asyncio.to_thread(there.runs.proceed, run_id)
    assert (await waiting).status == "completed"


def test_a_run_that_stands_so_is_returned_at_once_whatever_the_timeout(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    asked = there.runs.start("ask")
    assert here.runs.wait_for(asked.id, timeout=0).status == "paused"
    assert here.runs.wait_for(asked.id, until="paused", timeout=0).status == "paused"


def test_a_pause_is_waited_for_and_then_the_end(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = queued(there, "ask")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(here.runs.wait_for, run_id, timeout=LONG)
        there.runs.proceed(run_id)
        assert [wait.reason for wait in waiting.result().waits] == ["go on?"]
        waiting = pool.submit(here.runs.wait_for, run_id, ("completed", "failed"), LONG)
        there.runs.resume(run_id, payload="yes")
        assert waiting.result().status == "completed"


def test_the_timeout_is_an_error_that_has_the_run(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = queued(there)
    with pytest.raises(TimeoutError, match=rf"{run_id}' is active, and not completed or paused .* 0.05 s") as error:
        here.runs.wait_for(run_id, until=("completed", "paused"), timeout=0.05)
    assert isinstance(error.value, fl.NotReached)
    assert error.value.run == here.runs.get(run_id)
    assert here.runs.get(run_id).version == 1


async def test_the_timeout_of_a_task_is_the_same_error(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = await asyncio.to_thread(queued, there)
    with pytest.raises(fl.NotReached) as error:
        await here.runs.await_for(run_id, timeout=0.05)
    assert error.value.run.id == run_id


def test_a_run_that_ends_otherwise_is_not_waited_for_any_longer(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = queued(there, "fail")
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(here.runs.wait_for, run_id, "completed")
        there.runs.proceed(run_id)
        with pytest.raises(fl.NotReached, match=r"is failed, and not completed$"):
            waiting.result(LONG)
    with pytest.raises(fl.NotReached):
        here.runs.wait_for(run_id, "paused")


def test_bad_calls_are_refused(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = queued(there)
    with pytest.raises(fl.RunNotFound):
        here.runs.wait_for("none", timeout=0)
    for until in ("done", (), ("completed", "done"), None, 3, [1]):
        with pytest.raises(fl.InvalidRequest, match="until"):
            here.runs.wait_for(run_id, until=until, timeout=0)  # type: ignore[arg-type]
    for timeout in (-1, float("nan"), True, "1"):
        with pytest.raises(fl.InvalidRequest, match="timeout"):
            here.runs.wait_for(run_id, timeout=timeout)  # type: ignore[arg-type]
    with pytest.raises(fl.InvalidRequest, match="run id"):
        here.runs.wait_for(3, timeout=0)  # type: ignore[arg-type]


async def test_a_task_that_is_cancelled_waits_no_longer_and_the_others_do(
    ledgers: tuple[fl.Ledger, fl.Ledger],
) -> None:
    here, there = ledgers
    run_id = await asyncio.to_thread(queued, there)
    tasks = [asyncio.create_task(here.runs.await_for(run_id)) for _ in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(there.runs.proceed, run_id)
    results = await asyncio.wait_for(done, LONG)
    assert [type(result) for result in results] == [asyncio.CancelledError, fl.Run] * 10
    assert not here.runs._services.reader._waiters


def test_a_thousand_who_wait_cost_one_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    statuses = Index.statuses

    def count(self: Index, run_ids: list[str]) -> dict[str, str]:
        if threading.current_thread().name == "flowledger-runs":
            asked.append(len(run_ids))
        return statuses(self, run_ids)

    monkeypatch.setattr(Index, "statuses", count)
    with fl.open_ledger("memory:", executors) as ledger:
        definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "echo"}], "edges": []})
        ledger.workflows.save(definition, workflow_id="echo", by="ada")
        run_ids = [queued(ledger) for _ in range(50)]

        async def wait() -> list[fl.Run]:
            waiting = [asyncio.create_task(ledger.runs.await_for(run_id)) for run_id in run_ids * 20]
            await asyncio.sleep(0)
            for run_id in run_ids:
                await ledger.runs.aproceed(run_id)
            return await asyncio.wait_for(asyncio.gather(*waiting), LONG)

        assert [run.id for run in asyncio.run(wait())] == run_ids * 20
        readers = [thread.name for thread in threading.enumerate() if thread.name == "flowledger-runs"]
        assert len(readers) <= 1
    assert len(asked) <= 2 * len(run_ids) + 10  # a look at most for each commit that wakes it
    assert max(asked) <= len(run_ids)


def test_closing_the_ledger_tells_who_waits(ledgers: tuple[fl.Ledger, fl.Ledger]) -> None:
    here, there = ledgers
    run_id = queued(there)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(here.runs.wait_for, run_id)
        while not here.runs._services.reader._waiters:
            threading.Event().wait(0.01)
        here.close()
        with pytest.raises(fl.StorageUnavailable):
            waiting.result(LONG)


def test_a_run_that_is_damaged_while_somebody_waits_is_told(tmp_path: Path) -> None:
    """As lists show it: after a rebuild of the index, or where an import brought it so."""
    with fl.open_ledger(f"sqlite:///{tmp_path / 'a.db'}", executors) as ledger:
        definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "echo"}], "edges": []})
        ledger.workflows.save(definition, workflow_id="echo", by="ada")
        run_id = queued(ledger)
        with ledger._store.recorder.datastore.write_transaction() as connection:  # type: ignore[attr-defined]
            connection.execute("UPDATE flowledger_index_runs SET status = 'unreadable'")
        with pytest.raises(fl.StorageCorrupt, match="verify"):
            ledger.runs.wait_for(run_id)


def test_a_forked_child_waits_for_itself(durable_url: str) -> None:
    with fl.open_ledger(durable_url, executors) as ledger:
        definition = fl.WorkflowDefinition.model_validate({"nodes": [{"id": "n", "type": "echo"}], "edges": []})
        ledger.workflows.save(definition, workflow_id="echo", by="ada")
        run_id = queued(ledger)
        with pytest.raises(fl.NotReached):
            ledger.runs.wait_for(run_id, timeout=0.05)  # its reader is running
        if (child := os.fork()) == 0:
            code = 1
            try:
                code = 0 if ledger.runs.wait_for(run_id, timeout=LONG).status == "completed" else 2
            finally:
                os._exit(code)
        ledger.runs.proceed(run_id)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
