"""What an event store promises to its writers and readers holds inside a caller's transaction, too."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from flowledger.domain.ports import EventStore
from flowledger.infrastructure.storage.callers import CallersConnection
from flowledger.infrastructure.storage.inside import InsideEventStore
from flowledger.testing import EventStoreConformance

from ..storage.events import opened


@pytest.mark.sampled(2)
class TestInsidePostgres(EventStoreConformance):
    """Nobody else sees the store, so what concerns several openers of one is skipped."""

    @pytest.fixture
    def reopen(self) -> Callable[[], EventStore] | None:
        return None

    @pytest.fixture
    def store(self, new_postgres_url: Callable[[], str]) -> Iterator[EventStore]:
        url = new_postgres_url()
        with opened(url) as store, psycopg.connect(url) as connection:
            yield InsideEventStore(store, CallersConnection(connection))
            connection.rollback()
            assert list(store.tail()) == []
