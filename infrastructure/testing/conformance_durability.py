"""The durability of every backend: for later openings, in other processes, and after events were lost."""

import os
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from typing import Any

import pytest

from ...domain.errors import ConcurrencyError, EventsLost
from ...domain.ports import EventStore, RecordedEvent, Write
from .conformance_checks import check_order, check_stream_is_whole
from .notes import notes, texts, write
from .racing import CALL_TIMEOUT

PROCESSES = 3
ROUNDS = 20


class DurableStore:
    """Tests of the port ``EventStore`` where it is opened by others; a part of ``EventStoreConformance``."""

    @pytest.fixture
    def open_in_process(self) -> Callable[[], EventStore] | None:
        """What opens the same store in another process: a picklable callable, such as a ``functools.partial`` of a
        function of a module. None, as by default, where no other process can, or where none shall."""
        return None

    @pytest.fixture
    def lose_newest(self) -> Callable[[], object] | None:
        """What takes the newest event out of the store, behind its back, as a failover to a server that was behind
        does. None, as by default, where that can't be done."""
        return None

    # --- opened once more ---------------------------------------------------------------------------------------------

    def test_what_is_acknowledged_is_there_for_who_opens_the_store_next(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        opens = _require_reopen(reopen)
        for number in range(5):
            with closing(opens()) as writer:
                write(writer, "a", number, number)
                writer.append(Write("b", 2 * number, notes(number)), Write("b", 2 * number + 1, notes(number)))
                with closing(opens()) as reader:
                    _is_there(reader, number + 1, "it isn't there for others though the append was acknowledged")
            with closing(opens()) as reader:
                _is_there(reader, number + 1, "it was there, and is gone since the store was closed")
        _is_there(store, 5, "a store that was open all the time doesn't see it")

    def test_events_are_the_same_for_who_opens_the_store_next(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        opens = _require_reopen(reopen)
        store.append(Write("a", 0, notes("日本", {"k": [1.5, None]})), Write("b", 0, notes("x" * 2**17)))
        write(store, "a", 2, *range(1_200))
        log = list(store.tail())
        with closing(opens()) as other:
            assert list(other.tail()) == log, "the log reads otherwise where the store is opened once more"
            for stream in ("a", "b"):
                assert list(other.read(stream)) == list(store.read(stream)), "a stream reads otherwise there"

    def test_positions_go_on_behind_those_of_who_had_the_store_open(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        opens = _require_reopen(reopen)
        told = write(store, "a", 0, 1, 2)
        for number in range(4):
            with closing(opens()) as other:
                told += write(other, f"other {number}", 0, 1)
                told += write(store, f"mine {number}", 0, 1)
                told += write(other, f"other {number}", 1, 2)
                with pytest.raises(ConcurrencyError):
                    other.append(Write("refused", 0, notes(1)), Write("a", 0, notes(1)))
        assert told == sorted(set(told)), (
            f"positions {told} of appends that followed each other: they must grow with every commit, whoever writes"
        )
        assert [event.position for event in store.tail()] == told

    def test_a_store_that_looked_before_others_wrote_sees_what_they_wrote(
        self, store: EventStore, reopen: Callable[[], EventStore] | None
    ) -> None:
        opens = _require_reopen(reopen)
        with closing(opens()) as other:
            for number in range(4):
                assert (store.head("a"), other.head("a")) == (2 * number,) * 2, "a head was remembered and is stale"
                write(other, "a", 2 * number, "other")
                assert store.head("a") == 2 * number + 1, "a head was remembered though another writer went on"
                assert len(texts(store, "a")) == len(list(store.tail())) == 2 * number + 1
                beginning = store.beginning("a")
                assert beginning is not None
                assert beginning.version == 2 * number + 1
                write(store, "a", 2 * number + 1, "mine")

    # --- opened by other processes ------------------------------------------------------------------------------------

    def test_of_writers_in_racing_processes_one_wins_and_what_they_were_told_outlives_them(
        self, store: EventStore, open_in_process: Callable[[], EventStore] | None
    ) -> None:
        if open_in_process is None:
            pytest.skip("no other process can open this store")
        write(store, "a", 0, "first")
        reports = _race_of_processes(open_in_process)
        seen: list[RecordedEvent] = []
        told = [report for each in reports for report in each]
        for version in range(1, ROUNDS + 1):
            winners = [text for at, text in told if at == version]
            assert len(winners) == 1, (
                f"{len(winners)} of {PROCESSES} racing processes were told that they appended event {version + 1} of "
                "one stream: comparing and appending must be one step, whichever process it is in"
            )
        own = [f"own {number}" for number in range(PROCESSES)]
        assert texts(store, "a")[1:] == [text for _, text in sorted(told)], (
            "a process was told that its event is stored, and ended; its event isn't there"
        )
        check_stream_is_whole(store, "a", ROUNDS + 1)
        assert [store.head(stream) for stream in own] == [
            sum(f"process {number}" in text for _, text in told) for number in range(PROCESSES)
        ], "an append to two streams won one of them and not the other, or left events though it was refused"
        seen += store.tail()
        check_order(seen)
        assert len(seen) == 1 + 2 * ROUNDS

    # --- robbed -------------------------------------------------------------------------------------------------------

    def test_a_writer_whose_stream_lost_events_is_refused_and_leaves_no_gap(
        self, store: EventStore, lose_newest: Callable[[], object] | None
    ) -> None:
        if lose_newest is None:
            pytest.skip("this store can't be made to lose events")
        write(store, "a", 0, 1, 2, 3)
        lose_newest()
        try:
            write(store, "a", 3, "late")
        except (ConcurrencyError, EventsLost):
            pass
        else:
            raise AssertionError("an event was appended behind one that the store has lost: that must be there")
        assert [event.version for event in store.tail()] == [1, 2], (
            "an append behind an event that the store has lost left a gap: the event before must be there"
        )
        write(store, "a", 2, "again")
        assert texts(store, "a") == [1, 2, "again"]


def _require_reopen(reopen: Callable[[], EventStore] | None) -> Callable[[], EventStore]:
    if reopen is None:
        pytest.skip("nobody else can open this store")
    return reopen


def _is_there(store: EventStore, count: int, otherwise: str) -> None:
    numbers = list(range(count))
    assert texts(store, "a") == numbers, otherwise
    assert texts(store, "b") == [number for number in numbers for _ in range(2)], otherwise
    assert store.head("a") == count, otherwise
    assert len(list(store.tail())) == 3 * count, otherwise


# --- processes --------------------------------------------------------------------------------------------------------

_Report = list[tuple[int, str]]
"""The acknowledged appends of a process: the versions that it continued from, and its texts."""


def _race_of_processes(opens: Callable[[], EventStore]) -> list[_Report]:
    context = get_context("spawn")
    barrier: Any = context.Barrier(PROCESSES)
    reports: list[_Report] = []
    pipes = [context.Pipe(duplex=False) for _ in range(PROCESSES)]
    racers = [
        context.Process(target=_race, args=(opens, barrier, told, number), daemon=True)
        for number, (_, told) in enumerate(pipes)
    ]
    for racer in racers:
        racer.start()
    for _, told in pipes:
        told.close()  # the children's end: if it stays open here, their death isn't noticed
    try:
        for report, _ in pipes:
            if not report.poll(CALL_TIMEOUT):
                raise AssertionError(f"a racing process hasn't come back for {CALL_TIMEOUT:.0f} seconds")
            try:
                outcome = report.recv()
            except EOFError:
                raise AssertionError("a racing process died before it told what it did") from None
            assert isinstance(outcome, list), f"a racing process met {outcome}; who loses is told ConcurrencyError"
            reports.append(outcome)
    finally:
        for racer in racers:
            racer.kill()
            racer.join()
        for report, _ in pipes:
            report.close()
    return reports


def _race(opens: Callable[[], EventStore], barrier: Barrier, report: Connection, number: int) -> None:
    """The work of a racing process. It ends as if it were killed: acknowledged appends must be stored."""
    won: _Report = []
    try:
        store = opens()
        for version in range(1, ROUNDS + 1):
            text = f"process {number}, round {version}"
            barrier.wait(CALL_TIMEOUT)
            try:
                store.append(Write(f"own {number}", len(won), notes(text)), Write("a", version, notes(text)))
            except ConcurrencyError:
                continue
            won.append((version, text))
    except BaseException as error:  # noqa: BLE001 - reported to the waiting process
        barrier.abort()
        report.send(f"{type(error).__name__}: {error}")
    else:
        report.send(won)
    os._exit(0)
