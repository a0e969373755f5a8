"""A retry runs the live version, from the start or from a node; a reproduction runs the version that ran then."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

import flowledger as fl

TWO = {
    "nodes": [{"id": "fetch", "type": "work"}, {"id": "price", "type": "work"}, {"id": "charge", "type": "work"}],
    "edges": [{"source": "fetch", "target": "price"}, {"source": "price", "target": "charge"}],
}
FIXED = {**TWO, "nodes": [*TWO["nodes"][:2], {"id": "charge", "type": "work", "data": {"currency": "EUR"}}]}
WITHOUT_PRICE = {
    "nodes": [TWO["nodes"][0], TWO["nodes"][2]],
    "edges": [{"source": "fetch", "target": "charge"}],
}


class Shop:
    """A ledger whose nodes do as told, and say what they saw."""

    def __init__(self, url: str) -> None:
        self.acts: dict[str, Callable[[fl.StepContext], Any]] = {}
        self.seen: list[tuple[str, Any]] = []
        self.executors = fl.ExecutorRegistry()
        self.executors.register("work")(self.work)
        self.ledger = fl.open_ledger(url, self.executors)
        self.runs, self.history = self.ledger.runs, self.ledger.history
        self.save(TWO)

    def work(self, step: fl.StepContext) -> Any:
        self.seen.append((step.node.id, step.payload))
        act = self.acts.get(step.node.id)
        return {"of": step.node.id} if act is None else act(step)

    def save(self, definition: Any, by: str = "ada") -> fl.WorkflowSnapshot:
        return self.ledger.workflows.save(definition, workflow_id="shop", by=by)

    def failing(self, node: str = "charge", **given: Any) -> fl.Run:
        """A run that failed at the node, which works again afterwards."""
        self.acts[node] = fail
        run = self.runs.start("shop", payload={"order": 1}, by="webhook", **given)
        del self.acts[node]
        self.seen.clear()
        return run


def fail(step: fl.StepContext) -> Any:
    raise fl.NonRetryable("no luck")


@pytest.fixture
def shop(store_url: str) -> Iterator[Shop]:
    shop = Shop(store_url)
    yield shop
    shop.ledger.close()


# --- retry ------------------------------------------------------------------------------------------------------------


def test_a_retry_is_a_new_run_of_the_latest_version_on_the_same_work_order(shop: Shop) -> None:
    failed = shop.failing()
    shop.save(FIXED)
    retry = shop.runs.retry(failed.id, by="bob")
    assert (retry.status, retry.workflow_version, retry.work_order_id) == ("completed", 2, failed.work_order_id)
    assert retry.id != failed.id
    assert retry.origin == fl.RunOrigin("retry", failed.id, 0)
    assert [node for node, _ in shop.seen] == ["fetch", "price", "charge"]
    assert shop.seen[0] == ("fetch", {"order": 1})
    order = shop.runs.work_order(failed.work_order_id)
    assert (order.state, order.runs, order.by) == ("success", (failed.id, retry.id), "webhook")
    assert shop.history.workflow_of(failed.id).version == 1
    assert shop.runs.get(failed.id) == failed


def test_from_a_node_what_came_before_is_reused_and_nothing_is_copied(shop: Shop) -> None:
    failed = shop.failing()
    retry = shop.runs.retry(failed.id, "charge", by="bob")
    assert shop.seen == [("charge", None)]
    assert retry.status == "completed"
    assert retry.snapshot.context["fetch"] == failed.snapshot.context["fetch"]
    assert retry.snapshot.context["price"] == failed.snapshot.context["price"]
    assert [result.error for result in retry.snapshot.context["charge"]] == [None]
    assert retry.origin == fl.RunOrigin("retry", failed.id, 3)
    assert [event.type for event in shop.history.events(retry.id)] == ["run.started", "run.step_completed"]
    reused = shop.history.reused(retry.id)
    assert [(result.node_id, result.run_id, result.version) for result in reused] == [
        ("fetch", failed.id, 2),
        ("price", failed.id, 3),
    ]
    assert shop.history.workflow_of(retry.id).input == {"order": 1}
    assert shop.history.reused(failed.id) == []


def test_from_the_first_node_it_sees_the_input(shop: Shop) -> None:
    failed = shop.failing("fetch")
    retry = shop.runs.retry(failed.id, "fetch")
    assert shop.seen[0] == ("fetch", {"order": 1})
    assert retry.snapshot.context["fetch"][0].error is None
    assert len(retry.snapshot.context["fetch"]) == 1


def test_the_node_sees_the_payload_that_it_saw_then(shop: Shop) -> None:
    shop.save({"nodes": [{"id": "charge", "type": "work"}]})
    failed = shop.failing()
    retry = shop.runs.retry(failed.id, "charge")
    assert shop.seen == [("charge", {"order": 1})]
    assert shop.history.workflow_of(retry.id).input == {"order": 1}
    again = shop.runs.retry(retry.id)
    assert shop.seen[-1] == ("charge", {"order": 1}), "from the start it is the work order's input"
    assert again.origin == fl.RunOrigin("retry", retry.id, 0)


def test_failed_attempts_of_the_visit_are_not_reused_and_those_of_earlier_nodes_are(store_url: str) -> None:
    shop = Shop(store_url)
    shop.executors.register("stubborn", retry=fl.RetryPolicy(max_retries=2, interval=0.0))(shop.work)
    shop.save({**TWO, "nodes": [{**node, "type": "stubborn"} for node in TWO["nodes"]]})
    shop.acts = {"price": lambda step: {"price": 3} if step.attempt == 2 else boom(step), "charge": boom}
    run = shop.runs.start("shop")
    while run.status == "error":
        run = shop.runs.proceed(run.id)
    assert run.status == "failed"
    del shop.acts["charge"]
    retry = shop.runs.retry(run.id, "charge")
    assert [result.attempt for result in retry.snapshot.context["price"]] == [1, 2]
    assert [(result.attempt, result.error) for result in retry.snapshot.context["charge"]] == [(1, None)]
    assert shop.history.header(retry.id, 1).attempt == 1
    assert [result.failed for result in shop.history.reused(retry.id)] == [False, True, False]
    shop.ledger.close()


def boom(step: fl.StepContext) -> Any:
    raise RuntimeError("boom")


def test_a_retry_of_a_retry_reuses_what_both_reused_and_did(shop: Shop) -> None:
    first = shop.failing("price")
    shop.acts["charge"] = fail
    second = shop.runs.retry(first.id, "price")
    del shop.acts["charge"]
    third = shop.runs.retry(second.id, "charge")
    assert third.status == "completed"
    runs = [(result.node_id, result.run_id) for result in shop.history.reused(third.id)]
    assert runs == [("fetch", first.id), ("price", second.id)]
    fourth = shop.runs.retry(third.id, "price")
    assert fourth.origin == fl.RunOrigin("retry", second.id, 1), "where the node was last visited"
    assert [result.run_id for result in shop.history.reused(fourth.id)] == [first.id]


@pytest.mark.parametrize("node", ["charge", "elsewhere"])
def test_a_node_that_the_run_never_came_to_is_refused_with_those_that_it_came_to(shop: Shop, node: str) -> None:
    failed = shop.failing("price")
    with pytest.raises(fl.InvalidRequest, match=f"never came to node '{node}': it came to 'fetch', 'price'"):
        shop.runs.retry(failed.id, node)


def test_a_node_that_the_latest_version_lacks_is_refused_and_reproduce_is_offered(shop: Shop) -> None:
    failed = shop.failing("price")
    shop.save(WITHOUT_PRICE)
    with pytest.raises(fl.IllegalTransition, match=r"'price' is not in version 2 of .* the live one.*reproduce"):
        shop.runs.retry(failed.id, "price")
    assert shop.runs.work_order(failed.work_order_id).runs == (failed.id,)


def test_what_has_not_ended_is_not_retried(shop: Shop) -> None:
    shop.acts["charge"] = lambda step: fl.Pause("review")
    paused = shop.runs.start("shop")
    with pytest.raises(fl.IllegalTransition, match="is paused: resume it or cancel it first"):
        shop.runs.retry(paused.id)
    cancelled = shop.runs.cancel(paused.id)
    waiting = shop.runs.retry(cancelled.id)
    assert waiting.status == "paused"
    with pytest.raises(fl.IllegalTransition, match=f"run '{waiting.id}', which is the last one of work order"):
        shop.runs.retry(cancelled.id, again=True)


def test_of_two_retries_at_once_one_is_refused(shop: Shop) -> None:
    failed = shop.failing()
    outcomes: list[str] = []
    barrier = Barrier(2)

    def retry() -> None:
        barrier.wait()
        try:
            outcomes.append(shop.runs.retry(failed.id).status)
        except (fl.ConcurrencyError, fl.IllegalTransition):
            outcomes.append("refused")

    shop.acts["charge"] = lambda step: fl.Pause("review")
    threads = [Thread(target=retry) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["paused", "refused"]
    assert len(shop.runs.work_order(failed.work_order_id).runs) == 2


def test_a_run_that_never_was_is_not_retried(shop: Shop) -> None:
    for unknown in ("nobody", "workflow:shop"):
        with pytest.raises(fl.RunNotFound):
            shop.runs.retry(unknown)
        with pytest.raises(fl.RunNotFound):
            shop.runs.reproduce(unknown)
    with pytest.raises(fl.InvalidRequest):
        shop.runs.retry(7)  # type: ignore[call-overload]


def test_a_work_orders_id_stands_for_its_last_run(shop: Shop) -> None:
    failed = shop.failing()
    retry = shop.runs.retry(failed.work_order_id, "charge")
    assert retry.origin == fl.RunOrigin("retry", failed.id, 3)


def test_a_retry_may_be_left_to_a_worker(shop: Shop) -> None:
    failed = shop.failing()
    queued = shop.runs.retry(failed.id, "charge", wait=False, metadata={"ticket": 7})
    assert (queued.status, shop.seen, queued.snapshot.metadata) == ("active", [], {"ticket": 7})
    assert shop.history.header(queued.id).queued
    assert shop.runs.work_order(failed.work_order_id).state == "pending"
    done = shop.runs.proceed(queued.id)
    assert shop.seen == [("charge", None)]
    assert list(done.snapshot.context) == ["fetch", "price", "charge"]
    assert not shop.history.header(queued.id).queued
    assert shop.runs.work_order(failed.work_order_id).state == "success"


async def test_a_task_retries_and_reproduces_too(shop: Shop) -> None:
    failed = shop.failing()
    preview = await shop.runs.aretry(failed.id, "charge", preview=True)
    assert [node.node_id for node in preview.reused] == ["fetch", "price"]
    retry = await shop.runs.aretry(failed.id, "charge")
    assert retry.status == "completed"
    assert (await shop.runs.areproduce(retry.id)).snapshot.context["fetch"] == retry.snapshot.context["fetch"]
    assert len(await shop.history.areused(retry.id)) == 2


@pytest.mark.parametrize("again", ["retry", "reproduce", "fork"])
def test_why_a_run_is_repeated_is_on_record(shop: Shop, again: str) -> None:
    failed = shop.failing()
    made = getattr(shop.runs, again)(failed.id, by="bob", reason="fixed on Monday", idempotency_key="k")
    assert [*shop.history.trail(stream=made.id)][-1].summary.endswith(": fixed on Monday")
    assert next(iter(shop.history.events(made.id))).data["reason"] == "fixed on Monday"
    assert getattr(shop.runs, again)(failed.id, by="bob", reason="fixed on Monday", idempotency_key="k").id == made.id
    with pytest.raises(fl.IdempotencyConflict):
        getattr(shop.runs, again)(failed.id, by="bob", reason="another", idempotency_key="k")


# --- preview ----------------------------------------------------------------------------------------------------------


def test_a_preview_needs_no_executors(tmp_path: Path) -> None:
    shop = Shop(url := f"sqlite:///{tmp_path}/shop.db")
    failed = shop.failing()
    shop.ledger.close()
    with fl.open_ledger(url) as ledger:
        preview = ledger.runs.retry(failed.id, "price", preview=True)
    assert (preview.start_node_id, preview.effects) == ("price", ())


def test_a_preview_says_what_would_run_and_changes_nothing(shop: Shop) -> None:
    failed = shop.failing()
    shop.save(FIXED)
    before = shop.ledger.verify().events
    preview = shop.runs.retry(failed.id, "price", preview=True)
    assert (preview.version, preview.ran_version, preview.start_node_id) == (2, 1, "price")
    assert (preview.input, preview.payload) == ({"order": 1}, None)
    assert (preview.added, preview.removed, preview.changed, preview.edges_changed) == ((), (), ("charge",), False)
    (fetched,) = preview.reused
    assert (fetched.node_id, fetched.run_id, fetched.version, fetched.results) == ("fetch", failed.id, 2, 1)
    assert not fetched.definition_changed
    assert not fetched.code_changed
    assert fetched.age.total_seconds() >= 0
    assert "would run version 2 of shop (then it ran version 1) from price" in str(preview)
    assert "changed since then: charge" in str(preview)
    assert preview.to_data()["reused"][0]["runId"] == failed.id
    assert shop.ledger.verify().events == before
    assert shop.seen == []


def test_a_preview_tells_which_reused_nodes_are_others_now(shop: Shop) -> None:
    failed = shop.failing()
    changed = [{"id": "fetch", "type": "work", "data": {"from": "elsewhere"}}, *WITHOUT_PRICE["nodes"][1:]]
    shop.save({**WITHOUT_PRICE, "nodes": changed})
    preview = shop.runs.retry(failed.id, "charge", preview=True)
    assert {node.node_id: node.definition_changed for node in preview.reused} == {"fetch": True, "price": True}
    assert (preview.removed, preview.changed, preview.edges_changed) == (("price",), ("fetch",), True)
    assert "its definition changed since" in str(preview)


def test_a_preview_takes_nothing_for_equal_that_only_python_does(shop: Shop) -> None:
    shop.save({**TWO, "nodes": [{**TWO["nodes"][0], "data": {"all": 1}}, *TWO["nodes"][1:]]})
    failed = shop.failing()
    shop.save({**TWO, "nodes": [{**TWO["nodes"][0], "data": {"all": True}}, *TWO["nodes"][1:]]})
    preview = shop.runs.retry(failed.id, "charge", preview=True)
    assert preview.changed == ("fetch",)
    assert {node.node_id: node.definition_changed for node in preview.reused} == {"fetch": True, "price": False}


def test_a_preview_tells_another_start(shop: Shop) -> None:
    failed = shop.failing()
    assert not shop.runs.retry(failed.id, preview=True).start_changed
    shop.save({**TWO, "start": "price"})
    preview = shop.runs.retry(failed.id, preview=True)
    assert (preview.start_node_id, preview.start_changed, preview.changed) == ("price", True, ())
    assert "another start since then" in str(preview)


def test_a_preview_tells_other_code_and_a_reproduction_records_it(durable_url: str) -> None:
    def then(step: fl.StepContext) -> Any:
        return fail(step) if step.node.id == "charge" else "then"

    def now(step: fl.StepContext) -> Any:
        return "now"

    executors = fl.ExecutorRegistry()
    executors.register("work")(then)
    with fl.open_ledger(durable_url, executors) as ledger:
        ledger.workflows.save(TWO, workflow_id="shop")
        failed = ledger.runs.start("shop")
    executors = fl.ExecutorRegistry()
    executors.register("work")(now)
    with fl.open_ledger(durable_url, executors) as ledger:
        preview = ledger.runs.retry(failed.id, "charge", preview=True)
        assert [node.code_changed for node in preview.reused] == [True, True]
        assert preview.code_changed == ("fetch", "price", "charge")
        reproduction = ledger.runs.reproduce(failed.id)
        assert reproduction.status == "completed"
        started = next(ledger.history.events(reproduction.id))
        assert "now" in started.data["drifted"]["work"]


# --- reproduce --------------------------------------------------------------------------------------------------------


def test_a_reproduction_runs_the_pinned_version_and_never_tells_the_state(shop: Shop) -> None:
    failed = shop.failing()
    shop.save(FIXED)
    reproduction = shop.runs.reproduce(failed.id, by="bob")
    assert (reproduction.workflow_version, reproduction.status) == (1, "completed")
    assert reproduction.origin == fl.RunOrigin("reproduction", failed.id, 0)
    assert shop.seen[0] == ("fetch", {"order": 1})
    order = shop.runs.work_order(failed.work_order_id)
    assert (order.state, order.runs, order.reproductions) == ("failed", (failed.id,), (reproduction.id,))


def test_a_reproduction_reuses_what_its_run_reused(shop: Shop) -> None:
    failed = shop.failing()
    shop.acts["charge"] = fail
    retry = shop.runs.retry(failed.id, "charge")
    shop.save(WITHOUT_PRICE)
    shop.seen.clear()
    reproduction = shop.runs.reproduce(retry.id)
    assert shop.seen == [("charge", None)]
    assert reproduction.workflow_version == 1
    assert shop.history.reused(reproduction.id) == shop.history.reused(retry.id)
    assert shop.history.workflow_of(reproduction.id).input == {"order": 1}


def test_a_reproduction_may_itself_be_retried(shop: Shop) -> None:
    failed = shop.failing()
    reproduction = shop.runs.reproduce(failed.id)
    retry = shop.runs.retry(reproduction.id, "charge")
    assert retry.status == "completed"
    assert shop.runs.work_order(failed.work_order_id).runs == (failed.id, retry.id)
