"""The pages of the story where it is kept on PostgreSQL: as in memory, also to many at once."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from .client import local
from .named_ids import without_ids
from .reading import read
from .story import WORKFLOW, Story, story

ADDRESSES = (
    "/history",
    "/history?status=failed&sort=duration&column=payload.order.id",
    "/history?text=express",
    "/history?where=payload.order.total>1000",
    "/runs/RUN",
    "/runs/RUN?step=ship&version=14&value=/context/review/0/output/shipping",
    "/runs/GOOD/compare/RUN",
    f"/workflows/{WORKFLOW}",
    f"/workflows/{WORKFLOW}/versions/7?run=RUN&step=ship",
    f"/workflows/{WORKFLOW}/diff/7/9",
    "/workflows",
    "/waits",
    "/steps?node=ship",
    "/failures",
    "/audit",
    "/search?text=express",
)


@pytest.fixture(scope="module")
def stored(fresh_postgres_url: str) -> Iterator[Story]:
    with story(fresh_postgres_url) as whole:
        yield whole


async def shown(told: Story, address: str) -> str:
    """The text of a page, with names in place of the ids of this store."""
    async with local(told.ledger) as client:
        answer = await client.get(address.replace("RUN", told.run).replace("GOOD", told.good))
    assert answer.status_code == 200, answer.text
    return without_ids(told, read(answer.text).one("main").text)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("address", ADDRESSES)
async def test_a_page_says_what_it_says_of_a_store_in_memory(address: str, stored: Story, told: Story) -> None:
    assert await shown(stored, address) == await shown(told, address)


@pytest.mark.exhaustive
async def test_two_hundred_who_ask_at_once_are_answered(stored: Story) -> None:
    addresses = [
        address.replace("RUN", stored.run).replace("GOOD", stored.good) for address in (*ADDRESSES, "/api/runs")
    ]
    async with local(stored.ledger) as client:
        answers = await asyncio.gather(*(client.get(addresses[n % len(addresses)]) for n in range(200)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.exhaustive
async def test_of_many_who_answer_at_once_one_has_answered(new_postgres_url: Callable[[], str]) -> None:
    with story(new_postgres_url(), alike=0) as told:
        await _answer_at_once(told)


async def _answer_at_once(told: Story) -> None:
    run = told.ledger.runs.get(told.waiting)
    (wait,) = run.waits

    def answer(number: int) -> dict[str, Any]:
        return {"payload": {"approved": True, "shipping": "standard", "note": f"{number}"}, "wait": wait.id}

    async with local(told.ledger) as client:
        at = f"/api/runs/{run.id}/resume"
        answers = await asyncio.gather(*(client.post(at, json=answer(number)) for number in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 19]
    events = [event.type for event in told.ledger.history.events(run.id)]
    assert events.count("run.resumed") == 1
