"""A value of each public class, found in what a ledger answers."""

import copy
import dataclasses
import inspect
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import flowledger as fl

from ..transfer.story import Story

LIVE = {
    "AsyncSubscription",
    "AsyncWorker",
    "BulkOperation",
    "Engine",
    "ExecutorRegistry",
    "Inside",
    "KeyRing",
    "Ledger",
    "RunWalk",
    "StepCancellation",
    "StepContext",
    "Subscription",
    "Telemetry",
    "Worker",
}
"""What is no value: it holds a store, threads or functions."""


def pickled(value: Any, protocol: int | None = None) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))  # noqa: S301 - what was pickled here


WAYS: dict[str, Callable[[Any], Any]] = {
    **{
        f"pickle protocol {protocol}": partial(pickled, protocol=protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
    "copy": copy.copy,
    "deep copy": copy.deepcopy,
}


WORKER = fl.WorkerStatus(
    id="0af1",
    name="billing-1",
    host="one",
    pid=7,
    release="1.0",
    started_at=datetime(2026, 1, 1, tzinfo=UTC),
    last_seen=datetime(2026, 1, 1, tzinfo=UTC),
    lease_until=datetime(2026, 1, 1, tzinfo=UTC),
    is_alive=True,
    is_worker=True,
    running=("r",),
    concurrency=8,
    limits={"charge": 2},
    workflows=("w",),
    lacking={"v@1": "it lacks executors"},
)


def public_classes() -> dict[str, type]:
    return {name: public for name in fl.__all__ if inspect.isclass(public := getattr(fl, name))}


def answers(folder: Path) -> Iterator[Any]:
    """What a ledger with some history answers to nearly all that can be asked."""
    story = Story(f"sqlite:///{folder / 'story.db'}")
    with story.ledger as ledger:
        workflows, runs, history = ledger.workflows, ledger.runs, ledger.history
        yield runs.get(story.first)
        yield [WORKER]
        yield history.snapshot(story.first, version=2)
        yield [*history.events(story.first)]
        yield [*history.snapshots(story.retried)]
        yield [history.header(story.first), history.runs(), history.work_orders(), runs.work_order(story.order)]
        yield ledger.bulk.preview("retry", [story.first, "nobody"])
        action = ledger.bulk.run(ledger.bulk.request("cancel", [story.first], by="ivo").id)
        yield [action, *ledger.bulk.items(action.id), *ledger.bulk.list()]
        yield [workflows.get("mail"), workflows.list(), workflows.versions("mail"), workflows.diff("mail", 1, 3)]
        yield [history.audit(run_id) for run_id in (story.first, story.repeated, story.retried)]
        yield [*history.trail()]
        yield [history.diff(story.first, 2, 4), history.compare(story.first, story.retried)]
        yield [history.timings("mail"), history.reused(story.retried), history.lineage(story.retried)]
        yield [history.trace(story.first, 2), ledger.status(), ledger.health()]
        yield [history.replay(story.first), history.replay(story.stranger, verify=False)]
        yield [runs.retry(story.first, "send", preview=True), *runs.cancel_all([story.stranger])]
        yield [history.export(story.retried, folder / "run.jsonl"), ledger.verify(), ledger.search.lag()]
        yield ledger.backup(folder / "copy.db")
        yield [history.walk(story.first).changes(version) for version in range(1, 5)]
        with fl.open_ledger("memory:") as other:
            yield other.history.import_(folder / "run.jsonl")
    yield from small_answers()
    yield from effects_answers()
    yield from (fl.Batch(), fl.RetryPolicy(max_retries=2), fl.StepResult([1], "left"))
    yield from (fl.PoolUse(10, 1, 0), fl.Stranded("w", 1, 3, "no worker is there"))
    yield fl.OddTime(10**18)
    yield [
        fl.TimeStamp(datetime(2026, 1, 1, tzinfo=UTC), b"an answer"),
        fl.SignedCheckpoint("example.com/s", 1, "0" * 64, datetime(2026, 1, 1, tzinfo=UTC), "a note"),
        fl.ConsistencyReport(
            "example.com/s",
            2,
            1,
            (fl.ConsistencyFinding("r", 2, "cut", "it is gone"),),
            (fl.EndedHistory(1, datetime(2026, 1, 1, tzinfo=UTC), "restored"),),
        ),
        fl.AuditCheck(
            "audit", "r", 2, True, True, (fl.AuditDifference("/by", "eve", "ada"),), (), ("sinceSuccess",), None, None
        ),
        fl.ErasureReport(
            "customer:42",
            dry_run=False,
            erased_at=datetime(2026, 1, 1, tzinfo=UTC),
            key_id="k",
            runs=(fl.ErasedRun("r", "w", "first", "completed", 3, cancelled=False),),
            work_orders=1,
            events=2,
            values=3,
            places=(fl.ErasedPlace("the key", "destroyed"),),
        ),
        fl.RetentionPolicy(keep_last=3, archive=Path("archive")),
        fl.RetentionReport(
            preview=True,
            runs=1,
            work_orders=1,
            events=2,
            bytes=300,
            kept=(fl.KeptRuns("held", "they are under a legal hold", 1, 1, "o"),),
            archive=None,
            removal_id=None,
            returned_bytes=0,
            kept_workflows=(fl.KeptWorkflows("used", "work orders need them", 1, "w"),),
        ),
        fl.PlacedHold("run", "r", "law", "case 7", datetime(2026, 1, 1, tzinfo=UTC)),
        fl.RemovedHistory(datetime(2026, 1, 1, tzinfo=UTC), "ops", 1, 2, None),
    ]
    policy = {"status": ["completed"], "older_than": 7776000.0}
    yield fl.HistoryBeginning(datetime(2026, 1, 1, tzinfo=UTC), 3, datetime(2026, 1, 2, tzinfo=UTC), "ops", policy)
    yield fl.Pause("ask", datetime(2026, 1, 1, tzinfo=UTC))
    yield fl.Wait("r:2", "ask", "approve?", datetime(2026, 1, 1, tzinfo=UTC), None, {"type": "boolean"}, 2)
    yield fl.Match("acme", "payload.customer", "ACME Ltd", None, 1)
    yield fl.WaitSummary(
        "r:2", "r", "o", "w", 1, "ask", None, datetime(2026, 1, 1, tzinfo=UTC), None, {"type": "boolean"}, 2, False, "a"
    )
    yield fl.EarlierAnswer("ask", "r:2", "approve?", [True], "bob", datetime(2026, 1, 1, tzinfo=UTC), False, True)
    yield fl.Answer({"approved": [True]}, "bob", datetime(2026, 1, 1, tzinfo=UTC), False, "r:2")
    yield fl.Hold("ops", "maintenance", datetime(2026, 1, 1, tzinfo=UTC))
    yield fl.LaterEvent(4, "run.held", "ann", datetime(2026, 1, 1, tzinfo=UTC))
    yield fl.SubscriptionStatus("mailer", 7, 0, None, datetime(2026, 1, 1, tzinfo=UTC), None, None, None)
    yield fl.Token("dana", "viewer", "ada", datetime(2026, 1, 1, tzinfo=UTC), None, None, None, None)
    yield fl.Public("eu-west")
    yield fl.Scoped(["a-token"], types=("charge-card",), nodes=("pay",))
    yield fl.BulkFailure("r", "unreadable", "it was cut")
    yield fl.Finding("orders", 3, "link", "it was put elsewhere")
    yield fl.Slowdown("price", 2, "ada", "tuned", 1, 1.0, 5.0, 5.0, 9, 7)


def small_answers() -> Iterator[Any]:
    """Of runs that succeeded, failed and wait for a retry."""
    executors = fl.ExecutorRegistry()

    @executors.register("work")
    def work(step: fl.StepContext) -> Any:
        if step.payload == "fail":
            raise ValueError("as it was told to")
        return [step.payload]

    with fl.open_ledger("memory:", executors) as ledger:
        node: dict[str, Any] = {"id": "a", "type": "work", "data": {"x": 1}}
        ledger.workflows.save({"nodes": [node]}, workflow_id="w", by="ada")
        fine = ledger.runs.start("w", {"x": [1]})
        failed = ledger.runs.start("w", "fail")
        ledger.workflows.save({"nodes": [node | {"metadata": {"retry": {"maxRetries": 2}}}]}, workflow_id="w", by="bob")
        waits = ledger.runs.start("w", "fail")
        yield [ledger.history.steps(), ledger.history.failures(), ledger.history.counts("status")]
        yield [waits, ledger.history.compare(fine.id, failed.id), ledger.history.audit(failed.id)]
        yield [*waits.snapshot.context.placed()]
        yield [ledger.workflows.diff("w", 1, 2), ledger.runs.get(ledger.runs.retry(failed.id).id)]
        yield fl.Fault("nodes[0]", "has no id")


def effects_answers() -> Iterator[Any]:
    """Of what was done to the world once."""
    executors = fl.ExecutorRegistry()
    executors.register("pay", effects=True)(lambda step: "paid")
    with fl.open_ledger("memory:", executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "pay", "type": "pay"}]}, workflow_id="w", by="ada")
        run = ledger.runs.start("w")
        yield [ledger.history.audit(ledger.runs.reproduce(run.id).id), ledger.runs.retry(run.id, preview=True)]


def parts(value: Any) -> list[Any]:
    if isinstance(value, BaseModel):
        return [getattr(value, name) for name in type(value).model_fields]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [*value.values()]
    if isinstance(value, list | tuple) or type(value).__name__ == "Results":
        return [*value]
    return []


def found(folder: Path) -> dict[str, Any]:
    """One value by the name of its class."""
    values: dict[str, Any] = {}
    left = deque(answers(folder))
    while left:
        value = left.popleft()
        name = type(value).__name__
        if getattr(fl, name, None) is type(value):
            values.setdefault(name, value)
        left.extend(parts(value))
    return values
