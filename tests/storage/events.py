"""The event type of the conformance suite, and stores opened for a test."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from flowledger.infrastructure.ledger.stores import open_store
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.testing.notes import NOON, NOTED, Folded, Noted, note, notes, rows, texts, write

__all__ = ["NOON", "NOTED", "Folded", "Noted", "note", "notes", "opened", "rows", "texts", "write"]


@contextmanager
def opened(url: str, **options: Any) -> Iterator[LedgerEventStore]:
    with closing(open_store(url, **options)) as store:
        yield store
