"""The machine's clock is set while a step works: how long it took, and when a retry is due, are right all the same."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

import flowledger as fl

HOUR = 3600
ONE = {"nodes": [{"id": "call", "type": "call"}]}
MINUTE = timedelta(minutes=1)


class WallClock:
    """The machine's, which may be set."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.ahead = 0
        right: Callable[[], int] = time.time_ns
        patch.setattr(time, "time_ns", lambda: right() + self.ahead * 1_000_000_000)

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() / 1e9, UTC)


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Iterator[WallClock]:
    yield WallClock(monkeypatch)
    monkeypatch.undo()


def registry(wall: WallClock, seconds: int) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()

    @executors.register("call")
    def call(step: fl.StepContext) -> None:
        wall.ahead += seconds
        raise fl.RetryLater("busy", after=600.0)

    return executors


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
def test_an_engine_times_a_step_by_a_clock_that_nobody_sets(wall: WallClock, seconds: int) -> None:
    snapshot = fl.Engine(fl.WorkflowDefinition.model_validate(ONE), registry(wall, seconds)).execute()
    assert 0 <= (snapshot.total_execution_time or 0) < 60_000
    assert snapshot.retry_state is not None
    assert snapshot.retry_state.next_retry_at is not None
    assert abs(snapshot.retry_state.next_retry_at - wall.now() - timedelta(seconds=600)) < MINUTE


@pytest.mark.parametrize("seconds", [HOUR, -HOUR])
@pytest.mark.parametrize("url", ["memory:", "sqlite"])
def test_a_ledger_does_the_same(wall: WallClock, seconds: int, url: str, tmp_path: object) -> None:
    url = url if url == "memory:" else f"sqlite:///{tmp_path}/s.db"
    with fl.open_ledger(url, registry(wall, seconds)) as ledger:
        ledger.workflows.save(ONE, workflow_id="w")
        run = ledger.runs.start("w")
        (attempt,) = ledger.history.audit(run.id).attempts
        assert timedelta(0) <= attempt.finished_at - attempt.started_at < MINUTE
        assert 0 <= (run.snapshot.total_execution_time or 0) < 60_000
        last = [*ledger.history.events(run.id)][-1]
        assert run.next_due_at is not None
        # The ledger's clock follows one that is set forward, and goes on where it is set back.
        assert abs(run.next_due_at - last.recorded_at - timedelta(seconds=600)) < MINUTE
        assert ledger.verify().ok


def test_a_callers_clock_times_the_steps_as_well() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    def call(step: fl.StepContext) -> None:
        nonlocal now
        now += timedelta(hours=2)

    executors = fl.ExecutorRegistry()
    executors.register("call")(call)
    engine = fl.Engine(fl.WorkflowDefinition.model_validate(ONE), executors, clock=lambda: now)
    assert engine.execute().total_execution_time == 2 * HOUR * 1000
