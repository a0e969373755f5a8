"""Threads end with their ledger and their process, and nothing waits for one that is stuck."""

import asyncio
import gc
import subprocess
import sys
import textwrap
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.concurrency.threads import ThreadPool

from .harness import MAX_WAIT, Harness


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    pool = ThreadPool("test", 2)
    yield pool
    pool.close()


def threads_called(name: str) -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]


async def test_closing_waits_for_no_step_and_begins_none_that_still_waits_for_a_thread(durable_url: str) -> None:
    harness = Harness(durable_url, threads=1)
    begun = asyncio.create_task(harness.ledger.runs.astart("held"))
    assert await asyncio.to_thread(harness.begun.acquire, timeout=MAX_WAIT)
    waits = asyncio.create_task(harness.ledger.runs.astart("quick"))
    while not harness.ledger._threads.executors._slots.waiting:
        await asyncio.sleep(0)
    harness.ledger.close()
    with pytest.raises(fl.StorageUnavailable, match="closed before this step began"):
        await waits
    harness.let_go.set()
    with pytest.raises(fl.StorageUnavailable):
        await begun
    assert len(harness.names) == 1
    with fl.open_ledger(durable_url, harness.executors) as ledger:
        runs = ledger.history.runs(status="active")
        assert {ledger.runs.proceed(run.id).status for run in runs} == {"completed"}
        assert len(runs) == 2


async def test_a_closed_ledger_tells_async_callers_what_it_tells_others(durable_url: str) -> None:
    ledger = fl.open_ledger(durable_url)
    ledger.close()
    with pytest.raises(fl.StorageUnavailable) as told:
        ledger.history.runs()
    with pytest.raises(fl.StorageUnavailable) as atold:
        await ledger.history.aruns()
    assert str(atold.value) == str(told.value)


def test_threads_end_when_their_pool_is_closed(pool: ThreadPool) -> None:
    both = threading.Barrier(2)
    for future in [pool.submit(both.wait, MAX_WAIT) for _ in range(2)]:
        future.result(MAX_WAIT)
    threads = threads_called("test-")
    assert len(threads) == 2
    pool.close()
    for thread in threads:
        thread.join(MAX_WAIT)
        assert not thread.is_alive()
    assert pool.submit(lambda: "still").result(MAX_WAIT) == "still"  # the store itself says that it is closed


def test_threads_end_when_nobody_has_their_pool_any_more() -> None:
    pool = ThreadPool("forgotten", 2)
    assert pool.submit(lambda: 1).result(MAX_WAIT) == 1
    (thread,) = threads_called("forgotten-")
    del pool
    thread.join(MAX_WAIT)
    assert not thread.is_alive()


def test_an_idle_thread_keeps_nothing_of_what_it_did(pool: ThreadPool) -> None:
    class Value:
        pass

    value = Value()
    known = weakref.ref(value)
    gc.disable()
    try:
        with pytest.raises(ValueError, match="no"):
            pool.submit(_raise, value).result(MAX_WAIT)
        del value
        assert pool.submit(lambda: 1).result(MAX_WAIT) == 1  # by the same thread, which has let go of the other by now
        assert known() is None
    finally:
        gc.enable()


def _raise(value: Any) -> None:
    raise ValueError("no")


def test_what_no_coroutine_can_pass_on_is_told_in_other_words(pool: ThreadPool) -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(asyncio.wait_for(pool.run(next, iter(())), MAX_WAIT))


def test_where_no_thread_can_be_started_its_work_is_refused_and_the_rest_goes_on(
    pool: ThreadPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    first = pool.submit(gate.wait, MAX_WAIT)
    monkeypatch.setattr("flowledger.infrastructure.concurrency.threads.Thread", no_thread)
    for _ in range(3):
        with pytest.raises(fl.StorageUnavailable, match="no thread can be started"):
            pool.submit(gate.wait, MAX_WAIT).result(MAX_WAIT)
    monkeypatch.undo()
    second = pool.submit(gate.wait, MAX_WAIT)
    waiting = [pool.submit(lambda: threading.current_thread().name) for _ in range(2000)]
    monkeypatch.setattr("flowledger.infrastructure.concurrency.threads.Thread", no_thread)
    gate.set()
    assert first.result(MAX_WAIT)
    assert second.result(MAX_WAIT)
    assert {future.result(MAX_WAIT) for future in waiting} <= {"test-1", "test-5"}


def no_thread(**_: Any) -> Any:
    raise RuntimeError("can't start new thread")


def python(script: str) -> str:
    run = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", textwrap.dedent(script)],
        capture_output=True, text=True, timeout=2 * MAX_WAIT,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_a_process_ends_though_a_step_is_stuck() -> None:
    said = python("""
        import asyncio, threading
        import flowledger as fl

        executors, begun = fl.ExecutorRegistry(), threading.Event()

        @executors.register("stuck")
        def stuck(step):
            begun.set()
            threading.Event().wait()

        async def main():
            with fl.open_ledger("memory:", executors) as ledger:
                ledger.workflows.save({"nodes": [{"id": "a", "type": "stuck"}]}, workflow_id="w")
                engine = fl.Engine(ledger.workflows.get("w").definition, executors)
                for call in (ledger.runs.astart("w"), engine.aexecute()):
                    begun.clear()
                    asyncio.ensure_future(call)
                    await asyncio.to_thread(begun.wait)

        asyncio.run(main())
        print("the end")
    """)
    assert said == "the end\n"


def test_a_child_that_was_forked_while_all_threads_were_taken_has_its_own(tmp_path: Any) -> None:
    said = python(f"""
        import asyncio, os, threading
        import flowledger as fl

        executors, begun, let_go = fl.ExecutorRegistry(), threading.Event(), threading.Event()

        @executors.register("held")
        def held(step):
            begun.set()
            let_go.wait()

        @executors.register("forks")
        def forks(step):
            child = os.fork()
            if child == 0:
                run = asyncio.run(ledger.runs.astart("quick"))
                print("in the child", run.status, flush=True)
                os._exit(0)
            return os.waitpid(child, 0)[1]

        executors.register("quick")(lambda step: 1)
        ledger = fl.open_ledger("sqlite:///{tmp_path}/s.db", executors, threads=2)
        for type in ("held", "forks", "quick"):
            ledger.workflows.save({{"nodes": [{{"id": "a", "type": type}}]}}, workflow_id=type)

        async def main():
            held = asyncio.ensure_future(ledger.runs.astart("held"))
            await asyncio.to_thread(begun.wait)
            run = await ledger.runs.astart("forks")
            print("in the parent", run.snapshot.context["a"][0].output, flush=True)
            let_go.set()
            print("in the parent", (await held).status, flush=True)

        asyncio.run(main())
    """)
    assert said.splitlines() == ["in the child completed", "in the parent 0", "in the parent completed"]
