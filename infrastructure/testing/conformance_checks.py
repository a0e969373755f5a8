"""Checks after a race: the results of the writers, the stored events, and the events that a reader saw."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from ...domain.errors import ConcurrencyError
from ...domain.ports import EventStore, RecordedEvent
from .notes import texts
from .racing import ThreadedCall

T = TypeVar("T")

# --- what was read ----------------------------------------------------------------------------------------------------


def check_whole(seen: Sequence[RecordedEvent]) -> None:
    """Check that each append is seen completely or not at all; the text of an event says how many it has."""
    counts: dict[str, list[int]] = {}
    for event in seen:
        name, size, _ = event.data["text"]
        counts.setdefault(name, []).append(size)
    parts = [name for name, sizes in counts.items() if sizes[0] != len(sizes)]
    assert not parts, f"a reader saw a part of append {parts[0]}: all of it must become visible at once"


def check_saw_all(seen: Sequence[RecordedEvent], store: EventStore) -> None:
    """Check that a reader that followed the log got all its events."""
    check_order(seen)
    log = list(store.tail())
    passed_over = sorted({event.position for event in log} - {event.position for event in seen})
    assert not passed_over, (
        f"a reader of the log passed over {len(passed_over)} events, the first at position {passed_over[0]}: they were "
        "stored at positions that it had gone by; tail must hold back what a commit under way could still precede"
    )
    assert list(seen) == log, "a reader of the log was given events that aren't stored: of an append that wasn't over"


def check_order(events: Sequence[RecordedEvent]) -> None:
    """Check that positions grow from each event to the next."""
    for before, event in pairwise(events):
        assert event.position != before.position, f"the log has position {event.position} twice"
        assert event.position > before.position, (
            f"the log is out of order: position {event.position} comes behind {before.position}"
        )


def check_stream_is_whole(store: EventStore, stream: str, count: int) -> None:
    """Check that a stream has so many events, its versions without gaps, its positions in order."""
    events = list(store.read(stream))
    assert [event.version for event in events] == list(range(1, count + 1)), "the versions of a stream have gaps"
    assert store.head(stream) == count, "head isn't the version of the last event"
    check_order(events)


# --- what was told ----------------------------------------------------------------------------------------------------


def check_one_won(outcomes: Sequence[list[int] | BaseException], store: EventStore, stream: str, version: int) -> None:
    """Check that one writer appended event ``version + 1``, that it is stored, and that the others were refused."""
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ConcurrencyError):
            raise AssertionError(
                f"a racing writer met {type(outcome).__name__}: {outcome}; who loses is told ConcurrencyError"
            ) from outcome
    winners = [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, BaseException)]
    assert winners, f"all of {len(outcomes)} racing writers of stream {stream!r} were refused: one of them must win"
    assert len(winners) == 1, (
        f"{len(winners)} of {len(outcomes)} racing writers were told that they appended event {version + 1} of "
        f"stream {stream!r}: comparing and appending must be one step"
    )
    stored = [str(text).rpartition(":")[2] for text in texts(store, stream)[version:]]
    assert stored == [str(winners[0])], (
        f"writer {winners[0]} was told that it appended event {version + 1} of stream {stream!r}; stored is what "
        f"{' and '.join(stored) or 'nobody'} wrote: what is acknowledged must be stored, what is refused must not"
    )


def expect_success(writer: ThreadedCall[T]) -> T:
    """The result of a writer without conflicts."""
    try:
        return writer.result()
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"a writer that was in nobody's way met {type(error).__name__}: {error}") from error


def check_all_won(outcomes: Sequence[list[int] | Exception]) -> None:
    """Check that no writer was refused, as there were no conflicts."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise AssertionError(
                f"a writer that was in nobody's way met {type(outcome).__name__}: {outcome}"
            ) from outcome
