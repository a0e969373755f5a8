"""Runs to walk through, the same whenever they are told."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import flowledger as fl

BEGAN = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

ORDERS = {
    "nodes": [
        {"id": "read", "type": "read"},
        {"id": "charge", "type": "charge"},
        {"id": "review", "type": "review"},
        {"id": "decline", "type": "read"},
        {"id": "ship", "type": "ship"},
    ],
    "edges": [
        {"source": "read", "target": "charge"},
        {"source": "charge", "target": "review", "sourceHandle": "large"},
        {"source": "charge", "target": "ship", "sourceHandle": "small"},
        {"source": "review", "target": "ship", "sourceHandle": "yes"},
        {"source": "review", "target": "decline", "sourceHandle": "no"},
    ],
}

executors = fl.ExecutorRegistry()


@executors.register("read")
def read(step: fl.StepContext) -> object:
    step.log.info("order 17 read")
    return {"order": 17, "items": [{"sku": f"part-{place}", "count": place} for place in range(1, 5)]}


@executors.register("charge", retry=fl.RetryPolicy(max_retries=1, interval=0))
def charge(step: fl.StepContext) -> object:
    if step.attempt == 1:
        raise TimeoutError("the bank is silent")
    return fl.StepResult({"charged": 1999}, "large")


@executors.register("review")
def review(step: fl.StepContext) -> object:
    return fl.StepResult(step.payload, "yes") if step.payload else fl.Pause("a person must look")


@executors.register("ship")
def ship(step: fl.StepContext) -> object:
    raise fl.NonRetryable("no carrier takes it")


@executors.register("loop")
def again(step: fl.StepContext) -> object:
    if step.node.id == "last":
        return "the end"
    return fl.StepResult({"counted": step.runs}, "more" if step.runs + 1 < step.globals["steps"] else "done")


@contextmanager
def ledger_at(url: str) -> Iterator[fl.Ledger]:
    """A ledger whose clock goes on by a millisecond whenever somebody looks at it."""
    ticks = itertools.count(1)
    with fl.open_ledger(url, executors, clock=lambda: BEGAN + timedelta(milliseconds=next(ticks))) as ledger:
        yield ledger


def order(ledger: fl.Ledger) -> str:
    """A run with a failure, a retry, a pause, a note, and a bad end: ten events."""
    ledger.workflows.save(ORDERS, workflow_id="orders", by="ada")
    run = ledger.runs.start("orders", payload={"order": 17}, by="webhook")
    run = ledger.runs.proceed(run.id, by="worker")
    ledger.runs.set_metadata(run.id, {"priority": "high"}, by="ops")
    run = ledger.runs.resume(run.id, payload={"approved": True}, by="bob")
    assert run.status == "failed"
    return run.id


LOOP = {
    "nodes": [{"id": "count", "type": "loop"}, {"id": "last", "type": "loop"}],
    "edges": [
        {"source": "count", "target": "count", "sourceHandle": "more"},
        {"source": "count", "target": "last", "sourceHandle": "done"},
    ],
    "start": "count",
}


def loop(ledger: fl.Ledger, steps: int) -> str:
    """A run of so many steps, and two events more: its start and its last step."""
    ledger.workflows.save(LOOP, workflow_id="loop", by="ada")
    return ledger.runs.start("loop", globals={"steps": steps}, by="webhook", step_limit=None).id
