"""What an event store promises to its writers and readers holds inside a caller's transaction, too."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from flowledger.domain.ports import EventStore
from flowledger.infrastructure.storage.callers import CallersConnection
from flowledger.infrastructure.storage.inside import InsideEventStore
from flowledger.testing import EventStoreConformance

from ..storage.events import opened


@pytest.mark.exhaustive
class TestInsidePostgres(EventStoreConformance):
    """Nobody else sees the store, so what concerns several openers of one is skipped."""

    # The log is followed from outside, up to the oldest transaction that is open: that is this one.
    test_a_reader_beside_racing_writers_gets_each_event_once_and_in_order = None
    test_each_event_has_the_position_that_its_writer_was_told = None
    test_the_tail_goes_on_from_a_position = None

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
