"""What changed between two versions: on the canvas, in words, and line by line."""

import httpx
import pytest
from tests.web.canvas.conftest import Look
from tests.web.client import local
from tests.web.reading import read
from tests.web.story import WORKFLOW

import flowledger as fl

FIRST = {
    "nodes": [
        {"id": "a", "type": "review", "code": "x = 1\ny = 2\nz = 3\n"},
        {"id": "b", "type": "ship", "data": {"limit": 1}},
        {"id": "gone", "type": "ship"},
    ],
    "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "gone"}],
}
SECOND = {
    "nodes": [
        {"id": "a", "type": "review", "code": "x = 1\ny = 20\nz = 3\n"},
        {"id": "b", "type": "ship", "data": {"limit": 2}},
        {"id": "new", "type": "ship"},
    ],
    "edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "new"}],
}


@pytest.fixture
def saved(ledger: fl.Ledger) -> fl.Ledger:
    ledger.workflows.save(FIRST, workflow_id="w", by="ada")
    ledger.workflows.save(SECOND, workflow_id="w", by="bob", message="more")
    return ledger


async def test_each_node_says_what_became_of_it(saved: fl.Ledger) -> None:
    async with local(saved) as client:
        page = read((await client.get("/workflows/w/diff/1/2")).text)
    said = {node.attributes["data-node"]: node.attributes["aria-label"] for node in page.one(classes="graph").find("a")}
    assert said == {
        "a": "a, review: changed",
        "b": "b, ship: changed",
        "new": "new, ship: added",
        "gone": "gone, ship: removed",
    }
    graph = page.one(classes="graph")
    assert [len(graph.find("path", classes=f"edge {change}")) for change in ("add", "del")] == [1, 1]
    counted = "1 node added, 1 removed, 2 changed, 0 alike; 1 edge added, 1 removed, 1 alike."
    assert counted in page.one(classes="lead").text


async def test_each_change_is_said_with_its_sign_its_values_and_its_save(saved: fl.Ledger) -> None:
    async with local(saved) as client:
        page = read((await client.get("/workflows/w/diff/1/2")).text)
    said = [change.text for change in page.find("li", classes="change")]
    assert said == [
        "+ added node new, type ship v2, bob",
        "− removed node gone, type ship v2, bob",
        "~ changed node a: code line by line below v2, bob",
        "~ changed node b: data.limit 1 → 2 v2, bob",
        "+ added edge b → new v2, bob",
        "− removed edge b → gone v2, bob",
    ]
    anchors = {change.attributes.get("id") for change in page.find("li", classes="change")}
    leads = {node.attributes["href"].removeprefix("#") for node in page.one(classes="graph").find("a")}
    assert leads <= anchors


@pytest.mark.parametrize("view", ["", "?view=split"])
async def test_a_text_is_compared_line_by_line_and_what_differs_in_a_line_is_marked(
    saved: fl.Ledger, view: str
) -> None:
    async with local(saved) as client:
        page = read((await client.get(f"/workflows/w/diff/1/2{view}")).text)
    lines = page.one(classes="diff-code").find(classes="ln")
    marked = [mark.text for line in lines for mark in (*line.find("ins"), *line.find("del"))]
    assert marked == ["0"]  # y = 2 became y = 20
    assert [line.text for line in lines if "add" in line.attributes["class"].split()] == ["2+y = 20"]
    assert [line.text for line in lines if "del" in line.attributes["class"].split()] == ["2−y = 2"]


async def test_the_other_way_round_what_was_added_was_removed(saved: fl.Ledger) -> None:
    async with local(saved) as client:
        page = read((await client.get("/workflows/w/diff/2/1")).text)
        back = page.one("a", aria_label="The other way round").attributes["href"]
        assert (await client.get(back)).status_code == 200
    assert "− removed node new, type ship" in [change.text for change in page.find("li", classes="change")]
    assert back == "/workflows/w/diff/1/2"


async def test_nodes_that_both_have_stand_where_the_canvas_of_the_first_has_them(saved: fl.Ledger) -> None:
    async with local(saved) as client:
        canvas, diff = [
            {
                node.attributes["data-node"]: (
                    node.one("rect", classes="box").attributes["x"],
                    node.one("rect", classes="box").attributes["y"],
                )
                for node in read((await client.get(address)).text).one(classes="graph").find("a")
            }
            for address in ("/workflows/w/versions/1", "/workflows/w/diff/1/2")
        ]
    assert {name: diff[name] for name in canvas} == canvas


async def test_the_versions_to_compare_can_be_chosen_by_a_form(look: Look) -> None:
    page = await look(f"/workflows/{WORKFLOW}/diff/7/9?a=3&b=6")
    assert page.one("h1").text == "Version 3 to 6"


async def test_live_and_latest_are_versions_too_and_alike_versions_say_so(look: Look) -> None:
    page = await look(f"/workflows/{WORKFLOW}/diff/live/latest")
    assert "Nothing differs." in page.one(classes="lead").text


async def test_the_data_is_what_the_command_line_says(client: httpx.AsyncClient) -> None:
    data = (await client.get(f"/workflows/{WORKFLOW}/diff/7/9.json")).json()
    assert data["nodes"]["changed"][0]["id"] == "ship"
    assert [step["op"] for step in data["patch"]] == ["replace", "add"]


async def test_it_says_how_the_versions_have_fared(look: Look) -> None:
    page = await look(f"/workflows/{WORKFLOW}/diff/7/9")
    rows = [[cell.text for cell in row.find("td")] for row in page.one("table", classes="eff").one("tbody").find("tr")]
    assert [len(row) for row in rows] == [2, 2, 2]
    assert rows[0][1] == "0"  # none of version 9 has failed
    assert int(rows[2][1]) > 0


async def test_a_version_that_there_is_not_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"/workflows/{WORKFLOW}/diff/7/99")).status_code == 404
