"""The story, once for all tests that only look at it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx
import pytest
from tests.web.client import local
from tests.web.reading import Element, read
from tests.web.story import Story, story

Look = Callable[[str], Awaitable[Element]]


@pytest.fixture(scope="module")
def told() -> Iterator[Story]:
    with story(alike=2) as all_that_happened:
        yield all_that_happened


@pytest.fixture
async def client(told: Story) -> AsyncIterator[httpx.AsyncClient]:
    async with local(told.ledger) as opened:
        yield opened


@pytest.fixture
def look(client: httpx.AsyncClient) -> Look:
    """The page at an address, which there must be."""

    async def get(address: str) -> Element:
        answer = await client.get(address)
        assert answer.status_code == 200, answer.text
        return read(answer.text)

    return get
