"""A step that takes longer than its timeout has failed; its executor is told, cancelled where that can be, and left."""

import asyncio
import functools
import itertools
import threading
from concurrent.futures import Future
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.execution.step import Returned
from flowledger.domain.execution.step_loop import Execute
from flowledger.infrastructure.concurrency.threads import ThreadPool
from flowledger.infrastructure.execution import awaiting, timed_call

from .harness import MAX_WAIT, ONE, SHORT, WAYS, Slow, first_step, outcomes


def opened(slow: Slow, url: str = "memory:", **given: Any) -> fl.Ledger:
    ledger = fl.open_ledger(url, slow.executors, **given)
    ledger.workflows.save(ONE, workflow_id="w", by="ada")
    return ledger


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_step_that_is_out_of_time_fails_with_an_error_of_its_own(way: str, is_async: bool, store_url: str) -> None:
    slow = Slow(is_async=is_async)
    with opened(slow, store_url) as ledger:
        run = WAYS[way](ledger)
        assert (run.status, outcomes(ledger, run)) == ("failed", ["StepTimedOut"])
        assert run.snapshot.context["slow"][-1].error == (
            "StepTimedOut: node 'slow' took longer than its timeout of 0.05 s"
        )
        (row,) = ledger.history.runs(status="failed")
        assert row.id == run.id
        assert ledger.verify().ok
    if is_async:
        assert slow.reasons == ["timed out"]  # it was cancelled, and had cleaned up before the failure was recorded


@pytest.mark.parametrize("is_async", [False, True])
def test_it_does_so_in_an_engine(is_async: bool) -> None:
    for call in (lambda engine: engine.execute(), lambda engine: asyncio.run(engine.aexecute())):
        slow = Slow(is_async=is_async)
        snapshot = call(fl.Engine(fl.WorkflowDefinition.model_validate(ONE), slow.executors))
        assert snapshot.status == "failed"
        assert str(snapshot.context["slow"][-1].error).startswith("StepTimedOut: ")


@pytest.mark.parametrize("way", WAYS)
def test_what_a_sync_executor_returns_late_is_dropped(way: str) -> None:
    slow = Slow(is_async=False, timeout=SHORT)
    ended = threading.Event()

    @slow.executors.register("stuck", timeout=SHORT)
    def stuck(step: fl.StepContext) -> str:
        slow.let_go.wait(MAX_WAIT)
        step.log.warning("late")
        ended.set()
        return "late"

    with fl.open_ledger("memory:", slow.executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "stuck"}]}, workflow_id="w")
        run = WAYS[way](ledger)
        before = [event.data for event in ledger.history.events(run.id)]
        slow.let_go.set()
        assert ended.wait(MAX_WAIT)
        assert [event.data for event in ledger.history.events(run.id)] == before
        assert (run.status, "logs" in before[-1]) == ("failed", False)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_async", [False, True])
def test_the_next_attempt_and_the_next_step_are_executed_elsewhere(way: str, is_async: bool) -> None:
    slow = Slow(is_async=is_async)
    done = threading.Event()
    attempts: list[int] = []
    threads: list[int] = []

    @slow.executors.register("twice", timeout=0.5, retry=fl.RetryPolicy(max_retries=1, interval=0))
    def twice(step: fl.StepContext) -> str:
        attempts.append(step.attempt)
        threads.append(threading.get_ident())
        if step.attempt == 1:
            slow.let_go.wait(MAX_WAIT)
            done.set()
        return "in time"

    with fl.open_ledger("memory:", slow.executors, threads=1) as ledger:
        nodes = [{"id": "a", "type": "twice"}, {"id": "b", "type": "next"}]
        ledger.workflows.save({"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}, workflow_id="w")
        run = WAYS[way](ledger)
        assert run.status == "error"
        run = ledger.runs.proceed(run.id)
        assert (run.status, attempts, outcomes(ledger, run)) == ("completed", [1, 2], ["StepTimedOut", "", ""])
        assert not done.is_set()  # the first attempt is still there, and holds none of the threads
        assert len(set(threads)) == 2
        slow.let_go.set()
        assert done.wait(MAX_WAIT)


def test_a_sync_executor_without_a_timeout_stays_in_the_calling_thread() -> None:
    slow = Slow(is_async=False, timeout=None, retry=None)
    slow.executors = fl.ExecutorRegistry()
    slow.executors.register("slow")(slow.go_on)
    slow.executors.register("next", timeout=MAX_WAIT)(slow.go_on)
    with opened(slow) as ledger:
        assert ledger.runs.start("w").status == "completed"
    assert slow.threads[0] == threading.get_ident() != slow.threads[1]


@pytest.mark.parametrize("way", WAYS)
def test_an_async_executor_that_refuses_to_end_is_left(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(awaiting, "GRACE", 0.01)
    slow = Slow(is_async=True)
    refused: list[str] = []

    @slow.executors.register("stubborn", timeout=SHORT)
    async def stubborn(step: fl.StepContext) -> str:
        while len(refused) < 2:  # the second one is that of asyncio.run
            try:
                await asyncio.sleep(MAX_WAIT)
            except asyncio.CancelledError:
                refused.append(str(step.cancelled.reason))
        return "at last"

    with fl.open_ledger("memory:", slow.executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "stubborn"}]}, workflow_id="w")
        run = WAYS[way](ledger)
        assert (run.status, outcomes(ledger, run)) == ("failed", ["StepTimedOut"])
    assert refused[0] == "timed out"


@pytest.mark.parametrize("way", ["start", "start in async code"])
def test_a_sync_call_doesnt_wait_for_what_an_async_executor_left_in_a_thread(way: str) -> None:
    slow = Slow(is_async=True)
    ended = threading.Event()

    def block() -> None:
        slow.let_go.wait(MAX_WAIT)
        ended.set()

    @slow.executors.register("leaves", timeout=SHORT)
    async def leaves(step: fl.StepContext) -> None:
        await asyncio.to_thread(block)

    with fl.open_ledger("memory:", slow.executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "leaves"}]}, workflow_id="w")
        assert outcomes(ledger, WAYS[way](ledger)) == ["StepTimedOut"]
        assert not ended.is_set()
        slow.let_go.set()
        assert ended.wait(MAX_WAIT)


@pytest.mark.parametrize("way", WAYS)
def test_the_time_of_a_function_that_returns_an_awaitable_is_that_of_both(way: str) -> None:
    slow = Slow(is_async=True)
    slow.executors.register("both", timeout=SHORT)(lambda step: slow.await_it(step))
    with fl.open_ledger("memory:", slow.executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "both"}]}, workflow_id="w")
        assert outcomes(ledger, WAYS[way](ledger)) == ["StepTimedOut"]
    assert slow.reasons == ["timed out"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_ends_in_time_is_as_without_a_timeout(way: str, is_async: bool) -> None:
    executors = fl.ExecutorRegistry()
    seen: list[bool] = []

    def work(step: fl.StepContext) -> Any:
        seen.append(step.cancelled.is_set())
        if step.node.id == "b":
            raise LookupError("no luck")
        return {"runs": step.runs}

    async def awork(step: fl.StepContext) -> Any:
        await asyncio.sleep(0)
        return work(step)

    executors.register("work", timeout=MAX_WAIT)(awork if is_async else work)
    nodes = [{"id": "a", "type": "work"}, {"id": "b", "type": "work"}]
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": [{"source": "a", "target": "b"}]}, workflow_id="w")
        run = WAYS[way](ledger)
        assert (run.status, outcomes(ledger, run), seen) == ("failed", ["", "LookupError"], [False, False])
        error = [*ledger.history.events(run.id)][-1].data["error"]
        assert "in work" in error["traceback"]


@pytest.mark.parametrize("on", [("on", fl.StepTimedOut), ("on", TimeoutError), ("on", "StepTimedOut"), None])
def test_the_policy_says_whether_it_is_tried_again(on: tuple[str, Any] | None) -> None:
    chosen = {} if on is None else {on[0]: (on[1],)}
    for policy, status in (
        (fl.RetryPolicy(max_retries=1, interval=60.0, **chosen), "error"),
        (fl.RetryPolicy(max_retries=1, **chosen, never=("TimeoutError",)), "failed"),
        (fl.RetryPolicy(max_retries=1, on=("LookupError",)), "failed"),
    ):
        with opened(Slow(is_async=False, retry=policy)) as ledger:
            run = ledger.runs.start("w")
            assert run.status == status
            due = [event.data.get("retry_at") for event in ledger.history.events(run.id)][-1]
            assert (due is not None) == (status == "error")


def test_a_nodes_own_timeout_comes_before_that_of_its_executor() -> None:
    slow = Slow(is_async=False, timeout=MAX_WAIT)
    node = {"id": "a", "type": "slow", "timeout": SHORT}
    with fl.open_ledger("memory:", slow.executors) as ledger:
        saved = ledger.workflows.save({"nodes": [node]}, workflow_id="w")
        assert saved.definition.to_data()["nodes"] == [node]
        assert outcomes(ledger, ledger.runs.start("w")) == ["StepTimedOut"]
        again = ledger.workflows.get("w")
        assert (again.digest, again.definition.nodes[0].timeout) == (saved.digest, SHORT)


@pytest.mark.parametrize("timeout", [0, -1, True, "30", float("nan"), float("inf"), 1e300, 10**400, [], {}])
def test_a_timeout_that_is_no_time_is_refused_where_it_is_given(timeout: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match=r"executor type 'a': .* (is no timeout: give seconds|more than ten)"):
        fl.ExecutorRegistry().register("a", timeout=timeout)(len)
    with pytest.raises(fl.InvalidDefinition, match=r"nodes\[0\].timeout: .* (is no timeout: give seconds|more than)"):
        fl.WorkflowDefinition.model_validate({"nodes": [{"id": "a", "type": "t", "timeout": timeout}]})


def test_the_time_begins_when_a_thread_has_taken_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, busy = ThreadPool("busy", 1), threading.Event()
    pool.submit(busy.wait, MAX_WAIT)
    executors = fl.ExecutorRegistry()
    executors.register("a")(lambda step: "done")
    asked = Execute(next(iter(executors)), first_step(), None, SHORT)
    timed = timed_call._TimedCall(asked)
    call = timed.begin(pool)
    monkeypatch.setattr(timed_call, "monotonic", lambda: 1e9)
    assert not timed.is_over()
    assert timed.patience() >= SHORT
    busy.set()
    assert call.future.result(MAX_WAIT) == Returned("done")
    pool.close()


@pytest.mark.parametrize("timeout", [None, MAX_WAIT])
@pytest.mark.parametrize("is_async", [False, True])
async def test_who_cancels_a_call_tells_the_executor(timeout: float | None, is_async: bool) -> None:
    slow = Slow(is_async=is_async, timeout=timeout)
    begun, told = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def block(step: fl.StepContext) -> Any:
        loop.call_soon_threadsafe(begun.set)
        slow.block(step)
        told.set()

    async def await_it(step: fl.StepContext) -> Any:
        begun.set()
        try:
            await slow.await_it(step)
        finally:
            told.set()

    slow.executors.register("told", timeout=timeout)(await_it if is_async else block)
    async with fl.open_ledger("memory:", slow.executors) as ledger:
        await ledger.workflows.asave({"nodes": [{"id": "a", "type": "told"}]}, workflow_id="w")
        call = asyncio.ensure_future(ledger.runs.astart("w"))
        await begun.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(told.wait, MAX_WAIT)
        (row,) = await ledger.history.aruns()
        assert row.status == "active"
    assert slow.reasons == [None if is_async and timeout is None else "interrupted"]


def test_a_replay_takes_a_step_that_timed_out_from_the_record() -> None:
    slow = Slow(is_async=False)
    with opened(slow) as ledger:
        run = ledger.runs.start("w")
        slow.let_go.set()
        executors = fl.ExecutorRegistry()
        executors.register("slow")(lambda step: "quick by now")
        executors.register("next")(slow.go_on)
        report = ledger.history.replay(run.id)
        assert (report.ok, report.executed, report.taken) == (True, 0, 1)


# --- a result that comes as the time ends -----------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("is_async", [False, True])
def test_a_result_that_comes_as_the_time_ends_is_recorded_or_dropped_and_never_both(
    way: str, is_async: bool, store_url: str
) -> None:
    timeout = 0.003

    def work(step: fl.StepContext) -> str:
        step.cancelled.wait(timeout)
        return "just in time"

    async def awork(step: fl.StepContext) -> str:
        await asyncio.sleep(timeout)
        return "just in time"

    executors = fl.ExecutorRegistry()
    executors.register("race", timeout=timeout)(awork if is_async else work)
    line = [{"id": f"n{number}", "type": "race"} for number in range(5)]
    edges = [
        {"source": one["id"], "target": other["id"], "on": on}
        for one, other in itertools.pairwise(line)
        for on in ("success", "failure")
    ]
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": line, "edges": edges}, workflow_id="w")
        run = WAYS[way](ledger)
        events = [event for event in ledger.history.events(run.id) if event.type.startswith("run.step_")]
        assert [event.data["node_id"] for event in events] == [node["id"] for node in line]
        for event in events:
            assert ("error" in event.data) != (event.data.get("output") == "just in time")
        assert ledger.verify().ok


@pytest.mark.parametrize("has_come", [False, True])
def test_what_is_there_when_the_time_is_over_counts(has_come: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, answer = threading.Event(), Future[str]()
    executors = fl.ExecutorRegistry()

    @executors.register("a")
    def wait(step: fl.StepContext) -> str:
        begun.set()
        return answer.result(MAX_WAIT)

    step = first_step()
    asked = Execute(next(iter(executors)), step, None, SHORT)
    pool = ThreadPool("one", 1)
    timed = timed_call._TimedCall(asked)
    call = timed.begin(pool)
    if has_come:
        answer.set_result("there")
        call.future.result(MAX_WAIT)
    else:
        assert begun.wait(MAX_WAIT)
    monkeypatch.setattr(timed_call, "monotonic", functools.partial(float, 1e9))
    assert timed.is_over()
    outcome = timed.conclude().outcome
    timed.leave()
    assert outcome == Returned("there") if has_come else "StepTimedOut" in repr(outcome)
    assert step.cancelled.reason == (None if has_come else "timed out")
    if not has_come:
        answer.set_result("late")
    pool.close()
