"""Removing work orders, some at a time: what is recorded of them, and when it is tried again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING, Final, NamedTuple

from ....domain.errors import StorageCorrupt, StorageUnavailable
from ....domain.evidence.leaf import Leaf, hash_leaf
from ....domain.ports import NewEvent, Write
from ....domain.retention import RemovedPart, RetentionPolicy, StreamPart, removed
from ....domain.values.ids import retention_stream, workflow_stream
from ...queries.index.orders import streams_of
from ...queries.tree.removed import streams_in
from ...storage.codec import digest_of
from ...storage.errors import RemovalDelayed
from ...storage.removal import remove
from ...storage.removal_table import RemovalTable, RemovedStream, StoredDigest
from .archive import Archived

if TYPE_CHECKING:
    from ...storage.event_store import LedgerEventStore

LEAVES_AT_ONCE: Final = 4_000
"""Of one event that records a removal: some 200 kB."""

LEAF_BYTES: Final = 256
"""More than a leaf takes there, with its stream's name."""

PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)
"""Seconds between two tries where others hold the table of events: an autovacuum gives way after a second."""


@dataclass(frozen=True, slots=True)
class Act:
    """One call of ``apply``."""

    id: str
    policy: RetentionPolicy
    by: str
    reason: str | None


@dataclass(slots=True)
class Removed:
    """What went so far."""

    runs: int = 0
    work_orders: int = 0
    workflows: int = 0
    events: int = 0
    bytes: int = 0


class Remover:
    """Removes the work orders and workflows of one act."""

    def __init__(self, store: "LedgerEventStore", table: RemovalTable, act: Act, now: Callable[[], int]) -> None:
        self._store = store
        self._table = table
        self._act = act
        self._now = now
        self._version = 0
        """Of the stream that records the act."""
        self._recorded = 0
        self.done = Removed()

    def remove(self, runs: Mapping[str, Sequence[str]], archived: Archived, holds_version: int) -> set[str]:
        """Remove work orders, each given with its runs, in one commit.

        Those in which something has happened meanwhile stay, and are returned; so do all where a legal hold was placed
        since ``holds_version``. Raises StorageCorrupt, StorageUnavailable, StoreReadOnly.
        """
        order_of = {stream: order for order, ids in runs.items() for stream in (order, *ids)}
        left = dict(runs)
        while left:
            staying = {run for order in runs.keys() - left.keys() for run in runs[order]}
            kept = {key: digest for key, digest in archived.digests.items() if key not in staying}
            counts = _Counts(runs=sum(map(len, left.values())))
            changed = self._try(streams_of(left), counts, archived._replace(digests=kept), holds_version)
            if not changed:
                break
            if not all(stream in order_of for stream in changed):
                return set(runs)
            for stream in changed:
                left.pop(order_of[stream], None)
        self.done.runs += sum(map(len, left.values()))
        self.done.work_orders += len(left)
        return runs.keys() - left.keys()

    def remove_workflow(self, workflow_id: str, archived: Archived, holds_version: int) -> bool:
        """Remove a workflow, in one commit. False where something has happened to it meanwhile: then it stays.

        Raises as ``remove`` does.
        """
        if self._try([workflow_stream(workflow_id)], _Counts(workflows=1), archived, holds_version):
            return False
        self.done.workflows += 1
        return True

    def take_recorded(self) -> int:
        """How many events were appended since this was asked last."""
        recorded, self._recorded = self._recorded, 0
        return recorded

    def _try(self, streams: Sequence[str], counts: "_Counts", archived: Archived, holds_version: int) -> Sequence[str]:
        found = self._table.digests_of(streams)
        if gone_already := set(streams) - {event.stream for event in found}:
            return tuple(gone_already)  # by another call
        _check_whole(streams, found)
        parts = self._parts(found, counts, archived.digests)
        stream = retention_stream(self._act.id)
        going = _removed_streams(parts, stream, self._version)
        if since := [each.stream for each in going if archived.events.get(each.stream, each.events) != each.events]:
            return since  # something has happened in it since it was archived
        record = Write(stream, self._version, [self._event(part) for part in parts])
        positions = [event.position for event in found]
        changed = self._patiently(lambda: remove(self._store, self._table, going, positions, record, holds_version))
        if not changed:
            self._version += len(parts)
            self._recorded += len(parts)
            self.done.events += len(found)
            self.done.bytes += sum(event.bytes for event in found)
        return changed

    def _patiently(self, remove: Callable[[], Sequence[str]]) -> Sequence[str]:
        for pause in PAUSES:
            try:
                return remove()
            except StorageUnavailable as error:
                if not isinstance(error.__cause__, RemovalDelayed):
                    raise
                sleep(pause)
        return remove()

    def _event(self, part: RemovedPart) -> NewEvent:
        act = self._act
        folder = None if act.policy.archive is None else str(act.policy.archive)
        return removed(part, act.policy.document(), folder, by=act.by, reason=act.reason, now=self._now())

    def _parts(
        self, found: Sequence[StoredDigest], counts: "_Counts", archived: Mapping[str, str]
    ) -> list[RemovedPart]:
        at_once = max(1, min(LEAVES_AT_ONCE, self._store.max_event_bytes // LEAF_BYTES))
        parts: list[RemovedPart] = []
        for start in range(0, len(found), at_once):
            events = found[start : start + at_once]
            leaves = [
                Leaf(position, stream, version, hash_leaf(stream, version, type, digest_of(header)))
                for stream, version, position, type, header, _ in events
            ]
            size = sum(event.bytes for event in events)
            parts.append(
                RemovedPart(counts.runs, size, _stream_parts(events), leaves, dict(archived), counts.workflows)
            )
            counts, archived = _Counts(), {}
        return parts


class _Counts(NamedTuple):
    """How many a record is of."""

    runs: int = 0
    workflows: int = 0


def _stream_parts(events: Sequence[StoredDigest]) -> list[StreamPart]:
    first: dict[str, StoredDigest] = {}
    last: dict[str, StoredDigest] = {}
    for event in events:
        first.setdefault(event.stream, event)
        last[event.stream] = event
    return [
        StreamPart(stream, first[stream].version, event.version, digest_of(event.header).hex())
        for stream, event in last.items()
    ]


def _removed_streams(parts: Sequence[RemovedPart], record: str, version: int) -> list[RemovedStream]:
    """Each stream with the part that has its last event."""
    gone: dict[str, RemovedStream] = {}
    for number, part in enumerate(parts, version + 1):
        gone.update((each.stream, each) for each in streams_in(part.leaves, part.streams, record, number))
    return list(gone.values())


def _check_whole(streams: Sequence[str], found: Sequence[StoredDigest]) -> None:
    """Raises StorageCorrupt where events are missing: what is damaged stays as it is, for somebody to look at."""
    versions = dict.fromkeys(streams, 0)
    for event in found:
        if event.version != versions[event.stream] + 1:
            raise StorageCorrupt(
                f"event {versions[event.stream] + 1} of stream {event.stream!r} is missing, so it isn't removed: "
                "verify tells what else is; a policy for another workflow goes on with what is sound"
            )
        versions[event.stream] = event.version
