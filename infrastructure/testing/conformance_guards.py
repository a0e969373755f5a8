"""Appends on the condition that another stream still ends as the writer knows it: for stores that take guards."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from threading import Event

import pytest

from ...domain.errors import ConcurrencyError, EventsLost
from ...domain.ports import EventStore, ExpectedVersion, Guard, GuardingStore, Write
from .notes import end_of, notes, texts, write
from .racing import LooseBarrier, run_together

MOVES = 40
WRITERS = 4


class GuardedAppends:
    """Tests of the port ``GuardingStore``; a part of ``EventStoreConformance``. Skipped where ``can_guard`` isn't."""

    @pytest.fixture
    def guarding(self, store: EventStore) -> GuardingStore:
        """The same store."""
        if not getattr(store, "can_guard", False):
            pytest.skip("this store takes no guards")
        return store  # type: ignore[return-value]  # as it says

    def test_events_are_appended_while_the_guards_stream_ends_as_it_did(self, guarding: GuardingStore) -> None:
        write(guarding, "g", 0, 1, 2)
        guard = end_of(guarding, "g")
        for version in range(2):
            writes = [Write(stream, version, notes(f"{stream}{version}")) for stream in ("a", "b")]
            positions = guarding.append_while(guard, *writes)
            assert positions == sorted(set(positions))
        assert texts(guarding, "a") + texts(guarding, "b") == ["a0", "a1", "b0", "b1"]
        assert texts(guarding, "g") == [1, 2]

    @pytest.mark.parametrize("count", [1, 3, 2_500])
    def test_nothing_is_appended_once_the_guards_stream_has_moved(self, guarding: GuardingStore, count: int) -> None:
        write(guarding, "g", 0, 1)
        guard = end_of(guarding, "g")
        write(guarding, "g", 1, 2)
        refused = refusal(guarding, guard, Write("a", 0, notes(*range(count))))
        assert refused.args == ConcurrencyError("g", 1, 2).args
        guarding.append_while(end_of(guarding, "g"), Write("a", 0, notes(*range(count))))
        assert texts(guarding, "a") == list(range(count))

    def test_a_guard_sees_what_others_were_acknowledged(
        self, guarding: GuardingStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        if reopen is None:
            pytest.skip("nobody else can open this store")
        write(guarding, "g", 0, 1)
        guard = end_of(guarding, "g")
        with closing(reopen()) as other:
            write(other, "g", 1, 2)
        assert isinstance(refusal(guarding, guard, Write("a", 0, notes(1))), ConcurrencyError)

    @pytest.mark.parametrize("version", [1, 2])
    def test_a_guard_on_an_event_that_is_not_there_tells_of_the_loss(
        self, guarding: GuardingStore, version: int
    ) -> None:
        write(guarding, "g", 0, 1)
        refused = refusal(guarding, Guard("g", version, "ab" * 32), Write("a", 0, notes(1)))
        assert refused.args == EventsLost("g", version, 1).args

    def test_a_guard_on_an_event_that_another_one_took_the_place_of_tells_of_the_loss(
        self, guarding: GuardingStore, lose_newest: Callable[[], object] | None
    ) -> None:
        if lose_newest is None:
            pytest.skip("this store can't be made to lose events")
        write(guarding, "g", 0, 1, 2)
        guard = end_of(guarding, "g")
        lose_newest()
        assert isinstance(refusal(guarding, guard, Write("a", 0, notes(1))), EventsLost)
        write(guarding, "g", ExpectedVersion.ANY, "another")
        assert isinstance(refusal(guarding, guard, Write("a", 0, notes(1))), EventsLost)

    def test_a_conflict_beside_a_guard_that_holds_is_told_as_such(self, guarding: GuardingStore) -> None:
        write(guarding, "g", 0, 1)
        write(guarding, "a", 0, 1)
        refused = refusal(guarding, end_of(guarding, "g"), Write("a", 0, notes(2)))
        assert refused.args == ConcurrencyError("a", 0, 1).args

    def test_whoever_takes_any_version_is_stored_beside_others_and_only_while_the_guard_holds(
        self, guarding: GuardingStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        if reopen is None:
            pytest.skip("nobody else can open this store")
        write(guarding, "g", 0, 1)
        write(guarding, "a", 0, 1)
        guard = end_of(guarding, "g")
        with closing(reopen()) as other:
            write(other, "a", 1, 2)
            guarding.append_while(guard, Write("a", ExpectedVersion.ANY, notes(3)))
            write(other, "a", 3, 4)
            write(other, "g", 1, 2)
        assert refusal(guarding, guard, Write("a", ExpectedVersion.ANY, notes(5))).stream == "g"
        assert texts(guarding, "a") == [1, 2, 3, 4]

    def test_beside_racing_moves_no_guard_holds_that_was_outdated_before_the_append_began(
        self, guarding: GuardingStore
    ) -> None:
        write(guarding, "g", 0, 1)
        moved, done = [1], Event()
        meeting = LooseBarrier(WRITERS + 1)

        def move() -> int:
            meeting.wait()  # until each writer knows an end that moves on
            try:
                for version in range(1, MOVES):
                    write(guarding, "g", version, version + 1)
                    moved.append(version + 1)
            finally:
                done.set()
            return 0

        def append(writer: int) -> int:
            guard, stored = end_of(guarding, "g"), 0
            meeting.wait()
            while not done.is_set() or not stored:
                acknowledged = moved[-1]
                try:
                    guarding.append_while(guard, Write(f"a{writer}", stored, notes(guard.version)))
                except ConcurrencyError as refused:
                    if refused.stream != "g":
                        raise
                    guard = end_of(guarding, "g")
                else:
                    assert guard.version >= acknowledged, "a guard held that was outdated before the append began"
                    stored += 1
            return stored

        calls: list[Callable[[], int]] = [move, *(partial(append, writer) for writer in range(WRITERS))]
        stored: list[int] = []
        for outcome in run_together(calls):
            if isinstance(outcome, Exception):
                raise outcome
            stored.append(outcome)
        assert [guarding.head(f"a{writer}") for writer in range(WRITERS)] == stored[1:]


def refusal(store: GuardingStore, guard: Guard, *writes: Write) -> ConcurrencyError | EventsLost:
    """The error with which the append is refused; nothing of it is stored."""
    heads = [store.head(write.stream) for write in writes]
    try:
        store.append_while(guard, *writes)
    except (ConcurrencyError, EventsLost) as error:
        assert [store.head(write.stream) for write in writes] == heads, "an append was refused, and left events"
        return error
    raise AssertionError("an append was stored though its guard didn't hold")
