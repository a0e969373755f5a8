"""Two edit one version: the second sees who changed what, side by side, and loses nothing."""

import json
from typing import Any

import pytest
from tests.web.editing.conftest import DEFINITION
from tests.web.editing.desk import Desk

import flowledger as fl


def changed(step: str, **values: Any) -> dict[str, Any]:
    nodes = [node | values if node["id"] == step else node for node in DEFINITION["nodes"]]
    return {**DEFINITION, "nodes": nodes}


def theirs(desk: Desk, definition: dict[str, Any]) -> None:
    desk.ledger.workflows.save(definition, workflow_id="orders", by="mika", message="give up early")


def rows(desk: Desk) -> dict[str, list[str]]:
    table = desk.page.one("table", classes="merge")
    return {row.one("th").text: [cell.text for cell in row.find("td")] for row in table.one("tbody").find("tr")}


async def stale(desk: Desk, definition: dict[str, Any], **typed: str) -> Desk:
    """Somebody saved what they did, and I save what I typed at ``ship``."""
    await desk.open("ship")
    theirs(desk, definition)
    return await desk.press("save", message="mine", **typed)


async def test_nothing_is_stored_and_it_is_said_who_saved_what_and_why(desk: Desk) -> None:
    await stale(desk, changed("ship", retry={"maxRetries": 1, "interval": 5.0}), step__retry__maxRetries="3")
    assert desk.status == 409
    said = desk.page.one(role="alert").text
    assert "Your save was not stored. You edited version 1; mika saved version 2 at" in said
    assert "“give up early”. 1 of your 1 change fits beside it." in said
    assert rows(desk) == {
        "ship retry.interval": ["none", "5.0", "–", "5.0 theirs"],
        "ship retry.maxRetries": ["1", "–", "3", "3 yours"],
    }
    assert desk.saved.version == 2


async def test_of_a_text_of_several_lines_both_see_the_others_lines(desk: Desk) -> None:
    await stale(desk, changed("ship", code="first\ntheirs\nlast"), step__code="first\nmine\nlast")
    clash = desk.page.one("tr", classes="clash")
    assert clash.one("th").find("span")[0].text.startswith("ship")
    diffs = [diff.text for diff in clash.find("div", classes="diff-code")]
    assert ["theirs" in diffs[0], "mine" in diffs[1]] == [True, True], diffs
    assert all("open" in each.attributes for each in clash.find("details"))


async def test_what_does_not_clash_merges_itself(desk: Desk) -> None:
    await stale(desk, changed("ship", retry={"maxRetries": 1, "interval": 5.0}), step__retry__maxRetries="3")
    await desk.press("merge")
    assert desk.status == 303
    assert desk.nodes["ship"]["retry"] == {"maxRetries": 3, "interval": 5.0}
    assert (desk.saved.version, desk.saved.by, desk.saved.message, desk.saved.is_live) == (3, "noor", "mine", True)


@pytest.mark.parametrize(("choice", "kept"), [("mine", 3), ("theirs", 2)])
async def test_what_both_changed_is_chosen_before_it_is_saved(desk: Desk, choice: str, kept: int) -> None:
    await stale(desk, changed("ship", retry={"maxRetries": 2}), step__retry__maxRetries="3", step__data="7")
    assert "1 needs you to choose" in desk.page.one(role="alert").text
    await desk.press("merge")
    assert desk.status == 422
    assert "not chosen yet" in desk.page.one("tr", classes="clash").text
    assert desk.saved.version == 2
    (radio,) = desk.page.find("input", type="radio", value=choice)
    await desk.send("merge-draft", **{radio.attributes["name"]: choice})
    assert desk.status == 303, desk.text
    assert (desk.nodes["ship"]["retry"], desk.nodes["ship"]["data"]) == ({"maxRetries": kept}, 7)
    assert not desk.saved.is_live


async def test_somebody_who_saves_while_the_merge_is_looked_at_is_told_of_too(desk: Desk) -> None:
    await stale(desk, changed("take", data=2), step__data="7")
    theirs(desk, changed("take", data=3))
    await desk.press("merge")
    assert desk.status == 409
    assert "That was while you looked at the merge." in desk.text
    assert desk.saved.version == 3
    await desk.press("merge")
    assert (desk.status, desk.nodes["take"]["data"], desk.nodes["ship"]["data"]) == (303, 3, 7)


async def test_a_step_that_one_removed_and_the_other_changed_is_asked_about(desk: Desk) -> None:
    without = {"nodes": [DEFINITION["nodes"][0], DEFINITION["nodes"][2]], "edges": [], "start": "take"}
    await stale(desk, without, step__data="7")
    (row,) = [cells for name, cells in rows(desk).items() if name.startswith("ship")]
    assert row[1:3] == ["removed keep theirs", "other data take yours"]
    (radio,) = desk.page.find("input", type="radio", value="theirs")
    await desk.send("merge", **{radio.attributes["name"]: "theirs"})
    assert list(desk.nodes) == ["take", "tell"]


async def test_a_merge_that_breaks_the_graph_is_refused_and_can_be_edited_on(desk: Desk) -> None:
    await desk.open("take")
    theirs(desk, {"nodes": DEFINITION["nodes"][:2], "edges": DEFINITION["edges"][:1]})
    await desk.press("connect", new__target="tell")
    await desk.press("apply", edge__2__sourceHandle="skip")
    await desk.press("save", message="skip it")
    assert desk.status == 409
    await desk.press("merge")
    assert desk.status == 422
    assert "there is no node 'tell'" in desk.text
    await desk.press("merge-edit")
    assert (desk.status, desk.typed["base"], desk.typed["message"]) == (200, "2", "skip it")
    await desk.press("go:take")
    edges = json.loads(desk.typed["definition"])["edges"]
    await desk.press(f"remove-edge:{edges.index({'source': 'take', 'target': 'tell', 'sourceHandle': 'skip'})}")
    await desk.press("save")
    assert desk.status in (303,), desk.text


async def test_an_old_snapshot_is_not_saved_by_a_request_made_by_hand(desk: Desk) -> None:
    await desk.open("ship")
    theirs(desk, changed("take", data=2))
    for done in ("save", "draft", "merge"):
        await desk.send(done, base="1", theirs="1", definition=json.dumps(changed("take", data=3)))
        assert desk.status in (409, 422)
        assert desk.saved.version == 2


async def test_a_save_by_api_on_an_old_version_is_refused(desk: Desk) -> None:
    theirs(desk, changed("take", data=2))
    async with desk.client() as client:
        answer = await client.put("/api/workflows/orders", json={"definition": DEFINITION}, headers={"If-Match": '"1"'})
    assert (answer.status_code, desk.saved.version) == (412, 2)
    with pytest.raises(fl.StaleVersion):
        desk.ledger.workflows.save(DEFINITION, workflow_id="orders", expected_version=1)
