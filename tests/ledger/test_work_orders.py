"""A work order groups a run and its retries, keeps an input that is refused, and is opened once for each key."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

import flowledger as fl
from flowledger.domain.values.ids import keyed_work_order_id

from ..prepared import PreparedPython


class Order(BaseModel):
    amount: int


class Till:
    """A ledger whose first node takes an ``Order``."""

    def __init__(self, url: str) -> None:
        self.executed: list[Any] = []
        self.executors = fl.ExecutorRegistry()
        self.executors.register("charge", input=Order)(self.charge)
        self.ledger = fl.open_ledger(url, self.executors)
        self.runs = self.ledger.runs
        self.save("{{ payload.amount }}")

    def charge(self, step: fl.StepContext) -> Any:
        self.executed.append(step.data)
        return step.data

    def save(self, amount: str) -> fl.WorkflowSnapshot:
        node = {"id": "charge", "type": "charge", "data": {"amount": amount}}
        return self.ledger.workflows.save({"nodes": [node]}, workflow_id="till", by="ada")

    def rejected(self, payload: Any, **given: Any) -> fl.WorkOrderRejected:
        with pytest.raises(fl.WorkOrderRejected) as refused:
            self.runs.start("till", payload, **given)
        return refused.value


@pytest.fixture
def till(store_url: str) -> Iterator[Till]:
    till = Till(store_url)
    yield till
    till.ledger.close()


# --- state ------------------------------------------------------------------------------------------------------------


def test_a_work_order_is_what_its_last_run_is(store_url: str) -> None:
    acts: list[Any] = []
    executors = fl.ExecutorRegistry()
    executors.register("do", retry=fl.RetryPolicy(max_retries=1, interval=0.0))(lambda step: acts.pop(0)(step))
    with fl.open_ledger(store_url, executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w")
        runs = ledger.runs

        def state() -> str:
            order = runs.work_order(run.work_order_id)
            listed = {row.id: (row.state, row.runs, row.last_run_id) for row in ledger.history.work_orders("w")}
            assert listed[order.id] == (order.state, len(order.runs), order.runs[-1])
            return order.state

        def fail(step: fl.StepContext) -> Any:
            raise RuntimeError("no luck")

        seen: list[str] = []
        acts[:] = [lambda step: seen.append(state()), lambda step: fl.Pause("review"), lambda step: fail(step)]
        run = runs.start("w", wait=False)
        assert state() == "pending"
        runs.set_metadata(run.id, {"seen": True})
        assert state() == "pending"
        runs.proceed(run.id)
        assert (seen, state()) == (["running"], "success")
        run = runs.start("w")
        assert state() == "paused"
        runs.resume(run.id)
        assert state() == "running", "it waits for a retry"
        acts[:] = [fail, fl.Pause]
        runs.proceed(run.id)
        assert state() == "failed"
        acts[:] = [lambda step: fl.Pause("review")]
        retry = runs.retry(run.id)
        assert state() == "paused"
        runs.cancel(retry.id)
        assert state() == "cancelled"
        assert runs.work_order(run.work_order_id).runs == (run.id, retry.id)


def test_a_queued_run_that_was_held_waits_for_a_worker_again_when_it_is_released(till: Till) -> None:
    run = till.runs.start("till", {"amount": 3}, wait=False)
    till.runs.hold(run.id)
    assert till.runs.work_order(run.work_order_id).state == "paused"
    till.runs.release(run.id)
    assert till.runs.work_order(run.work_order_id).state == "pending"
    till.runs.proceed(run.id)
    assert till.runs.work_order(run.work_order_id).state == "success"


async def test_a_work_order_that_never_was_is_not_found(till: Till) -> None:
    run = till.runs.start("till", {"amount": 3})
    for unknown in ("nobody", run.id, "workflow:till"):
        with pytest.raises(fl.WorkOrderNotFound, match="no work order"):
            await till.runs.awork_order(unknown)
    with pytest.raises(fl.InvalidRequest):
        till.runs.work_order(7)  # type: ignore[arg-type]


# --- rejected ---------------------------------------------------------------------------------------------------------


def test_an_input_that_the_first_node_refuses_is_a_rejected_work_order(till: Till) -> None:
    refused = till.rejected({"amount": "much"}, by="webhook", metadata={"ticket": 7})
    order = till.runs.work_order(refused.work_order_id)
    assert (order.state, order.runs, order.by, order.input) == ("rejected", (), "webhook", {"amount": "much"})
    assert order.reason == refused.reason
    assert "Validation failed for node 'charge'" in refused.reason
    assert order.issues == refused.issues
    (listed,) = till.ledger.history.work_orders("till", "rejected")
    assert (listed.id, listed.reason, listed.runs) == (order.id, order.reason, 0)
    assert [issue.path for issue in order.issues] == ["amount"]
    assert "and is kept to be retried" in str(refused)
    assert till.executed == []
    opened, rejected = till.ledger.history.events(refused.work_order_id)
    assert (opened.type, rejected.type) == ("work_order.opened", "work_order.rejected")
    assert rejected.data["metadata"] == {"ticket": 7}


def test_it_is_retried_on_a_version_that_takes_it(till: Till) -> None:
    refused = till.rejected({"amount": "much"})
    order_id = refused.work_order_id
    assert till.executed == []
    till.save("{{ size(payload.amount) }}")
    preview = till.runs.retry(order_id, preview=True)
    assert (preview.run_id, preview.ran_version, preview.version, preview.payload) == (
        None,
        None,
        2,
        {"amount": "much"},
    )
    assert preview.refused is None
    run = till.runs.retry(order_id, by="bob")
    assert (run.status, run.work_order_id, run.origin, till.executed) == ("completed", order_id, None, [{"amount": 4}])
    order = till.runs.work_order(order_id)
    assert (order.state, order.runs, order.reason, order.issues) == ("success", (run.id,), None, ())
    assert order.input == {"amount": "much"}


def test_it_may_be_rejected_again(till: Till) -> None:
    order_id = till.rejected({"amount": "much"}).work_order_id
    with pytest.raises(fl.WorkOrderRejected) as again:
        till.runs.retry(order_id)
    assert again.value.work_order_id == order_id
    types = [event.type for event in till.ledger.history.events(order_id)]
    assert types == ["work_order.opened", "work_order.rejected", "work_order.rejected"]
    assert till.runs.work_order(order_id).state == "rejected"
    with pytest.raises(fl.IllegalTransition, match="was rejected and has no run"):
        till.runs.retry(order_id, "charge")


def test_a_preview_tells_that_it_would_be_rejected_again_and_changes_nothing(till: Till) -> None:
    refused = till.rejected({"amount": "much"})
    preview = till.runs.retry(refused.work_order_id, preview=True)
    assert preview.refused == preview.to_data()["refused"] == refused.reason
    assert f"but the input would be refused again: {refused.reason}" in str(preview)
    assert till.runs.work_order(refused.work_order_id).runs == ()
    assert [event.type for event in till.ledger.history.events(refused.work_order_id)][2:] == []


def test_metadata_that_was_given_with_a_rejected_input_is_that_of_its_retry(till: Till) -> None:
    order_id = till.rejected({"amount": "much"}, metadata={"ticket": 7}).work_order_id
    with pytest.raises(fl.WorkOrderRejected):
        till.runs.retry(order_id)
    till.save("{{ size(payload.amount) }}")
    assert till.runs.retry(order_id).snapshot.metadata == {"ticket": 7}


def test_a_retry_of_a_run_whose_input_is_refused_now_is_a_failed_run(till: Till) -> None:
    run = till.runs.start("till", {"amount": 3})
    till.save("{{ payload.amount }} in all")
    retry = till.runs.retry(run.id)
    assert retry.status == "failed"
    assert till.runs.work_order(run.work_order_id).runs == (run.id, retry.id)


def test_an_expression_without_a_value_fails_the_step_and_rejects_nothing(till: Till) -> None:
    till.save("{{ payload.nowhere }}")
    run = till.runs.start("till", {"amount": 3})
    assert run.status == "failed"
    assert till.runs.work_order(run.work_order_id).state == "failed"


def test_secrets_are_masked_in_the_reason(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("charge", input={"properties": {"token": {"type": "integer"}}})(lambda step: None)
    with fl.open_ledger(store_url, executors) as ledger:
        node = {"id": "n", "type": "charge", "data": {"token": "{{ globals.token + '!' }}"}}
        ledger.workflows.save({"nodes": [node]}, workflow_id="w")
        with pytest.raises(fl.WorkOrderRejected) as refused:
            ledger.runs.start("w", globals={"token": "tr0ub4dor"})
        (*_, rejected) = ledger.history.events(refused.value.work_order_id)
        for text in (str(refused.value), repr(refused.value.issues), repr(rejected.data)):
            assert "tr0ub4dor" not in text
            assert "***" in text


def test_what_waits_for_a_worker_is_not_judged_by_globals_that_the_worker_will_bring(store_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("charge", input=Order)(lambda step: step.data)
    with fl.open_ledger(store_url, executors) as ledger:
        node = {"id": "n", "type": "charge", "data": {"amount": "{{ has(globals.amount) ? globals.amount : null }}"}}
        ledger.workflows.save({"nodes": [node]}, workflow_id="w")
        run = ledger.runs.start("w", wait=False)
        assert ledger.runs.proceed(run.id, globals={"amount": 3}).status == "completed"
        with pytest.raises(fl.WorkOrderRejected):
            ledger.runs.start("w")


# --- idempotency ------------------------------------------------------------------------------------------------------


def test_the_same_key_and_payload_is_the_same_work_order_and_runs_once(till: Till) -> None:
    first = till.runs.start("till", {"amount": 3}, by="webhook", idempotency_key="order 7")
    again = till.runs.start("till", {"amount": 3}, by="somebody", idempotency_key="order 7")
    assert again == first
    assert len(till.executed) == 1
    order = till.runs.work_order(first.work_order_id)
    assert (order.key, order.by, order.runs) == ("order 7", "webhook", (first.id,))
    assert UUID(order.id).version == 8
    assert order.id == keyed_work_order_id("till", "order 7")
    assert till.runs.start("till", {"amount": 3}, idempotency_key="order 8").id != first.id


def test_after_a_retry_it_is_the_retry_that_comes_back(till: Till) -> None:
    first = till.runs.start("till", {"amount": 3}, idempotency_key="7")
    retry = till.runs.retry(first.id)
    till.runs.reproduce(first.id)
    assert till.runs.start("till", {"amount": 3}, idempotency_key="7") == retry


def test_the_same_key_with_another_payload_is_refused(till: Till) -> None:
    first = till.runs.start("till", {"amount": 3}, by="webhook", idempotency_key="7")
    with pytest.raises(fl.IdempotencyConflict, match="was used with another payload, by webhook at 20") as refused:
        till.runs.start("till", {"amount": 4}, idempotency_key="7")
    assert refused.value.work_order_id == first.work_order_id
    assert isinstance(refused.value, fl.Conflict)


def test_a_key_belongs_to_its_workflow(till: Till) -> None:
    till.ledger.workflows.save(till.ledger.workflows.get("till").definition, workflow_id="other")
    first = till.runs.start("till", {"amount": 3}, idempotency_key="7")
    assert till.runs.start("other", {"amount": 4}, idempotency_key="7").work_order_id != first.work_order_id


def test_a_run_whose_worker_died_comes_back_as_it_stands(till: Till) -> None:
    queued = till.runs.start("till", {"amount": 3}, idempotency_key="7", wait=False)
    again = till.runs.start("till", {"amount": 3}, idempotency_key="7")
    assert (again, till.executed) == (queued, [])


def test_a_rejected_one_is_rejected_again_by_the_same_key(till: Till) -> None:
    first = till.rejected({"amount": "much"}, idempotency_key="7")
    till.save("{{ 3 }}")
    again = till.rejected({"amount": "much"}, idempotency_key="7")
    assert (again.work_order_id, again.reason, again.issues) == (first.work_order_id, first.reason, first.issues)
    assert len(list(till.ledger.history.events(first.work_order_id))) == 2


@pytest.mark.parametrize("key", ["", 7, b"7", ["7"]])
def test_what_is_no_key_is_refused(till: Till, key: Any) -> None:
    with pytest.raises(fl.InvalidRequest, match="idempotency_key"):
        till.runs.start("till", {"amount": 3}, idempotency_key=key)


def test_of_many_threads_with_one_key_one_starts_a_run(till: Till) -> None:
    barrier = Barrier(8)

    def start(_: int) -> fl.Run:
        barrier.wait()
        return till.runs.start("till", {"amount": 3}, idempotency_key="7")

    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(start, range(8)))
    assert len({run.id for run in runs}) == 1
    assert len(till.executed) == 1
    assert till.runs.work_order(runs[0].work_order_id).runs == (runs[0].id,)


STARTER = """
import sys
import flowledger as fl
executors = fl.ExecutorRegistry()
executors.register("charge")(lambda step: print("executed", flush=True))
with fl.open_ledger(sys.argv[1], executors) as ledger:
    print("ready", flush=True)
    sys.stdin.readline()
    print(ledger.runs.start("till", {"amount": 3}, idempotency_key="7").id)
"""


@pytest.mark.exhaustive
def test_of_several_processes_with_one_key_one_starts_a_run(durable_url: str, prepared_python: PreparedPython) -> None:
    Till(durable_url).ledger.close()
    starters = [prepared_python.start(["-c", STARTER, durable_url]) for _ in range(4)]
    for starter in starters:
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        starter.stdin.write("go\n")
        starter.stdin.flush()
    said = [starter.stdout.read().split() for starter in starters]
    assert [starter.wait(60) for starter in starters] == [0] * 4
    for starter in starters:
        starter.end()
    assert len({words[-1] for words in said}) == 1
    assert sum("executed" in words for words in said) == 1
