"""The conformance suite of the event store's backends."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from ...domain.errors import ConcurrencyError, StorageCorrupt
from ...domain.ports import EventStore, ExpectedVersion, RecordedEvent, Write
from .conformance_durability import DurableStore
from .conformance_guards import GuardedAppends
from .conformance_races import RacingWriters
from .conformance_readers import ConcurrentReaders
from .conformance_values import StoredValues
from .notes import NOTED, Folded, note, notes, rows, texts, write

ANY, NO_STREAM, STREAM_EXISTS = ExpectedVersion.ANY, ExpectedVersion.NO_STREAM, ExpectedVersion.STREAM_EXISTS


class EventStoreConformance(StoredValues, RacingWriters, ConcurrentReaders, GuardedAppends, DurableStore):
    """Tests of the port ``EventStore`` for pytest. A backend binds them in a class of its own with two fixtures,
    ``store`` and ``reopen``, and where it can with two more, ``open_in_process`` and ``lose_newest``."""

    @pytest.fixture
    def store(self) -> Iterator[EventStore]:
        """A store without events, closed after the test. Every backend says how it is made."""
        raise NotImplementedError

    @pytest.fixture
    def reopen(self) -> Callable[[], EventStore] | None:
        """What opens the same store once more, as another process would; None where nobody else can."""
        raise NotImplementedError

    # --- append -------------------------------------------------------------------------------------------------------

    def test_an_empty_store_has_no_events(self, store: EventStore) -> None:
        assert store.head("a") == 0
        assert [*store.read("a"), *rows(store, "a"), *store.tail()] == []

    def test_positions_grow_with_every_event(self, store: EventStore) -> None:
        first = write(store, "a", 0, 1, 2, 3)
        second = write(store, "b", 0, 4)
        third = write(store, "a", 3, 5)
        positions = first + second + third
        assert len(positions) == 5
        assert positions == sorted(set(positions))

    def test_an_append_of_nothing_is_nothing(self, store: EventStore) -> None:
        assert store.append() == []
        assert store.append(Write("a", 7, [])) == []
        assert store.head("a") == 0

    def test_several_streams_are_appended_in_one_commit(self, store: EventStore) -> None:
        positions = store.append(Write("a", 0, notes(1, 2)), Write("b", NO_STREAM, notes(3)))
        assert positions == sorted(positions)
        assert (texts(store, "a"), texts(store, "b")) == ([1, 2], [3])

    def test_when_one_stream_conflicts_nothing_of_the_append_is_stored(self, store: EventStore) -> None:
        write(store, "b", 0, "first")
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Write("a", 0, notes(1)), Write("b", 0, notes(2)), Write("c", ANY, notes(3)))
        assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("b", 0, 1)
        assert (store.head("a"), store.head("b"), store.head("c")) == (0, 1, 0)

    def test_one_append_may_write_to_a_stream_twice(self, store: EventStore) -> None:
        store.append(Write("a", 0, notes(1)), Write("b", 0, notes(2)), Write("a", 1, notes(3)))
        assert texts(store, "a") == [1, 3]
        with pytest.raises(ConcurrencyError):
            store.append(Write("a", 2, notes(4)), Write("a", 2, notes(5)))
        assert texts(store, "a") == [1, 3]

    def test_an_event_that_says_the_same_as_another_is_another_one(self, store: EventStore) -> None:
        positions = [position for _ in range(4) for position in write(store, "a", ANY, "same")]
        events = list(store.read("a"))
        assert [event.version for event in events] == [1, 2, 3, 4], "an event was taken for one that is stored already"
        assert [event.position for event in events] == positions
        assert len({event.digest for event in events}) == 4, "each event's digest is linked to the one before it"

    @pytest.mark.parametrize("count", [2, 7_000])
    def test_a_batch_keeps_its_order(self, store: EventStore, count: int) -> None:
        positions = write(store, "a", 0, *range(count))
        assert positions == sorted(set(positions))
        assert [event.position for event in store.read("a")] == positions
        assert texts(store, "a") == list(range(count))

    # --- expected version ---------------------------------------------------------------------------------------------

    def test_a_stale_writer_is_refused(self, store: EventStore) -> None:
        write(store, "a", 0, 1, 2)
        for stale in (0, 1):
            with pytest.raises(ConcurrencyError) as caught:
                write(store, "a", stale, "late")
            assert (caught.value.stream, caught.value.expected, caught.value.actual) == ("a", stale, 2)
        assert texts(store, "a") == [1, 2]

    def test_a_stale_writer_in_another_store_is_refused(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        if reopen is None:
            pytest.skip("nobody else can open this store")
        write(store, "a", 0, 1)
        with closing(reopen()) as other:
            write(other, "a", 1, 2)
        with pytest.raises(ConcurrencyError) as caught:
            write(store, "a", 1, "late")
        assert caught.value.actual == 2
        write(store, "a", 2, 3)
        assert texts(store, "a") == [1, 2, 3]

    @pytest.mark.parametrize("beyond", [1, 3, 1_000_000])
    def test_a_version_beyond_the_head_is_refused_and_leaves_no_gap(self, store: EventStore, beyond: int) -> None:
        write(store, "other", 0, "so that the store is not empty")
        with pytest.raises(ConcurrencyError) as caught:
            write(store, "a", beyond, "early")
        assert caught.value.actual == 0
        write(store, "a", 0, 1, 2)
        with pytest.raises(ConcurrencyError) as caught:
            write(store, "a", 2 + beyond, "early")
        assert caught.value.actual == 2
        assert [event.version for event in store.read("a")] == [1, 2]

    def test_no_stream_is_expected_of_a_new_stream_only(self, store: EventStore) -> None:
        write(store, "a", NO_STREAM, 1)
        with pytest.raises(ConcurrencyError):
            write(store, "a", NO_STREAM, 2)
        assert texts(store, "a") == [1]

    def test_an_existing_stream_is_expected_of_an_old_stream_only(self, store: EventStore) -> None:
        with pytest.raises(ConcurrencyError) as caught:
            write(store, "a", STREAM_EXISTS, 1)
        assert (caught.value.expected, caught.value.actual) == ("an existing stream", 0)
        write(store, "a", 0, 1)
        write(store, "a", STREAM_EXISTS, 2)
        assert texts(store, "a") == [1, 2]

    def test_any_version_takes_the_stream_as_it_is(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        write(store, "a", ANY, 1)
        write(store, "a", ANY, 2, 3)
        if reopen is not None:
            with closing(reopen()) as other:
                write(other, "a", ANY, 4)
        else:
            write(store, "a", 3, 4)
        write(store, "a", ANY, 5)
        assert texts(store, "a") == [1, 2, 3, 4, 5]

    # --- read ---------------------------------------------------------------------------------------------------------

    def test_a_recorded_event_is_what_was_appended(self, store: EventStore) -> None:
        (position,) = store.append(Write("a", 0, [note("x")]))
        (event,) = store.read("a")
        assert event == RecordedEvent(
            "a", 1, position, NOTED, event.recorded_at, "ada", dict(note("x").data), event.digest
        )
        assert event.recorded_at.isoformat() == "2025-10-09T08:53:20+00:00"
        assert len(bytes.fromhex(event.digest)) == 32
        assert list(rows(store, "a")) == [Folded(1, NOTED, event.data)]

    @pytest.mark.parametrize(
        ("after", "upto", "versions"),
        [
            (0, None, [1, 2, 3, 4, 5]),
            (2, None, [3, 4, 5]),
            (0, 3, [1, 2, 3]),
            (1, 4, [2, 3, 4]),
            (0, 0, []),
            (5, None, []),
            (9, None, []),
            (3, 2, []),
            (0, 99, [1, 2, 3, 4, 5]),
            (-1, None, [1, 2, 3, 4, 5]),
        ],
    )
    def test_a_stream_is_read_between_versions(
        self, store: EventStore, after: int, upto: int | None, versions: list[int]
    ) -> None:
        write(store, "b", 0, "not asked for")
        write(store, "a", 0, *range(1, 6))
        assert [event.version for event in store.read("a", after=after, upto=upto)] == versions
        assert [row.data["text"] for row in rows(store, "a", after=after, upto=upto)] == versions
        backwards = [event.version for event in store.read("a", after=after, upto=upto, backwards=True)]
        assert backwards == versions[::-1]

    @pytest.mark.parametrize("count", [999, 1_000, 1_001, 2_500])
    def test_reading_goes_on_over_pages(self, store: EventStore, count: int) -> None:
        write(store, "a", 0, *range(1, count + 1))
        expected = list(range(1, count + 1))
        assert [row.version for row in rows(store, "a")] == expected
        assert [event.version for event in store.read("a", backwards=True)] == expected[::-1]
        assert [event.version for event in store.tail()] == expected

    def test_events_are_found_by_their_places(self, store: EventStore) -> None:
        store.append(Write("s", 0, notes(*range(5))), Write("t/'ü", 0, notes(6, 7)), Write("l", 0, notes("m" * 2**17)))
        places = [("t/'ü", 2), ("s", 4), ("l", 1), ("s", 1), ("s", 4)]
        found = store.events_at(places)
        assert [(event.stream, event.version) for event in found] == places
        assert found == [next(store.read(stream, after=version - 1, upto=version)) for stream, version in places]
        assert store.events_at([]) == []

    def test_an_event_that_is_not_there_is_missed(self, store: EventStore) -> None:
        write(store, "s", 0, 1, 2)
        with pytest.raises(StorageCorrupt, match="event 3 of stream 's' is missing"):
            store.events_at([("s", 1), ("s", 3)])

    def test_a_reader_may_append_while_it_reads(self, store: EventStore) -> None:
        write(store, "a", 0, *range(1_500))
        for row in rows(store, "a", upto=3):
            write(store, "b", row.version - 1, row.data["text"])
        assert texts(store, "b") == [0, 1, 2]

    def test_the_tail_goes_on_from_a_position(self, store: EventStore) -> None:
        write(store, "a", 0, 1, 2)
        write(store, "b", 0, 3)
        events = list(store.tail())
        assert [(event.stream, event.version) for event in events] == [("a", 1), ("a", 2), ("b", 1)]
        for place in range(2):
            behind = list(store.tail(after=events[place].position))
            assert behind == events[place + 1 :], "tail goes on behind the position that it is given, with all events"
        for _ in range(2):
            assert list(store.tail(after=events[2].position)) == [], "tail goes on behind the position that it is given"
        write(store, "b", 1, 4)
        (written,) = [event.version for event in store.tail(after=events[2].position)] or (None,)
        assert written == 2, "tail doesn't have an event that was written behind it since it was read last"
