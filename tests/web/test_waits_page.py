"""Waits: the inbox of questions, forms made from their schemas, and answers that reach what they were given for."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, Field

import flowledger as fl
from flowledger.testing import ManualClock, memory_ledger
from flowledger.web import Principal, create_app

from .client import client_of, local
from .reading import Element, read


class Address(BaseModel):
    street: str
    zip: int = Field(ge=1000, le=99999)


class Approval(BaseModel):
    """As an application writes what an answer is."""

    approved: bool
    discount_percent: float = Field(ge=0, le=15, title="Discount, percent")
    note: str | None = Field(None, max_length=400)
    address: Address
    tags: list[str] = []


@pytest.fixture
def asked(clock: ManualClock) -> Iterator[fl.Ledger]:
    """A ledger whose workflow asks for an Approval, and then ends."""
    executors = fl.ExecutorRegistry()

    @executors.register("ask")
    def ask(step: fl.StepContext) -> Any:
        if step.answer is not None:
            return {"answer": step.answer.payload}
        return fl.Pause(reason="2,075.00 EUR: approve?", answer=Approval if step.data["flat"] else step.data["schema"])

    @executors.register("keep")
    def keep(step: fl.StepContext) -> Any:
        return step.payload

    data = {"flat": "{{ nodes.keep.output.flat }}", "schema": "{{ nodes.keep.output.schema }}"}
    nodes = [{"id": "keep", "type": "keep", "data": {}}, {"id": "review", "type": "ask", "data": data}]
    edges = [{"source": "keep", "target": "review"}]
    definition = fl.WorkflowDefinition.model_validate({"nodes": nodes, "edges": edges})
    with memory_ledger(executors, clock=clock) as opened:
        opened.workflows.save(definition, workflow_id="orders", by="ada")
        yield opened


def start(ledger: fl.Ledger, schema: Any = None) -> str:
    """A run that asks; the id of its wait."""
    return ledger.runs.start("orders", payload={"flat": schema is None, "schema": schema}).waits[0].id


GOOD = {
    "answer.approved": "true",
    "answer.discount_percent": "7.5",
    "answer.note": "by phone,\r\nagreed",
    "answer.address.street": "Hall 2",
    "answer.address.zip": "10115",
    "answer.tags": '["regular"]',
}
VALUE = {
    "approved": True,
    "discount_percent": 7.5,
    "note": "by phone,\nagreed",
    "address": {"street": "Hall 2", "zip": 10115},
    "tags": ["regular"],
}


async def post(ledger: fl.Ledger, wait: str, form: dict[str, str], **more: str) -> httpx.Response:
    async with local(ledger) as client:
        return await client.post("/waits", params={"wait": wait, **more}, data=form)


async def see(ledger: fl.Ledger, **query: str) -> Element:
    async with local(ledger) as client:
        answer = await client.get("/waits", params=query)
        assert answer.status_code == 200, answer.text
        return read(answer.text)


async def test_a_form_has_a_field_for_each_property_of_the_answer(asked: fl.Ledger) -> None:
    form = (await see(asked, wait=start(asked))).one("form", method="post", classes="form")
    labels = [label.text for label in [*form.find("legend"), *form.find("label")] if label.find("code")]
    assert sorted(labels) == [
        "Approved approved needed",
        "Discount, percent discount_percent needed, 0 to 15",
        "Note note at most 400 characters",
        "Street address.street needed",
        "Tags tags as JSON",
        "Zip address.zip needed, 1,000 to 99,999",
    ]


async def test_an_answer_reaches_its_run_and_is_that_of_who_gave_it(asked: fl.Ledger) -> None:
    wait = start(asked)
    async with client_of(create_app(asked, auth=lambda request: Principal("noor", {"operator"}))) as client:
        answer = await client.post("/waits", params={"wait": wait}, data=GOOD)
        after = await client.get(answer.headers["location"])
    assert answer.status_code == 303
    run = asked.runs.get(wait.partition(":")[0])
    assert run.status == "completed"
    resumed = next(event for event in asked.history.events(run.id) if event.type == "run.resumed")
    assert (resumed.by, resumed.data["payload"]) == ("noor", VALUE)
    assert read(after.text).one("div", classes="toast").one("span").text == f"Answered. Run {run.id} has completed now."


async def test_what_was_left_empty_is_not_in_the_answer(asked: fl.Ledger) -> None:
    wait = start(asked)
    assert (await post(asked, wait, GOOD | {"answer.note": "", "answer.tags": "  "})).status_code == 303
    run = asked.runs.get(wait.partition(":")[0])
    recorded = next(event for event in asked.history.events(run.id) if event.type == "run.resumed").data["payload"]
    assert recorded.keys() == {"approved", "discount_percent", "address"}


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("answer.discount_percent", "20", "20 is greater than the maximum of 15"),
        ("answer.discount_percent", "seven", "is not JSON"),
        ("answer.discount_percent", "true", "'true' is no number"),
        ("answer.approved", "", "needed: nothing was chosen or typed"),
        ("answer.address.zip", "7", "7 is less than the minimum of 1000"),
        ("answer.note", "n" * 401, "401 characters, and 400 are taken"),
        ("answer.tags", '["a", 1]', '1 is not of type "string"'),
        ("answer.tags", "{", "is not JSON"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    asked: fl.Ledger, field: str, typed: str, said: str
) -> None:
    wait = start(asked)
    answer = await post(asked, wait, GOOD | {field: typed})
    assert answer.status_code == 422
    form = read(answer.text).one("form", method="post", classes="form")
    (fault,) = form.find("p", classes="fault")
    assert said in fault.text
    assert fault.parent is form.one("", id=field)
    assert form.one("div", role="alert").find("a")[0].attributes["href"] == f"#{field}"
    wrong = form.find("", aria_invalid="true")
    assert {each.attributes["aria-describedby"] for each in wrong} == {fault.attributes["id"]}
    assert form.one("input", name="answer.address.street").attributes["value"] == "Hall 2"
    if field == "answer.tags":
        assert "by phone,\nagreed" in "".join(map(str, form.one("textarea", name="answer.note").children))
    if field == "answer.discount_percent":
        assert form.one("input", name=field).attributes["value"] == typed
    assert asked.runs.get(wait.partition(":")[0]).status == "paused"


async def test_a_click_that_is_made_twice_is_one_answer(asked: fl.Ledger) -> None:
    wait = start(asked)
    assert [(await post(asked, wait, GOOD)).status_code for _ in range(2)] == [303, 303]
    events = [event.type for event in asked.history.events(wait.partition(":")[0])]
    assert events.count("run.resumed") == 1


async def test_who_comes_late_is_told_who_answered_what_and_keeps_what_was_typed(asked: fl.Ledger) -> None:
    wait = start(asked)
    asked.runs.resume(wait.partition(":")[0], payload=VALUE, by="ivo", wait=wait)
    answer = await post(asked, wait, GOOD | {"answer.approved": "false", "answer.note": "credit is used up"})
    assert answer.status_code == 409
    shown = read(answer.text)
    note = shown.one("div", role="alert").text
    assert "ivo answered this at" in note
    assert ", before you. Your answer was not recorded, and the run went on with" in note
    assert '"discount_percent":7.5' in note
    assert "It has completed" in note
    assert "credit is used up" in shown.find("pre")[0].text
    assert not shown.find("form", method="post", classes="form")


async def test_a_question_that_was_answered_keeps_its_address(asked: fl.Ledger) -> None:
    wait = start(asked)
    asked.runs.resume(wait.partition(":")[0], payload=VALUE, by="ivo", wait=wait)
    shown = await see(asked, wait=wait)
    assert "ivo answered this at" in shown.text
    assert "There is nothing to answer any more" in shown.text


async def test_a_held_run_says_who_holds_it_and_takes_no_answer(asked: fl.Ledger) -> None:
    wait = start(asked)
    asked.runs.hold(wait.partition(":")[0], by="dana", reason="stock count")
    shown = await see(asked, wait=wait)
    assert "dana holds this run since" in shown.text
    assert "disabled" in shown.one("form", classes="form").one("button").attributes
    answer = await post(asked, wait, GOOD)
    assert answer.status_code == 409
    assert "by phone" in answer.text


@pytest.mark.parametrize(
    "schema", [{"type": "array", "items": {"type": "integer"}}, {}, {"$ref": "#"}, {"properties": {}}]
)
async def test_what_is_no_flat_object_is_answered_as_json(asked: fl.Ledger, schema: Any) -> None:
    wait = start(asked, schema)
    form = (await see(asked, wait=wait)).one("form", method="post", classes="form")
    assert [box.attributes["name"] for box in form.find("textarea")] == ["answer"]
    answer = await post(asked, wait, {"answer": "[1, 2"})
    assert answer.status_code == 422
    assert "[1, 2" in read(answer.text).one("textarea").text
    assert (await post(asked, wait, {"answer": "[1, 2]"})).status_code == 303


async def test_any_question_can_be_answered_as_json(asked: fl.Ledger) -> None:
    wait = start(asked)
    shown = await see(asked, wait=wait)
    as_json = await see(asked, wait=wait, **{"as": "json"})
    assert "as=json" in shown.link("Answer as JSON instead")
    assert "as=json" in as_json.one("form", method="post", classes="form").attributes["action"]
    wrong = await post(asked, wait, {"answer": '{"approved": 1}'}, **{"as": "json"})
    assert wrong.status_code == 422
    assert (await post(asked, wait, {"answer": json.dumps(VALUE)}, **{"as": "json"})).status_code == 303


async def test_a_viewer_sees_the_question_and_cannot_answer(asked: fl.Ledger) -> None:
    wait = start(asked)
    async with client_of(create_app(asked, auth=lambda request: Principal("eve", {"viewer"}))) as client:
        shown = read((await client.get("/waits", params={"wait": wait})).text)
        refused = await client.post("/waits", params={"wait": wait}, data=GOOD)
    assert "To answer takes the role operator" in shown.text
    assert not shown.find("form", method="post", classes="form")
    assert refused.status_code == 403
    assert asked.runs.get(wait.partition(":")[0]).status == "paused"


async def test_the_inbox_lists_what_the_ledger_lists(asked: fl.Ledger) -> None:
    waits = [start(asked) for _ in range(3)]
    inbox = (await see(asked, limit="2")).one("ul", classes="inbox")
    assert len(inbox.find("li")) == 2
    async with local(asked) as client:
        listed = (await client.get("/waits.json")).json()["waits"]
    assert [wait["id"] for wait in listed] == waits == [wait.id for wait in asked.history.waits()]


@pytest.mark.parametrize("wait", ["nobody:3", "nobody", ":", "nobody:-1", "nobody:99999999999999999999999"])
async def test_a_question_that_was_never_asked_is_refused(asked: fl.Ledger, wait: str) -> None:
    async with local(asked) as client:
        answers = [
            await client.get("/waits", params={"wait": wait}),
            await client.post("/waits", params={"wait": wait}),
        ]
    assert {answer.status_code for answer in answers} <= {400, 404}


async def test_a_version_at_which_a_run_asked_nothing_is_refused(asked: fl.Ledger) -> None:
    run = start(asked).partition(":")[0]
    async with local(asked) as client:
        assert (await client.get("/waits", params={"wait": f"{run}:1"})).status_code == 400


async def test_an_empty_inbox_says_what_would_be_here(ledger: fl.Ledger) -> None:
    assert "Nobody is asked anything" in (await see(ledger)).text


async def test_words_of_a_schema_are_shown_as_text(asked: fl.Ledger) -> None:
    hostile = "<img src=x onerror=alert(1)>'\""
    schema = {"type": "object", "properties": {hostile: {"enum": [hostile], "title": hostile, "description": hostile}}}
    async with local(asked) as client:
        answer = await client.get("/waits", params={"wait": start(asked, schema)})
    assert answer.status_code == 200
    assert "<img" not in answer.text
    assert hostile in read(answer.text).text
