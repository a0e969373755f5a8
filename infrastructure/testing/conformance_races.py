"""The behaviour of every backend under concurrent writes: one of two writers wins, and no reader misses an event."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial

import pytest

from ...domain.ports import EventStore, ExpectedVersion, Write
from .conformance_checks import (
    check_all_won,
    check_one_won,
    check_order,
    check_stream_is_whole,
)
from .notes import notes, texts, write
from .racing import LooseBarrier, SlowEvents, run_together

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
            meeting = LooseBarrier(WRITERS)

            def append(number: int, version: int = version, meeting: LooseBarrier = meeting) -> list[int]:
                events = SlowEvents(notes(f"{version}:{number}"), meeting.wait, place=number // 2 % 2)
                write = Write("a", version, events)
                if number % 2:
                    return arriving(meeting, lambda: store.append(write))
                return arriving(meeting, lambda: asyncio.run(_awaited(store, write)))

            check_one_won(run_together([partial(append, number) for number in range(WRITERS)]), store, "a", version)
        check_stream_is_whole(store, "a", ROUNDS)

    def test_one_of_racing_writers_begins_a_stream(self, store: EventStore) -> None:
        for number in range(ROUNDS):
            stream = f"new {number}"
            outcomes = race(WRITERS * [store], stream, ExpectedVersion.NO_STREAM, "{}", stretched=True)
            check_one_won(outcomes, store, stream, 0)

    def test_when_several_streams_are_raced_for_one_writer_gets_all_of_them(self, store: EventStore) -> None:
        for version in range(ROUNDS):
            meeting = LooseBarrier(WRITERS)

            def append(number: int, version: int = version, meeting: LooseBarrier = meeting) -> list[int]:
                mine = f"{version}:{number}"
                shared = [Write(stream, version, notes(mine)) for stream in ("a", "b")][:: 1 if number % 2 else -1]
                last = Write(f"own {mine}", 0, SlowEvents(notes(mine), meeting.wait))
                return arriving(meeting, lambda: store.append(*shared, last))

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
                meeting = LooseBarrier(WRITERS)

                def append(writer: int, number: int = number, meeting: LooseBarrier = meeting) -> list[int]:
                    events = SlowEvents(notes(*range(number * 3, number * 3 + 3)), meeting.wait, place=number % 4)
                    write = Write(f"s{writer}", number * 3, events)
                    return arriving(meeting, lambda: stores[writer % 4].append(write))

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


# --- writing ----------------------------------------------------------------------------------------------------------


def race(
    stores: Sequence[EventStore], stream: str, expected: int | ExpectedVersion, text: str, *, stretched: bool
) -> list[list[int] | Exception]:
    """Append one event through each store at the same moment; ``{}`` in stream or text is replaced by the writer."""
    meeting = LooseBarrier(len(stores))

    def append(number: int) -> list[int]:
        events = notes(text.format(number))
        taken = SlowEvents(events, meeting.wait, place=number % 2) if stretched else events
        return arriving(meeting, lambda: stores[number].append(Write(stream.format(number), expected, taken)))

    return run_together([partial(append, number) for number in range(len(stores))])


async def _awaited(store: EventStore, write: Write) -> list[int]:
    return await store.aappend(write)


def arriving(meeting: LooseBarrier, call: Callable[[], list[int]]) -> list[int]:
    """Make a call that waits at a barrier; it counts as arrived if it fails before."""
    try:
        return call()
    finally:
        meeting.arrive()


def opened(
    store: EventStore, reopen: Callable[[], EventStore] | None, stack: ExitStack, count: int
) -> list[EventStore]:
    """The store, opened ``count`` times; the same object if it can't be opened again."""
    if reopen is None:
        return [store] * count
    return [store, *(stack.enter_context(closing(reopen())) for _ in range(count - 1))]
