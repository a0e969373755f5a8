"""Stores with steps."""

from collections.abc import Iterator

import pytest

import flowledger as fl
from flowledger.infrastructure.ledger.ledger import Ledger
from flowledger.infrastructure.storage.event_store import LedgerEventStore


@pytest.fixture
def store(store_url: str) -> Iterator[LedgerEventStore]:
    """A store with the workflows w and v; the test runs once on each backend."""
    with fl.open_ledger(store_url) as ledger:
        for workflow_id in ("w", "v"):
            ledger.workflows.save({"nodes": [{"id": "a", "type": "t"}]}, workflow_id=workflow_id, by="ada")
        assert isinstance(ledger, Ledger)
        yield ledger._store
