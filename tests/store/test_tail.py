"""Positions that a reader of the whole log can trust, on a real server with transactions held open by hand."""

from collections.abc import Callable, Iterator

import psycopg
import pytest

from flowledger.domain.ports import RecordedEvent
from flowledger.infrastructure.store.codec import PendingEvent, first_link
from flowledger.infrastructure.store.event_store import LedgerEventStore

from .events import NOTED, note, opened, write

INSERT = """
    INSERT INTO stored_events (originator_id, originator_version, topic, state, notification_id)
    VALUES (%s, %s, %s, %s, (pg_current_xact_id()::text::bigint << 20) + 1)
"""


@pytest.fixture
def url(new_postgres_url: Callable[[], str]) -> str:
    return new_postgres_url()


@pytest.fixture
def store(url: str) -> Iterator[LedgerEventStore]:
    with opened(url) as store:
        yield store


@pytest.fixture
def slow_writer(url: str, store: LedgerEventStore) -> Iterator[psycopg.Connection]:
    """A transaction that has taken its number and stored event 1 of stream ``slow``, and isn't committed."""
    event = store._mapper.to_stored_event(PendingEvent("slow", 1, NOTED, note("slow").data, first_link("slow")))
    with psycopg.connect(url) as connection:
        connection.execute(INSERT, ("slow", 1, event.topic, event.state))
        yield connection


def places(events: list[RecordedEvent]) -> list[tuple[str, int]]:
    return [(event.stream, event.version) for event in events]


def test_the_tail_waits_for_a_writer_that_could_still_commit_before(
    store: LedgerEventStore, slow_writer: psycopg.Connection
) -> None:
    write(store, "fast", 0, 1)
    seen = list(store.tail())
    assert seen == []
    assert [row.version for row in store.rows("fast")] == [1]
    slow_writer.commit()
    seen += store.tail()
    assert places(seen) == [("slow", 1), ("fast", 1)]


def test_the_tail_goes_on_after_a_writer_that_gave_up(store: LedgerEventStore, slow_writer: psycopg.Connection) -> None:
    write(store, "fast", 0, 1)
    slow_writer.rollback()
    assert places(list(store.tail())) == [("fast", 1)]


def test_what_was_committed_before_the_open_writer_began_is_seen(url: str, store: LedgerEventStore) -> None:
    write(store, "early", 0, 1)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_current_xact_id()")
        write(store, "late", 0, 1)
        assert places(list(store.tail())) == [("early", 1)]
    assert places(list(store.tail())) == [("early", 1), ("late", 1)]


def test_a_reader_that_does_not_wait_would_pass_over_an_event(
    url: str, store: LedgerEventStore, slow_writer: psycopg.Connection
) -> None:
    """The same history, read without the bound: this is the reader that the tests above would catch."""

    def naive_tail(after: int) -> list[tuple[str, int]]:
        with psycopg.connect(url) as reader:
            return reader.execute(
                "SELECT originator_id, notification_id FROM stored_events WHERE notification_id > %s ORDER BY 2",
                (after,),
            ).fetchall()

    write(store, "fast", 0, 1)
    seen = naive_tail(0)
    slow_writer.commit()
    seen += naive_tail(seen[-1][1])
    assert [stream for stream, _ in seen] == ["fast"]
    assert store.head("slow") == 1
