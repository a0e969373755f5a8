"""Filters of History under a name: saved in the store, so all see them; renamed and deleted by forms."""

import httpx

import flowledger as fl
from flowledger.web import Principal, create_app

from .client import client_of, local
from .reading import read

SAME = {"sec-fetch-site": "same-origin"}
FILTERS = "column=payload.order_id&since=7d&sort=-duration&status=failed&status=paused&where=payload.total+%3E+250"


async def _send(client: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await client.post("/history/filters", data=form, headers=SAME)


async def test_filters_are_saved_under_a_name_and_lead_back_to_themselves(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        form = read((await client.get(f"/history?{FILTERS}&limit=3")).text).one("input", name="query").parent
        assert form is not None
        carried = form.one("input", name="query").attributes["value"]
        saved = await _send(client, do="save", name="Large ones", query=carried)
        assert saved.headers["location"] == f"/history?{FILTERS}"
        shown = read((await client.get(saved.headers["location"])).text)
        assert "Saved these filters as Large ones." in shown.text
        assert read((await client.get("/history")).text).link("Large ones") == f"/history?{FILTERS}"
    async with local(ledger) as another:  # in the store, not in the browser
        assert (await another.get("/history/filters.json")).json()["filters"] == [
            {
                "name": "Large ones",
                "query": {
                    "column": ["payload.order_id"],
                    "since": ["7d"],
                    "sort": ["-duration"],
                    "status": ["failed", "paused"],
                    "where": ["payload.total > 250"],
                },
                "by": "local",
            }
        ]


async def test_saved_filters_are_renamed_and_deleted(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        await _send(client, do="save", name="a", query="status=failed")
        await _send(client, do="rename", name="a", to="b")
        page = read((await client.get("/history/filters")).text)
        assert "a is b now." in page.text
        assert page.link("b") == "/history?status=failed"
        await _send(client, do="delete", name="b")
        assert "No filters are saved" in (await client.get("/history/filters")).text
        assert "Saved filters" not in (await client.get("/history")).text


async def test_what_can_not_be_saved_renamed_or_deleted_says_why_and_changes_nothing(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        await _send(client, do="save", name="a", query="status=failed")
        await _send(client, do="save", name="b", query="held=yes")
        before = (await client.get("/history/filters.json")).json()
        for form, status, why in (
            ({"do": "save", "name": "a", "query": "held=yes"}, 400, "already"),
            ({"do": "save", "name": " ", "query": "held=yes"}, 400, "a name"),
            ({"do": "save", "name": "c" * 101, "query": "held=yes"}, 400, "101"),
            ({"do": "save", "name": "c", "query": "color=red"}, 400, "color"),
            ({"do": "save", "name": "c", "query": "since=soon"}, 400, "soon"),
            ({"do": "rename", "name": "a", "to": "b"}, 400, "already"),
            ({"do": "rename", "name": "x", "to": "y"}, 404, "under"),
            ({"do": "delete", "name": "x"}, 404, "under"),
            ({"do": "sell", "name": "a"}, 400, "sell"),
        ):
            answer = await _send(client, **form)
            assert answer.status_code == status, (form, answer.text)
            assert why in read(answer.text).one("div", role="alert").text
        assert (await client.get("/history/filters.json")).json() == before


async def test_a_viewer_uses_saved_filters_and_changes_none(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        await _send(client, do="save", name="a", query="status=failed")
    async with client_of(create_app(ledger, auth=lambda _: Principal("vic", {"viewer"}))) as viewer:
        page = read((await viewer.get("/history?held=yes")).text)
        assert page.link("a") == "/history?status=failed"
        assert not page.find("input", name="query")
        assert not read((await viewer.get("/history/filters")).text).find("input", name="to")
        assert (await _send(viewer, do="delete", name="a")).status_code == 403


async def test_saved_filters_are_no_acts_and_survive_a_rebuild(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        await _send(client, do="save", name="a", query="status=failed")
        acts = list(ledger.history.trail())
        ledger.rebuild()
        assert list(ledger.history.trail()) == acts
        assert [act.type for act in acts if act.type.startswith("views")] == []
        assert ledger.verify().ok
        assert "/history?status=failed" in (await client.get("/history")).text


async def test_filters_are_saved_renamed_and_deleted_by_the_api_as_on_the_page(ledger: fl.Ledger) -> None:
    async with local(ledger) as client:
        made = await client.post("/api/filters", json={"name": "a/b", "query": "since=7d&status=failed&limit=9"})
        assert made.status_code == 201
        shown = (await client.get("/history/filters.json")).json()
        assert made.json() == shown == (await client.get("/api/filters")).json()
        assert shown["filters"] == [{"name": "a/b", "query": {"since": ["7d"], "status": ["failed"]}, "by": "local"}]
        again = await client.post("/api/filters", json={"name": "a/b", "query": ""})
        unknown = await client.post("/api/filters", json={"name": "x", "query": "colour=red"})
        assert (again.status_code, unknown.status_code) == (400, 400)
        renamed = await client.post("/api/filters/a%2Fb/rename", json={"to": "failed"})
        assert [each["name"] for each in renamed.json()["filters"]] == ["failed"]
        assert (await client.delete("/api/filters/a%2Fb")).status_code == 404
        assert (await client.delete("/api/filters/failed")).json() == {"filters": []}
