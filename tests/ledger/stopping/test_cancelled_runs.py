"""A step whose run is cancelled, held or taken over while it works: what its executor is told, what is recorded."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

import flowledger as fl
from flowledger.domain.execution.cancellation import CANCELLED, HELD, TAKEN_OVER, Cancellation
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.execution.step_loop import CallSettings, call_settings, step_loop
from flowledger.domain.run import RunState
from flowledger.infrastructure.execution.engine import _THREADS, _FoldOnly
from flowledger.infrastructure.execution.runner import arun_steps, run_steps

from .harness import MAX_WAIT

LINE = {
    "nodes": [{"id": "a", "type": "work"}, {"id": "b", "type": "look"}],
    "edges": [{"source": "a", "target": "b"}],
}


class Told:
    """A run whose first step is told something while it works."""

    def __init__(self, reason: str, *, is_async: bool, timeout: float | None) -> None:
        self.reason = reason
        self.cancellation = Cancellation()
        self.seen: list[Any] = []
        executors = fl.ExecutorRegistry()
        work: Callable[..., Any] = self.await_it if is_async else self.block
        executors.register("work", timeout=timeout, retry=fl.RetryPolicy(max_retries=3, interval=0))(work)
        executors.register("look")(lambda step: self.seen.append(step.cancelled.reason))
        engine: Any = fl.Engine(fl.WorkflowDefinition.model_validate(LINE), executors)
        self.state: RunState = engine._begin(None, "w", None, None)
        settings: CallSettings = call_settings("ada", None, None, engine._now, lambda: 0.5, StepLimits(1000))
        self.steps = step_loop(self.state, engine._plan, settings._replace(cancellation=self.cancellation))

    def tell(self) -> threading.Thread:
        thread = threading.Thread(target=self.cancellation.set, args=(self.reason,))
        thread.start()
        return thread

    def block(self, step: fl.StepContext) -> Any:
        self.tell()
        assert step.cancelled.wait(MAX_WAIT)
        self.seen.append(step.cancelled.reason)
        return "it ended"

    async def await_it(self, step: fl.StepContext) -> Any:
        thread = self.tell()
        try:
            async with asyncio.timeout(MAX_WAIT):
                while self.reason == TAKEN_OVER or thread.is_alive():
                    await asyncio.sleep(0)
                await asyncio.sleep(0)  # had it been cancelled as well, it would hear of that here
        except asyncio.CancelledError:
            self.seen.append(f"cancelled, {step.cancelled.reason}")
            raise
        self.seen.append(step.cancelled.reason)
        return "it ended"

    def run(self, *, in_async: bool) -> None:
        if in_async:
            asyncio.run(arun_steps(self.steps, _FoldOnly(self.state), _THREADS))
        else:
            run_steps(self.steps, _FoldOnly(self.state), _THREADS.executors)


@pytest.mark.parametrize("timeout", [None, MAX_WAIT])
@pytest.mark.parametrize("in_async", [False, True])
def test_an_async_executor_is_cancelled_where_its_run_is_taken_over(in_async: bool, timeout: float | None) -> None:
    told = Told(TAKEN_OVER, is_async=True, timeout=timeout)
    told.run(in_async=in_async)
    assert told.seen == [f"cancelled, {TAKEN_OVER}"]
    snapshot = told.state.snapshot()
    assert (snapshot.status, snapshot.context["a"][-1].error) == (
        "failed",
        f"StepCancelled: node 'a' was stopped while it worked: its run was {TAKEN_OVER}",
    )
    assert snapshot.retry_state is None


@pytest.mark.parametrize("timeout", [None, MAX_WAIT])
@pytest.mark.parametrize("in_async", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("reason", [HELD, CANCELLED])
def test_an_operator_lets_a_step_come_to_its_end_but_tells_it(
    reason: str, is_async: bool, in_async: bool, timeout: float | None
) -> None:
    told = Told(reason, is_async=is_async, timeout=timeout)
    told.run(in_async=in_async)
    # The state isn't held here, as that of a run which was released meanwhile: the next step isn't told to stop.
    assert told.seen == [reason, None if reason == HELD else reason]
    assert told.state.snapshot().context["a"][-1].output == "it ended"


@pytest.mark.parametrize("timeout", [None, MAX_WAIT])
@pytest.mark.parametrize("in_async", [False, True])
@pytest.mark.parametrize("reason", [CANCELLED, TAKEN_OVER])
def test_a_sync_executor_is_told_and_its_outcome_kept(reason: str, in_async: bool, timeout: float | None) -> None:
    told = Told(reason, is_async=False, timeout=timeout)
    told.run(in_async=in_async)
    assert told.seen[0] == reason
    assert told.state.snapshot().context["a"][-1].output == "it ended"


async def test_a_caller_who_is_cancelled_with_the_run_hears_of_it() -> None:
    told = Told(TAKEN_OVER, is_async=True, timeout=None)

    async def cancel_both(step: fl.StepContext) -> None:
        task.cancel()
        told.cancellation.set(TAKEN_OVER)
        await asyncio.Event().wait()

    executors = fl.ExecutorRegistry()
    executors.register("work")(cancel_both)
    executors.register("look")(len)
    engine: Any = fl.Engine(fl.WorkflowDefinition.model_validate(LINE), executors)
    state = engine._begin(None, "w", None, None)
    settings = call_settings("ada", None, None, engine._now, lambda: 0.5, StepLimits(1000))
    steps = step_loop(state, engine._plan, settings._replace(cancellation=told.cancellation))
    task = asyncio.ensure_future(arun_steps(steps, _FoldOnly(state), _THREADS))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (state.status, "a" in state.context) == ("active", False)


@pytest.mark.parametrize("timeout", [None, MAX_WAIT])
def test_nothing_of_a_step_stays_with_its_run(timeout: float | None) -> None:
    told = Told(HELD, is_async=True, timeout=timeout)
    told.run(in_async=False)
    assert told.cancellation._listeners == []
