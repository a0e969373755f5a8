"""Databases for what a schema is too small for."""

import asyncio
from collections.abc import Iterator
from threading import Thread
from urllib.parse import urlsplit

import pytest

from .clusters import new_database, run_sql
from .company import MAX_WAIT, Company


@pytest.fixture
def database(postgres_url: str) -> Iterator[str]:
    """The URL of an empty database."""
    url = new_database(postgres_url)
    yield url
    run_sql(postgres_url, f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")


@pytest.fixture(scope="module")
def loops() -> Iterator[list[asyncio.AbstractEventLoop]]:
    loops = [asyncio.new_event_loop() for _ in range(2)]
    threads = [Thread(target=loop.run_forever, daemon=True) for loop in loops]
    for thread in threads:
        thread.start()
    yield loops
    for loop, thread in zip(loops, threads, strict=True):
        loop.call_soon_threadsafe(loop.stop)
        thread.join(MAX_WAIT)
        loop.close()


@pytest.fixture
def company(loops: list[asyncio.AbstractEventLoop]) -> Company:
    return Company(loops)
