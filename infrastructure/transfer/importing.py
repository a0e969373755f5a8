"""Taking a run over from a file: verified first, then appended as it was."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NoReturn

from ...domain.errors import ConcurrencyError, ConflictingHistory
from ...domain.run import STARTED
from ...domain.work_order import OPENED, REJECTED, RUN_ADDED
from ..store.codec import BODY
from ..store.event_store import LedgerEventStore
from ..store.stored_events import IndexedEvent, LinkedEvent
from .files import opened
from .reading import ExportReader
from .reports import ImportedStream, ImportReport

COMMIT_EVENTS = 10_000
COMMIT_BYTES = 8 * 2**20
"""What one commit holds; a file with more takes several."""

PROGRESS_EVERY = 1_000
"""Events between two calls of the progress callback."""

Progress = Callable[[float], object]
"""Is told the part that is done, 0 to 1."""

_TOGETHER = frozenset({STARTED, OPENED, REJECTED, RUN_ADDED})
"""What goes into one commit with its neighbours: a run begins together with what its work order says of it."""


def import_export(
    store: LedgerEventStore, path: Path, *, dry_run: bool = False, progress: Progress | None = None
) -> ImportReport:
    """Append what the store hasn't yet, or only say how much that is.

    Raises InvalidRequest for what can't be read, InvalidExport, ConflictingHistory; then nothing was imported. Raises
    StorageUnavailable; then a large file may be there in part, and importing it again completes it.
    """
    with opened(path) as file:
        export = ExportReader(file, str(path), store.max_event_bytes)
        streams = export.header.streams
        added: Counter[str] = Counter()
        while True:
            present = _compare(store, export, progress)
            if dry_run:
                added.update({stream: streams[stream] - present[stream] for stream in streams})
                break
            try:
                _append(store, export, present, added, progress)
                break
            except ConcurrencyError:
                continue  # somebody went on with one of the streams: look whether it is still the same history
    return ImportReport(
        export.header.run_id,
        tuple(ImportedStream(stream, added[stream], count - added[stream]) for stream, count in streams.items()),
    )


def _compare(store: LedgerEventStore, export: ExportReader, progress: Progress | None) -> Mapping[str, int]:
    """How many of the file's events the store has, by stream; the whole file is verified on the way."""
    present = {stream: min(store.head(stream), count) for stream, count in export.header.streams.items()}
    differing: set[str] = set()
    for event in _told(export, 0, progress):
        stream, version = _place(event)
        # A digest depends on all events before it: where these are equal, so are the beginnings.
        if version == present[stream] and _differs(store, event):
            differing.add(stream)
    if differing:
        _refuse_conflict(store, (event for event in export if event.originator_id in differing))
    return present


def _refuse_conflict(store: LedgerEventStore, events: Iterable[LinkedEvent]) -> NoReturn:
    """Raises ConflictingHistory for the first event that is another one in the store."""
    first = next(event for event in events if _differs(store, event))
    stream, version = _place(first)
    raise ConflictingHistory(stream, version, store.head(stream))


def _append(
    store: LedgerEventStore, export: ExportReader, present: Mapping[str, int], added: Counter[str],
    progress: Progress | None,
) -> None:  # fmt: skip
    """Append the events that the store hasn't, in the order of the file. Raises ConcurrencyError."""
    events = _told(export, sum(export.header.streams.values()), progress)
    for commit in _commits(event for event in events if event.originator_version > present[str(event.originator_id)]):
        store.append_recorded(commit)
        added.update(str(event.originator_id) for event in commit)


def _commits(events: Iterable[LinkedEvent]) -> Iterator[list[LinkedEvent]]:
    """The events in commits of bounded size; what was stored together because it depends on each other stays so."""
    commit: list[LinkedEvent] = []
    size = 0
    for event in events:
        commit.append(event)
        size += len(event.state)
        if (len(commit) >= COMMIT_EVENTS or size >= COMMIT_BYTES) and not _goes_on(event):
            yield commit
            commit, size = [], 0
    if commit:
        yield commit


def _goes_on(event: LinkedEvent) -> bool:
    """Whether the next event may be of the same decision."""
    return event.topic in _TOGETHER or (isinstance(event, IndexedEvent) and "unrouted" in event.data)


def _told(export: ExportReader, before: int, progress: Progress | None) -> Iterator[LinkedEvent]:
    """The events; the callback is told now and then how far this is, of going through all of them twice."""
    total = sum(export.header.streams.values())
    for count, event in enumerate(export, 1):
        yield event
        if progress is not None and (count % PROGRESS_EVERY == 0 or count == total):
            progress((before + count) / (2 * total))


def _place(event: LinkedEvent) -> tuple[str, int]:
    return str(event.originator_id), event.originator_version


def _differs(store: LedgerEventStore, event: LinkedEvent) -> bool:
    return store.link_at(str(event.originator_id), event.originator_version) != event.state[:BODY]
