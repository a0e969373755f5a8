"""Only a run has a version: not its work order, and whatever was saved since."""

import os
from itertools import count
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

import flowledger as fl

from ..effort import tries

CREATE = {
    "nodes": [{"id": "fetch", "type": "work"}, {"id": "post", "type": "work", "data": {"to": "old"}}],
    "edges": [{"source": "fetch", "target": "post"}],
}
FIXED = {**CREATE, "nodes": [CREATE["nodes"][0], {"id": "post", "type": "work", "data": {"to": "new"}}]}


def work(step: fl.StepContext) -> Any:
    if step.data.get("to") == "old":
        raise fl.NonRetryable("410 Gone")
    return [step.node.id, step.payload]


def ledger_at(url: str) -> fl.Ledger:
    executors = fl.ExecutorRegistry()
    executors.register("work")(work)
    return fl.open_ledger(url, executors)


def test_two_versions_two_work_orders_three_runs(store_url: str) -> None:
    with ledger_at(store_url) as ledger:
        runs, history = ledger.runs, ledger.history
        first_save = ledger.workflows.save(CREATE, workflow_id="sync", by="ada", message="first draft")
        first = runs.start("sync", payload={"id": 1}, by="webhook")
        assert first.status == "failed"
        second_save = ledger.workflows.save(FIXED, workflow_id="sync", by="bob", message="the new address")
        second = runs.start("sync", payload={"id": 2}, by="webhook")
        retry = runs.retry(first.id, by="bob")
        ledger.workflows.save({"nodes": [CREATE["nodes"][0]]}, workflow_id="sync", by="ada", message="no more posts")

        assert [run.workflow_version for run in (first, second, retry)] == [1, 2, 2]
        for run, save, payload in ((first, first_save, 1), (second, second_save, 2), (retry, second_save, 1)):
            seen = history.workflow_of(run.id)
            assert (seen.version, seen.definition, seen.by, seen.message) == (
                save.version,
                save.definition,
                save.by,
                save.message,
            )
            assert seen.input == {"id": payload}
            assert not seen.is_latest
        order, other = runs.work_order(first.work_order_id), runs.work_order(second.work_order_id)
        assert (order.runs, order.state, order.input) == ((first.id, retry.id), "success", {"id": 1})
        assert (other.runs, other.state, other.input) == ((second.id,), "success", {"id": 2})

        again = runs.reproduce(first.id, by="bob")
        assert (again.status, again.workflow_version, again.work_order_id) == ("failed", 1, order.id)
        assert runs.work_order(order.id).state == "success", "a reproduction is no answer to the request"
        listed = {row.id: (row.workflow_version, row.origin, row.source) for row in history.runs("sync")}
        assert listed == {
            first.id: (1, None, None),
            second.id: (2, None, None),
            retry.id: (2, "retry", first.id),
            again.id: (1, "reproduction", first.id),
        }


NUMBERS = count()

COMMANDS = st.lists(
    st.tuples(st.sampled_from(["save", "start", "start", "retry", "retry from", "reproduce"]), st.integers(0, 9)),
    min_size=1,
    max_size=12,
)


@settings(
    max_examples=tries(40),
    deadline=None,
    derandomize="CI" in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(commands=COMMANDS)
def test_whatever_is_saved_since(store_url: str, commands: list[tuple[str, int]]) -> None:
    """All examples share one store; each has a workflow of its own."""
    with ledger_at(store_url) as ledger:
        runs = ledger.runs
        workflow_id = f"w{next(NUMBERS)}"
        saved = [ledger.workflows.save(CREATE, workflow_id=workflow_id)]
        ran: list[tuple[fl.Run, fl.WorkflowSnapshot, Any]] = []
        for command, number in commands:
            if command == "save":
                node = {"id": "post", "type": "work", "data": {"to": "old" if number % 2 else "new", "number": number}}
                definition = {**CREATE, "nodes": [CREATE["nodes"][0], node]}
                saved.append(ledger.workflows.save(definition, workflow_id=workflow_id))
            elif command == "start" or not ran:
                ran.append((runs.start(workflow_id, payload=number), saved[-1], number))
            else:
                source, version, payload = ran[number % len(ran)]
                if command == "reproduce":
                    ran.append((runs.reproduce(source.id), version, payload))
                else:
                    retry = runs.retry(source.id, "post" if command == "retry from" else None, again=True)
                    ran.append((retry, saved[-1], payload))
        for run, version, payload in ran:
            seen = ledger.history.workflow_of(run.id)
            assert (run.workflow_version, seen.version) == (version.version, version.version)
            assert seen.definition == version.definition
            assert seen.input == payload
            assert runs.work_order(run.work_order_id).input == payload
            fails = version.definition.nodes[1].data["to"] == "old"
            assert run.status == runs.get(run.id).status == ("failed" if fails else "completed")
            assert list(run.snapshot.context) == ["fetch", "post"]
