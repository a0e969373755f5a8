"""Who looked at what is on record where a host asks for it, and only there."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowledger as fl
from flowledger.infrastructure.interfaces.web.segments import write_segment
from flowledger.infrastructure.interfaces.web.viewing import viewed_at
from flowledger.infrastructure.services.access.viewings import A_LOOK, MOST_ADDRESSES
from flowledger.testing import ManualClock
from flowledger.web import Principal, create_app

from .client import client_of, local

A_MINUTE = 60.0


def by_header(request: httpx.Request) -> Principal:
    return Principal(request.headers["x-user"], {"viewer"})


def views(ledger: fl.Ledger, **filters: str) -> list[str]:
    return [f"{act.by} {act.channel} {act.summary}" for act in ledger.history.trail(kind="view", **filters)]


async def test_who_looked_at_a_run_through_what_and_at_which_part_of_it_is_told(ledger: fl.Ledger, run: fl.Run) -> None:
    app = create_app(ledger, auth=by_header, record_views=True)
    async with client_of(app, headers={"x-user": "ada"}) as ada, client_of(app, headers={"x-user": "bob"}) as bob:
        await ada.get(f"/runs/{run.id}?step=review")
        await bob.get(f"/api/runs/{run.id}/events")
        await bob.get(f"/runs/{run.id}/report.html")
        await bob.get("/workflows/orders")
        await ada.get("/audit.csv?by=bob")
    assert views(ledger) == [
        "ada web looked at list audit at /audit.csv?by=bob",
        "bob web looked at workflow orders at /workflows/orders",
        f"bob web looked at run {run.id} at /runs/{run.id}/report.html",
        f"bob api looked at run {run.id} at /api/runs/{run.id}/events",
        f"ada web looked at run {run.id} at /runs/{run.id}?step=review",
    ]
    assert len(views(ledger, stream=f"access:run:{run.id}")) == 3
    assert len(views(ledger, by="ada")) == 2
    assert ledger.verify().ok


async def test_looking_is_not_on_record_unless_asked_for_and_never_among_what_was_done(
    ledger: fl.Ledger, run: fl.Run
) -> None:
    async with local(ledger) as client:
        await client.get(f"/runs/{run.id}")
    assert views(ledger) == []
    done = list(ledger.history.trail())
    async with local(ledger, record_views=True) as client:
        page = await client.get(f"/runs/{run.id}")
        shown = (await client.get("/api/trail", params={"kind": "view"})).json()["acts"]
    assert page.status_code == 200
    assert [(act["by"], act["kind"], act["subject"]) for act in shown] == [("local", "view", run.id)]
    assert list(ledger.history.trail()) == done


async def test_what_was_not_shown_is_not_on_record(ledger: fl.Ledger, run: fl.Run) -> None:
    app = create_app(ledger, auth=by_header, record_views=True)
    async with client_of(app, headers={"x-user": "ada"}) as client:
        assert (await client.get("/runs/01900000-0000-7000-8000-000000000000")).status_code == 404
        assert (await client.get("/tokens")).status_code == 403
        assert (await client.get(f"/api/runs/{run.id}", headers={"if-none-match": '"2"'})).status_code == 304
        await client.get("/static/style.css")
        await client.get("/api/health")
    assert views(ledger) == []


async def test_what_cannot_be_recorded_is_not_shown(
    ledger: fl.Ledger, run: fl.Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise fl.StoreReadOnly("the store is read-only")

    async with local(ledger, record_views=True) as client:
        monkeypatch.setattr(ledger._store, "append", refuse)
        answer = await client.get(f"/api/runs/{run.id}")
    assert answer.status_code != 200
    assert "o-1" not in answer.text


async def test_a_page_that_is_asked_for_again_and_again_is_one_look(
    ledger: fl.Ledger, run: fl.Run, clock: ManualClock
) -> None:
    async with local(ledger, record_views=True) as client:
        for _ in range(3):
            await client.get(f"/runs/{run.id}.json")
        assert len(views(ledger)) == 1
        clock.advance(A_LOOK / 1_000_000)
        await client.get(f"/runs/{run.id}.json")
        assert len(views(ledger)) == 2
        for step in range(MOST_ADDRESSES + 10):  # leafing through it doesn't fill the log
            await client.get(f"/api/runs/{run.id}/lineage?limit={step}")
            await client.get(f"/runs/{run.id}.json?step=review&from={step}")
    assert len(list(ledger.history.trail(kind="view", limit=500))) <= 1 + MOST_ADDRESSES


@given(st.text(min_size=1))
def test_a_workflow_of_any_id_is_told_by_its_id(id: str) -> None:
    assert viewed_at(f"api/workflows/{write_segment(id)}/versions") == ("workflow", id)
