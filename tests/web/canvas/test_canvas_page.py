"""The canvas shows a workflow as it was at a save, says which one, and leads to all the others."""

import httpx
import pytest
from tests.web.canvas.conftest import Look
from tests.web.client import local
from tests.web.reading import Element
from tests.web.story import WORKFLOW, Story

import flowledger as fl

OLD = f"/workflows/{WORKFLOW}/versions/7"
LATEST = f"/workflows/{WORKFLOW}"


async def test_an_old_snapshot_says_what_it_is_in_the_words_of_the_product(look: Look, told: Story) -> None:
    page = await look(OLD)
    bar = page.one(classes="canvas-bar")
    saved = told.ledger.workflows.get(WORKFLOW, 7)
    chip = bar.one("a", classes="chip")
    assert (chip.text, "latest" in chip.attributes.get("class", "").split()) == (saved.snapshot_id, False)
    tips = [tip.text for tip in bar.find(role="tooltip")]
    taken = saved.taken_at.strftime("%Y-%m-%d at %H:%M:%S")
    assert tips == [
        f"You are viewing a snapshot of this workflow that was taken on {taken}",
        "You cannot edit or run an old snapshot of a workflow",
    ]
    assert bar.one(classes="lock").text == "Read-only"


async def test_switching_to_the_latest_version_makes_the_chip_blue_and_says_latest(look: Look) -> None:
    old = await look(OLD)
    (switch,) = [link for link in old.find("a") if link.text == "Switch to latest version"]
    assert switch.attributes["href"] == LATEST
    page = await look(switch.attributes["href"])
    bar = page.one(classes="canvas-bar")
    chip = bar.one("a", classes="chip")
    assert (chip.text, "latest" in chip.attributes.get("class", "").split()) == ("latest", True)
    assert [tip.text for tip in bar.find(role="tooltip")] == ["This is the latest version of this workflow"]
    assert not bar.find(classes="lock")
    assert "Switch to latest version" not in page.text


async def test_nothing_on_an_old_snapshot_could_change_it(look: Look, told: Story, client: httpx.AsyncClient) -> None:
    page = await look(f"{OLD}?run={told.run}&step=ship")
    assert [form.attributes.get("method", "get") for form in page.one("main").find("form")] == []
    assert not page.one("main").find("textarea")
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await client.request(method, OLD)).status_code in (404, 405)


async def test_the_picture_has_a_named_link_for_each_node(look: Look, told: Story) -> None:
    page = await look(OLD)
    graph = page.one("svg", classes="graph")
    nodes = graph.find("a")
    shown = told.ledger.workflows.get(WORKFLOW, 7).definition.nodes
    assert [node.attributes["data-node"] for node in nodes] == [node.id for node in shown]
    assert nodes[0].attributes["aria-label"] == "intake, read-order"
    assert nodes[0].attributes["href"] == f"{OLD}?step=intake"


async def test_a_run_colours_its_canvas(look: Look, told: Story) -> None:
    page = await look(f"{OLD}?run={told.run}&step=ship&panel=versions")
    said = {node.attributes["data-node"]: node.attributes["aria-label"] for node in page.one(classes="graph").find("a")}
    assert said["ship"] == "ship, book-carrier: failed, selected"
    assert said["review"] == "review, ask-person: completed"
    assert said["decline"] == "decline, send-mail: not reached"
    assert "item ×3" in [label.text for label in page.one(classes="graph").find("text", classes="lbl")]
    assert len(page.one(classes="graph").find("path", classes="taken")) == 8
    assert "shown as run" in page.one(classes="canvas-bar").text


async def test_a_run_of_another_version_colours_nothing_and_leads_to_its_own(look: Look, told: Story) -> None:
    page = await look(f"/workflows/{WORKFLOW}/versions/9?run={told.run}")
    assert not page.one(classes="graph").find("a", classes="ran")
    (own,) = [link for link in page.one(classes="canvas-bar").find("a") if link.text == "version 7"]
    assert own.attributes["href"].startswith(OLD)


async def test_the_picker_says_of_each_version_who_when_why_and_what_it_changed(look: Look) -> None:
    page = await look(OLD)
    rows = page.one("ol", classes="versions").find("li")
    assert [row.one(classes="vno").text for row in rows] == [f"v{number}" for number in range(9, 0, -1)]
    assert rows[0].text.startswith("v9 book express, too latest live ada")
    assert "ship changed" in rows[0].text
    (shown,) = [row for row in rows if "on" in row.attributes.get("class", "").split()]
    assert shown.one(classes="vno").text == "v7"
    leads = {link.text: link.attributes["href"] for link in shown.find("a")}
    assert leads["diff"] == f"/workflows/{WORKFLOW}/diff/6/7"
    assert leads["with latest"] == f"/workflows/{WORKFLOW}/diff/7/9"


async def test_a_version_can_be_asked_for_as_of_a_time_of_the_reader(look: Look, client: httpx.AsyncClient) -> None:
    """The 20th of November, 16:32 in Berlin, is 15:32 UTC: eight seconds before version 7 was saved."""
    client.cookies.set("flowledger_zone", "Europe%2FBerlin")
    before = await look(f"{LATEST}?at=2026-11-20T16:32")
    after = await look(f"{LATEST}?at=2026-11-20T16:33")
    assert "Version 6 of 9" in before.one(classes="canvas-bar").text
    assert "Version 7 of 9" in after.one(classes="canvas-bar").text


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/workflows/nobody", 404, "nobody"),
        (f"{LATEST}/versions/99", 404, "99"),
        (f"{LATEST}?at=2020-01-01T00:00", 404, ""),
        (f"{LATEST}?at=whenever", 400, "not a time"),
        (f"{LATEST}?step=nothing", 400, "has none of that id"),
        (f"{LATEST}?zoom=7", 400, "none of 50, 75, 100, 150"),
        (f"{LATEST}?panel=all", 400, "none of inspector, versions"),
        (f"{LATEST}?colour=red", 400, "no filter"),
        (f"{LATEST}?run=019a0000-0000-7000-8000-000000000000", 404, "019a0000"),
    ],
)
async def test_what_there_is_not_is_said(client: httpx.AsyncClient, address: str, status: int, said: str) -> None:
    answer = await client.get(address)
    assert answer.status_code == status
    assert said in answer.text


async def test_a_run_of_another_workflow_is_refused(told: Story, client: httpx.AsyncClient) -> None:
    told.ledger.workflows.save({"nodes": [{"id": "a", "type": "score"}]}, workflow_id="other")
    answer = await client.get(f"/workflows/other?run={told.run}")
    assert answer.status_code == 400
    assert "is of workflow" in answer.text


async def test_the_page_and_its_data_are_of_the_same_version(client: httpx.AsyncClient, told: Story) -> None:
    data = (await client.get(f"{OLD}.json")).json()
    assert data["definition"] == told.ledger.workflows.get(WORKFLOW, 7).definition.to_data()
    assert [row["version"] for row in data["versions"]] == list(range(9, 0, -1))
    assert {row["version"]: row["runs"] for row in data["versions"]}[9] > 0


async def test_unchanged_nodes_stay_where_they_were_from_version_to_version(look: Look) -> None:
    def places(page: Element) -> dict[str, tuple[str, str]]:
        nodes = page.one(classes="graph").find("a")
        boxes = {node.attributes["data-node"]: node.one("rect", classes="box").attributes for node in nodes}
        return {name: (box["x"], box["y"]) for name, box in boxes.items()}

    assert places(await look(f"{LATEST}/versions/1")) == places(await look(LATEST))


async def test_hostile_names_are_shown_and_obeyed_by_nobody(ledger: fl.Ledger) -> None:
    name = "<script>alert(1)</script>"
    quoted = '" onload="x\' }} {% raw %}'
    definition = {
        "nodes": [{"id": name, "type": "ship"}, {"id": quoted, "type": "ship", "code": "</span><script>1</script>"}],
        "edges": [{"source": name, "target": quoted, "label": "<b>bold</b>"}],
    }
    saved = ledger.workflows.save(definition, workflow_id="hostile", by="<i>eve</i>", message="<img src=x>")
    async with local(ledger) as client:
        pages = [
            await client.get("/workflows/hostile", params={"step": name}),
            await client.get("/workflows/hostile", params={"step": quoted}),
            await client.get(f"/workflows/hostile/diff/{saved.version}/{saved.version}"),
            await client.get("/workflows"),
        ]
    for page in pages:
        assert page.status_code == 200
        for tag in ("<script>", "<b>bold", "<i>eve", "<img", ' onload="'):
            assert tag not in page.text


async def test_a_workflow_that_is_too_large_for_a_picture_is_listed(ledger: fl.Ledger) -> None:
    nodes = [{"id": f"n{number}", "type": "ship"} for number in range(2_001)]
    ledger.workflows.save({"nodes": nodes, "start": "n0"}, workflow_id="large")
    async with local(ledger) as client:
        page = await client.get("/workflows/large")
    assert page.status_code == 200
    assert "Too large for a picture" in page.text
