"""Stores with a search, and entries that tests make of events."""

from collections.abc import Callable, Iterator

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.event_store import LedgerEventStore


@pytest.fixture
def store(store_url: str) -> Iterator[LedgerEventStore]:
    """An empty store; the test runs once on each backend."""
    with_store = open_store(store_url)
    yield with_store
    with_store.close()


@pytest.fixture
def executors() -> Callable[[], fl.ExecutorRegistry]:
    """Makes a registry whose one executor hands its payload on."""

    def make() -> fl.ExecutorRegistry:
        registry = fl.ExecutorRegistry()
        registry.register("do")(lambda step: step.payload)
        return registry

    return make
