"""Retrying, reproducing and forking on pages: what will happen is said, and is what happens."""

from pathlib import Path

import pytest
from tests.web.acts.conftest import CLASSES, Shop, alert, buttons, said, shop
from tests.web.reading import Element

import flowledger as fl
from flowledger.testing import memory_ledger


def plan(page: Element) -> dict[str, str]:
    """What a page says of each node."""
    return {line.find("span")[0].text: line.text for line in page.one("ul", classes="plan").find("li")}


@pytest.fixture
def failed(orders: Shop) -> fl.Run:
    """A run that failed on version 1, where version 2 would do."""
    run = orders.failed()
    orders.ledger.workflows.save(shop(CLASSES[1]), workflow_id="orders", by="ada", message="by air, too")
    orders.done.clear()
    return run


async def test_a_retry_says_beforehand_what_runs_what_is_kept_and_on_which_version(
    orders: Shop, failed: fl.Run
) -> None:
    page = await orders.visit(f"/runs/{failed.id}/retry?from=ship")
    assert "1 node may run, 3 nodes keep their results." in page.text
    assert "It begins at ship , and runs with the latest version of this workflow." in page.text.replace(
        "ship,", "ship ,"
    )
    assert "a retry always takes the live one" in page.text
    assert "as recorded15 bytes, digest" in page.text
    assert "It ran on version 1: what differs, changed ship." in page.text.replace(" ,", ",")
    told = plan(page)
    assert list(told) == ["take", "review", "charge", "ship"]
    assert "1 result taken over" in told["charge"]
    assert buttons(page) == ["Retry from ship on version 2"]
    assert orders.runs() == 1


async def test_what_a_retry_said_is_what_it_does(orders: Shop, failed: fl.Run) -> None:
    status, page = await orders.do(f"/runs/{failed.id}/retry?from=ship")
    retried = orders.ledger.history.runs()[0]
    assert status == 303
    assert said(page) == f"Run {retried.id[-6:]} was started from ship, on version 2; it has completed."
    assert (retried.origin, retried.source, retried.by, orders.done) == ("retry", failed.id, "dana", ["ship"])


async def test_what_acts_on_the_world_again_is_named_with_how_often_it_did(orders: Shop, failed: fl.Run) -> None:
    told = plan(await orders.visit(f"/runs/{failed.id}/retry"))
    assert "effect did so already, once, last" in told["charge"]
    assert f"it does so again, under the same effect key {failed.work_order_id}:charge:1" in told["charge"]
    _, page = await orders.do(f"/runs/{failed.id}/retry")
    assert "; it waits for an answer at review." in said(page)


async def test_a_step_that_asked_asks_again_or_keeps_its_answer(orders: Shop, failed: fl.Run) -> None:
    at = f"/runs/{failed.id}/retry?from=review"
    page = await orders.visit(at)
    assert 'asks again; it was answered {"class":"air"} by noor' in page.text
    keeping = page.link("Keep that answer")
    assert "keeps the answer" in (await orders.visit(keeping)).text
    await orders.do(keeping)
    assert orders.done == ["ask", "charge", "ship"]
    assert orders.ledger.history.runs()[0].status == "completed"


async def test_a_retry_that_is_sent_twice_is_one_run(orders: Shop, failed: fl.Run) -> None:
    form = await orders.fill(f"/runs/{failed.id}/retry?from=ship")
    answers = [await orders.send(*form) for _ in range(2)]
    assert [status for status, _ in answers] == [303, 303]
    assert said(answers[0][1]) == said(answers[1][1])
    assert (orders.runs(), orders.done) == (2, ["ship"])


async def test_work_that_was_done_once_more_already_takes_a_second_word(orders: Shop, failed: fl.Run) -> None:
    at = f"/runs/{failed.id}/retry?from=ship"
    form = await orders.fill(at)
    done = orders.ledger.runs.retry(failed.id, "ship", by="ivo")
    status, refused = await orders.send(*form)
    assert (status, orders.runs()) == (409, 2)
    assert "The work of this order is done, by ivo." in alert(refused)
    assert refused.one("div", role="alert").one("a").attributes["href"] == f"/runs/{done.id}"
    page = await orders.visit(at)
    assert "This work was done once more already. ivo began run" in page.text
    assert (await orders.do(at))[0] == 409
    assert (await orders.do(at, {"again": "yes"}))[0] == 303
    assert orders.runs() == 3


async def test_a_step_that_the_live_version_lacks_cannot_be_retried(orders: Shop, failed: fl.Run) -> None:
    changed = shop(CLASSES[1])
    changed["nodes"][3]["id"] = "send"
    changed["edges"][2]["target"] = "send"
    orders.ledger.workflows.save(changed, workflow_id="orders")
    at = f"/runs/{failed.id}/retry?from=ship"
    page = await orders.visit(at)
    assert "This step has been deleted and cannot be retried. Try running from other steps." in page.text
    assert "disabled" in page.one("select", name="from").one("option", value="ship").attributes
    assert (await orders.send(at))[0] == 409
    assert orders.runs() == 1


async def test_a_run_that_has_not_ended_is_not_retried(orders: Shop) -> None:
    run = orders.asking()
    assert "This can’t be done now." in (await orders.visit(f"/runs/{run.id}/retry")).text
    assert (await orders.send(f"/runs/{run.id}/retry"))[0] == 409


async def test_a_retry_may_be_left_to_a_worker(orders: Shop, failed: fl.Run) -> None:
    _, page = await orders.do(f"/runs/{failed.id}/retry?from=ship", {"execution": "worker"})
    assert said(page).endswith("on version 2; it is to go on at ship.")
    assert orders.done == []
    assert orders.ledger.history.runs()[0].queued


async def test_a_server_without_executors_leaves_what_it_begins_to_a_worker(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    registry = fl.ExecutorRegistry()
    registry.register("take")(lambda step: step.payload["missing"])
    with fl.open_ledger(url, registry) as able:
        able.workflows.save({"nodes": [{"id": "take", "type": "take"}], "edges": []}, workflow_id="orders")
        run = able.runs.start("orders", payload={})
    with fl.open_ledger(url) as ledger:
        _, page = await Shop(ledger, []).do(f"/runs/{run.id}/retry")
        assert said(page).endswith("it is to go on at take.")
        assert ledger.history.runs()[0].queued


async def test_a_reproduction_runs_on_its_own_version_and_takes_effects_from_the_record(
    orders: Shop, failed: fl.Run
) -> None:
    at = f"/runs/{failed.id}/reproduce"
    page = await orders.visit(at)
    assert "taken from the record" in plan(page)["charge"]
    assert "4 nodes may run, as they were then." in page.text
    _, after = await orders.do(at)
    assert "on version 1; it waits for an answer at review." in said(after)
    made = orders.ledger.history.runs()[0]
    assert (made.origin, made.workflow_version, made.by) == ("reproduction", 1, "dana")
    orders.ledger.runs.resume(made.id, payload={"class": "air"})
    assert "charge" not in orders.done


async def test_a_reproduction_acts_on_the_world_where_somebody_says_so(orders: Shop, failed: fl.Run) -> None:
    await orders.do(f"/runs/{failed.id}/reproduce", {"effects": ["charge"]})
    made = orders.ledger.history.runs()[0]
    orders.ledger.runs.resume(made.id, payload={"class": "air"})
    assert "charge" in orders.done


async def test_a_fork_begins_where_the_run_stood_with_another_result(orders: Shop, failed: fl.Run) -> None:
    asked = next(
        event for event in orders.ledger.history.events(failed.id) if event.data.get("output") == {"class": "air"}
    )
    at = f"/runs/{failed.id}/fork?version={asked.version}"
    page = await orders.visit(at)
    assert f"It begins as the run stood at version {asked.version}: active, at charge." in page.text
    _, after = await orders.do(at, {"change": "output", "output": '{"class": "road"}'})
    assert said(after).endswith("; it has completed.")
    made = orders.ledger.history.runs()[0]
    assert (made.origin, made.source, made.workflow_version) == ("fork", failed.id, 1)
    assert orders.done == ["ship"]


async def test_a_fork_goes_on_with_another_version_of_the_workflow(orders: Shop, failed: fl.Run) -> None:
    _, after = await orders.do(f"/runs/{failed.id}/fork?workflow_version=2")
    assert said(after).endswith("; it has completed.")
    assert orders.ledger.history.runs()[0].workflow_version == 2


async def test_a_fork_takes_another_payload_and_metadata(orders: Shop) -> None:
    run = orders.asking()
    typed = {"change": "payload", "payload": '{"class": "road"}', "metadata": '{"try": 2}'}
    _, after = await orders.do(f"/runs/{run.id}/fork", typed)
    assert said(after).endswith("; it has completed.")
    made = orders.ledger.history.runs()[0]
    assert orders.ledger.runs.get(made.id).snapshot.metadata["try"] == 2
    assert orders.ledger.runs.get(run.id).status == "paused"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"change": "payload", "payload": "{"}, "Payload isn't JSON"),
        ({"change": "payload", "payload": " "}, "Payload is empty"),
        ({"change": "payload", "payload": "1", "metadata": "[1]"}, "Metadata is no JSON object"),
        ({"change": "everything"}, "everything"),
        ({"effects": "nobody"}, "nobody"),
    ],
)
async def test_what_a_fork_cannot_take_is_said_and_what_was_typed_is_kept(
    orders: Shop, typed: dict[str, str], why: str
) -> None:
    run = orders.asking()
    status, page = await orders.do(f"/runs/{run.id}/fork", typed)
    assert (status, orders.runs()) == (400, 1)
    if typed.get("change") == "payload":
        assert why.removeprefix("Payload isn't JSON") in alert(page)
        assert page.one("textarea", name="payload").text == typed["payload"].strip()


async def test_a_work_order_that_was_rejected_is_retried_with_the_live_version(orders: Shop) -> None:
    registry = fl.ExecutorRegistry()
    registry.register("take", input={"type": "object", "required": ["order"]})(lambda step: step.data)
    with memory_ledger(registry) as ledger:
        here = Shop(ledger, [])
        node = {"id": "take", "type": "take", "data": {}}
        ledger.workflows.save({"nodes": [node], "edges": []}, workflow_id="orders")
        with pytest.raises(fl.WorkOrderRejected) as rejected:
            ledger.runs.start("orders", payload=1)
        at = f"/runs/{rejected.value.work_order_id}/retry"
        assert "Its input would be refused again" in (await here.visit(at)).text
        status, page = await here.do(at)
        assert status == 422
        assert "Nothing has run." in alert(page)
        node["data"] = {"order": "{{ payload }}"}
        ledger.workflows.save({"nodes": [node], "edges": []}, workflow_id="orders")
        _, page = await here.do(at)
        assert said(page).endswith("it has completed.")


async def test_a_step_leads_to_a_retry_from_it_for_those_who_may(orders: Shop, failed: fl.Run) -> None:
    page = await orders.visit(f"/runs/{failed.id}?step=charge")
    link = next(link for link in page.find("a") if link.text == "Retry from here…")
    assert link.attributes["href"] == f"/runs/{failed.id}/retry?from=charge"
    assert link.attributes["title"] == "Run this step with the latest version of this workflow"
    assert "Retry from here…" not in (await orders.visit(f"/runs/{failed.id}?step=charge", role="viewer")).text
    assert "Retry from here…" not in (await orders.visit(f"/runs/{orders.asking().id}")).text


async def test_the_history_leads_to_a_retry_from_a_step_and_to_its_inspector(orders: Shop, failed: fl.Run) -> None:
    page = await orders.visit(f"/history?open={failed.work_order_id}&open={failed.id}")
    assert page.link("Retry from step ship") == f"/runs/{failed.id}/retry?from=ship"
    inspector = await orders.visit(page.link("Inspect step ship"))
    assert inspector.one("aside", id="inspector").one("h2").text == "ship"
    assert "Retry from step" not in (await orders.visit("/history", role="viewer")).text


@pytest.mark.parametrize("act", ["retry?from=ship", "reproduce", "fork"])
async def test_why_is_on_record_and_on_the_page_of_the_new_run(orders: Shop, failed: fl.Run, act: str) -> None:
    _, page = await orders.do(f"/runs/{failed.id}/{act}", {"why": "fixed on version 2"})
    made = orders.ledger.history.runs()[0]
    assert "“fixed on version 2”" in page.one("section", aria_label="The run in short").text
    assert [*orders.ledger.history.trail(stream=made.id)][-1].summary.endswith(": fixed on version 2")
