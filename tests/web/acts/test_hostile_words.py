"""Names, reasons and payloads that somebody made up to be obeyed are shown as text on the pages of acts."""

from urllib.parse import urlencode

import pytest
from tests.web.acts.conftest import Shop, form_of
from tests.web.reading import query_of

import flowledger as fl
from flowledger.testing import memory_ledger

HOSTILE = "<img src=x onerror=alert(1)>\"'&{{1234577*8}}/../?a=b#c%2e\u202e"
"""Markup, ends of attributes, expressions, parts of addresses, and what turns the order of text around it."""
NAME = HOSTILE.replace("\u202e", "").replace("/../", "")


async def test_hostile_words_are_text_on_every_page_of_an_act() -> None:
    executors = fl.ExecutorRegistry()
    executors.register(NAME, effects=True)(lambda step: fl.Pause(reason=HOSTILE) if step.answer is None else 1 / 0)
    node = {"id": NAME, "type": NAME, "expressions": False}
    with memory_ledger(executors) as ledger:
        here = Shop(ledger, [])
        ledger.workflows.save({"nodes": [node], "edges": []}, workflow_id=NAME, by=NAME, message=HOSTILE, name=NAME)
        payload = {HOSTILE: HOSTILE}
        asking = ledger.runs.start(NAME, payload=payload, by=NAME, metadata=payload)
        failed = ledger.runs.resume(ledger.runs.start(NAME, payload=payload).id, payload=HOSTILE, by=NAME)
        held = ledger.runs.hold(ledger.runs.start(NAME, payload=payload).id, by=NAME, reason=HOSTILE)
        ledger.workflows.save(
            {"nodes": [node, {**node, "id": "b"}], "edges": [{"source": NAME, "target": "b"}]},
            workflow_id=NAME,
            by=NAME,
        )
        canvas = (
            (await here.visit(f"/runs/{failed.id}")).one("h1").one("a").attributes["href"].partition("/versions")[0]
        )
        pages = [
            *(f"/runs/{asking.id}/{act}" for act in ("hold", "cancel", "proceed", "fork")),
            *(f"/runs/{failed.id}/{act}" for act in ("retry", "reproduce", "fork")),
            f"/runs/{held.id}/release",
            *(f"{canvas}/{act}" for act in ("start", f"start?like={failed.id}", "release?version=1", "archive")),
            *(f"{canvas}/{act}" for act in ("rename", "restore?version=1")),
        ]
        async with here.client("admin") as client:
            for page in pages:
                shown = await client.get(page)
                assert shown.status_code == 200, (page, shown.text[-2000:])
                refused = await client.post(
                    page, data={"seen": "77", "why": HOSTILE, "payload": HOSTILE, "change": "payload"}
                )
                for answer in (shown, refused):
                    assert "<img" not in answer.text, page
                    assert "\u202e" not in answer.text, page
                    assert "9876616" not in answer.text, page
        assert ledger.runs.get(asking.id).version == asking.version


@pytest.mark.parametrize("word", ["../x", "a/b", "%2e%2e", "?", "#"])
async def test_an_id_that_looks_like_an_address_is_one_part_of_it(orders: Shop, word: str) -> None:
    orders.ledger.workflows.save({"nodes": [{"id": word, "type": "take"}], "edges": []}, workflow_id=word)
    run = orders.ledger.runs.start(word)
    page = await orders.visit(f"/runs/{run.id}/retry?{urlencode({'from': word})}")
    assert "selected" in page.one("select", name="from").one("option", value=word).attributes
    assert query_of(form_of(page).attributes["action"]) == [("from", word)]
