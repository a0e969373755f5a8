"""A form that is sent twice at once, as by a double click, is one act: in each store, whichever request comes first."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from tests.web.acts.conftest import CLASSES, Shop, shop

import flowledger as fl


@pytest.fixture
def stored(durable_url: str) -> Iterator[Shop]:
    """The shop in a store where requests are served by several threads."""
    executors, done = fl.ExecutorRegistry(), list[str]()

    def note(step: fl.StepContext) -> Any:
        done.append(step.node.type)
        return {"class": "road"}

    for type in ("take", "ask", "charge", "ship"):
        executors.register(type, effects=type == "charge")(note)
    with fl.open_ledger(durable_url, executors) as ledger:
        ledger.workflows.save(shop(CLASSES[0]), workflow_id="orders")
        yield Shop(ledger, done)


@pytest.mark.parametrize("act", ["start", "retry", "reproduce", "fork", "hold", "cancel"])
async def test_two_clicks_at_once_are_one_act(stored: Shop, act: str) -> None:
    at = "/workflows/orders/start"
    run = None
    if act != "start":
        ended = act in ("retry", "reproduce", "fork")
        run = stored.ledger.runs.start("orders", wait=ended)
        at = f"/runs/{run.id}/{act}"
    stored.done.clear()
    address, fields = await stored.fill(at, {"again": "yes"} if act == "retry" else {})
    before = stored.runs()
    async with stored.client("operator") as client:
        answers = await asyncio.gather(*(client.post(address, data=fields) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {303}
    assert len({answer.headers["location"] for answer in answers}) == 1
    if run is None or act in ("retry", "reproduce", "fork"):
        assert stored.runs() == before + 1
        assert stored.done.count("charge") == (0 if act in ("reproduce", "fork") else 1)
    else:
        assert stored.ledger.runs.get(run.id).version == run.version + 1
