"""Starting a run on a page: the form follows from what the first node takes, and what was seen is what runs."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, Field
from tests.web.acts.conftest import Shop, alert, buttons, form_of, said
from tests.web.client import local
from tests.web.reading import read

import flowledger as fl
from flowledger.infrastructure.concurrency.threads import STORE_THREADS
from flowledger.testing import ManualClock, memory_ledger

DATA = {
    "id": "{{ payload.order.id }}",
    "total": "{{ payload.order.total }}",
    "express": "{{ payload.express }}",
    "greeting": "Dear {{ payload.name }}",
}


class Order(BaseModel):
    """What the first node takes."""

    id: str = Field(max_length=20)
    total: float = Field(ge=1, title="Total, EUR")
    express: bool = False
    greeting: str = ""


@pytest.fixture
def intake(clock: ManualClock) -> Iterator[Shop]:
    """A workflow whose first node takes an Order from the payload, and keeps it."""
    executors = fl.ExecutorRegistry()
    executors.register("keep", input=Order)(lambda step: step.data)
    with memory_ledger(executors, clock=clock) as ledger:
        save(ledger, DATA)
        yield Shop(ledger, [])


def save(ledger: fl.Ledger, data: Any, **more: Any) -> fl.WorkflowSnapshot:
    nodes = [{"id": "keep", "type": "keep", "data": data}]
    return ledger.workflows.save({"nodes": nodes, "edges": []}, workflow_id="orders", by="ada", **more)


GOOD = {
    "payload.order.id": "o-1",
    "payload.order.total": "12.5",
    "payload.express": "true",
    "payload.name": '"Ada"',
}
VALUE = {"order": {"id": "o-1", "total": 12.5}, "express": True, "name": "Ada"}
AT = "/workflows/orders/start"


async def test_a_form_has_a_field_for_each_part_of_the_payload_that_the_first_node_takes(intake: Shop) -> None:
    form = form_of(await intake.visit(AT))
    labels = [label.text for label in [*form.find("legend"), *form.find("label")] if label.find("code")]
    assert sorted(labels) == [
        "Express express needed",
        "Id order.id needed, at most 20 characters",
        "Name name as JSON",
        "Total, EUR order.total needed, at least 1",
    ]


async def test_a_run_is_started_by_who_asks_with_what_was_typed(intake: Shop) -> None:
    status, page = await intake.do(AT, GOOD | {"metadata": '{"channel": "desk"}'})
    run = intake.ledger.runs.get(intake.ledger.history.runs()[0].id)
    assert (status, said(page)) == (303, f"Run {run.id[-6:]} was started on version 1; it has completed.")
    (kept,) = run.snapshot.context["keep"]
    assert kept.output == {"id": "o-1", "total": 12.5, "express": True, "greeting": "Dear Ada"}
    assert intake.ledger.runs.work_order(run.work_order_id).input == VALUE
    assert (run.snapshot.metadata["channel"], intake.ledger.history.runs()[0].by) == ("desk", "dana")


@pytest.mark.parametrize(
    ("field", "typed", "why"),
    [
        ("payload.order.id", "", "needed: nothing was chosen or typed"),
        ("payload.order.id", "o" * 21, "21 characters, and 20 are taken"),
        ("payload.order.total", "0.5", "0.5 is less than the minimum of 1"),
        ("payload.order.total", "much", "is not JSON"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_nothing_is_on_record(
    intake: Shop, field: str, typed: str, why: str
) -> None:
    status, page = await intake.do(AT, GOOD | {field: typed})
    assert (status, intake.runs(), len(intake.ledger.history.work_orders())) == (422, 0, 0)
    assert why in form_of(page).one("", id=field).one("p", classes="fault").text
    assert (
        form_of(page).one("input", name="payload.order.id").attributes["value"]
        == (GOOD | {field: typed})["payload.order.id"]
    )


async def test_what_only_the_node_itself_refuses_stands_beside_its_field_and_is_on_record(intake: Shop) -> None:
    at, payload = f"{AT}?as=json", '{"order": {"id": "o-1", "total": %d}, "express": false, "name": 1}'
    status, page = await intake.do(at, {"payload": payload % 0})
    assert (status, intake.runs()) == (422, 0)
    assert "Nothing has run. The first node doesn't take this input; the refusal is on record." in alert(page)
    (order,) = intake.ledger.history.work_orders()
    assert order.state == "rejected"
    assert page.link("Retry that work order") == f"/runs/{order.id}/retry"
    again = form_of(page).one("input", name="key").attributes["value"]
    assert (
        await intake.send(
            at, {"payload": '{"order": {"id": "o", "total": 1}, "express": false, "name": 1}', "key": again}
        )
    )[0] == 303


async def test_a_form_that_is_sent_twice_is_one_run_also_where_another_version_is_live_by_then(intake: Shop) -> None:
    form = await intake.fill(AT, GOOD)
    first = await intake.send(*form)
    save(intake.ledger, DATA | {"greeting": "Hello"})
    second = await intake.send(*form)
    assert (first[0], second[0], intake.runs()) == (303, 303, 1)
    assert said(first[1]) == said(second[1])


async def test_the_key_of_a_form_stands_for_what_it_was_sent_with(intake: Shop) -> None:
    address, fields = await intake.fill(AT, GOOD)
    await intake.send(address, fields)
    status, page = await intake.send(address, {**fields, "payload.order.id": "o-2"})
    assert (status, intake.runs()) == (409, 1)
    assert "This form was sent before, by dana, and asked for something else then" in alert(page)
    again = form_of(page).one("input", name="key").attributes["value"]
    assert (await intake.send(address, {**fields, "payload.order.id": "o-2", "key": again}))[0] == 303


async def test_what_was_seen_is_what_runs_or_nothing_does(intake: Shop) -> None:
    form = await intake.fill(AT, GOOD)
    save(intake.ledger, DATA | {"greeting": "Hello"}, message="shorter")
    status, page = await intake.send(*form)
    assert (status, intake.runs()) == (412, 0)
    assert "You looked at version 1; version 2 would run now." in alert(page)
    assert "“shorter”, by ada" in alert(page)
    assert form_of(page).one("input", name="payload.order.id").attributes["value"] == "o-1"
    assert buttons(page) == ["Run version 2"]


async def test_an_old_snapshot_is_not_run_by_button_form_or_api(intake: Shop) -> None:
    save(intake.ledger, DATA | {"greeting": "Hello"})
    page = await intake.visit(f"{AT}?version=1")
    assert "Cannot run in snapshot mode, switch to latest." in page.text
    assert buttons(page) == []
    assert not (await intake.visit("/workflows/orders/versions/1")).find("a", data_key="r")
    status, refused = await intake.send(f"{AT}?version=1", GOOD)
    assert (status, "Cannot run in snapshot mode, switch to latest." in alert(refused)) == (409, True)
    async with intake.client("operator") as client:
        for version in (1, "1"):
            answer = await client.post("/api/workflows/orders/runs", json={"payload": VALUE, "version": version})
            assert answer.status_code in (404, 409), answer.text
        for version in (2, "latest", "live"):
            answer = await client.post("/api/workflows/orders/runs", json={"payload": VALUE, "version": version})
            assert answer.status_code == 201, answer.text
    assert intake.runs() == 3


async def test_a_start_by_the_api_that_is_repeated_is_answered_although_its_version_is_old_by_then(
    intake: Shop,
) -> None:
    async with intake.client("operator") as client:
        first, second = [
            await client.post(
                "/api/workflows/orders/runs", json={"payload": VALUE, "version": 1}, headers={"idempotency-key": "k"}
            )
            for change in ("Hi", "Hello")
            if save(intake.ledger, DATA | {"greeting": change}, draft=change == "Hi")
        ]
    assert (first.status_code, second.status_code, second.json()["created"]) == (201, 200, False)


async def test_a_draft_is_run_where_it_is_the_latest(intake: Shop) -> None:
    save(intake.ledger, DATA | {"greeting": "Hello"}, draft=True)
    assert buttons(await intake.visit(AT)) == ["Run version 1"]
    await intake.do(f"{AT}?version=latest", GOOD)
    assert intake.ledger.history.runs()[0].workflow_version == 2


async def test_what_another_run_was_started_with_is_filled_in(intake: Shop) -> None:
    run = intake.ledger.runs.start("orders", payload=VALUE)
    page = await intake.visit((await intake.visit(AT)).link(f"Fill in what run {run.id[-6:]} was started with"))
    form = form_of(page)
    assert form.one("input", name="payload.order.id").attributes["value"] == "o-1"
    assert "checked" in form.one("input", name="payload.express", value="true").attributes
    await intake.do(f"{AT}?like={run.id}")
    assert [row.status for row in intake.ledger.history.runs()] == ["completed", "completed"]
    await intake.visit(f"{AT}?like=nobody", status=404)


@pytest.mark.parametrize("data", [{}, {"id": "{{ has(payload.id) ? 'a' : 'b' }}"}, {"id": "{{ payload[0] }}"}])
async def test_a_payload_of_which_nothing_is_known_is_json(intake: Shop, data: Any) -> None:
    save(intake.ledger, data)
    form = form_of(await intake.visit(AT))
    assert [box.attributes["name"] for box in form.find("textarea")] == ["payload", "metadata"]


async def test_where_there_is_no_schema_the_members_that_are_read_are_there_to_be_filled_in(clock: ManualClock) -> None:
    executors = fl.ExecutorRegistry()
    executors.register("keep")(lambda step: step.data)
    with memory_ledger(executors, clock=clock) as ledger:
        save(ledger, {"id": "{{ payload.order.id }}", "text": "for {{ payload.name }}", "all": "{{ payload }}"})
        here = Shop(ledger, [])
        box = form_of(await here.visit(AT)).one("textarea", name="payload")
        assert json.loads(box.text) == {"order": {"id": None}, "name": None}
        await here.do(AT, {"payload": '{"order": {"id": 1}, "name": "Ada"}'})
        (kept,) = ledger.runs.get(ledger.history.runs()[0].id).snapshot.context["keep"]
        assert kept.output["text"] == "for Ada"


async def test_an_archived_workflow_is_not_started(intake: Shop) -> None:
    form = await intake.fill(AT, GOOD)
    intake.ledger.workflows.archive("orders", by="ada")
    assert "The workflow is archived: restore it first." in (await intake.visit(AT)).text
    assert (await intake.send(*form))[0] == 409
    assert intake.runs() == 0


async def test_a_run_is_left_to_a_worker_for_later_and_before_others(intake: Shop) -> None:
    later = {**GOOD, "execution": "worker", "run_at": "2026-12-24T18:00:00", "priority": "-5"}
    _, page = await intake.do(AT, later)
    assert "was started on version 1" in said(page)
    (run,) = intake.ledger.history.runs()
    assert run.next_due_at is not None
    assert run.next_due_at.isoformat() == "2026-12-24T18:00:00+00:00"
    (started,) = intake.ledger.history.events(run.id)
    assert started.data["priority"] == -5


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ({"priority": "high"}, "Priority 'high' is no whole number"),
        ({"execution": "worker", "run_at": "soon"}, "Not before 'soon' is not a time"),
        ({"execution": "here", "run_at": "2026-12-24T18:00"}, "A run that this server executes begins at once"),
    ],
)
async def test_a_time_that_nobody_can_keep_is_refused_and_what_was_typed_is_kept(
    intake: Shop, typed: dict[str, str], why: str
) -> None:
    before = intake.runs()
    status, page = await intake.do(AT, {**GOOD, **typed})
    assert (status, why in alert(page)) == (400, True), alert(page)
    for name in {"priority", "run_at"} & typed.keys():
        assert page.one("input", name=name).attributes["value"] == typed[name]
    assert intake.runs() == before


async def test_a_viewer_sees_the_form_and_cannot_send_it(intake: Shop) -> None:
    page = await intake.visit(AT, role="viewer")
    assert "This takes the role operator" in page.text
    assert buttons(page) == []
    assert (await intake.send(AT, GOOD, role="viewer"))[0] == 403
    assert intake.runs() == 0


async def test_pages_are_served_while_runs_that_pages_began_are_executed(clock: ManualClock) -> None:
    many = STORE_THREADS + 1
    met, go_on = threading.Barrier(many + 1), threading.Event()
    executors = fl.ExecutorRegistry()

    @executors.register("keep")
    def keep(step: fl.StepContext) -> bool:
        met.wait(60)
        return go_on.wait(60)

    with memory_ledger(executors, clock=clock) as ledger:
        save(ledger, {})
        here = Shop(ledger, [])
        async with here.client("operator") as client:
            begun = [asyncio.create_task(client.post(AT, data={"execution": "here"})) for _ in range(many)]
            await asyncio.to_thread(met.wait, 60)
            shown = await client.get("/history")
            go_on.set()
            answers = [await each for each in begun]
        assert (shown.status_code, {answer.status_code for answer in answers}) == (200, {303})
        assert {row.status for row in ledger.history.runs()} == {"completed"}


async def test_of_many_steps_the_first_is_named_and_the_rest_are_counted() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: None)
    executors.register("charge", effects=True)(lambda step: None)
    nodes = [{"id": f"n{number}", "type": "charge" if number == 20 else "work"} for number in range(30)]
    edges = [{"source": f"n{number}", "target": f"n{number + 1}"} for number in range(29)]
    with memory_ledger(executors) as ledger:
        ledger.workflows.save({"nodes": nodes, "edges": edges}, workflow_id="long", by="ada")
        run = ledger.runs.start("long", by="ada")
        async with local(ledger) as client:
            for address in ("/workflows/long/start", f"/runs/{run.id}/retry", f"/runs/{run.id}/reproduce"):
                answer = await client.get(address)
                assert answer.status_code == 200, address
                shown = [line.find("span")[0].text for line in read(answer.text).one("ul", classes="plan").find("li")]
                assert shown == ["n0", "n20", "28 more"], address
