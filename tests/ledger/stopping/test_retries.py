"""Which failures are tried again, and when: by the policy, or as the executor asks for it."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

import flowledger as fl

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
ONE = {"nodes": [{"id": "call", "type": "call"}]}


class RateLimited(Exception):
    """Of an application."""


class Declined(Exception):
    """Of an application."""


class Busy(fl.RetryLater):
    """An application's own, which says nothing of when."""

    def __init__(self) -> None:
        Exception.__init__(self, "busy")


class Desk:
    """A ledger with one node, which raises what it is told to, and a clock that is set."""

    def __init__(self, url: str = "memory:", retry: fl.RetryPolicy | None = None, node: Any = None) -> None:
        self.now = NOW
        self.raises: Callable[[fl.StepContext], BaseException] = lambda step: RateLimited("slow down")
        self.attempts: list[int] = []
        executors = fl.ExecutorRegistry()
        executors.register("call", retry=retry)(self.call)
        self.ledger = fl.open_ledger(url, executors, clock=lambda: self.now)
        definition = ONE if node is None else {"nodes": [{**ONE["nodes"][0], **node}]}
        self.ledger.workflows.save(definition, workflow_id="w", by="ada")

    def call(self, step: fl.StepContext) -> Any:
        self.attempts.append(step.attempt)
        raise self.raises(step)

    def start(self, error: BaseException) -> fl.Run:
        self.raises = lambda step: error
        return self.ledger.runs.start("w", by="ada")

    def due(self, run: fl.Run) -> datetime | None:
        state = run.snapshot.retry_state
        return None if state is None else state.next_retry_at


@pytest.mark.parametrize("by_node", [False, True])
def test_only_what_the_policy_covers_is_tried_again(by_node: bool, store_url: str) -> None:
    if by_node:
        retry = None
        node = {
            "retry": {"maxRetries": 1, "interval": 60.0, "on": ["RateLimited", "OSError"], "never": ["TimeoutError"]}
        }
    else:
        retry = fl.RetryPolicy(max_retries=1, interval=60.0, on=(RateLimited, OSError), never=("TimeoutError",))
        node = None
    desk = Desk(store_url, retry, node)
    with desk.ledger:
        for error, is_retried in (
            (RateLimited("slow down"), True),
            (ConnectionError("gone"), True),
            (TimeoutError("slow"), False),
            (Declined("no"), False),
            (fl.NonRetryable("stolen"), False),
        ):
            run = desk.start(error)
            assert (run.status, desk.due(run)) == (
                ("error", NOW + timedelta(seconds=60)) if is_retried else ("failed", None)
            )
            kind = type(error).__name__
            assert run.id in [row.id for row in desk.ledger.history.runs(error_type=kind)]
        assert desk.ledger.verify().ok


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (30.0, NOW + timedelta(seconds=30)),
        (0, NOW),
        (NOW + timedelta(days=2), NOW + timedelta(days=2)),
        (datetime(2026, 3, 4, 9, 0, tzinfo=timezone(timedelta(hours=3))), datetime(2026, 3, 4, 6, 0, tzinfo=UTC)),
        (NOW - timedelta(days=1), NOW),
        (datetime(9999, 12, 31, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_an_executor_says_when_it_is_tried_again(after: Any, due: datetime, store_url: str) -> None:
    policy = fl.RetryPolicy(max_retries=2, interval=600.0, backoff="exponential", jitter=1.0, on=("OSError",))
    desk = Desk(store_url, policy)
    with desk.ledger:
        run = desk.start(fl.RetryLater("429 Too Many Requests", after=after))
        assert (run.status, desk.due(run)) == ("error", due)
        error = [*desk.ledger.history.events(run.id)][-1].data["error"]
        assert (error["type"], error["message"]) == ("RetryLater", "429 Too Many Requests")
        assert run.next_due_at == due
        (row,) = desk.ledger.history.runs(error_type="RetryLater")
        assert row.id == run.id
        audit = desk.ledger.history.audit(run.id)
        last = audit.attempts[-1]
        assert (last.retry_at, last.error and last.error["type"]) == (due, "RetryLater")
        desk.now = due
        desk.raises = lambda step: fl.NonRetryable("the end")
        assert desk.ledger.runs.proceed(run.id).status == "failed"
        assert desk.attempts == [1, 2]
        assert desk.ledger.verify().ok


@pytest.mark.parametrize(("policy", "most"), [(None, 4), (fl.RetryPolicy(max_retries=2), 3), (fl.RetryPolicy(0), 1)])
def test_what_an_executor_asks_for_is_bounded_as_any_retry(policy: fl.RetryPolicy | None, most: int) -> None:
    desk = Desk(retry=policy)
    with desk.ledger:
        run = desk.start(fl.RetryLater("busy", after=1.0))
        while run.status == "error":
            desk.now += timedelta(seconds=1)
            run = desk.ledger.runs.proceed(run.id)
        assert (run.status, desk.attempts) == ("failed", [*range(1, most + 1)])


def test_asked_for_and_other_retries_are_counted_together() -> None:
    desk = Desk(retry=fl.RetryPolicy(max_retries=2, interval=1.0))
    desk.raises = lambda step: fl.RetryLater("busy", after=1.0) if step.attempt != 2 else RateLimited("slow down")
    with desk.ledger:
        run = desk.ledger.runs.start("w")
        while run.status == "error":
            desk.now += timedelta(seconds=1)
            run = desk.ledger.runs.proceed(run.id)
        assert (run.status, desk.attempts) == ("failed", [1, 2, 3])


def test_never_refuses_what_an_executor_asks_for() -> None:
    desk = Desk(retry=fl.RetryPolicy(never=("RetryLater",)))
    with desk.ledger:
        assert desk.start(fl.RetryLater("busy", after=1.0)).status == "failed"


def test_one_of_an_applications_own_that_doesnt_say_when_is_due_at_once() -> None:
    desk = Desk()
    with desk.ledger:
        run = desk.start(Busy())
        assert (run.status, desk.due(run)) == ("error", NOW)


class NoZone(tzinfo):
    def utcoffset(self, dt: datetime | None) -> None:
        return None


@pytest.mark.parametrize(
    "after",
    [
        -1,
        True,
        "30",
        None,
        float("nan"),
        float("inf"),
        1e300,
        10**400,
        datetime(2026, 1, 1),  # noqa: DTZ001 - that is what it is about
        datetime(2026, 1, 1, tzinfo=NoZone()),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
        timedelta(seconds=3),
    ],
)
def test_a_time_that_is_none_fails_the_step_for_good_and_says_so(after: Any) -> None:
    with pytest.raises(fl.InvalidValue, match=r"^after: "):
        fl.RetryLater("busy", after=after)
    desk = Desk(retry=fl.RetryPolicy(max_retries=3, interval=0))
    desk.raises = lambda step: fl.RetryLater("busy", after=after)
    with desk.ledger:
        run = desk.ledger.runs.start("w")
        assert (run.status, desk.attempts) == ("failed", [1])
        assert str(run.snapshot.context["call"][-1].error).startswith("InvalidValue: after: ")


def test_the_engine_alone_does_the_same() -> None:
    desk = Desk()
    definition = fl.WorkflowDefinition.model_validate(ONE)
    desk.raises = lambda step: fl.RetryLater("busy", after=30.0)
    executors = fl.ExecutorRegistry()
    executors.register("call")(desk.call)
    engine = fl.Engine(definition, executors, clock=lambda: NOW)
    for snapshot in (engine.execute(), asyncio.run(engine.aexecute())):
        state = json.loads(snapshot.to_json())["retryState"]
        assert state == {"nodeId": "call", "attempts": 1, "nextRetryAt": 1772600797000}


def test_a_policy_of_a_node_is_kept_as_it_was_written() -> None:
    retry = {"maxRetries": 3, "on": ["TimeoutError"], "never": ["mail.Bounced"], "factor": 3, "backoff": "exponential"}
    desk = Desk(node={"retry": retry})
    with desk.ledger:
        assert desk.ledger.workflows.get("w").definition.to_data()["nodes"][0]["retry"] == retry
