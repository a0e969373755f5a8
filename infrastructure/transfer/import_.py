"""Importing a run from a file: verified first, then appended unchanged."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

from ...domain.errors import ConcurrencyError, ConflictingHistory, StorageUnavailable, WouldContinue
from ...domain.run import STARTED
from ...domain.work_order import OPENED, REJECTED, RUN_ADDED
from ...domain.workflow import SAVES
from ...projections.index.rows import SaveRow
from ..queries.index.reader import Index
from ..storage.codec import BODY
from ..storage.event_store import LedgerEventStore
from ..storage.stored_events import IndexedEvent, LinkedEvent
from .files import open_export
from .limits import AHEAD_MINUTES, ImportLimits
from .reader import Bounds, ExportReader
from .report import ImportedStream, ImportReport

COMMIT_EVENTS = 10_000
COMMIT_BYTES = 8 * 2**20
"""Limits of one commit; a larger file takes several."""

PROGRESS_EVERY = 1_000
"""Events between two calls of the progress callback."""

Progress = Callable[[float], object]
"""Called with the fraction done, 0 to 1."""

_TOGETHER = frozenset({STARTED, OPENED, REJECTED, RUN_ADDED})
"""Events committed together with their neighbours: the start of a run, and the event of its work order."""


def import_export(
    store: LedgerEventStore,
    path: Path,
    now: Callable[[], int],
    limits: ImportLimits,
    *,
    continue_existing: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ImportReport:
    """Append the events that the store lacks, or only report how many they are.

    Raises InvalidRequest for a file that can't be read, InvalidExport, ConflictingHistory, WouldContinue; then nothing
    was imported. After StorageUnavailable a part of a large file may be stored; importing it again completes it.
    """
    latest = now() + AHEAD_MINUTES * 60_000_000
    with open_export(path, limits.bytes) as file:
        export = ExportReader(file, str(path), limits, Bounds(store.max_event_bytes, store.max_value_bytes, latest))
        added: Added = {}
        while True:
            found = _compare(store, export, progress)
            if found.continued and not continue_existing:
                raise WouldContinue(found.continued)
            if dry_run:
                _count(added, found.new)
                break
            try:
                _append(store, export, found.present, added, progress)
                break
            except ConcurrencyError:
                continue  # another writer continued one of the streams: check that it is still the same history
    return ImportReport(
        export.header.id if export.header.kind == "run" else "",
        tuple(_imported(stream, count, added) for stream, count in export.header.streams.items()),
    )


Added = dict[str, tuple[int, int]]
"""Stream → events, and the bytes that they take."""


def _imported(stream: str, count: int, added: Added) -> ImportedStream:
    events, size = added.get(stream, (0, 0))
    return ImportedStream(stream, events, count - events, size)


def _count(added: Added, more: Added) -> None:
    for stream, (events, size) in more.items():
        known = added.get(stream, (0, 0))
        added[stream] = known[0] + events, known[1] + size


class _Compared(NamedTuple):
    """Which events of a file the store has."""

    present: Mapping[str, int]
    """Stream → events of the file that are present."""
    new: Added

    @property
    def continued(self) -> dict[str, int]:
        """Stream → events that would follow those that the store has."""
        return {stream: events for stream, (events, _) in self.new.items() if self.present[stream]}


def _compare(store: LedgerEventStore, export: ExportReader, progress: Progress | None) -> _Compared:
    """Compare the file with the store, and verify the whole file on the way."""
    present = {stream: min(store.head(stream), count) for stream, count in export.header.streams.items()}
    differing: set[str] = set()
    new: Added = {}
    snapshots = _SnapshotIds(store, export)
    for event in _report_progress(export, 0, progress):
        stream, version = _place(event)
        # A digest depends on all events before it: where these are equal, so are the beginnings.
        if version == present[stream] and _differs(store, event):
            differing.add(stream)
        if version > present[stream]:
            _count(new, {stream: (1, len(event.state))})
            snapshots.check(event)
    if differing:
        _refuse_conflict(store, (event for event in export if event.originator_id in differing))
    return _Compared(present, new)


class _SnapshotIds:
    """The snapshot ids of the new saves: each must be unique in the store."""

    def __init__(self, store: LedgerEventStore, export: ExportReader) -> None:
        self._index = Index(store.recorder)
        self._export = export
        self._seen: set[str] = set()

    def check(self, event: LinkedEvent) -> None:
        """Raises InvalidExport for an id that is taken."""
        if event.topic not in SAVES or not isinstance(event, IndexedEvent):
            return
        snapshot_id, place = event.data["snapshot_id"], (event.data["workflow_id"], event.originator_version)
        if snapshot_id in self._seen or any(save[:2] != place for save in self._saves_named(snapshot_id)):
            self._export.refuse(f"the snapshot id {snapshot_id!r} stands for another save already")
        self._seen.add(snapshot_id)

    def _saves_named(self, snapshot_id: str) -> Sequence[SaveRow]:
        try:
            return self._index.saves_named(snapshot_id)
        except StorageUnavailable:
            return ()  # no index yet, so no list to confuse; if the store is away, the append fails


def _refuse_conflict(store: LedgerEventStore, events: Iterable[LinkedEvent]) -> NoReturn:
    """Raises ConflictingHistory for the first event that differs in the store."""
    first = next(event for event in events if _differs(store, event))
    stream, version = _place(first)
    raise ConflictingHistory(stream, version, store.head(stream))


def _append(
    store: LedgerEventStore,
    export: ExportReader,
    present: Mapping[str, int],
    added: Added,
    progress: Progress | None,
) -> None:
    """Append the events that the store lacks, in the order of the file. Raises ConcurrencyError."""
    events = _report_progress(export, sum(export.header.streams.values()), progress)
    for commit in _commits(event for event in events if event.originator_version > present[str(event.originator_id)]):
        store.append_recorded(commit)
        for event in commit:
            _count(added, {str(event.originator_id): (1, len(event.state))})


def _commits(events: Iterable[LinkedEvent]) -> Iterator[list[LinkedEvent]]:
    """The events in commits of bounded size; events that depend on each other stay together."""
    commit: list[LinkedEvent] = []
    size = 0
    for event in events:
        commit.append(event)
        size += len(event.state)
        if (len(commit) >= COMMIT_EVENTS or size >= COMMIT_BYTES) and not _may_belong_together(event):
            yield commit
            commit, size = [], 0
    if commit:
        yield commit


def _may_belong_together(event: LinkedEvent) -> bool:
    """Whether the next event may come from the same decision."""
    return event.topic in _TOGETHER or (isinstance(event, IndexedEvent) and "unrouted" in event.data)


def _report_progress(export: ExportReader, before: int, progress: Progress | None) -> Iterator[LinkedEvent]:
    """The events; reports progress now and then, as a fraction of two passes over all of them."""
    total = sum(export.header.streams.values())
    for count, event in enumerate(export, 1):
        yield event
        if progress is not None and (count % PROGRESS_EVERY == 0 or count == total):
            progress((before + count) / (2 * total))


def _place(event: LinkedEvent) -> tuple[str, int]:
    return str(event.originator_id), event.originator_version


def _differs(store: LedgerEventStore, event: LinkedEvent) -> bool:
    return store.link_at(str(event.originator_id), event.originator_version) != event.state[:BODY]
