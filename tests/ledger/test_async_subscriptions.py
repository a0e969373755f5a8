"""Following a store from tasks, which may be cancelled at any moment."""

import asyncio
from pathlib import Path

import pytest

import flowledger as fl
from flowledger.domain.ports import Write

from ..conftest import BACKENDS, url_of
from ..storage.events import notes

LONG = 60.0


@pytest.fixture(params=BACKENDS)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return url_of(request.param, request)


def write(ledger: fl.Ledger, stream: str, *texts: object) -> None:
    store = ledger._store
    store.append(Write(stream, store.head(stream), notes(*texts)))


async def take(subscription: fl.AsyncSubscription, number: int) -> list[int]:
    return [(await asyncio.wait_for(anext(subscription), LONG)).data["text"] for _ in range(number)]


async def test_a_task_follows_waits_and_ends_when_it_is_closed(url: str) -> None:
    async with fl.open_ledger(url) as ledger:
        write(ledger, "a", 1, 2)
        subscription = ledger.asubscribe()
        assert subscription.position is None
        assert await take(subscription, 2) == [1, 2]
        waiting = asyncio.create_task(take(subscription, 1))
        await asyncio.sleep(0)
        await asyncio.to_thread(write, ledger, "b", 3)
        assert await waiting == [3]
        rest = asyncio.create_task(collect(subscription))
        while subscription._waits_for is None:
            await asyncio.sleep(0.01)
        await subscription.aclose()
        assert await asyncio.wait_for(rest, LONG) == []
        assert await collect(ledger.asubscribe(catch_up=True)) == [1, 2, 3]


async def collect(subscription: fl.AsyncSubscription) -> list[int]:
    return [event.data["text"] async for event in subscription]


async def test_a_task_ends_with_the_ledger(url: str) -> None:
    ledger = fl.open_ledger(url)
    subscription = ledger.asubscribe(name="mailer")
    following = asyncio.create_task(collect(subscription))
    while subscription._waits_for is None:
        await asyncio.sleep(0.01)
    await asyncio.to_thread(ledger.close)
    assert await asyncio.wait_for(following, LONG) == []


async def test_no_event_is_lost_to_a_task_that_is_cancelled(url: str) -> None:
    async with fl.open_ledger(url) as ledger:
        write(ledger, "a", *range(30))
        got = []
        async with ledger.asubscribe(name="mailer") as subscription:
            for turns in range(400):
                asked = asyncio.ensure_future(anext(subscription))
                for _ in range(turns % 7):
                    await asyncio.sleep(0 if turns % 2 else 0.0005)
                asked.cancel()
                try:
                    got.append((await asked).data["text"])
                except asyncio.CancelledError:
                    continue
                if len(got) == 30:
                    break
            got += await take(subscription, 30 - len(got))
        assert got == list(range(30))
        # The last one that was handed out is not kept as done, and none behind it.
        assert await collect(ledger.asubscribe(name="mailer", catch_up=True)) == [29]


async def test_a_name_is_taken_with_the_first_event_and_given_back(url: str) -> None:
    async with fl.open_ledger(url) as ledger:
        write(ledger, "a", 1)
        first, second = ledger.asubscribe(name="mailer"), ledger.asubscribe(name="mailer")
        assert await take(first, 1) == [1]
        with pytest.raises(fl.SubscriptionHeld):
            await anext(second)
        await first.aclose()
        assert await take(second, 1) == [1]
        await second.aclose()
        assert [status.pid for status in await ledger.asubscriptions()] == [None]


async def test_many_tasks_follow_at_once(url: str) -> None:
    async with fl.open_ledger(url) as ledger:
        write(ledger, "a", 0)
        following = [asyncio.create_task(take(ledger.asubscribe(), 21)) for _ in range(100)]
        for number in range(1, 21):
            await asyncio.to_thread(write, ledger, "a", number)
        assert await asyncio.wait_for(asyncio.gather(*following), LONG) == [list(range(21))] * 100
