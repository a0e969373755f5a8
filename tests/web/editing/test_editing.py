"""The latest version is edited on a page that needs no scripts; nothing is stored before it is saved."""

import json

import httpx
import pytest
from tests.web.editing.conftest import DEFINITION
from tests.web.editing.desk import ADDRESS, Desk
from tests.web.reading import read

import flowledger as fl


async def test_what_was_typed_of_a_step_is_saved_live_with_its_message_and_author(desk: Desk) -> None:
    await desk.open("ship")
    await desk.press(
        "save", step__data='{"y": 2}', step__retry__maxRetries="4", step__timeout="1.5", message="ask again"
    )
    assert (desk.status, desk.answer and desk.answer.headers["location"]) == (303, "/workflows/orders?step=ship")
    assert desk.nodes["ship"] == {
        "id": "ship",
        "type": "work",
        "data": {"y": 2},
        "retry": {"maxRetries": 4},
        "timeout": 1.5,
    }
    assert (desk.saved.version, desk.saved.by, desk.saved.message, desk.saved.is_live) == (2, "noor", "ask again", True)


async def test_going_to_another_step_keeps_what_was_typed_and_stores_nothing(desk: Desk) -> None:
    await desk.open("take")
    await desk.press("go:tell", step__data='{"x": 5}')
    assert (desk.status, desk.page.one(id="h-inspector").text) == (200, "tell")
    assert "1 unsaved change to version 1 ~ take: data.x 1 → 5" in desk.unsaved.replace("~take", " ~ take")
    assert desk.saved.version == 1
    await desk.press("save", step__code="a = 1\r\nb = 3\r\n")
    assert (desk.nodes["take"]["data"], desk.nodes["tell"]["code"]) == ({"x": 5}, "a = 1\nb = 3\n")


@pytest.mark.parametrize("step", ["take", "ship", "tell"])
async def test_a_page_that_is_sent_as_it_came_changes_nothing(desk: Desk, step: str) -> None:
    """Also not what can't be shown as it is: characters that turn text, the ends of lines."""
    await desk.open(step)
    await desk.press("apply")
    assert desk.unsaved == "Nothing changed since version 1"
    await desk.press("save")
    assert desk.status == 303
    assert [each.kind for each in desk.ledger.workflows.versions("orders")] == ["saved"]


async def test_what_no_field_can_write_is_left_as_it_is(desk: Desk) -> None:
    odd = {"id": "odd", "type": "work", "code": "a\r\nb \u202e\n", "retry": {"maxRetries": "2"}}
    definition = {"nodes": [odd], "edges": [], "start": "odd"}
    desk.ledger.workflows.save(definition, workflow_id="orders", by="ada")
    await desk.open("odd")
    await desk.press("save", step__data="1")
    assert desk.status == 303, desk.text
    assert desk.nodes["odd"] == {**odd, "data": 1}


async def test_a_draft_leaves_the_live_version_what_it_is(desk: Desk) -> None:
    await desk.open("take")
    await desk.press("draft", step__data='{"x": 5}')
    assert (desk.saved.version, desk.saved.is_live) == (2, False)
    assert desk.ledger.workflows.get("orders", "live").version == 1


async def test_steps_are_added_on_the_usual_way_connected_renamed_and_removed(desk: Desk) -> None:
    await desk.open("take")
    await desk.press("add", new__id="check", new__type="work")
    assert desk.page.one(id="h-inspector").text == "check"
    await desk.press("go:check", step__id="weigh")
    await desk.press("connect", new__target="tell")
    assert "It can’t be saved yet." in desk.text  # two ways that nothing tells apart
    edges = json.loads(desk.typed["definition"])["edges"]
    number = edges.index({"source": "weigh", "target": "tell"})
    await desk.press("apply", **{f"edge__{number}__on": "failure"})
    assert "can’t be saved" not in desk.text
    await desk.press("go:ship")
    await desk.press("remove-step")
    await desk.press("save")
    assert desk.status == 303, desk.text
    assert list(desk.nodes) == ["take", "weigh", "tell"]
    assert desk.saved.definition.to_data()["edges"] == [
        {"source": "take", "target": "weigh"},
        {"source": "weigh", "target": "tell", "on": "failure"},
    ]


async def test_edges_are_taken_away_and_tried_in_another_order(desk: Desk) -> None:
    await desk.open("take")
    await desk.press("connect", new__target="tell", edge__0__when="1 > 2")
    await desk.press("apply", edge__2__when="3 > 2")
    await desk.press("move-edge:2")
    assert [edge["target"] for edge in json.loads(desk.typed["definition"])["edges"]] == ["tell", "tell", "ship"]
    await desk.press("remove-edge:2")
    await desk.press("save")
    assert (
        desk.saved.definition.to_data()["edges"]
        == [
            {"source": "take", "target": "tell", "when": "3 > 2"},
            {"source": "ship", "target": "tell"},
        ]
        or desk.status == 422
    )


async def test_the_workflow_as_a_whole_has_a_description_and_a_start(desk: Desk) -> None:
    await desk.open()
    await desk.press("save", workflow__description="takes and ships", workflow__start="take")
    definition = desk.saved.definition
    assert (definition.description, definition.start) == ("takes and ships", "take")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"step__data": "{"}, "Data is not JSON"),
        ({"step__timeout": "soon"}, "One attempt may take is not JSON"),
        ({"step__timeout": "true"}, "is no number"),
        ({"step__type": " "}, "needed"),
        ({"step__id": "tell"}, "another step is called so"),
        ({"edge__1__target": ""}, "needed"),
    ],
)
async def test_what_cannot_be_read_stands_beside_its_field_with_what_was_typed(
    desk: Desk, typed: dict[str, str], said: str
) -> None:
    await desk.open("ship")
    await desk.press("save", message="why", **typed)
    (name, value) = next(iter(typed.items()))
    field = desk.page.one(id=name.replace("__", "."))
    assert desk.status == 422
    assert said in field.one(classes="fault").text
    assert (desk.typed[name.replace("__", ".")], desk.typed["message"]) == (value, "why")
    assert desk.saved.version == 1


@pytest.mark.parametrize(
    ("typed", "said", "right"),
    [
        ({"step__type": "wrok"}, "wrok", "work"),
        ({"step__retry__maxRetries": "-1"}, "a number, 0 or more", "1"),
        ({"step__timeout": "-1"}, "is no timeout", ""),
        ({"edge__1__target": "nowhere"}, "there is no node 'nowhere'", "tell"),
    ],
)
async def test_what_the_rules_refuse_is_said_of_its_step_and_can_be_mended(
    desk: Desk, typed: dict[str, str], said: str, right: str
) -> None:
    await desk.open("ship")
    await desk.press("save", **typed)
    assert desk.status == 422
    assert "Nothing was stored." in desk.text
    assert said in desk.page.one(role="alert").text
    await desk.press("go:ship", **dict.fromkeys(typed, right))
    await desk.press("save")
    assert desk.status == 303


async def test_a_double_click_is_one_save(desk: Desk) -> None:
    await desk.open("take")
    first, typed = desk.typed, {"step.data": '{"x": 9}', "message": "once"}
    await desk.send("save", **typed)
    desk.typed = first
    await desk.send("save", **typed)
    assert desk.status == 303
    assert desk.saved.version == 2


@pytest.mark.parametrize(
    "sent",
    [
        {"definition": "{"},
        {"definition": "[]"},
        {"definition": '{"nodes": 1}'},
        {"definition": '{"nodes": [{"id": "a"}]}'},
        {"definition": '{"nodes": [{"id": "a", "type": "t"}, {"id": "a", "type": "t"}]}'},
        {"definition": '{"nodes": [{"id": "a", "type": "t"}], "edges": [{"source": "a"}]}'},
        {"base": ""},
        {"base": "one"},
        {"key": "<b>"},
        {"step": "nobody"},
        {"do": "explode"},
        {"do": "remove-edge:99"},
    ],
)
async def test_what_no_page_of_ours_sends_is_refused(desk: Desk, sent: dict[str, str]) -> None:
    await desk.open("take")
    done = sent.pop("do", "save")
    await desk.send(done, **sent)
    assert desk.status == 400
    assert desk.saved.version == 1


@pytest.mark.parametrize("role", ["viewer", "operator"])
async def test_only_editors_edit_and_nobody_else_is_offered_it(ledger: fl.Ledger, role: str) -> None:
    desk = await Desk(ledger).open("take")
    other = Desk(ledger, "vera", role, typed=desk.typed)
    async with other.client() as client:
        assert (await client.get(ADDRESS)).status_code == 403
        canvas = read((await client.get("/workflows/orders?step=take")).text)
    assert not [link for link in canvas.find("a") if link.text.startswith("Edit")]
    await other.send("save")
    assert other.status == 403


async def test_the_canvas_and_the_inspector_lead_to_it_from_the_latest_version_only(desk: Desk) -> None:
    desk.ledger.workflows.save({**DEFINITION, "description": "more"}, workflow_id="orders", by="ada")
    async with desk.client() as client:
        shown = [await client.get(f"/workflows/orders{rest}?step=ship") for rest in ("", "/versions/1")]
    latest, old = (read(each.text) for each in shown)
    assert latest.link("Edit this step") == latest.link("Edit") == f"{ADDRESS}?step=ship"
    assert not [link for link in old.find("a") if link.text.startswith("Edit")]


async def test_an_archived_workflow_is_not_edited(desk: Desk) -> None:
    await desk.open("take")
    desk.ledger.workflows.archive("orders", by="ada")
    await desk.send("save", **{"step.data": "1"})
    assert (desk.status, "restore it first" in desk.text) == (409, True)
    async with desk.client() as client:
        assert (await client.get(ADDRESS)).status_code == 409


async def test_the_canvas_says_what_is_new_and_each_step_is_a_button(desk: Desk) -> None:
    await desk.open("ship")
    await desk.press("go:take", step__data="1")
    graph = desk.page.one("svg", classes="graph")
    said = {each.attributes["value"]: each.attributes["aria-label"] for each in graph.find("button")}
    assert said == {"go:take": "take, work: selected", "go:ship": "ship, work: changed", "go:tell": "tell, work"}


async def test_hostile_names_are_shown_and_obeyed_by_nobody(desk: Desk) -> None:
    name = '"><script>alert(1)</script>{{ 7 * 7 }}'
    await desk.open("take")
    await desk.press("apply", step__id=name, message=name)
    assert desk.status == 200
    assert not [each for each in desk.page.find("script") if "src" not in each.attributes]
    assert desk.page.one(id="h-inspector").text == name
    await desk.press("save")
    assert name in desk.nodes


def test_the_data_of_the_page_is_the_definition_that_is_edited(desk: Desk) -> None:
    async def visit() -> httpx.Response:
        async with desk.client() as client:
            return await client.get(f"{ADDRESS}.json")

    import asyncio

    assert asyncio.run(visit()).json()["definition"] == desk.saved.definition.to_data()
