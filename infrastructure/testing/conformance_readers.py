"""What every backend must guarantee to readers while others write: no event is missed, none is seen in part."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from threading import Event
from typing import Any

import pytest

from ...domain.errors import ConcurrencyError
from ...domain.ports import EventStore, ExpectedVersion, RecordedEvent, Write
from .conformance_checks import check_saw_all, check_whole, expect_success
from .conformance_races import opened
from .notes import notes, texts, write
from .racing import SlowEvents, ThreadedCall, frequent_switches


class ConcurrentReaders:
    """Tests of the port ``EventStore`` for readers beside writers; a part of ``EventStoreConformance``."""

    @pytest.mark.parametrize("place", [0, 1, 2], ids=["before", "amid", "behind"])
    def test_an_append_that_takes_long_is_not_passed_over(
        self, store: EventStore, reopen: Callable[[], EventStore] | None, place: int
    ) -> None:
        """However a store assigns positions: a reader that continues after the last event it saw misses none."""
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
                slow.result()
                quick.result()
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
            assert looks.result() in ((0, 0, 0), (2, 2, 4)), (
                "a reader saw a part of an append that wasn't over: all of it must become visible at once"
            )
            slow.result()
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
            check_saw_all(reader.result(), store)
            for _, seen in written:
                check_saw_all([*seen, *store.tail(after=seen[-1].position if seen else 0)], store)
        stored = {event.position: event.data["text"] for event in store.tail()}
        told = dict(pair for acknowledged, _ in written for pair in acknowledged)
        assert stored == told, "the log doesn't hold exactly the events that were acknowledged"


def _write_and_follow(store: EventStore, writer: int) -> tuple[list[tuple[int, Any]], list[RecordedEvent]]:
    """Small and large appends, to own and shared streams, and some that are refused; and a read of the log after each:
    it continues after the position returned, so that an event at a lower position later would be missed.

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


def follow(store: EventStore, over: Event) -> list[RecordedEvent]:
    """The events of a reader that continues after the last event it saw, until the writers are done."""
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
