"""An operator cancels or holds a run while a step of it is under way, in this process or through another ledger."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.services.runs import custody

from .harness import MAX_WAIT, outcomes

LINE = {
    "nodes": [{"id": "a", "type": "work"}, {"id": "b", "type": "next"}],
    "edges": [{"source": "a", "target": "b"}],
}


class Desk:
    """A run whose first step is under way until it is told to stop; and what its executor heard."""

    def __init__(self, url: str, *, is_async: bool, timeout: float | None) -> None:
        self.heard: list[str | None] = []
        self.began = threading.Event()
        executors = fl.ExecutorRegistry()
        work: Callable[..., Any] = self.await_it if is_async else self.block
        executors.register("work", timeout=timeout)(work)
        executors.register("next")(lambda step: self.heard.append(step.cancelled.reason))
        self.ledger = fl.open_ledger(url, executors)
        self.ledger.workflows.save(LINE, workflow_id="w", by="ada")
        self.elsewhere = self.ledger if url == "memory:" else fl.open_ledger(url)

    def block(self, step: fl.StepContext) -> str:
        self.began.set()
        assert step.cancelled.wait(MAX_WAIT)
        self.heard.append(step.cancelled.reason)
        return "it ended"

    async def await_it(self, step: fl.StepContext) -> str:
        self.began.set()
        try:
            async with asyncio.timeout(MAX_WAIT):
                while step.cancelled.reason not in ("held", "cancelled"):
                    await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.heard.append(step.cancelled.reason)
            raise
        self.heard.append(step.cancelled.reason)
        return "it ended"

    def start(self, act: Callable[[str], object], *, in_async: bool) -> fl.Run:
        """Start a run, and do this to it while its first step is under way."""
        runs = self.ledger.runs

        def operate() -> None:
            assert self.began.wait(MAX_WAIT)
            (row,) = self.elsewhere.history.runs(limit=1)
            act(row.id)

        operator = threading.Thread(target=operate)
        operator.start()
        try:
            return asyncio.run(runs.astart("w")) if in_async else runs.start("w")
        finally:
            operator.join(MAX_WAIT)

    def close(self) -> None:
        self.elsewhere.close()
        self.ledger.close()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger hears at once of what was done elsewhere, by leases that no busy machine lets run out."""
    monkeypatch.setattr(custody, "LOOK_EVERY", 0.05)


@pytest.fixture(params=[False, True], ids=["sync executor", "async executor"])
def is_async(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=[None, MAX_WAIT], ids=["no timeout", "timeout"])
def desk(request: pytest.FixtureRequest, is_async: bool, store_url: str) -> Iterator[Desk]:
    desk = Desk(store_url, is_async=is_async, timeout=request.param)
    yield desk
    desk.close()


@pytest.mark.parametrize("in_async", [False, True], ids=["start", "astart"])
def test_a_cancelled_run_lets_its_step_end_but_tells_it(desk: Desk, in_async: bool) -> None:
    run = desk.start(lambda run_id: desk.elsewhere.runs.cancel(run_id, by="ops"), in_async=in_async)
    assert (run.status, desk.heard) == ("cancelled", ["cancelled"])
    assert outcomes(desk.ledger, run) == [""]
    events = [event.type for event in desk.ledger.history.events(run.id)]
    assert events[-2] == "run.cancelled"  # what came of the step is recorded behind it
    assert desk.ledger.verify().ok


@pytest.mark.parametrize("in_async", [False, True], ids=["start", "astart"])
def test_a_held_run_lets_its_step_end_but_tells_it(desk: Desk, in_async: bool) -> None:
    run = desk.start(lambda run_id: desk.elsewhere.runs.hold(run_id, by="ops"), in_async=in_async)
    assert (run.held is not None, desk.heard, outcomes(desk.ledger, run)) == (True, ["held"], [""])
    desk.elsewhere.runs.release(run.id, by="ops")
    assert desk.ledger.runs.proceed(run.id).status == "completed"
    assert desk.heard == ["held", None]


@pytest.mark.parametrize("in_async", [False, True], ids=["start", "astart"])
def test_a_run_that_is_taken_over_stops_its_step_whose_outcome_is_refused(
    is_async: bool, in_async: bool, durable_url: str
) -> None:
    desk = Desk(durable_url, is_async=is_async, timeout=None)
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: "by another")
    executors.register("next")(lambda step: step.cancelled.reason)
    with fl.open_ledger(durable_url, executors) as other, pytest.raises(fl.ConcurrencyError):
        desk.start(lambda run_id: other.runs.proceed(run_id, by="worker-2"), in_async=in_async)
    (row,) = desk.ledger.history.runs()
    run = desk.ledger.runs.get(row.id)
    assert (run.status, run.snapshot.context["a"][-1].output, desk.heard) == ("completed", "by another", ["taken over"])
    assert outcomes(desk.ledger, run) == ["", ""]
    assert desk.ledger.verify().ok
    desk.close()
