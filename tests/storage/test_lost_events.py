"""A store loses its newest events under a process that knows them: nobody writes behind a hole, who tries is told."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from flowledger.domain.errors import ConcurrencyError, EventsLost
from flowledger.domain.ports import ExpectedVersion, Write
from flowledger.infrastructure.storage.codec import PendingEvent, initial_digest
from flowledger.infrastructure.storage.errors import PredecessorMissing
from flowledger.infrastructure.storage.event_store import LedgerEventStore
from flowledger.infrastructure.storage.postgres.append import COPY_FROM_BYTES, COPY_FROM_EVENTS
from flowledger.infrastructure.storage.stream_heads import HEADS_REMEMBERED
from flowledger.infrastructure.storage.verify import verify

from .events import NOTED, note, notes, opened, texts, write
from .restorable import PostgresStore, SQLiteStore, restorable


@pytest.fixture
def url(new_store_url: Callable[[], str]) -> str:
    return new_store_url()


@pytest.fixture
def store(url: str) -> Iterator[LedgerEventStore]:
    with opened(url) as store:
        yield store
        assert verify(store).ok


@pytest.fixture
def backup(url: str) -> SQLiteStore | PostgresStore:
    return restorable(url)


Backup = SQLiteStore | PostgresStore


def test_who_goes_on_behind_lost_events_hears_which_and_goes_on_from_what_is_stored(
    store: LedgerEventStore, backup: Backup
) -> None:
    write(store, "a", 0, 1, 2)
    backup.keep()
    write(store, "a", 2, 3, 4)
    backup.restore()
    with pytest.raises(EventsLost, match="events 3 to 4 are gone") as told:
        write(store, "a", 4, 5)
    assert (told.value.stream, told.value.known, told.value.stored) == ("a", 4, 2)
    assert texts(store, "a") == [1, 2]
    with pytest.raises(ConcurrencyError, match="the store has lost some"):
        write(store, "a", 4, 5)
    write(store, "a", 2, "3 anew")
    assert texts(store, "a") == [1, 2, "3 anew"]


def test_who_has_read_anew_just_goes_on_and_the_loss_is_logged(
    store: LedgerEventStore, backup: Backup, caplog: pytest.LogCaptureFixture
) -> None:
    write(store, "a", 0, 1)
    backup.keep()
    write(store, "a", 1, 2, 3)
    write(store, "b", 0, 1)
    backup.restore()
    assert store.head("a") == 1
    with caplog.at_level(logging.WARNING, "flowledger.store"):
        write(store, "a", 1, "2 anew")
        write(store, "b", ExpectedVersion.NO_STREAM, "1 anew")
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the store has lost events that were in it"
    ] * 2
    assert (texts(store, "a"), texts(store, "b")) == ([1, "2 anew"], ["1 anew"])


def test_who_reaches_a_store_again_is_told_of_losses_without_writing(
    store: LedgerEventStore, backup: Backup, caplog: pytest.LogCaptureFixture
) -> None:
    write(store, "kept", 0, 1)
    write(store, "lost", 0, 1)
    backup.keep()
    write(store, "lost", 1, 2, 3)
    write(store, "kept", 1, 2)
    store.look_for_losses()
    assert caplog.messages == []
    backup.restore()
    store.look_for_losses()
    (said,) = caplog.messages
    assert "the store has lost events that were in it" in said
    assert "2 of the 2 newest streams" in said
    with pytest.raises(EventsLost):
        write(store, "lost", 3, 4)


@pytest.mark.parametrize("others", [1, 2])
def test_events_that_others_wrote_in_place_of_lost_ones_are_not_taken_for_ones_own(
    store: LedgerEventStore, backup: Backup, url: str, others: int
) -> None:
    write(store, "a", 0, 1)
    backup.keep()
    write(store, "a", 1, 2)
    backup.restore()
    with opened(url) as other:
        write(other, "a", 1, *["2 of another"] * others)
    with pytest.raises(EventsLost, match="event 2 of stream 'a' is another one now") as told:
        write(store, "a", 2, 3)
    assert (told.value.known, told.value.stored) == (2, 1 + others)
    assert texts(store, "a") == [1, *["2 of another"] * others]


def test_what_was_only_read_is_looked_for_too(store: LedgerEventStore, backup: Backup, url: str) -> None:
    write(store, "a", 0, 1)
    backup.keep()
    with opened(url) as other:
        write(other, "a", 1, 2)
        write(other, "b", 0, 1)
    assert texts(store, "a") == [1, 2]
    assert next(store.read("b", backwards=True)).version == 1
    backup.restore()
    with opened(url) as other:
        write(other, "a", 1, "2 of another")
        write(other, "b", 0, "1 of another")
    for stream, version in (("a", 2), ("b", 1)):
        with pytest.raises(EventsLost):
            write(store, stream, version, "decided on what is gone")


@pytest.mark.parametrize("rows", [1, 3, COPY_FROM_EVENTS])
@pytest.mark.parametrize("size", [10, COPY_FROM_BYTES])
def test_an_append_to_several_streams_is_refused_as_a_whole(
    store: LedgerEventStore, backup: Backup, rows: int, size: int
) -> None:
    if rows * size > 2**22:
        pytest.skip("as much of both tells nothing more")
    write(store, "a", 0, 1)
    write(store, "b", 0, 1)
    backup.keep()
    write(store, "b", 1, 2)
    backup.restore()
    with pytest.raises(EventsLost):
        store.append(Write("a", 1, notes(*["x" * size] * rows)), Write("new", 0, notes("x")), Write("b", 2, notes("y")))
    assert [store.head(stream) for stream in ("a", "b", "new")] == [1, 1, 0]


def test_any_version_is_taken_behind_what_is_stored(store: LedgerEventStore, backup: Backup) -> None:
    write(store, "a", 0, 1)
    backup.keep()
    write(store, "a", 1, 2)
    write(store, "b", 0, 1)
    backup.restore()
    write(store, "a", ExpectedVersion.ANY, "2 anew")
    with pytest.raises(ConcurrencyError):
        write(store, "b", ExpectedVersion.STREAM_EXISTS, "2")
    write(store, "b", ExpectedVersion.ANY, "1 anew")
    assert (texts(store, "a"), texts(store, "b")) == ([1, "2 anew"], ["1 anew"])


async def test_tasks_hear_of_it_too_each_of_its_own_stream(store: LedgerEventStore, backup: Backup) -> None:
    for stream in "abcdef":
        await store.aappend(Write(stream, 0, notes(1)))
    backup.keep()
    for stream in "ace":
        await store.aappend(Write(stream, 1, notes(2)))
    backup.restore()
    heads = {stream: 2 if stream in "ace" else 1 for stream in "abcdef"}
    appends = [store.aappend(Write(stream, head, notes("next"))) for stream, head in heads.items()]
    answers = await asyncio.gather(*appends, return_exceptions=True)
    assert [isinstance(answer, EventsLost) for answer in answers] == [True, False] * 3, answers
    assert [store.head(stream) for stream in "abcdef"] == [1, 2] * 3


def test_threads_that_share_a_commit_hear_each_of_its_own_stream(store: LedgerEventStore, backup: Backup) -> None:
    streams = [f"s{number}" for number in range(12)]
    for stream in streams:
        write(store, stream, 0, 1)
    backup.keep()
    for stream in streams[::3]:
        write(store, stream, 1, 2)
    backup.restore()
    together = Barrier(len(streams))

    def go_on(stream: str) -> str:
        together.wait()
        try:
            write(store, stream, 2 if stream in streams[::3] else 1, "next")
        except EventsLost as error:
            return error.stream
        return "stored"

    with ThreadPoolExecutor(len(streams)) as pool:
        answers = list(pool.map(go_on, streams))
    assert answers == [stream if stream in streams[::3] else "stored" for stream in streams]


def test_who_holds_a_stream_is_told_however_many_others_were_written_meanwhile(
    store: LedgerEventStore, backup: Backup, url: str
) -> None:
    hold = store.hold("a")
    write(store, "a", 0, 1)
    backup.keep()
    write(store, "a", 1, 2)
    backup.restore()
    with opened(url) as other:
        write(other, "a", 1, "2 of another")
    many = range(HEADS_REMEMBERED + 1)
    store.append(*(Write(f"s{number}", 0, notes(1)) for number in many))
    with pytest.raises(EventsLost):
        write(store, "a", 2, 3)
    del hold


def test_a_statement_that_appends_demands_the_event_before_whatever_it_appends(store: LedgerEventStore) -> None:
    def event(stream: str, version: int, previous: bytes, size: int = 10) -> object:
        pending = PendingEvent(stream, version, NOTED, note("x" * size).data, previous, follows_stored=True)
        return store._mapper.to_stored_event(pending)

    insert = store.recorder.insert_events
    write(store, "a", 0, 1)
    other = bytes(32)
    for events in (
        [event("a", 2, other)],
        [event("a", 3, store._digest_at("a", 1) or b"")],
        [event("missing", 2, initial_digest("missing"))],
        [event("a", 2, store._digest_at("a", 1) or b""), event("b", 2, other)],
        [event("a", 2, other, size=COPY_FROM_BYTES)],
    ):
        with pytest.raises(PredecessorMissing, match="doesn't follow"):
            insert(events)  # type: ignore[arg-type]
    assert len(list(store.all_rows())) == 1
    insert([event("a", 2, store._digest_at("a", 1) or b"")])  # type: ignore[list-item]


def test_a_follower_hears_that_events_are_gone_and_misses_none_of_the_new_ones(
    store: LedgerEventStore, backup: Backup, url: str
) -> None:
    write(store, "a", 0, 1, 2)
    backup.keep()
    with store.recorder.subscribe(gt=0) as following:
        write(store, "a", 2, 3, 4)
        assert [next(following).originator_version for _ in range(4)] == [1, 2, 3, 4]
        backup.restore()
        with opened(url) as other:
            write(other, "b", 0, *range(5))
        with pytest.raises(EventsLost) as told:
            next(following)
        assert (told.value.stream, told.value.known, told.value.stored) == ("a", 4, 2)
        assert [next(following).originator_id for _ in range(5)] == ["b"] * 5
