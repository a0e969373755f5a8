"""Check the hash chain of every stream: finds each event that isn't as it was written.

Redundant data is compared in ``infrastructure/verification``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...domain.errors import EventNotReadable
from ...domain.events.catalogue import EVENT_TYPES
from ...domain.events.integrity import Finding, Kind, VerifyReport
from .codec import body_of, chain_digest, decode, digest_of, id_of, initial_digest
from .event_store import LedgerEventStore
from .recorder import EventRow

PROGRESS_EVERY = 1_000
"""Events between two calls of the progress callback."""


def verify(
    store: LedgerEventStore, stream: str | None = None, progress: Callable[[int], object] | None = None
) -> VerifyReport:
    """Walk the store, or one stream of it, to the end. ``progress`` is called with the count of events now and then."""
    walk = ChainWalk(store, stream, progress)
    findings = tuple(walk)
    return VerifyReport(walk.events, walk.streams, findings)


class ChainWalk:
    """Iterate over it for the findings; ``events`` and ``streams`` count what has been walked so far.

    Events are read stream by stream in batches, so memory doesn't grow with the store.
    """

    def __init__(
        self, store: LedgerEventStore, stream: str | None = None, progress: Callable[[int], object] | None = None
    ) -> None:
        self._store = store
        self._stream = stream
        self._progress = progress
        self.events = 0
        self.streams = 0

    def __iter__(self) -> Iterator[Finding]:
        self.events = self.streams = 0
        before = Predecessor("")
        for row in self._store.all_rows(self._stream):
            if row.stream != before.stream:
                before = Predecessor(row.stream)
                self.streams += 1
            yield from check_event(row, before)
            self.events += 1
            if self._progress and self.events % PROGRESS_EVERY == 0:
                self._progress(self.events)


@dataclass(slots=True)
class Predecessor:
    """What is known of the event before; a digest of None means that it is unknown.

    Initially it precedes the first event of a stream.
    """

    stream: str
    version: int = 0
    position: int = 0
    recorded_at: int = 0
    digest: bytes | None = None
    sound: bool = True
    data: dict[str, Any] | None = None
    """The body of the event; None where it can't be read."""


def check_event(row: EventRow, before: Predecessor) -> Iterator[Finding]:
    """Find what is wrong with one event, and update ``before`` for the next one of its stream."""
    found = list(_faults(row, before))
    before.sound = not found
    yield from (Finding(row.stream, row.version, kind, message) for kind, message in found)


def _faults(row: EventRow, before: Predecessor) -> Iterator[tuple[Kind, str]]:
    """The faults of one event; updates ``before``."""
    first = before.version == 0 and before.digest is None
    previous = initial_digest(row.stream) if first else before.digest
    if row.version != before.version + 1:
        previous = None
        yield "gap", _gap(row.version, before.version)
    if row.position <= before.position:
        yield "position", f"its position {row.position} is not above {before.position}, that of the event before"
    before.version = max(row.version, before.version)
    before.position = row.position
    before.digest = before.data = None
    try:
        encoded = row.encoded if row.encoded is not None else b""
        body = body_of(encoded)
    except ValueError as error:
        yield "unreadable", str(error)
        return
    before.digest = digest_of(encoded)
    if previous is not None and chain_digest(previous, id_of(encoded), row.type, body) != before.digest:
        yield _broken_link(before.sound)
    yield from _unreadable(row, encoded, before)


def _unreadable(row: EventRow, encoded: bytes, before: Predecessor) -> Iterator[tuple[Kind, str]]:
    if row.type not in EVENT_TYPES:
        yield "unknown_type", f"its type {row.type!r} is unknown: it was written by other code or a newer flowledger"
        return
    try:
        data = decode(row.stream, row.version, row.type, encoded)
    except EventNotReadable as error:
        yield "unreadable", error.reason
        return
    recorded_at = data["recorded_at"]
    if type(recorded_at) is not int:
        yield "unreadable", f"its recorded_at is {recorded_at!r}, not microseconds since 1970"
        return
    if recorded_at < before.recorded_at:
        yield "time", f"it was recorded {before.recorded_at - recorded_at} µs before the event before it"
    before.recorded_at = recorded_at
    before.data = data


def _gap(version: int, before: int) -> str:
    if version <= before:
        return f"version {version} is out of order: versions count from 1"
    missing = f"version {before + 1} is" if version == before + 2 else f"versions {before + 1} to {version - 1} are"
    return f"{missing} missing before it, so its link can't be checked"


def _broken_link(is_sound_before: bool) -> tuple[Kind, str]:
    if is_sound_before:
        return "changed", "its digest does not match its type, its body and the event before it: one was changed"
    return "link", "it does not continue from the event before it, which has a finding of its own"
