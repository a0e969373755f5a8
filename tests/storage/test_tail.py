"""Positions that a reader of the whole log can trust, on a real server with transactions held open by hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowledger.domain.ports import RecordedEvent
from flowledger.infrastructure.storage.codec import LedgerMapper, PendingEvent, initial_digest
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.memory.checkpoints import MemoryCheckpoints
from flowledger.infrastructure.storage.postgres.datastore import PostgresDatastore
from flowledger.infrastructure.storage.postgres.recorder import PostgresRecorder
from flowledger.infrastructure.storage.postgres.search import PostgresSearch
from flowledger.infrastructure.storage.recorder import EventRow

from ..effort import tries
from .events import NOTED, note, opened, rows, write

INSERT = """
    INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id)
    VALUES (%s, %s, %s, %s, (pg_current_xact_id()::text::bigint << 20) + %s)
"""


@pytest.fixture
def url(new_postgres_url: Callable[[], str]) -> str:
    return new_postgres_url()


@pytest.fixture
def store(url: str) -> Iterator[LedgerEventStore]:
    with opened(url) as store:
        yield store


def insert(connection: psycopg.Connection, store: LedgerEventStore, stream: str, place: int = 1) -> None:
    """Store event 1 of a stream in the connection's transaction, which has its number from now on."""
    event = store._mapper.to_stored_event(PendingEvent(stream, 1, NOTED, note(stream).data, initial_digest(stream)))
    connection.execute(INSERT, (stream, 1, event.topic, event.state, place))


@pytest.fixture
def slow_writer(url: str, store: LedgerEventStore) -> Iterator[psycopg.Connection]:
    """A transaction that has stored event 1 of stream ``slow`` and isn't committed."""
    with psycopg.connect(url) as connection:
        insert(connection, store, "slow")
        yield connection


def places(events: list[RecordedEvent]) -> list[tuple[str, int]]:
    return [(event.stream, event.version) for event in events]


def test_what_was_committed_before_the_open_writer_began_is_seen(url: str, store: LedgerEventStore) -> None:
    write(store, "early", 0, 1)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_current_xact_id()")
        write(store, "late", 0, 1)
        assert places(list(store.tail())) == [("early", 1)]
    assert places(list(store.tail())) == [("early", 1), ("late", 1)]


def test_the_tail_goes_on_after_a_writer_that_gave_up(store: LedgerEventStore, slow_writer: psycopg.Connection) -> None:
    write(store, "fast", 0, 1)
    slow_writer.rollback()
    assert places(list(store.tail())) == [("fast", 1)]


def test_the_tail_waits_for_a_writer_that_could_still_commit_before(
    store: LedgerEventStore, slow_writer: psycopg.Connection
) -> None:
    assert read_round_the_commit(store, slow_writer) == [("slow", 1), ("fast", 1)]


def test_a_tail_that_does_not_wait_passes_over_an_event(
    url: str, store: LedgerEventStore, slow_writer: psycopg.Connection
) -> None:
    """The same history, read without the bound: so the test above can fail."""
    recorder = HastyRecorder(PostgresDatastore(url))
    hasty = LedgerEventStore(LedgerMapper(), recorder, MemoryCheckpoints(), PostgresSearch(recorder.datastore))
    assert read_round_the_commit(hasty, slow_writer) == [("fast", 1)]
    assert hasty.head("slow") == 1
    hasty.close()


def test_a_subscription_waits_as_the_tail_does(store: LedgerEventStore, slow_writer: psycopg.Connection) -> None:
    (position,) = write(store, "fast", 0, 1)
    assert store.recorder.select_notifications(None, 10) == []
    with store.recorder.subscribe() as following:
        slow_writer.commit()
        assert [next(following).originator_id, next(following).id] == ["slow", position]


def read_round_the_commit(store: LedgerEventStore, slow_writer: psycopg.Connection) -> list[tuple[str, int]]:
    """What a reader gets who looks once before a writer commits, and once behind what it saw."""
    write(store, "fast", 0, 1)
    assert [row.version for row in rows(store, "fast")] == [1]
    seen = list(store.tail())
    slow_writer.commit()
    seen += store.tail(after=seen[-1].position if seen else 0)
    return places(seen)


class HastyRecorder(PostgresRecorder):
    """Reads the log to its end, whoever is still writing."""

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        return super().log_batch(after, settled=False)


WRITERS = 4
actions = st.one_of(
    st.just("read"),
    st.just("append"),
    st.tuples(st.integers(0, WRITERS - 1), st.sampled_from(["insert", "commit", "roll back"])),
)


@pytest.mark.scaled
def test_in_whatever_order_writers_begin_and_end_every_event_is_read_once(url: str, store: LedgerEventStore) -> None:
    numbers = count(1)

    @settings(max_examples=tries(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(actions, max_size=30))
    def follow(schedule: list[Any]) -> None:
        for writer in writers:
            writer.rollback()
        start = store.recorder.max_notification_id() or 0
        seen: list[RecordedEvent] = []

        def read() -> None:
            seen.extend(store.tail(after=seen[-1].position if seen else start))

        for action in schedule:
            if action == "read":
                read()
            elif action == "append":
                write(store, f"fast {next(numbers)}", 0, 1)
            elif action[1] == "insert":
                number = next(numbers)
                insert(writers[action[0]], store, f"slow {number}", place=number)
            else:
                writer = writers[action[0]]
                (writer.commit if action[1] == "commit" else writer.rollback)()
        for writer in writers:
            writer.commit()
        read()
        stored = store.recorder.select_notifications(start + 1, 1_000)
        assert [event.position for event in seen] == [one.id for one in stored]

    with ExitStack() as stack:
        writers = [stack.enter_context(psycopg.connect(url)) for _ in range(WRITERS)]
        follow()
