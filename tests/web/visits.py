"""Visits of the story's pages, without a browser."""

from collections.abc import Mapping
from typing import Any

import httpx

from .client import local
from .reading import Element, read
from .story import Story


async def get(told: Story, address: str, headers: Mapping[str, str] | None = None, **options: Any) -> httpx.Response:
    """What is answered at an address."""
    async with local(told.ledger) as client:
        return await client.get(address, headers=headers, **options)


async def page(told: Story, address: str, headers: Mapping[str, str] | None = None) -> Element:
    """The page at an address, which there must be."""
    answer = await get(told, address, headers)
    assert answer.status_code == 200, answer.text
    return read(answer.text)
