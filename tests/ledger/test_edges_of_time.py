"""Clocks that go backwards, retries in the far future."""

from datetime import UTC, datetime, timedelta

import flowledger as fl
from flowledger.domain.errors import LONGEST_DELAY

from .harness import GOOD, Harness, policy, raiser


def test_a_snapshot_made_under_a_clock_that_goes_backwards_can_be_read_back() -> None:
    moments = iter(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=-index) for index in range(100))
    executors = fl.ExecutorRegistry()
    executors.register("do")(lambda step: 1)
    with fl.open_ledger("memory:", executors, clock=lambda: next(moments)) as ledger:
        ledger.workflows.save(GOOD, workflow_id="w")
        snapshot = ledger.runs.start("w").snapshot
    assert fl.Snapshot.from_json(snapshot.to_json()) == snapshot


def test_an_executors_time_is_kept_when_its_outcome_is_recorded_after_an_operators_word() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    at = [noon]

    def half_an_hour(step: fl.StepContext) -> int:
        at[0] = noon + timedelta(seconds=1)
        ledger.runs.set_metadata(str(step.run_id), {"note": 1})
        at[0] = noon - timedelta(minutes=30)
        return 1

    executors = fl.ExecutorRegistry()
    executors.register("do")(half_an_hour)
    with fl.open_ledger("memory:", executors, clock=lambda: at[0]) as ledger:
        ledger.workflows.save(GOOD, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        at[0] = noon - timedelta(hours=1)
        assert ledger.runs.proceed(run.id).snapshot.total_execution_time == 30 * 60 * 1000


def test_a_retry_in_the_far_future_leaves_a_readable_run(memory_desk: Harness) -> None:
    memory_desk.ledger.workflows.save(
        policy(maxRetries=1, interval=LONGEST_DELAY, maxInterval=LONGEST_DELAY), workflow_id="far"
    )
    memory_desk.do = raiser(ValueError("no luck"))
    run = memory_desk.ledger.runs.start("far")
    assert run.status == "error"
    assert run.snapshot.retry_state is not None
    assert run.snapshot.context["a"][0].error == "ValueError: no luck"
