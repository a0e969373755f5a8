"""The event store on eventsourcing's recorders: compare-and-append, streams, and the tail of the whole log."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from threading import Lock
from typing import NamedTuple

from eventsourcing.persistence import EventStore, IntegrityError, PersistenceError, StoredEvent

from ..domain.errors import ConcurrencyError, EventNotReadable, InvalidRequest, InvalidValue, StorageCorrupt
from ..domain.errors import StorageUnavailable
from ..domain.ports import CheckpointStore, ExpectedVersion, RecordedEvent, StoredRow, Write
from .codec import BODY, LedgerMapper, PendingEvent, decode, digest_of, first_link, recorded
from .recorder import MAX_EVENTS_PER_COMMIT, PAGE_ROWS, ConnectionLost, LedgerRecorder, StreamRow, storage_error

MAX_STREAM_BYTES = 1024
"""Longest stream name, in UTF-8: an index entry must hold it."""

HEADS_REMEMBERED = 4096


class Head(NamedTuple):
    """Where a stream stands: its version, and the digest that the next event links to."""

    version: int
    digest: bytes


class LedgerEventStore(EventStore[str]):
    """Implements the port ``domain.ports.EventStore``. May be shared between threads."""

    def __init__(self, mapper: LedgerMapper, recorder: LedgerRecorder, checkpoints: CheckpointStore) -> None:
        super().__init__(mapper, recorder)
        self.checkpoints = checkpoints
        self._mapper = mapper
        self._recorder = recorder
        self._heads = _Heads()

    # --- writing ------------------------------------------------------------------------------------------------------

    def append(self, *writes: Write) -> list[int]:
        """Append all events of all writes in one durable commit, or none of them. Returns their positions.

        Raises ConcurrencyError when a stream isn't at its expected version, InvalidValue or InvalidRequest when an event
        can't be stored, StorageUnavailable when the store can't take it; its text says whether the outcome is known.
        """
        writes = tuple(write for write in writes if write.events)
        if not writes:
            return []
        while True:
            stored, heads = self._place(writes)
            try:
                positions = self._commit(stored)
            except IntegrityError as error:
                self._refuse_conflicts(writes, stored, error)
                continue  # every conflict was on a stream whose writer takes any version: place the events anew
            except PersistenceError as error:
                raise storage_error(error) from error
            self._heads.remember(heads)
            return positions

    def _place(self, writes: Sequence[Write]) -> tuple[list[StoredEvent], dict[str, Head]]:
        """The events as they go into storage, linked to what is before them, and where their streams stand afterwards."""
        stored: list[StoredEvent] = []
        heads: dict[str, Head] = {}
        for stream, expected, events in writes:
            version, digest = self._expected_head(stream, expected, heads.get(stream))
            for event in events:
                version += 1
                pending = PendingEvent(stream, version, event.type, event.data, digest)
                stored.append(self._mapper.to_stored_event(pending))
                digest = digest_of(stored[-1].state)
            heads[stream] = Head(version, digest)
        if len(stored) > MAX_EVENTS_PER_COMMIT:
            raise InvalidRequest(f"{len(stored):,} events in one append: {MAX_EVENTS_PER_COMMIT:,} is the most")
        return stored, heads

    def _expected_head(self, stream: str, expected: int | ExpectedVersion, placed: Head | None) -> Head:
        if isinstance(expected, int):
            return self._head_at(stream, expected, placed)
        if expected is ExpectedVersion.NO_STREAM:
            return self._head_at(stream, 0, placed)
        head = placed or self._heads.get(stream) or self._read_head(stream)
        if expected is ExpectedVersion.STREAM_EXISTS and head.version == 0:
            raise ConcurrencyError(stream, expected.value, 0)
        return head

    def _head_at(self, stream: str, version: int, placed: Head | None) -> Head:
        """The head, if it may still be at ``version``; storage itself refuses when somebody was faster."""
        head = placed or self._heads.get(stream)
        if head is not None and head.version == version:
            return head
        if head is None or (head.version < version and not placed):
            if version == 0:
                _check_stream(stream)
                return Head(0, first_link(stream))
            header = self._header(stream, version)
            if header is not None:
                return Head(version, digest_of(header[0]))
        raise ConcurrencyError(stream, version, placed.version if placed else self.head(stream))

    def _read_head(self, stream: str) -> Head:
        _check_stream(stream)
        version = self.head(stream)
        return self._head_at(stream, version, None)

    def _commit(self, stored: list[StoredEvent]) -> list[int]:
        """Insert the events, also through a connection that breaks once. Raises IntegrityError only for a conflict."""
        try:
            return self._recorder.insert_events(stored)
        except ConnectionLost:
            return self._commit_again(stored)
        except IntegrityError:
            return self._positions_if_ours(stored)

    def _commit_again(self, stored: list[StoredEvent]) -> list[int]:
        # The commit may have happened, and may even still be under way: then the second insert waits for it, is refused,
        # and finds its own event.
        try:
            if self._recorder.header(*_key(stored[0])):
                return self._positions_if_ours(stored)
            return self._recorder.insert_events(stored)
        except IntegrityError:
            return self._positions_if_ours(stored)
        except PersistenceError as error:
            stream, version = _key(stored[0])
            raise StorageUnavailable(
                f"the connection was lost while event {version} of stream {stream!r} was appended, and again on looking "
                f"for it: whether it is stored is unknown; read the stream before you append again ({error})"
            ) from error

    def _positions_if_ours(self, stored: list[StoredEvent]) -> list[int]:
        """The positions of our own events, stored by an append whose acknowledgement was lost, else IntegrityError."""
        positions: list[int] = []
        for event in stored:
            found = self._recorder.header(*_key(event))
            # Event id and digest: the same bytes can only be the same event.
            if found is None or found[0] != event.state[:BODY]:
                raise IntegrityError(f"version {event.originator_version} of {event.originator_id!r} is taken")
            positions.append(found[1])
        return positions

    def _refuse_conflicts(self, writes: Sequence[Write], stored: list[StoredEvent], error: IntegrityError) -> None:
        """Raise ConcurrencyError for the first stream whose expectation failed; return when all take any version."""
        first: dict[str, int] = {}
        for event in stored:
            first.setdefault(*_key(event))
        moved = {stream: head for stream, version in first.items() if (head := self.head(stream)) >= version}
        self._heads.forget(moved)
        for stream, expected, _ in writes:
            if stream in moved and expected not in (ExpectedVersion.ANY, ExpectedVersion.STREAM_EXISTS):
                wanted = expected if isinstance(expected, int) else expected.value
                raise ConcurrencyError(stream, wanted, moved[stream]) from error
        if not moved:
            raise StorageCorrupt(f"storage refuses an event though its version is free: {error}") from error

    # --- reading ------------------------------------------------------------------------------------------------------

    def head(self, stream: str) -> int:
        """The version of the stream's last event; 0 when there is none."""
        try:
            return self._recorder.head(stream)
        except PersistenceError as error:
            raise storage_error(error) from error

    def read(
        self, stream: str, *, after: int = 0, upto: int | None = None, backwards: bool = False
    ) -> Iterator[RecordedEvent]:
        """The events with ``after < version <= upto``, in order, fetched page by page. Raises EventNotReadable."""
        for page in self._pages(stream, after, upto, backwards):
            for version, type, state, position in page:
                state = state if state is not None else self._state(stream, version)
                yield recorded(stream, version, position, type, state)

    def rows(self, stream: str, *, after: int = 0, upto: int | None = None) -> Iterator[StoredRow]:
        """The same events for folding: no envelope objects, upcast bodies. Raises EventNotReadable."""
        for page in self._pages(stream, after, upto):
            for version, type, state, _ in page:
                state = state if state is not None else self._state(stream, version)
                yield StoredRow(version, type, decode(stream, version, type, state))

    def tail(self, *, after: int = 0) -> Iterator[RecordedEvent]:
        """Every event of the store with ``position > after`` that can no longer be overtaken, in order of position.

        Ends when it has caught up. Raises EventNotReadable at an event that can't be read.
        """
        while True:
            page = self._read_page(lambda after=after: self._recorder.log_page(after))
            for stream, version, position, type, state in page:
                state = state if state is not None else self._state(stream, version)
                yield recorded(stream, version, position, type, state)
            if len(page) < PAGE_ROWS:
                return
            after = page[-1][2]

    def close(self) -> None:
        """Release connections. The store can't be used afterwards."""
        self._recorder.close()
