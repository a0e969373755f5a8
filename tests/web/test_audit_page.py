"""Audit: who did what, through what, with what a save changed. Tried on the story."""

import csv
import json
from io import StringIO

import pytest

import flowledger as fl
from flowledger.domain.events.channel import acting_through
from flowledger.infrastructure.interfaces.presentation.documents import row_document
from flowledger.infrastructure.interfaces.web.pages import audit
from flowledger.testing import memory_ledger

from .client import local
from .reading import read
from .story import WORKFLOW, Story
from .visits import get, page


async def test_each_act_says_when_who_and_what_and_leads_there(told: Story) -> None:
    acts = told.ledger.history.trail(limit=50)
    shown = await page(told, "/audit")
    rows = [shown.one("li", id=f"p{act.position}") for act in acts]
    for row, act in zip(rows, acts, strict=True):
        assert row.one("b").text == act.by
        assert act.summary in row.text
        assert row.one("time").attributes["datetime"].startswith(act.at.isoformat()[:19])
        if act.kind == "run":
            assert row.link("the run then") == f"/runs/{act.subject}?version={act.version}"


async def test_a_save_says_what_it_changed(told: Story) -> None:
    taken_at = told.ledger.workflows.get(WORKFLOW, 9).taken_at
    (save,) = told.ledger.history.trail(stream=f"workflow:{WORKFLOW}", since=taken_at)
    row = (await page(told, f"/audit?on=workflow:{WORKFLOW}")).one("li", id=f"p{save.position}")
    assert row.link("whole diff") == f"/workflows/{WORKFLOW}/diff/8/9"
    assert row.link("that version") == f"/workflows/{WORKFLOW}/versions/9"
    assert [change.text for change in row.find("li", classes="change")] != []
    assert "book express, too" in row.text


async def test_the_page_its_data_the_api_and_python_say_the_same(told: Story) -> None:
    found = told.ledger.history.trail(by="dana", limit=3)
    said = {"acts": [row_document(act) for act in found], "next": found.next}
    assert (await get(told, "/audit.json?by=dana&limit=3")).json() == said
    assert (await get(told, "/api/trail?by=dana&limit=3")).json() == said
    assert {row.text for row in (await page(told, "/audit?by=dana")).find("b")} == {"dana"}


async def test_pages_go_on_by_the_address(told: Story) -> None:
    acts = told.ledger.history.trail(limit=10)
    first = await page(told, "/audit?limit=5")
    second = await page(told, first.link("Older"))
    shown = [row.attributes["id"] for row in second.find("li") if "id" in row.attributes]
    assert shown == [f"p{act.position}" for act in acts.items[5:]]


async def test_where_nothing_is_found_it_says_what_would_be_here(told: Story) -> None:
    assert "Nobody did anything" in (await page(told, "/audit?by=nobody")).text
    assert (await get(told, "/audit?who=dana")).status_code == 400
    assert (await get(told, "/audit?on=0192a1b2-0000-7000-8000-000000000000")).status_code == 404


async def test_the_channel_stands_beside_the_actor() -> None:
    executors = fl.ExecutorRegistry()
    executors.register("work")(lambda step: None)
    with memory_ledger(executors) as ledger:
        with acting_through("api"):
            definition = {"nodes": [{"id": "a", "type": "work"}]}
            ledger.workflows.save(definition, workflow_id="w", by="<b>ada</b>", message="<i>")
        async with local(ledger) as client:
            shown = read((await client.get("/audit")).text)
    assert shown.one("span", classes="tag").text == "api"
    assert shown.one("b").text == "<b>ada</b>"


def _acting() -> fl.Ledger:
    """Two channels, three kinds."""
    ledger = memory_ledger(fl.ExecutorRegistry())
    with acting_through("cli"):
        ledger.tokens.create("dana", "viewer", by="ada")
        ledger.tokens.create("=cmd|calc", "viewer", by="ada")
    with acting_through("web"):
        ledger.tokens.revoke("dana", by="tess")
    return ledger


async def test_acts_are_found_by_kind_and_by_channel_on_every_face(told: Story) -> None:
    kinds = {act.kind for act in told.ledger.history.trail(limit=1_000)}
    assert {"run", "workflow"} <= kinds
    for kind in kinds:
        found = told.ledger.history.trail(kind=kind, limit=5)
        assert {act.kind for act in found} == {kind}
        said = {"acts": [row_document(act) for act in found], "next": found.next}
        assert (await get(told, "/audit.json", params={"kind": kind, "limit": 5})).json() == said
        assert (await get(told, "/api/trail", params={"kind": kind, "limit": 5})).json() == said
    with _acting() as ledger:
        assert [act.by for act in ledger.history.trail(channel="web")] == ["tess"]
        assert [act.by for act in ledger.history.trail(channel="cli", kind="token")] == ["ada", "ada"]
        assert list(ledger.history.trail(channel="cli", kind="run")) == []
        ledger.rebuild()
        assert [act.by for act in ledger.history.trail(channel="web")] == ["tess"]
        async with local(ledger) as client:
            shown = read((await client.get("/audit?channel=web&kind=token")).text)
            assert [row.text for row in shown.find("b")][:1] == ["tess"]
    assert (await get(told, "/audit?kind=king")).status_code == 400


async def test_all_acts_that_match_are_downloaded_as_csv_and_as_lines_of_json(
    told: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_AT_ONCE", 2)
    acts = [act for act in told.ledger.history.trail(limit=1_000) if act.by == "dana"]
    assert len(acts) > 4
    shown = await page(told, "/audit?by=dana&limit=3")
    answer = await get(told, shown.link("CSV"))
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''audit.csv"
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [(row["by"], row["summary"], int(row["position"])) for row in rows] == [
        (act.by, act.summary, act.position) for act in acts
    ]
    lines = (await get(told, shown.link("JSON"))).text.splitlines()
    assert [json.loads(line) for line in lines] == [row_document(act) for act in acts]
    assert (await get(told, "/audit.csv?by=nobody")).text.count("\n") == 1
    assert (await get(told, "/audit.csv?kind=king")).status_code == 400
    assert (await get(told, "/audit.csv?on=0192a1b2-0000-7000-8000-000000000000")).status_code == 404


async def test_what_a_spreadsheet_would_take_for_a_formula_is_text_in_a_download() -> None:
    with _acting() as ledger:
        async with local(ledger) as client:
            rows = list(csv.DictReader(StringIO((await client.get("/audit.csv")).text)))
    assert [row["subject"] for row in rows] == ["dana", "'=cmd|calc", "dana"]
