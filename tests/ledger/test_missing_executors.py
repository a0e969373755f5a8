"""Processes that have some executors and not others: what they may do, and what they are told."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

import flowledger as fl
from flowledger.infrastructure.services.workflows import plan_cache

from .harness import line


def registry(*types: str) -> fl.ExecutorRegistry:
    executors = fl.ExecutorRegistry()
    for type in types:
        if type == "ask":
            executors.register(type)(lambda step: step.payload if step.payload is not None else fl.Pause("?"))
        else:
            executors.register(type)(lambda step: 1)
    return executors


def chain(*types: str, back: tuple[str, str] | None = None) -> dict[str, Any]:
    edges: list[dict[str, Any]] = [{"source": source, "target": target} for source, target in pairwise(types)]
    if back is not None:
        edges.append({"source": back[0], "target": back[1], "sourceHandle": "again"})
    return {"nodes": [{"id": type, "type": type} for type in types], "edges": edges, "start": types[0]}


class Fleet:
    """Processes on one store: the one that saves has all executors."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.all = self.open("fetch", "ask", "charge", "fraud")
        self.opened = [self.all]

    def open(self, *types: str) -> Any:
        return fl.open_ledger(self.url, registry(*types))

    def process(self, *types: str) -> Any:
        self.opened.append(self.open(*types) if types else fl.open_ledger(self.url))
        return self.opened[-1]

    def save(self, definition: dict[str, Any]) -> None:
        self.all.workflows.save(definition, workflow_id="w", by="ada")


@pytest.fixture
def fleet(durable_url: str) -> Iterator[Fleet]:
    fleet = Fleet(durable_url)
    yield fleet
    for ledger in fleet.opened:
        ledger.close()


def test_the_message_names_version_workflow_type_and_nodes(fleet: Fleet) -> None:
    fleet.save(chain("charge"))
    fleet.save(chain("fraud", "charge"))
    before = fleet.all.verify().events
    with pytest.raises(fl.ExecutorMissing) as refused:
        fleet.process("charge").runs.start("w")
    error = refused.value
    assert str(error).startswith(
        "version 2 of 'w' needs executor 'fraud' (node 'fraud'), which this process doesn't have"
    )
    assert (error.workflow_id, error.version, error.needed) == ("w", 2, {"fraud": ("fraud",)})
    assert not isinstance(error, fl.InvalidDefinition)
    assert fleet.all.verify().events == before


def test_many_missing_executors_are_named_in_a_short_message() -> None:
    error = fl.ExecutorMissing("w", 3, {f"type-{n}": [f"node-{n}-{m}" for m in range(50)] for n in range(1000)})
    assert len(str(error)) < 2000
    assert len(error.needed) == 1000


def test_what_has_run_needs_no_executor_and_what_may_run_does(fleet: Fleet) -> None:
    fleet.save(chain("fetch", "ask", "charge"))
    waiting = [fleet.all.runs.start("w") for _ in range(2)]
    with pytest.raises(fl.ExecutorMissing, match="'charge'") as refused:
        fleet.process("ask").runs.resume(waiting[0].id, payload=1)
    assert refused.value.needed == {"charge": ("charge",)}
    assert fleet.all.runs.get(waiting[0].id) == waiting[0]
    assert fleet.process("ask", "charge").runs.resume(waiting[1].id, payload=1).status == "completed"


def test_what_a_loop_leads_back_to_may_run_again(fleet: Fleet) -> None:
    fleet.save(chain("fetch", "ask", "charge", back=("charge", "fetch")))
    run = fleet.all.runs.start("w")
    with pytest.raises(fl.ExecutorMissing) as refused:
        fleet.process("ask", "charge").runs.resume(run.id, payload=1)
    assert refused.value.needed == {"fetch": ("fetch",)}


def test_nodes_that_no_edge_leads_to_are_not_needed(fleet: Fleet) -> None:
    fleet.save(chain("charge") | {"nodes": [{"id": type, "type": type} for type in ("charge", "fraud")]})
    assert fleet.process("charge").runs.start("w").status == "completed"


def test_a_process_without_executors_queues_holds_up_cancels_and_lists(fleet: Fleet) -> None:
    fleet.save(chain("fetch", "charge"))
    web, some = fleet.process(), fleet.process("fetch")
    queued = web.runs.start("w", wait=False, by="web")
    assert some.runs.start("w", wait=False, by="web").status == "active"
    assert web.runs.cancel(queued.id, by="web").status == "cancelled"
    other = web.runs.start("w", wait=False, idempotency_key="7")
    assert web.runs.start("w", idempotency_key="7").id == other.id
    assert web.runs.hold(other.id, by="web").held
    assert len(web.history.runs()) == 3
    assert {row.id for row in web.workflows.list()} == {"w"}
    with pytest.raises(fl.InvalidRequest, match="opened without executors"):
        web.runs.start("w")
    assert not web.runs.release(other.id, by="web").held
    assert fleet.all.runs.proceed(other.id).status == "completed"
    retried = web.runs.retry(queued.id, wait=False)
    assert fleet.all.runs.proceed(retried.id).status == "completed"


def test_the_worker_judges_the_input_that_a_process_without_executors_queued(durable_url: str) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("strict", input={"type": "object", "required": ["amount"]})(lambda step: step.data)
    with fl.open_ledger(durable_url, executors) as ledger, fl.open_ledger(durable_url) as web:
        ledger.workflows.save({"nodes": [{"id": "n", "type": "strict", "data": "{{ payload }}"}]}, workflow_id="w")
        with pytest.raises(fl.WorkOrderRejected):
            ledger.runs.start("w", payload={}, wait=False)
        queued = web.runs.start("w", payload={}, wait=False)
        assert ledger.runs.proceed(queued.id).status == "failed"


@pytest.mark.parametrize("again", ["retry", "reproduce", "fork"])
def test_what_repeats_a_run_is_told_the_same(fleet: Fleet, again: str) -> None:
    fleet.save(chain("fetch", "charge"))
    run = fleet.all.runs.start("w")
    some = fleet.process("fetch")
    before = fleet.all.verify().events
    given = {"version": 1} if again == "fork" else {}
    with pytest.raises(fl.ExecutorMissing, match="'charge'"):
        getattr(some.runs, again)(run.id, **given)
    assert fleet.all.verify().events == before
    assert getattr(some.runs, again)(run.id, wait=False, **given).status == "active"


def test_a_fork_behind_a_node_needs_no_executor_of_that_node(fleet: Fleet) -> None:
    fleet.save(chain("fetch", "charge"))
    run = fleet.all.runs.start("w")
    some = fleet.process("charge")
    assert some.runs.fork(run.id, version=2).status == "completed"
    assert some.runs.fork(run.id, version=2, output=7).snapshot.context["fetch"][0].output == 7
    with pytest.raises(fl.InvalidRequest, match=r"its edges take: \(no handle\)"):
        some.runs.fork(run.id, version=2, output=fl.StepResult(7, "left"))


def test_some_executors_of_a_bulk_retry_are_reported_in_its_items(fleet: Fleet) -> None:
    fleet.save(chain("fetch", "charge"))
    run = fleet.all.runs.cancel(fleet.all.runs.start("w", wait=False).id)
    (item,) = fleet.process("fetch").runs.retry_all([run.id])
    assert item.outcome == "refused"
    assert "needs executor 'charge'" in str(item.reason)


def test_a_plan_that_lacks_executors_is_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    make = plan_cache.plan_known_types

    def count(*given: Any) -> Any:
        made.append(1)
        return make(*given)

    with fl.open_ledger("memory:", registry("do")) as ledger:
        ledger.workflows.save(line("a") | {"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w")
        monkeypatch.setattr(plan_cache, "plan_known_types", count)
        for _ in range(3):
            ledger.runs.start("w")
    assert len(made) == 1
