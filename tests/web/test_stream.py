"""The stream of events: nothing is left out, it ends by itself, and nothing keeps a server from stopping."""

import json
from collections.abc import AsyncIterator

import pytest

import flowledger as fl
from flowledger.infrastructure.interfaces.web import streams
from flowledger.infrastructure.interfaces.web.api import stream as module
from flowledger.web import create_app

from .client import local
from .streaming import Stream, streamed


async def events_of(stream: Stream) -> AsyncIterator[dict[str, object]]:
    """The events of a stream, its pings left out."""
    while (block := await stream.block()) is not None:
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if "data" in lines:
            yield {"id": lines.get("id"), "event": lines.get("event"), **json.loads(lines["data"])}


async def test_events_come_in_order_and_as_they_happen(ledger: fl.Ledger, run: fl.Run) -> None:
    async with streamed(create_app(ledger), "/api/stream?after=0") as stream:
        events = events_of(stream)
        before = [await anext(events) for _ in range(4)]
        ledger.runs.cancel(run.id, by="ada", reason="wrong order")
        cancelled = await anext(events)
    assert stream.status == 200
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.headers["cache-control"] == "no-store"
    assert [event["position"] for event in before] == [1, 2, 3, 4]
    assert (cancelled["type"], cancelled["by"], cancelled["stream"]) == ("run.cancelled", "ada", run.id)
    assert cancelled["id"] == str(cancelled["position"])
    assert "data" not in cancelled


async def test_a_browser_goes_on_where_it_was(ledger: fl.Ledger, run: fl.Run) -> None:
    async with streamed(create_app(ledger), "/api/stream?after=0", last_event_id="3") as stream:
        assert (await anext(events_of(stream)))["position"] == 4


async def test_without_a_position_it_begins_now(ledger: fl.Ledger, run: fl.Run) -> None:
    async with streamed(create_app(ledger), "/api/stream") as stream:
        assert await stream.block() == "retry: 1000"
        async with streamed(create_app(ledger), "/api/stream?after=0") as other:
            assert (await anext(events_of(other)))["position"] == 1


async def test_what_an_event_holds_comes_where_it_is_asked_for(ledger: fl.Ledger, run: fl.Run) -> None:
    async with streamed(create_app(ledger), "/api/stream?after=3&data=true") as stream:
        event = await anext(events_of(stream))
    assert event["type"] == "run.paused"
    assert event["data"]["reason"] == "ship it?"  # type: ignore[index]


async def test_a_position_that_the_store_does_not_have_is_a_problem(ledger: fl.Ledger) -> None:
    async with streamed(create_app(ledger), "/api/stream?after=1000000") as stream:
        problem = await anext(events_of(stream))
    assert (problem["event"], problem["title"]) == ("problem", "Invalid request")


@pytest.mark.parametrize("after", ["-1", "x", "9" * 30, "1.5"])
async def test_what_is_no_position_is_refused(ledger: fl.Ledger, after: str) -> None:
    async with local(ledger) as client:
        answer = await client.get("/api/stream", params={"after": after})
    assert (answer.status_code, "after" in answer.json()["detail"]) == (400, True)


async def test_a_stream_says_that_it_is_there_and_ends_by_itself(
    ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PING", 0.01)
    monkeypatch.setattr(module, "LONGEST", 0.1)
    async with streamed(create_app(ledger), "/api/stream") as stream:
        blocks = []
        while (block := await stream.block()) is not None:
            blocks.append(block)
    assert blocks[0] == "retry: 1000"
    assert set(blocks[1:]) == {": "}


async def test_the_end_of_the_app_ends_its_streams_and_those_that_come(ledger: fl.Ledger) -> None:
    app = create_app(ledger)
    async with streamed(app, "/api/stream") as stream:
        await stream.block()
        async with app.lifespan():
            pass
        assert await stream.block() is None
    async with streamed(app, "/api/stream") as late:
        assert [await late.block(), await late.block()] == ["retry: 1000", None]
    async with app.lifespan(), streamed(app, "/api/stream?after=0") as anew:
        assert (await anext(events_of(anew)))["position"] == 1


async def test_who_goes_away_is_not_followed_for(ledger: fl.Ledger) -> None:
    app = create_app(ledger)
    async with streamed(app, "/api/stream?after=0") as stream:
        await anext(events_of(stream))
        assert len(app._site.streams._open) == 1
    assert app._site.streams._open == set()


async def test_no_more_streams_are_open_than_may_be(ledger: fl.Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MOST_STREAMS", 1)
    app = create_app(ledger)
    async with streamed(app, "/api/stream?after=0") as stream:
        await anext(events_of(stream))
        async with streamed(app, "/api/stream") as second:
            body = await second.block()
        assert (body, second.status, second.headers["retry-after"]) == (None, 503, "60")
