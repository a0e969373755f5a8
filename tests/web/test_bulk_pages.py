"""Many runs retried or cancelled in pages and by the API: counted before, asked for once, watched, stopped."""

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.presentation.documents import row_document
from flowledger.testing import memory_ledger
from flowledger.web import Principal, create_app

from ..operations.until import until
from .client import client_of, local
from .reading import Element, read


@pytest.fixture
def failed(many: fl.Ledger) -> list[str]:
    return [many.runs.start("w", {"fail": True, "id": number}).id for number in range(3)]


@pytest.fixture
def many() -> Iterator[fl.Ledger]:
    """A ledger whose runs fail, wait, or complete, as their payload says."""
    executors = fl.ExecutorRegistry()

    @executors.register("do")
    def do(step: fl.StepContext) -> Any:
        if step.payload["fail"]:
            raise fl.NonRetryable("no luck")
        return fl.Pause("go on?") if step.payload.get("ask") else None

    with memory_ledger(executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "do"}]}, workflow_id="w", by="ada")
        yield ledger


async def page(client: httpx.AsyncClient, address: str) -> Element:
    answer = await client.get(address)
    assert answer.status_code == 200, answer.text
    return read(answer.text)


def fields(form: Element) -> dict[str, str]:
    """What a browser sends of a form that nobody has touched."""
    return {field.attributes["name"]: field.attributes.get("value", "") for field in form.find("input")}


def form_of(whole: Element) -> Element:
    (form,) = whole.one("main").find("form", method="post")
    return form


async def ask(client: httpx.AsyncClient, address: str, **typed: str) -> httpx.Response:
    form = form_of(await page(client, address))
    return await client.post(form.attributes["action"], data={**fields(form), **typed})


async def finish(client: httpx.AsyncClient, ledger: fl.Ledger, address: str) -> Element:
    """The action's page, once it has come to its end in the serving process."""
    bulk_id = address.rpartition("/")[2]
    until(lambda: ledger.bulk.get(bulk_id).status == "finished")
    return await page(client, address)


async def test_history_leads_to_a_preview_of_what_was_picked_and_of_all_that_match(
    many: fl.Ledger, failed: list[str]
) -> None:
    async with local(many) as client:
        history = await page(client, "/history?status=failed&workflow=w&limit=2")
        bar = history.one("form", id="bulk")
        assert bar.attributes["action"] == "/bulk/new"
        picks = history.find("input", name="pick")
        assert [pick.attributes["value"] for pick in picks] == failed[:0:-1]
        assert {pick.attributes["form"] for pick in picks} == {"bulk"}
        assert "All 3 that match" in bar.text
        picked = await page(client, f"/bulk/new?act=retry&pick={failed[0]}&pick={failed[1]}")
        assert picked.one("h1").text == "Retry 2 runs"
        matching = await page(client, bar.link("retry…"))
        assert matching.one("h1").text == "Retry 3 runs"
        assert "All runs of w, that are failed." in matching.text


async def test_a_preview_counts_what_is_done_and_why_not_the_rest(many: fl.Ledger, failed: list[str]) -> None:
    many.runs.start("w", {"fail": False})
    many.runs.start("w", {"fail": False, "ask": True})
    async with local(many) as client:
        retry = await page(client, "/bulk/new?act=retry&workflow=w")
        said = retry.one("ul", classes="panel-body").text
        assert retry.one("h1").text == "Retry 3 runs"
        assert "3 runs can be retried, oldest first." in said
        assert "1 is skipped: it has completed: there is nothing to retry" in said
        assert "1 is refused: it hasn't ended" in said
        assert "with the live version w v1" in said
        assert "No worker is alive now" in said
        cancel = await page(client, "/bulk/new?act=cancel&workflow=w")
        assert cancel.one("h1").text == "Cancel 1 run"
        document = (await client.get("/bulk/new.json?act=retry&workflow=w")).json()
        assert (document["count"], document["can"]) == (5, 3)


async def test_what_is_previewed_can_be_asked_for_by_a_command_and_a_line_of_python(
    many: fl.Ledger, failed: list[str]
) -> None:
    async with local(many) as client:
        whole = await page(client, "/bulk/new?act=retry&workflow=w&since=2026-01-01&by=unknown&status=failed")
        data, command, python = [code.text for code in whole.one("details", classes="copyas").find("code")]
        assert (await client.get(data)).json()["can"] == 3
    assert shlex.split(command) == [
        "flowledger", "bulk", "request", "retry", "--workflow", "w", "--status", "failed",
        "--since", "2026-01-01T00:00:00+00:00", "--started-by", "unknown",
    ]  # fmt: skip
    made = eval(python, {"ledger": many, "datetime": datetime})  # noqa: S307 - that is what it is for
    assert (made.count, made.by) == (3, "local")


async def test_what_was_asked_for_is_done_by_the_serving_process(many: fl.Ledger, failed: list[str]) -> None:
    async with local(many) as client:
        answer = await ask(client, "/bulk/new?act=retry&status=failed", why="fixed on v9")
        assert answer.status_code == 303
        whole = await finish(client, many, answer.headers["location"])
        assert whole.one("h1").text == "Retry of 3 runs"
        assert "Asked for by local" in whole.text
        assert "“fixed on v9”" in whole.text
        assert whole.one("div", classes="tally").find("div", classes="push")[0].one("b").text == "3 of 3"
        rows = whole.find("tbody")[0].find("tr")
        assert [row.one("th").one("a").attributes["title"] for row in rows] == [f"run {run}" for run in failed]
        assert "No worker is alive" in whole.text
        listed = await page(client, "/bulk")
        assert "Retry of 3 runs" in listed.find("tbody")[0].text


async def test_a_double_click_is_one_action(many: fl.Ledger, failed: list[str]) -> None:
    async with local(many) as client:
        form = form_of(await page(client, "/bulk/new?act=retry&status=failed"))
        send = [await client.post(form.attributes["action"], data=fields(form)) for _ in range(2)]
        await finish(client, many, send[0].headers["location"])
    assert send[0].headers["location"] == send[1].headers["location"]
    assert len(many.bulk.list()) == 1
    assert len(many.history.runs()) == 6


async def test_where_others_match_by_now_nothing_is_done_and_they_are_shown(many: fl.Ledger, failed: list[str]) -> None:
    async with local(many) as client:
        form = form_of(await page(client, "/bulk/new?act=retry&status=failed"))
        many.runs.start("w", {"fail": True})
        answer = await client.post(form.attributes["action"], data={**fields(form), "why": "typed"})
        assert answer.status_code == 409
        again = read(answer.text)
        assert "Nothing was done." in again.text
        assert "Other runs match by now" in again.text
        assert again.one("h1").text == "Retry 4 runs"
        assert again.one("input", name="why").attributes["value"] == "typed"
        assert len(many.bulk.list()) == 0
        anew = await client.post(form.attributes["action"], data=fields(form_of(again)))
        assert anew.status_code == 303
        await finish(client, many, anew.headers["location"])


async def test_an_action_is_stopped_by_its_page(many: fl.Ledger, failed: list[str]) -> None:
    action = many.bulk.request("retry", failed, by="dana")
    async with local(many) as client:
        at = f"/bulk/{action.id}"
        before = await page(client, at)
        assert "No process works on it now" in before.text
        answer = await ask(client, at)
        assert answer.status_code == 303
        stopped = await page(client, at)
        assert stopped.one("span", classes="badge").text == "Stopped"
        assert "3 not begun" in stopped.one("div", classes="tally").text
        assert not stopped.one("main").find("form", method="post")
        late = await client.post(at, data={"act": "stop"})
        assert late.status_code == 409
        assert "stopped already, by local" in late.text


async def test_filters_of_an_actions_runs_lead_to_so_many(many: fl.Ledger, failed: list[str]) -> None:
    done = many.runs.start("w", {"fail": False}).id
    action = many.bulk.run(many.bulk.request("retry", [*failed, done, "0" * 36]).id)
    async with local(many) as client:
        whole = await page(client, f"/bulk/{action.id}")
        filters = whole.one("div", classes="btns").find("a")
        assert [link.text for link in filters] == ["All 5", "Active 3", "Had nothing to do 1", "Refused 1"]
        for link in filters:
            rows = (await page(client, link.attributes["href"])).find("tbody")[0].find("tr")
            assert len(rows) == int(link.text.rpartition(" ")[2])


async def test_viewers_look_and_operators_act(many: fl.Ledger, failed: list[str]) -> None:
    action = many.bulk.request("retry", failed)
    app = create_app(many, auth=lambda request: Principal("vera", {"viewer"}))
    async with client_of(app) as client:
        assert not (await page(client, "/history")).find("input", name="pick")
        assert not (await page(client, "/bulk/new?act=retry")).one("main").find("button", classes="primary")
        assert not (await page(client, f"/bulk/{action.id}")).find("button", classes="danger")
        for address in ("/bulk/new?act=retry", f"/bulk/{action.id}"):
            assert (await client.post(address, data={"act": "stop"})).status_code == 403
        assert (await client.post("/api/bulk", json={"act": "retry", "runs": failed})).status_code == 403
        assert (await client.post(f"/api/bulk/{action.id}/stop")).status_code == 403
        assert (await client.get(f"/api/bulk/{action.id}")).status_code == 200
    assert many.bulk.get(action.id).status == "running"


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/bulk/nobody", 404, "no bulk action"),
        ("/bulk/new?act=hold", 400, "act"),
        ("/bulk/new?state=failed", 400, "state"),
        ("/bulk/new?status=lost", 400, "lost"),
        ("/bulk/new?act=cancel&from=a", 400, "begins at no node"),
        ("/bulk?limit=0", 400, "limit"),
    ],
)
async def test_an_address_that_makes_no_sense_is_answered(
    many: fl.Ledger, address: str, status: int, said: str
) -> None:
    async with local(many) as client:
        answer = await client.get(address)
        assert answer.status_code == status
        assert said in answer.text


async def test_the_api_counts_stores_lists_and_stops(many: fl.Ledger, failed: list[str]) -> None:
    body = {"act": "retry", "matching": {"status": ["failed"], "workflowId": "w"}, "reason": "again"}
    async with local(many) as api:
        counted = (await api.post("/api/bulk?preview=true", json=body)).json()
        assert (counted["count"], counted["can"], counted["workflows"]) == (3, 3, {"w": 1})
        send: dict[str, Any] = {"json": {**body, "digest": counted["digest"]}, "headers": {"idempotency-key": "k"}}
        made, again = await api.post("/api/bulk", **send), await api.post("/api/bulk", **send)
        assert (made.status_code, again.status_code) == (201, 200)
        at = made.headers["location"]
        assert again.headers["location"] == at
        until(lambda: many.bulk.get(at.rpartition("/")[2]).status == "finished")
        assert (await api.get(at)).json()["outcomes"] == {"retried": 3}
        items = (await api.get(f"{at}/items?outcome=retried&limit=2")).json()
        assert [item["runId"] for item in items["items"]] == failed[:2]
        assert len((await api.get(f"{at}/items?after={items['next']}")).json()["items"]) == 1
        assert (await api.post(f"{at}/stop", json={"reason": "late"})).status_code == 409
        assert [each["id"] for each in (await api.get("/api/bulk")).json()["bulk"]] == [made.json()["id"]]
        for wrong in ({"act": "retry"}, {"act": "lose", "runs": failed}, {"act": "retry", "runs": failed, "more": 1}):
            assert (await api.post("/api/bulk", json=wrong)).status_code in (400, 422)
    assert len(many.history.runs()) == 6


async def test_a_served_app_goes_on_with_what_was_left_open(many: fl.Ledger, failed: list[str]) -> None:
    action = many.bulk.request("cancel", failed)
    app = create_app(many)
    async with app.lifespan():
        until(lambda: many.bulk.get(action.id).status == "finished")


@pytest.fixture
def rejecting() -> Iterator[fl.Ledger]:
    """A ledger whose workflow refused two work orders at their start, and would take one of them by now."""
    executors = fl.ExecutorRegistry()
    executors.register("typed", input={"properties": {"n": {"type": "integer"}}})(lambda step: None)
    with memory_ledger(executors) as ledger:
        ledger.workflows.save({"nodes": [{"id": "a", "type": "typed", "data": "{{payload}}"}]}, workflow_id="w")
        for payload in ({"n": "x", "m": "z"}, {"n": "y", "m": 1}):
            with pytest.raises(fl.WorkOrderRejected):
                ledger.runs.start("w", payload)
        mended = {"nodes": [{"id": "a", "type": "typed", "data": {"n": "{{payload.m}}"}}]}
        ledger.workflows.save(mended, workflow_id="w")
        yield ledger


async def test_rejected_work_orders_are_beside_failures_wherever_those_are_listed(rejecting: fl.Ledger) -> None:
    rejected = rejecting.history.work_orders(state="rejected")
    assert len(rejected) == 2
    assert rejecting.history.failures().rejected == rejected
    assert not rejecting.history.failures(node="a").rejected
    document = {"workOrders": [row_document(order) for order in rejected], "next": None}
    async with local(rejecting) as client:
        for address in ("/failures.json", "/api/failures"):
            assert (await client.get(address)).json()["rejected"] == document
        assert not (await client.get("/api/failures?errorType=ValueError")).json()["rejected"]["workOrders"]


async def test_rejected_work_orders_are_picked_among_failures_and_each_gets_its_first_run_or_a_reason(
    rejecting: fl.Ledger,
) -> None:
    good, bad = (order.id for order in rejecting.history.work_orders(state="rejected"))
    async with local(rejecting) as client:
        failures = await page(client, "/failures")
        assert [pick.attributes["value"] for pick in failures.find("input", name="pick")] == [good, bad]
        at = failures.link("of all 2 shown…")
        preview = await page(client, at)
        said = preview.one("ul", classes="panel-body").text
        assert preview.one("h1").text == "Retry 1 run"
        assert "2 work orders among them were rejected at the start" in said
        assert "1 is refused: version 2 would refuse its input again" in said
        assert preview.link(bad[-6:]) == f"/runs/{bad}/retry"
        asked = await ask(client, at)
        done = await finish(client, rejecting, asked.headers["location"])
        assert "refuse its input again" in done.one("tr", id="item-2").text
        assert done.one("tr", id="item-1").link(good[-6:]) == f"/runs/{good}/retry"
        body = {"act": "cancel", "runs": [bad]}
        (obstacle,) = (await client.post("/api/bulk?preview=true", json=body)).json()["obstacles"]
        assert (obstacle["outcome"], obstacle["example"]) == ("skipped", bad)
    assert len(rejecting.runs.work_order(good).runs) == 1
    assert rejecting.runs.work_order(bad).runs == ()
