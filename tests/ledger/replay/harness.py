"""What the tests of replays share: a workflow with every kind of outcome, its code, other code, forged records."""

import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import flowledger as fl
from flowledger.domain.execution.step import StepLimits
from flowledger.domain.ports import ExpectedVersion, NewEvent, Write
from flowledger.infrastructure.ledger.open import compose
from flowledger.infrastructure.new_id import new_id

Executor = Callable[[fl.StepContext], Any]

WORKFLOW = {
    "nodes": [
        {"id": "price", "type": "price", "data": {"items": "{{ payload.items }}", "currency": "EUR"}},
        {"id": "decide", "type": "decide", "data": {"total": "{{ nodes.price.last.data.total }}"}},
        {"id": "ask", "type": "ask"},
        {"id": "book", "type": "book", "data": {"total": "{{ nodes.price.last.data.total }}"}},
        {"id": "end", "type": "end"},
    ],
    "edges": [
        {"source": "price", "target": "decide"},
        {"source": "decide", "target": "ask", "sourceHandle": "ask"},
        {"source": "decide", "target": "book", "sourceHandle": "book"},
        {"source": "ask", "target": "book"},
        {"source": "book", "target": "end"},
    ],
}


def price(step: fl.StepContext) -> Any:
    return {"total": sum(step.data["items"]), "lines": [{"price": item} for item in step.data["items"]]}


def decide(step: fl.StepContext) -> Any:
    return fl.StepResult(None, handle="ask" if step.data["total"] > 100 else "book")


def ask(step: fl.StepContext) -> Any:
    return fl.Pause(reason="over 100") if step.payload is None else step.payload


async def book(step: fl.StepContext) -> Any:
    if step.attempt == 1:
        raise TimeoutError(f"no answer for {step.data['total']}")
    return {"booked": step.idempotency_key.partition(":")[2], "attempt": step.attempt}


def end(step: fl.StepContext) -> Any:
    return {node_id: len(results) for node_id, results in step.context.items()}


CODE: Mapping[str, Executor] = {"price": price, "decide": decide, "ask": ask, "book": book, "end": end}

VERSIONS = {"price": 2, "decide": 3, "ask": 4, "book": 7, "end": 10}
"""Where each node first did something: ``ask`` paused, ``book`` failed."""


def registry(options: Mapping[str, Mapping[str, Any]] | None = None, /, **others: Executor) -> fl.ExecutorRegistry:
    """The executors, some of them replaced by others."""
    executors = fl.ExecutorRegistry()
    for type, function in {**CODE, **others}.items():
        retry = fl.RetryPolicy(max_retries=1, interval=0.0) if type == "book" else None
        executors.register(type, retry=retry, **(options or {}).get(type, {}))(function)
    return executors


def run_of_all(ledger: fl.Ledger) -> fl.Run:
    """A run that pauses, is resumed, fails, is retried and completes."""
    ledger.workflows.save(WORKFLOW, workflow_id="orders", by="ada")
    run = ledger.runs.start("orders", payload={"items": [80, 40]}, by="shop")
    run = ledger.runs.resume(run.id, payload={"approved": True}, by="bob")
    run = ledger.runs.proceed(run.id)
    assert run.status == "completed"
    return run


def opened_with(ledger: fl.Ledger, executors: fl.ExecutorRegistry | None) -> fl.Ledger:
    """The same store, as a program with other code sees it."""
    return compose(ledger._store, executors, lambda: time.time_ns() // 1000, StepLimits(2**20), None)


def forged(ledger: fl.Ledger, run_id: str, change: Callable[[list[NewEvent]], Any]) -> str:
    """A run with the same events, but changed ones, in the same store."""
    events = [NewEvent(event.type, deepcopy(event.data)) for event in ledger.history.events(run_id)]
    change(events)
    forged_id = new_id(time.time_ns() // 1000)
    ledger._store.append(Write(forged_id, ExpectedVersion.NO_STREAM, events))
    return forged_id


def written(ledger: fl.Ledger) -> list[fl.RecordedEvent]:
    """Every event of the store."""
    return list(ledger._store.tail())
