"""What every backend must do while many write at once: one of two wins, and nobody who reads beside them misses any."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from threading import Event
from typing import Any

import pytest

from ...domain.errors import ConcurrencyError
from ...domain.ports import EventStore, ExpectedVersion, RecordedEvent, Write
from .conformance_checks import (
    check_all_won,
    check_one_won,
    check_order,
    check_saw_all,
    check_stream_is_whole,
    check_whole,
    expect_success,
)
from .notes import notes, texts, write
from .racing import Meeting, SlowEvents, ThreadedCall, frequent_switches, run_together

ROUNDS = 12
WRITERS = 8

Append = Callable[[EventStore], list[int]]


class RacingWriters:
    """Tests of the port ``EventStore`` under races; a part of ``EventStoreConformance``."""

    # --- one wins -----------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("stretched", [False, True], ids=["at once", "stretched"])
    def test_of_racing_writers_one_wins(self, store: EventStore, stretched: bool) -> None:
        for version in range(ROUNDS):
            outcomes = race(WRITERS * [store], "a", version, f"{version}:{{}}", stretched=stretched)
            check_one_won(outcomes, store, "a", version)
        check_stream_is_whole(store, "a", ROUNDS)

    def test_of_racing_writers_with_stores_of_their_own_one_wins(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        with ExitStack() as stack:
            stores = opened(store, reopen, stack, 4)
            for version in range(ROUNDS):
                outcomes = race(stores, "a", version, f"{version}:{{}}", stretched=bool(version % 2))
                check_one_won(outcomes, store, "a", version)
            for each in stores:
                check_stream_is_whole(each, "a", ROUNDS)

    async def _race_of_tasks(self, store: EventStore, version: int) -> list[list[int] | BaseException]:
        appends = [store.aappend(Write("a", version, notes(f"{version}:{number}"))) for number in range(WRITERS)]
        return await asyncio.gather(*appends, return_exceptions=True)

    def test_of_racing_tasks_one_wins(self, store: EventStore) -> None:
        for version in range(ROUNDS):
            outcomes = asyncio.run(self._race_of_tasks(store, version))
            check_one_won(outcomes, store, "a", version)
        check_stream_is_whole(store, "a", ROUNDS)

    def test_of_tasks_and_threads_that_race_one_wins(self, store: EventStore) -> None:
        for version in range(ROUNDS):
            meeting = Meeting(WRITERS)

            def append(number: int, version: int = version, meeting: Meeting = meeting) -> list[int]:
                events = SlowEvents(notes(f"{version}:{number}"), meeting.come, place=number // 2 % 2)
                write = Write("a", version, events)
                if number % 2:
                    return coming(meeting, lambda: store.append(write))
                return coming(meeting, lambda: asyncio.run(_awaited(store, write)))

            check_one_won(run_together([partial(append, number) for number in range(WRITERS)]), store, "a", version)
        check_stream_is_whole(store, "a", ROUNDS)

    def test_one_of_racing_writers_begins_a_stream(self, store: EventStore) -> None:
        for number in range(ROUNDS):
            stream = f"new {number}"
            outcomes = race(WRITERS * [store], stream, ExpectedVersion.NO_STREAM, "{}", stretched=True)
            check_one_won(outcomes, store, stream, 0)

    def test_when_several_streams_are_raced_for_one_writer_gets_all_of_them(self, store: EventStore) -> None:
        for version in range(ROUNDS):
            meeting = Meeting(WRITERS)

            def append(number: int, version: int = version, meeting: Meeting = meeting) -> list[int]:
                mine = f"{version}:{number}"
                shared = [Write(stream, version, notes(mine)) for stream in ("a", "b")][:: 1 if number % 2 else -1]
                last = Write(f"own {mine}", 0, SlowEvents(notes(mine), meeting.come))
                return coming(meeting, lambda: store.append(*shared, last))

            outcomes = run_together([partial(append, number) for number in range(WRITERS)])
            winners = [f"{version}:{number}" for number, one in enumerate(outcomes) if not isinstance(one, Exception)]
            for stream in ("a", "b"):
                refused = [text for text in texts(store, stream)[version:] if text not in winners]
                assert not refused, (
                    "an append to several streams was refused, and left events in one of them: it must be one commit"
                )
            check_one_won(outcomes, store, "a", version)
            check_one_won(outcomes, store, "b", version)
            left = [f"{version}:{number}" for number in range(WRITERS) if store.head(f"own {version}:{number}")]
            assert left == winners, "a refused append left events in another of its streams: it must be one commit"

    # --- all are stored -----------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("expected", [ExpectedVersion.ANY, ExpectedVersion.STREAM_EXISTS], ids=["any", "existing"])
    def test_who_takes_any_version_is_stored_however_many_write(
        self, store: EventStore, expected: ExpectedVersion
    ) -> None:
        write(store, "a", 0, "first")
        told = ["first"]
        for number in range(ROUNDS):
            outcomes = race(WRITERS * [store], "a", expected, f"{number}:{{}}", stretched=bool(number % 2))
            check_all_won(outcomes)
            told += [f"{number}:{writer}" for writer in range(WRITERS)]
        assert sorted(texts(store, "a")) == sorted(told), "not every event that was acknowledged is stored, and once"
        check_stream_is_whole(store, "a", len(told))

    def test_writers_of_other_streams_are_in_nobodys_way(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        with ExitStack() as stack:
            stores = opened(store, reopen, stack, 4)
            for number in range(ROUNDS):
                meeting = Meeting(WRITERS)

                def append(writer: int, number: int = number, meeting: Meeting = meeting) -> list[int]:
                    events = SlowEvents(notes(*range(number * 3, number * 3 + 3)), meeting.come, place=number % 4)
                    write = Write(f"s{writer}", number * 3, events)
                    return coming(meeting, lambda: stores[writer % 4].append(write))

                check_all_won(run_together([partial(append, writer) for writer in range(WRITERS)]))
        for writer in range(WRITERS):
            assert texts(store, f"s{writer}") == list(range(ROUNDS * 3)), "an acknowledged append is not stored"
            check_stream_is_whole(store, f"s{writer}", ROUNDS * 3)
        check_order(list(store.tail()))

    def test_each_event_has_the_position_that_its_writer_was_told(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        told: dict[int, str] = {}
        with ExitStack() as stack:
            stores = opened(store, reopen, stack, 6)
            for number in range(2 * ROUNDS):
                stream = f"s{number}" if number % 3 == 0 else f"s{number} of {{}}"
                outcomes = race(stores, stream, ExpectedVersion.ANY, "{}", stretched=bool(number % 2))
                check_all_won(outcomes)
                before = max(told, default=0)
                for writer, positions in enumerate(outcomes):
                    assert not isinstance(positions, Exception)
                    assert len(positions) == 1, "an append of one event has one position"
                    assert positions[0] not in told, f"position {positions[0]} was given to two events"
                    assert positions[0] > before, (
                        f"an append got position {positions[0]} after one that had {before} was acknowledged: "
                        "positions must grow with every commit, whoever writes"
                    )
                    told[positions[0]] = f"{stream.format(writer)}:{writer}"
        stored = {event.position: f"{event.stream}:{event.data['text']}" for event in store.tail()}
        assert stored == told, "the log doesn't hold the events at the positions that their writers were told"

    # --- who reads beside them ----------------------------------------------------------------------------------------

    @pytest.mark.parametrize("place", [0, 1, 2], ids=["before", "amid", "behind"])
    def test_an_append_that_takes_long_is_not_passed_over(
        self, store: EventStore, reopen: Callable[[], EventStore] | None, place: int
    ) -> None:
        """However a store gives out positions: a reader who goes on behind the last event that it saw misses none."""
        with ExitStack() as stack:
            fast, *_, reader = opened(store, reopen, stack, 3)
            seen: list[RecordedEvent] = []
            for number in range(3):
                under_way, goes_on = Event(), Event()

                def hold(under_way: Event = under_way, goes_on: Event = goes_on) -> None:
                    under_way.set()
                    goes_on.wait(0.5)

                events = SlowEvents(notes("slow", "slow"), hold, place)
                slow = ThreadedCall(partial(store.append, Write(f"slow {number}", 0, events)))
                under_way.wait(0.5)
                quick = ThreadedCall(partial(write, fast, f"fast {number}", 0, "fast"))
                quick.join(0.1)  # which it needs where the slow one holds a lock, and then waits for it
                seen += reader.tail(after=seen[-1].position if seen else 0)
                goes_on.set()
                slow.answer()
                quick.answer()
                seen += reader.tail(after=seen[-1].position if seen else 0)
            check_saw_all(seen, store)

    def test_nothing_of_an_append_is_seen_before_all_of_it(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        with ExitStack() as stack:
            reader = opened(store, reopen, stack, 2)[-1]
            under_way, goes_on = Event(), Event()

            def hold() -> None:
                under_way.set()
                goes_on.wait(0.5)

            first = Write("a", 0, notes(1, 2))
            slow = ThreadedCall(partial(store.append, first, Write("b", 0, SlowEvents(notes(3, 4), hold, place=1))))
            under_way.wait(0.5)
            looks = ThreadedCall(lambda: (reader.head("a"), reader.head("b"), len(list(reader.tail()))))
            looks.join(0.1)
            goes_on.set()
            assert looks.answer() in ((0, 0, 0), (2, 2, 4)), (
                "a reader saw a part of an append that wasn't over: all of it must become visible at once"
            )
            slow.answer()
            assert (store.head("a"), store.head("b")) == (2, 2)

    def test_an_append_that_breaks_off_leaves_nothing(self, store: EventStore) -> None:
        class Interrupted(Exception):
            pass

        def interrupt() -> None:
            raise Interrupted

        for place in (0, 1):
            with pytest.raises(Interrupted):
                store.append(Write("a", 0, notes(1, 2)), Write("b", 0, SlowEvents(notes(3, 4), interrupt, place)))
            assert (store.head("a"), store.head("b"), list(store.tail())) == (0, 0, []), (
                "an append that was interrupted left a part of itself: it must be one commit"
            )
        write(store, "a", 0, 1)
        assert texts(store, "a") == [1]

    def test_a_reader_beside_racing_writers_gets_each_event_once_and_in_order(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        over = Event()
        with ExitStack() as stack, frequent_switches():
            stores = opened(store, reopen, stack, 4)
            reader = ThreadedCall(partial(follow, stores[-1], over))
            writers = [ThreadedCall(partial(_write_and_follow, each, number)) for number, each in enumerate(stores)]
            try:
                written = [expect_success(writer) for writer in writers]
            finally:
                over.set()
            check_saw_all(reader.answer(), store)
            for _, seen in written:
                check_saw_all([*seen, *store.tail(after=seen[-1].position if seen else 0)], store)
        stored = {event.position: event.data["text"] for event in store.tail()}
        told = dict(pair for acknowledged, _ in written for pair in acknowledged)
        assert stored == told, "the log doesn't hold exactly the events that were acknowledged"


# --- writing ----------------------------------------------------------------------------------------------------------


def race(
    stores: Sequence[EventStore], stream: str, expected: int | ExpectedVersion, text: str, *, stretched: bool
) -> list[list[int] | Exception]:
    """Append one event through each store at the same moment; ``{}`` in its stream or text is the writer."""
    meeting = Meeting(len(stores))

    def append(number: int) -> list[int]:
        events = notes(text.format(number))
        taken = SlowEvents(events, meeting.come, place=number % 2) if stretched else events
        return coming(meeting, lambda: stores[number].append(Write(stream.format(number), expected, taken)))

    return run_together([partial(append, number) for number in range(len(stores))])


async def _awaited(store: EventStore, write: Write) -> list[int]:
    return await store.aappend(write)


def coming(meeting: Meeting, call: Callable[[], list[int]]) -> list[int]:
    """Make a call that comes to a meeting, if it comes that far."""
    try:
        return call()
    finally:
        meeting.go()


def _write_and_follow(store: EventStore, writer: int) -> tuple[list[tuple[int, Any]], list[RecordedEvent]]:
    """Small appends and large ones, to own and shared streams, and some that are refused; and a look at the log after
    each: who is told of a position looks behind it, so that what comes to a lower one later on is passed over.

    Returns position and text of what was acknowledged, and the events that were seen.
    """
    acknowledged: list[tuple[int, Any]] = []
    seen: list[RecordedEvent] = []
    version = 0
    for number in range(40):
        name = f"{writer}:{number}"
        size = 250 if number % 20 == 7 else 1
        told = [[name, size + 1, each] for each in range(size + 1)]
        own = Write(f"own {writer}", version, notes(*told[:size]))
        shared = Write("shared" if number % 4 == 0 else f"also {writer}", ExpectedVersion.ANY, notes(told[size]))
        if number % 5 == 2:
            with pytest.raises(ConcurrencyError):
                store.append(own, shared, Write("taken", 10**6, notes(["refused", 1, 0])))
        positions = store.append(own, shared)
        assert len(positions) == len(told), "an append must tell the position of each event"
        acknowledged += zip(positions, told, strict=True)
        seen += store.tail(after=seen[-1].position if seen else 0)
        version += size
        assert store.head(own.stream) == version, "an append was acknowledged, and head doesn't tell of it"
    check_whole(seen)
    return acknowledged, seen


def opened(
    store: EventStore, reopen: Callable[[], EventStore] | None, stack: ExitStack, count: int
) -> list[EventStore]:
    """The store, opened by so many; the same for all where nobody else can open it."""
    if reopen is None:
        return [store] * count
    return [store, *(stack.enter_context(closing(reopen())) for _ in range(count - 1))]


def follow(store: EventStore, over: Event) -> list[RecordedEvent]:
    """What a reader gets who goes on behind the last event that it saw, until the writers are done."""
    seen: list[RecordedEvent] = []
    last = False
    while not last:
        last = over.is_set()
        head = store.head("shared")
        found = max((event.version for event in store.read("shared", after=head - 1)), default=0)
        assert found >= head, "head told of an event that can't be read"
        news = list(store.tail(after=seen[-1].position if seen else 0))
        check_whole(news)
        seen += news
    return seen
