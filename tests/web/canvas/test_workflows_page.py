"""The list of workflows."""

from tests.web.canvas.conftest import Look
from tests.web.client import local
from tests.web.reading import read
from tests.web.story import WORKFLOW

import flowledger as fl


async def test_each_workflow_says_what_is_live_who_saved_last_and_how_it_fares(look: Look) -> None:
    page = await look("/workflows")
    row = page.one("tbody").one("tr")
    assert row.one("th").one("a").attributes["href"] == f"/workflows/{WORKFLOW}"
    assert "v9 latest" in row.text
    assert "the same" in row.text
    assert "ada" in row.text
    assert "book express, too" in row.text
    assert "runs in the last 7 days" in row.one("svg", classes="spark").attributes["aria-label"]
    assert [entry.text for entry in page.one("nav", classes="nav").find("a", aria_current="page")] == ["Workflows"]


async def test_a_draft_is_shown_beside_what_is_live(ledger: fl.Ledger) -> None:
    draft = {"nodes": [{"id": "ship", "type": "ship"}]}
    ledger.workflows.save(draft, workflow_id="orders", by="bob", draft=True)
    ledger.workflows.save(draft, workflow_id="only-a-draft", by="bob", draft=True)
    async with local(ledger) as client:
        rows = read((await client.get("/workflows")).text).one("tbody").find("tr")
    live = ledger.workflows.get("orders", "live")
    assert "none v1 latest" in rows[0].text
    assert f"v1 {live.snapshot_id}" in rows[1].text
    assert "v2 latest" in rows[1].text


async def test_archived_ones_are_left_out_unless_they_are_asked_for(ledger: fl.Ledger) -> None:
    ledger.workflows.archive("orders", by="ada")
    async with local(ledger) as client:
        without = (await client.get("/workflows")).text
        data = (await client.get("/workflows.json?archived=yes")).json()
    assert "No workflows yet" in without
    assert [row["id"] for row in data["workflows"]] == ["orders"]


async def test_pages_continue_after_each_other(ledger: fl.Ledger) -> None:
    for name in ("a", "b", "c"):
        ledger.workflows.save({"nodes": [{"id": "ship", "type": "ship"}]}, workflow_id=name)
    found: list[str] = []
    address = "/workflows.json?limit=2"
    async with local(ledger) as client:
        while True:
            data = (await client.get(address)).json()
            found += [row["id"] for row in data["workflows"]]
            if data["next"] is None:
                break
            address = f"/workflows.json?limit=2&after={data['next']}"
    assert found == ["a", "b", "c", "orders"]
