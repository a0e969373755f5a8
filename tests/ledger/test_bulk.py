"""Many runs retried or cancelled: counted first, in the order given, resumable, each item by itself."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.new_id import new_id
from flowledger.infrastructure.repositories.work_orders import load_work_order
from flowledger.infrastructure.services.runs import bulk

from ..prepared import PreparedPython
from .harness import GOOD, Harness, line, raiser

FAIL = raiser(fl.NonRetryable("no luck"))


@pytest.fixture
def failed(harness: Harness) -> list[str]:
    ids = [harness.start(FAIL, payload=number).id for number in range(5)]
    harness.do = lambda step: step.payload
    return ids


def test_each_work_order_gets_one_retry_in_the_order_given(harness: Harness, failed: list[str]) -> None:
    seen: list[Any] = []
    harness.do = lambda step: seen.append(step.payload)
    operation = harness.ledger.runs.retry_all(failed, by="bob")
    assert operation.count == 5
    assert seen == [], "counted, and nothing done yet"
    items = list(operation)
    assert [(item.run_id, item.outcome, item.status) for item in items] == [
        (run_id, "retried", "completed") for run_id in failed
    ]
    assert seen == [0, 1, 2, 3, 4]
    for item in items:
        order = harness.ledger.runs.work_order(str(item.work_order_id))
        assert (order.state, order.runs) == ("success", (item.run_id, item.new_run_id))


def test_one_item_stops_no_other(harness: Harness, failed: list[str]) -> None:
    harness.ledger.workflows.save(line("a", "b"), workflow_id="w")
    other = harness.start(FAIL).id
    paused = harness.start(lambda step: fl.Pause("review")).id
    harness.do = lambda step: None
    items = list(harness.ledger.runs.retry_all([failed[0], "nobody", other, paused, failed[0]], from_node="a"))
    assert [item.outcome for item in items] == ["refused", "refused", "retried", "refused"]
    assert "never came to node 'a'" in str(items[0].reason)
    assert (items[1].work_order_id, items[1].run_id) == (None, "nobody")
    assert "no run 'nobody'" in str(items[1].reason)
    assert "is paused" in str(items[3].reason)


def test_a_retry_that_fails_again_is_told(harness: Harness, failed: list[str]) -> None:
    harness.do = FAIL
    (item,) = harness.ledger.runs.retry_all(failed[:1])
    assert (item.outcome, item.status) == ("retried", "failed")


def test_what_somebody_has_retried_since_is_skipped(harness: Harness, failed: list[str]) -> None:
    runs = harness.ledger.runs
    retry = runs.retry(failed[0])
    operation = runs.retry_all(failed[:2])
    assert (operation.count, operation.overtaken) == (2, 1)
    assert [item.outcome for item in operation] == ["skipped", "retried"]
    (item,) = runs.retry_all([failed[0], retry.id])
    assert (item.run_id, item.outcome) == (failed[0], "retried"), "its last run was given, too"
    order_id = runs.get(failed[2]).work_order_id
    (item,) = runs.retry_all([order_id])
    assert (item.run_id, item.work_order_id, item.outcome) == (order_id, order_id, "retried")


@pytest.mark.parametrize("other", ["somebody", "the same operation"])
def test_what_is_retried_at_the_same_moment_is_retried_once(
    harness: Harness, failed: list[str], other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = harness.ledger.runs
    operation = runs.retry_all(failed[:1])
    begun: list[str] = []

    def read_just_before(store: Any, order_id: str) -> Any:
        order = load_work_order(store, order_id)
        if not begun:
            begun.append(order_id)
            if other == "somebody":
                runs.retry(failed[0], by="bob")
            else:
                list(runs.retry_all(failed[:1], operation_id=operation.id))
        return order

    monkeypatch.setattr(bulk, "load_work_order", read_just_before)
    (item,) = operation
    assert item.outcome == "skipped"
    assert ("wasn't given" if other == "somebody" else "runs elsewhere") in str(item.reason)
    assert len(order_of(harness.ledger, failed[0]).runs) == 2


def test_a_reproduction_at_the_same_moment_stops_no_retry(
    harness: Harness, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reproduced: list[fl.Run] = []

    def read_just_before(store: Any, order_id: str) -> Any:
        order = load_work_order(store, order_id)
        if not reproduced:
            reproduced.append(harness.ledger.runs.reproduce(failed[0]))
        return order

    monkeypatch.setattr(bulk, "load_work_order", read_just_before)
    (item,) = harness.ledger.runs.retry_all(failed[:1])
    assert (item.outcome, item.status) == ("retried", "completed")


def test_the_same_operation_again_does_nothing_twice(harness: Harness, failed: list[str]) -> None:
    runs = harness.ledger.runs
    operation = runs.retry_all(failed)
    done = [item.new_run_id for item in islice(operation, 2)]
    assert runs.retry_all(failed, operation_id=operation.id).overtaken == 0
    resumed = list(runs.retry_all(failed, operation_id=operation.id))
    assert [item.outcome for item in resumed] == ["skipped", "skipped", "retried", "retried", "retried"]
    assert [item.new_run_id for item in resumed[:2]] == done
    again = list(runs.retry_all(failed, operation_id=operation.id))
    assert [item.new_run_id for item in again] == [item.new_run_id for item in resumed]
    assert {item.outcome for item in again} == {"skipped"}
    assert all(len(runs.work_order(str(item.work_order_id)).runs) == 2 for item in again)


def test_an_item_that_was_interrupted_proceeds(harness: Harness, failed: list[str]) -> None:
    runs = harness.ledger.runs
    harness.do = raiser(KeyboardInterrupt())
    operation = runs.retry_all(failed)
    with pytest.raises(KeyboardInterrupt):
        next(iter(operation))
    harness.do = lambda step: None
    items = list(runs.retry_all(failed, operation_id=operation.id))
    assert [(item.outcome, item.status) for item in items] == [("retried", "completed")] * 5
    events = [event.type for event in harness.ledger.history.events(str(items[0].new_run_id))]
    assert events == ["run.started", "run.recovered", "run.step_completed"]


def test_runs_may_be_left_to_workers(harness: Harness, failed: list[str]) -> None:
    runs = harness.ledger.runs
    operation = runs.retry_all(failed, wait=False)
    items = list(operation)
    assert {(item.outcome, item.status) for item in items} == {("retried", "active")}
    assert {runs.work_order(str(item.work_order_id)).state for item in items} == {"pending"}
    assert {item.outcome for item in runs.retry_all(failed, wait=False, operation_id=operation.id)} == {"skipped"}


def test_many_runs_are_cancelled(harness: Harness, failed: list[str]) -> None:
    runs = harness.ledger.runs
    paused = [harness.start(lambda step: fl.Pause("review")).id for _ in range(3)]
    operation = runs.cancel_all([*paused, failed[0], "nobody", paused[0]], by="ops", reason="recalled")
    assert operation.count == 5
    assert [item.outcome for item in operation] == ["cancelled"] * 3 + ["skipped", "refused"]
    assert runs.get(paused[1]).snapshot.metadata["failedReason"] == "Cancelled by ops: recalled"
    assert {item.outcome for item in runs.cancel_all(paused)} == {"skipped"}


async def test_a_task_does_it_too(harness: Harness, failed: list[str]) -> None:
    operation = await harness.ledger.runs.aretry_all(failed)
    assert [item.outcome async for item in operation] == ["retried"] * 5
    assert [item.outcome async for item in await harness.ledger.runs.acancel_all(failed)] == ["skipped"] * 5


@pytest.mark.parametrize("operation_id", ["", "nonsense", 7, "c6a1c1e0-0000-4000-8000-000000000000"])
def test_what_is_no_operation_is_refused(harness: Harness, operation_id: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="operation_id"):
        harness.ledger.runs.retry_all([], operation_id=operation_id)
    with pytest.raises(fl.InvalidRequest, match="give a list"):
        harness.ledger.runs.retry_all("run")


def test_a_store_that_is_gone_stops_everything(
    harness: Harness, failed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = harness.ledger.runs.retry_all(failed)

    def gone(*_: object) -> None:
        raise fl.StorageUnavailable("gone")

    monkeypatch.setattr(harness.ledger._store, "append", gone)
    with pytest.raises(fl.StorageUnavailable):
        list(operation)


# --- killed in the middle ---------------------------------------------------------------------------------------------

MANY = 60

RETRIER = """
import sys
import flowledger as fl
url, operation_id, path = sys.argv[1:]
executors = fl.ExecutorRegistry()
executors.register("do")(lambda step: step.payload)
with fl.open_ledger(url, executors) as ledger:
    ids = open(path).read().split()
    for item in ledger.runs.retry_all(ids, operation_id=operation_id):
        print(item.run_id, flush=True)
"""


@pytest.fixture
def ledger(durable_url: str) -> Iterator[fl.Ledger]:
    executors = fl.ExecutorRegistry()
    executors.register("do")(FAIL)
    with fl.open_ledger(durable_url, executors) as ledger:
        ledger.workflows.save(GOOD, workflow_id="w")
        yield ledger


@pytest.mark.exhaustive
@pytest.mark.parametrize("killed_after", [1, 30])
def test_a_bulk_retry_that_is_killed_is_resumed(
    prepared_python: PreparedPython, ledger: fl.Ledger, durable_url: str, tmp_path: Path, killed_after: int
) -> None:
    ids = [ledger.runs.start("w", payload=number).id for number in range(MANY)]
    (tmp_path / "ids").write_text("\n".join(ids))
    operation_id = new_id(1_700_000_000_000_000)
    command = ["-c", RETRIER, durable_url, operation_id, str(tmp_path / "ids")]
    retrier = prepared_python.start(command)
    for _ in range(killed_after):
        retrier.stdout.readline()
    retrier.end()
    before = [order for run_id in ids if len((order := order_of(ledger, run_id)).runs) == 2]
    assert killed_after <= len(before) < MANY
    resumed = prepared_python.run(command, cwd=tmp_path, env=os.environ)
    assert (resumed.returncode, resumed.stderr, resumed.stdout.split()) == (0, "", ids)
    orders = [order_of(ledger, run_id) for run_id in ids]
    assert {(order.state, len(order.runs)) for order in orders} == {("success", 2)}
    begun = [next(ledger.history.events(order.runs[1])).position for order in orders]
    assert begun == sorted(begun), "in the order that was given"


def order_of(ledger: fl.Ledger, run_id: str) -> fl.WorkOrder:
    return ledger.runs.work_order(ledger.runs.get(run_id).work_order_id)
