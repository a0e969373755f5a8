"""The event store on eventsourcing's recorders: compare-and-append, and the stream heads that it needs."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from eventsourcing.persistence import EventStore, IntegrityError, PersistenceError, StoredEvent

from ...domain.errors import (
    ConcurrencyError,
    EventNotReadable,
    EventsLost,
    FlowledgerError,
    InvalidRequest,
    RunRemoved,
    StorageCorrupt,
    StorageUnavailable,
    WorkflowRemoved,
    WorkOrderRemoved,
)
from ...domain.event_registry import is_act, leaves_nothing_to_do
from ...domain.events.channel import current_channel
from ...domain.events.personal import SEALED_BY, needs_key
from ...domain.ports import CheckpointStore, ExpectedVersion, Guard, NewEvent, RecordedEvent, Write
from ...domain.retention import removal_in
from ...domain.values.ids import workflow_stream
from ..concurrency.threads import STORE_THREADS, ThreadPool
from .access_table import AccessTable
from .callers import Enter
from .codec import BODY, EVENT_OVERHEAD, LedgerMapper, PendingEvent, Seal, digest_of, initial_digest, is_sealed
from .errors import ConnectionLost, to_storage_error, translate_errors
from .group_commit import GroupCommit
from .leases import Leases
from .reader import EventReader
from .recorder import MAX_EVENTS_PER_COMMIT, LedgerRecorder
from .removal_table import RemovalTable
from .sealing.key_table import SubjectKeyTable
from .sealing.subject_keys import SubjectKeys
from .search_table import SearchTable
from .stored_events import IndexedEvent, LinkedEvent, guarded
from .stream_heads import Head, HeadCache, check_stream
from .subscription_table import SubscriptionTable
from .tree_table import TreeTable
from .wakeups import LONGEST_PAUSE, SHORTEST_PAUSE, PollingWakeups, Wakeups

_log = logging.getLogger("flowledger.store")


_HEADS_COMPARED = 64
"""With a store that was away."""


class LedgerEventStore(EventReader, EventStore[str]):  # type: ignore[misc]  # its recorder is always one of ours
    """Implements the port ``domain.ports.EventStore``. May be shared between threads."""

    def __init__(
        self,
        mapper: LedgerMapper,
        recorder: LedgerRecorder,
        checkpoints: CheckpointStore,
        search: SearchTable,
        wakeups: Wakeups | None = None,
        enter: Enter | None = None,
        subscriptions: SubscriptionTable | None = None,
        tree: TreeTable | None = None,
    ) -> None:
        super().__init__(mapper, recorder)
        self.tree = tree
        """None where the store has no place for it."""
        self.subscriptions = subscriptions
        """None where the store has no place for it."""
        self.access = None if subscriptions is None else AccessTable(recorder)
        """The same."""
        self.subject_keys = None if subscriptions is None else SubjectKeys(SubjectKeyTable(recorder), self.last_of)
        """The same."""
        self.removals = None if enter is None else RemovalTable(recorder)
        """None where nothing can be removed: only from a store whose transactions others can enter."""
        self.enter = enter
        self.url: str | None = None
        """With which other processes can open it; None where the caller has opened it."""
        self.wakeups = wakeups or PollingWakeups(self._look, SHORTEST_PAUSE, LONGEST_PAUSE)
        self.checkpoints = checkpoints
        self.search = search
        self.leases = Leases(recorder)
        self.clock: Callable[[], int] = recorder.clock
        self._mapper = mapper
        self._heads = HeadCache()
        self.threads = ThreadPool("flowledger-store", STORE_THREADS)
        self._commits = GroupCommit(recorder, self.threads)

    # --- writing ------------------------------------------------------------------------------------------------------

    def append(self, *writes: Write) -> list[int]:
        """Append all events of all writes in one durable commit, or none of them. Returns their positions.

        Raises ConcurrencyError when a stream isn't at its expected version, EventsLost when the store has lost the
        event that the first one is to follow, InvalidValue or InvalidRequest when an event can't be stored,
        StorageUnavailable when the store can't be written to now; its message says so where the outcome is unknown, as
        the connection was lost twice.
        """
        writes = tuple(write for write in writes if write.events)
        return self._settle(writes, *self._place(writes)) if writes else []

    @property
    def can_guard(self) -> bool:
        """Whether it has ``append_while``: a log that others have written has not."""
        return self.recorder.can_guard

    def append_while(self, guard: Guard, *writes: Write) -> list[int]:
        """See ``domain.ports.GuardingStore``. Raises InvalidRequest where there is nothing to append."""
        writes = tuple(write for write in writes if write.events)
        if not (writes and self.can_guard):
            raise InvalidRequest("a guard is for an append of some events, to a store that can guard")
        return self._settle(writes, *self._place(writes, guard), guard=guard)

    async def aappend(self, *writes: Write) -> list[int]:
        """The same for a task; its event loop isn't blocked."""
        writes = tuple(write for write in writes if write.events)
        if not self.recorder.waits_for_a_disk:
            await asyncio.sleep(0)  # let other tasks run
            return self.append(*writes)
        if not all(self._is_cached_at(write) for write in writes):
            return await self.threads.run(self.append, *writes)
        stored, heads = self._place(writes)
        try:
            positions = await self._commits.ainsert(stored)
        except PersistenceError as error:
            lost = isinstance(error, ConnectionLost)
            return await self.threads.run(self._settle, writes, stored, heads, lost=lost)
        self._committed(stored, heads)
        return positions

    def append_recorded(self, events: Sequence[LinkedEvent]) -> list[int]:
        """Append events that another store has recorded, unchanged, in one durable commit, or none of them.

        The caller has checked that each stream ends right before the first of its events, and that they are linked.
        Raises ConcurrencyError when another writer was faster, StorageUnavailable as ``append`` does.
        """
        heads: dict[str, Head] = {}
        writes: list[Write] = []
        stored: list[LinkedEvent] = []
        for event in events:
            stream, version = _place_of(event)
            if stream not in heads:
                writes.append(Write(stream, version - 1, ()))
                if version > 1:
                    before = self._digest_at(stream, version - 1)
                    if before is None:
                        raise ConcurrencyError(stream, version - 1, self.head(stream))
                    event = replace(event, previous=before)
            stored.append(event)
            heads[stream] = Head(version, digest_of(event.state), is_sealed(event.state))
        return self._settle(writes, stored, heads)

    def link_at(self, stream: str, version: int) -> bytes | None:
        """Id and digest of an event, which identify it; None when there is no such event."""
        return self._header(stream, version)

    @property
    def max_event_bytes(self) -> int:
        """The limit of one event's body in bytes."""
        return self._mapper.max_event_bytes

    @property
    def max_value_bytes(self) -> int:
        """The limit of one value in bytes: an event has room for two of them, the input and the output."""
        return max((self.max_event_bytes - EVENT_OVERHEAD) // 2, EVENT_OVERHEAD)

    def look_for_losses(self) -> None:
        """Log a warning where the newest events that this process knows aren't in the store any more.

        For who reaches it again after it was away: another server may have taken its place that lacked them, and others
        may go on with their streams. Raises StorageUnavailable.
        """
        known = self._heads.newest(_HEADS_COMPARED)
        missing = [(stream, head) for stream, head in known if self._digest_at(stream, head.version) != head.digest]
        removed = {} if self.removals is None else self.removals.find([stream for stream, _ in missing])
        lost = [(stream, head) for stream, head in missing if stream not in removed]
        if lost:
            stream, head = lost[0]
            told = EventsLost(stream, head.version, self.head(stream))
            _log.warning("%s (so it is with %d of the %d newest streams known here)", told, len(lost), len(known))

    def forget_heads(self, streams: Sequence[str]) -> None:
        """They aren't there any more."""
        self._heads.forget(streams)

    def hold(self, stream: str) -> object:
        """Pin the head of a stream in the cache, for as long as the caller keeps the returned object.

        For a writer that appends to it again after a long time: the pinned head shows whether the store lost events.
        """
        return self._heads.pin(stream)

    def _settle(
        self,
        writes: Sequence[Write],
        stored: list[LinkedEvent],
        heads: dict[str, Head],
        *,
        lost: bool = False,
        guard: Guard | None = None,
    ) -> list[int]:
        """Store the placed events, or find out that they are stored, or why they can't be.

        ``lost``: the connection broke while they were stored, so they may be.
        """
        while True:
            try:
                positions = self._commit_again(stored) if lost else self._commit(stored)
            except IntegrityError as error:
                lost = False
                if guard is not None:
                    self._check_guard(guard)
                self._refuse_conflicts(writes, stored, error)
                # Every conflict was on a stream whose writer takes any version: place the events again, behind what is
                # stored. The cache may know an older head again, as who stored it tells late.
                stored, heads = self._place(writes, guard, knows_heads=False)
            except PersistenceError as error:
                raise to_storage_error(error) from error
            else:
                self._committed(stored, heads)
                return positions

    def _committed(self, stored: Sequence[LinkedEvent], heads: dict[str, Head]) -> None:
        self._heads.remember(heads)
        for follower in self.wakeups.followers:
            follower()
        if indexed := [event for event in stored if isinstance(event, IndexedEvent)]:
            self.wakeups.notify(no_work=all(leaves_nothing_to_do(event.topic, event.data) for event in indexed))

    def _is_cached_at(self, write: Write) -> bool:
        """Whether the write can be placed without reading the store."""
        head = self._heads.get(write.stream)
        if head is None or head.version != write.expected:
            return False
        return not head.is_sealed or (self.subject_keys is not None and self.subject_keys.is_at_hand(write.stream))

    def _place(
        self, writes: Sequence[Write], guard: Guard | None = None, *, knows_heads: bool = True
    ) -> tuple[list[LinkedEvent], dict[str, Head]]:
        """The events as stored, each linked to the one before, and the heads of their streams afterwards.

        ``knows_heads``: who takes any version may be placed behind a cached head.
        """
        stored: list[LinkedEvent] = []
        heads: dict[str, Head] = {}
        channel = current_channel()
        for stream, expected, events in writes:
            placed = heads.get(stream)
            version, digest, sealed = self._expected_head(stream, expected, placed, knows_heads=knows_heads)
            follows_stored = placed is None and version > 0
            seal: Seal | None = None
            if sealed or (version == 0 and SEALED_BY in events[0].data):
                seal, sealed = self._seal_of(stream, events, begins=version == 0), True
            for event in events:
                version += 1
                data = event.data if channel is None else _through(channel, event)
                pending = PendingEvent(stream, version, event.type, data, digest, seal, follows_stored)
                follows_stored = False
                stored.append(self._mapper.to_stored_event(pending))
                digest = digest_of(stored[-1].state)
            heads[stream] = Head(version, digest, sealed)
        if len(stored) > MAX_EVENTS_PER_COMMIT:
            raise InvalidRequest(f"{len(stored):,} events in one append: {MAX_EVENTS_PER_COMMIT:,} is the most")
        if guard is not None:
            stored[0] = guarded(stored[0], guard)
        return stored, heads

    def _seal_of(self, stream: str, events: Sequence[NewEvent], *, begins: bool) -> Seal:
        """What seals the next events of a stream, which may begin with them.

        Raises KeyMissing, InvalidRequest where this store keeps no keys.
        """
        keys = self.subject_keys
        if keys is None:
            raise InvalidRequest("this store has no place for the keys of subjects: use SQLite or PostgreSQL")

        def key_ids() -> Sequence[str]:
            ids: Sequence[str] = (events[0] if begins else next(self.read(stream, upto=1))).data[SEALED_BY]
            return ids

        return keys.writer_of(stream, key_ids, lambda: any(needs_key(event.data) for event in events))

    def _expected_head(
        self, stream: str, expected: int | ExpectedVersion, placed: Head | None, *, knows_heads: bool
    ) -> Head:
        if isinstance(expected, int):
            return self._head_at(stream, expected, placed)
        if expected is ExpectedVersion.NO_STREAM:
            return self._head_at(stream, 0, placed)
        head = placed or (self._heads.get(stream) if knows_heads else None)
        head = head or self._stored_head(stream, self.head(stream))
        if head is None:
            raise StorageCorrupt(f"the last event of stream {stream!r} was there a moment ago and is gone")
        if expected is ExpectedVersion.STREAM_EXISTS and head.version == 0:
            raise ConcurrencyError(stream, expected.value, 0)
        return head

    def _head_at(self, stream: str, version: int, placed: Head | None) -> Head:
        """The head, if it may still be at ``version``; storage itself refuses when another writer was faster."""
        head = placed or self._heads.get(stream)
        if head is not None and head.version == version:
            return head
        if placed:
            raise ConcurrencyError(stream, version, placed.version)
        check_stream(stream)
        if head is not None and head.version > version:
            current = self.head(stream)
            if current >= head.version:
                raise ConcurrencyError(stream, version, current)
            if version == 0:
                self._refuse_removed([stream])
            # The writer has read the stream since, so the cached head is wrong.
            self._report_loss(stream, head.version, current)
        stored = self._stored_head(stream, version)
        if stored is None:
            raise ConcurrencyError(stream, version, self.head(stream))
        return stored

    def _report_loss(self, stream: str, known: int, stored: int) -> EventsLost:
        """Drop the cached head of a stream, as the store contradicts it. Raises RunRemoved, WorkflowRemoved."""
        self._heads.forget((stream,))
        record = self.removal_of(stream)
        if record is not None:
            self._refuse_removed_workflow(stream, record)
            raise RunRemoved(stream, removal_in(record.data))
        lost = EventsLost(stream, known, stored)
        _log.warning("%s", lost, extra={"stream": stream})
        return lost

    def _digest_at(self, stream: str, version: int) -> bytes | None:
        header = self._header(stream, version)
        return None if header is None else digest_of(header)

    def _stored_head(self, stream: str, version: int) -> Head | None:
        if version == 0:
            return Head(0, initial_digest(stream))
        header = self._header(stream, version)
        return None if header is None else Head(version, digest_of(header), is_sealed(header))

    def _commit(self, stored: list[LinkedEvent]) -> list[int]:
        """Insert the events, also through a connection that breaks once. Raises IntegrityError only for a conflict."""
        try:
            return self._commits.insert(stored)
        except ConnectionLost:
            return self._commit_again(stored)
        except IntegrityError:
            return self._positions_if_ours(stored)

    def _commit_again(self, stored: list[LinkedEvent]) -> list[int]:
        # The commit may have happened, or still be running: then the second insert waits for it, is refused, and finds
        # its own event.
        try:
            if self.recorder.header(*_place_of(stored[0])):
                return self._positions_if_ours(stored)
            return self.recorder.insert_events(stored)
        except IntegrityError:
            return self._positions_if_ours(stored)
        except PersistenceError as error:
            stream, version = _place_of(stored[0])
            raise StorageUnavailable(
                f"the connection was lost while event {version} of stream {stream!r} was appended, and again when "
                f"looking for it: whether it is stored is unknown; read the stream before you append again ({error})"
            ) from error

    def _positions_if_ours(self, stored: list[LinkedEvent]) -> list[int]:
        """The positions of our own events, stored by an append whose acknowledgement was lost, else IntegrityError."""
        positions: list[int] = []
        for event in stored:
            found = self.recorder.header(*_place_of(event))
            # Event id and digest identify the event.
            if found is None or found[0] != event.state[:BODY]:
                raise IntegrityError(f"version {event.originator_version} of {event.originator_id!r} is taken")
            positions.append(found[1])
        return positions

    def _refuse_conflicts(self, writes: Sequence[Write], stored: Sequence[LinkedEvent], error: IntegrityError) -> None:
        """Raise EventsLost or ConcurrencyError for the first stream whose expectation failed.

        Returns when all of them take any version.
        """
        first: dict[str, LinkedEvent] = {}
        for event in stored:
            first.setdefault(str(event.originator_id), event)
        refusals: dict[str, ConcurrencyError | EventsLost] = {}
        for stream, event in first.items():
            before, head = event.originator_version - 1, self.head(stream)
            if event.previous and self._digest_at(stream, before) != event.previous:
                refusals[stream] = self._report_loss(stream, before, head)
            elif head > before:
                refusals[stream] = ConcurrencyError(stream, before, head)
        self._heads.forget(refusals)
        for stream, expected, _ in writes:
            if expected is ExpectedVersion.NO_STREAM and stream in refusals:
                raise ConcurrencyError(stream, expected.value, self.head(stream)) from error
            if isinstance(expected, int) and stream in refusals:
                raise refusals[stream] from error
        if not refusals:
            self._refuse_removed([stream for stream, event in first.items() if event.originator_version == 1], error)
            raise self._unexplained(error) from error

    def _refuse_removed(self, begun: Sequence[str], error: Exception | None = None) -> None:
        """Raise WorkOrderRemoved or WorkflowRemoved where a stream that was to begin was there, and was removed."""
        for stream in begun:
            record = self.removal_of(stream)
            if record is not None:
                self._refuse_removed_workflow(stream, record, error)
                raise WorkOrderRemoved(stream, removal_in(record.data)) from error

    def _refuse_removed_workflow(self, stream: str, record: RecordedEvent, error: Exception | None = None) -> None:
        prefix = workflow_stream("")
        if stream.startswith(prefix):
            raise WorkflowRemoved(stream.removeprefix(prefix), removal_in(record.data)) from error

    def _check_guard(self, guard: Guard) -> None:
        """Raise EventsLost or ConcurrencyError where the stream doesn't end with the guard's event."""
        stream, version, digest = guard
        stored, head = self._digest_at(stream, version), self.head(stream)
        if stored is None or stored.hex() != digest:
            raise self._report_loss(stream, version, head)
        if head != version:
            raise ConcurrencyError(stream, version, head)

    def _unexplained(self, error: Exception) -> FlowledgerError:
        """The error where storage refuses events though nothing is in their places."""
        return StorageCorrupt(f"storage refuses an event though its version is free: {error}")

    def close(self) -> None:
        """Release connections. The store can't be used afterwards."""
        self._commits.close()
        self.wakeups.close()
        self.recorder.close()
        self.threads.close()

    def _look(self) -> object:
        """The position of the last event; None where the store can't be read now, as who waits will find out."""
        try:
            return self.recorder.max_notification_id()
        except (PersistenceError, FlowledgerError):
            return None

    def _header(self, stream: str, version: int) -> bytes | None:
        with translate_errors():
            found = self.recorder.header(stream, version)
        if found is None:
            return None
        if len(found[0]) < BODY:
            raise EventNotReadable(stream, version, "its bytes are truncated, so nothing can be linked to it")
        return found[0]


def _through(channel: str, event: NewEvent) -> Mapping[str, Any]:
    """The body of an event, with the channel where it is something that somebody did."""
    return {**event.data, "channel": channel} if is_act(event.type, event.data) else event.data


def _place_of(event: StoredEvent) -> tuple[str, int]:
    return str(event.originator_id), event.originator_version
