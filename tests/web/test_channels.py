"""An act through a page, and one through the API, say so in the log."""

import flowledger as fl

from .client import local

HERE = {"sec-fetch-site": "same-origin"}


async def test_pages_and_api_are_told_apart(ledger: fl.Ledger, run: fl.Run) -> None:
    other = ledger.runs.start("orders", by="webhook")
    async with local(ledger) as client:
        page = await client.post(f"/waits?wait={run.waits[0].id}", data={"answer": '{"ok": true}'})
        answer = await client.post(f"/api/runs/{other.id}/hold", json={"reason": "count"}, headers=HERE)
    assert (page.status_code, answer.status_code) == (303, 200)
    found = {(act.subject, act.type): act.channel for act in ledger.history.trail()}
    assert found[run.id, "run.resumed"] == "web"
    assert found[other.id, "run.held"] == "api"
    assert found[run.id, "run.started"] is None
