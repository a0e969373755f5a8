"""Work orders that were rejected and have no run, in a bulk action: what is foreseen of each is what becomes of it."""

from collections.abc import Iterator
from typing import Any

import pytest

import flowledger as fl

MENDED = {"nodes": [{"id": "n", "type": "typed", "data": {"n": 1}}]}


@pytest.fixture
def ledger() -> Iterator[fl.Ledger]:
    """A ledger of a workflow whose first node wants what no payload gives it, until its data is mended."""
    executors = fl.ExecutorRegistry()
    executors.register("typed", input={"required": ["n"]})(lambda step: None)
    with fl.open_ledger("memory:", executors) as opened:
        opened.workflows.save({"nodes": [{"id": "n", "type": "typed"}]}, workflow_id="w")
        yield opened


@pytest.fixture
def rejected(ledger: fl.Ledger) -> list[str]:
    return [reject(ledger) for _ in range(2)]


def reject(ledger: fl.Ledger) -> str:
    with pytest.raises(fl.WorkOrderRejected) as refused:
        ledger.runs.start("w")
    return str(refused.value.work_order_id)


def outcomes(ledger: fl.Ledger, bulk_id: str) -> list[tuple[str, str | None, str | None]]:
    return [(each.run_id, each.outcome, each.reason) for each in ledger.bulk.items(bulk_id)]


def test_a_retry_gives_each_its_first_run_where_the_live_version_takes_the_input(
    ledger: fl.Ledger, rejected: list[str]
) -> None:
    ledger.workflows.save(MENDED, workflow_id="w")
    preview = ledger.bulk.preview("retry", rejected, effects=True)
    assert (preview.can, preview.rejected, preview.workflows, preview.effects) == (2, tuple(rejected), {"w": 2}, {})
    action = ledger.bulk.run(ledger.bulk.request("retry", rejected, by="dana").id)
    assert (action.outcomes, action.runs) == ({"retried": 2}, {"active": 2})
    for item in ledger.bulk.items(action.id):
        order = ledger.runs.work_order(item.run_id)
        assert (item.work_order_id, order.runs) == (item.run_id, (item.new_run_id,))
        assert ledger.runs.proceed(str(item.new_run_id)).status == "completed"
    assert ledger.bulk.run(action.id).outcomes == {"retried": 2}


@pytest.mark.parametrize(
    ("act", "from_node", "outcome", "said"),
    [
        ("retry", None, "refused", "version 1 would refuse its input again"),
        ("retry", "n", "refused", "it from the start"),
        ("cancel", None, "skipped", "there is nothing to cancel"),
    ],
)
def test_what_cant_be_done_is_said_before_and_is_its_result(
    ledger: fl.Ledger, rejected: list[str], act: Any, from_node: str | None, outcome: str, said: str
) -> None:
    preview = ledger.bulk.preview(act, rejected, from_node=from_node)
    (obstacle,) = preview.obstacles
    assert (preview.can, obstacle.count, obstacle.outcome) == (0, 2, outcome)
    assert said in obstacle.reason
    written = ledger.verify().events
    action = ledger.bulk.run(ledger.bulk.request(act, rejected, from_node=from_node).id)
    assert outcomes(ledger, action.id) == [(id, outcome, obstacle.reason) for id in rejected]
    assert [ledger.runs.work_order(id).runs for id in rejected] == [(), ()]
    assert ledger.verify().events == written + 6, "nothing is rejected once more: only the action is on record"


@pytest.mark.parametrize("act", ["retry", "cancel"])
def test_one_that_got_a_run_since_it_was_named_is_left_to_that(
    ledger: fl.Ledger, rejected: list[str], act: Any
) -> None:
    action = ledger.bulk.request(act, rejected[:1])
    ledger.workflows.save(MENDED, workflow_id="w")
    ledger.runs.retry(rejected[0])
    reason = "another run of its work order is the last one"
    assert outcomes(ledger, ledger.bulk.run(action.id).id) == [(rejected[0], "skipped", reason)]


def test_the_id_of_a_work_order_with_runs_stands_for_the_last_one(ledger: fl.Ledger, rejected: list[str]) -> None:
    ledger.workflows.save(MENDED, workflow_id="w")
    run = ledger.runs.retry(rejected[0], wait=False)
    action = ledger.bulk.run(ledger.bulk.request("cancel", [rejected[0], run.id, "0" * 36]).id)
    unknown = ("0" * 36, "refused", "there is no such run")
    assert outcomes(ledger, action.id) == [(run.id, "cancelled", None), unknown]
