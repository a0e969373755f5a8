"""The description of the API, and the story that it is asked about."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from ..client import local
from ..story import Story, story
from .document import Document, described


@pytest.fixture(scope="package")
def document() -> Document:
    return described()


class Visitor:
    """Sends requests to the app of a story, one after the other."""

    def __init__(self, told: Story, runner: asyncio.Runner) -> None:
        self.told = told
        self._client = local(told.ledger)
        self._runner = runner

    def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        """What is answered."""
        return self._runner.run(self._client.request(method, f"/api{path}", **options))


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with story(alike=1) as told, asyncio.Runner() as runner:
        yield Visitor(told, runner)
