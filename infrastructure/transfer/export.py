"""Writing a run, or a workflow, to a file."""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import BinaryIO

from ...domain.errors import StorageCorrupt
from ...domain.values.ids import workflow_stream
from ...domain.values.names import check_run_id
from ..repositories.missing import missing_workflow
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import EventRow
from ..storage.verify import Predecessor, check_event
from .contents import StreamPart, collect_parts
from .files import write_export
from .format import ExportKind, Footer, Header, event_line, footer_line, header_line
from .report import ExportReport

PROGRESS_EVERY = 1_000
"""Events between two calls of the progress callback."""


def export(
    store: LedgerEventStore, run_id: str, path: Path, progress: Callable[[float], object] | None = None
) -> ExportReport:
    """Write a run, as it is now, with all that it refers to.

    Raises RunNotFound, StorageCorrupt where an event isn't as it was written or is missing, StorageUnavailable.
    """
    check_run_id(run_id)
    parts = collect_parts(store, run_id)
    write_export(path, lambda file: _write(file, store, "run", run_id, parts, progress))
    return ExportReport(run_id, tuple(part.stream for part in parts), _events(parts))


def export_workflow(store: LedgerEventStore, workflow_id: str, path: Path) -> None:
    """Write all versions of a workflow, as it is now. Raises as ``export`` does, WorkflowNotFound."""
    stream = workflow_stream(workflow_id)
    head = store.head(stream)
    if head == 0:
        raise missing_workflow(store, workflow_id)
    parts = [StreamPart(stream, next(iter(store.read(stream, upto=1))).position, head)]
    write_export(path, lambda file: _write(file, store, "workflow", workflow_id, parts, None))


def _write(
    file: BinaryIO,
    store: LedgerEventStore,
    kind: ExportKind,
    id: str,
    parts: Sequence[StreamPart],
    progress: Callable[[float], object] | None,
) -> None:
    first = header_line(Header(kind, id, {part.stream: part.events for part in parts}))
    whole = sha256(first)
    file.write(first)
    count, total = 0, _events(parts)
    for count, row in enumerate(_check(_by_position(store, parts)), 1):
        line = event_line(row)
        whole.update(line)
        file.write(line)
        if progress is not None and (count % PROGRESS_EVERY == 0 or count == total):
            progress(count / total)
    if count != total:
        raise StorageCorrupt(f"{total - count} events of {kind} {id!r} are missing: verify tells which ones")
    file.write(footer_line(Footer(count, whole.hexdigest())))


def _events(parts: Sequence[StreamPart]) -> int:
    return sum(part.events for part in parts)


def _by_position(store: LedgerEventStore, parts: Sequence[StreamPart]) -> Iterator[EventRow]:
    """The events of all parts in the order in which they were stored (a merge by position).

    A stream is opened at its first event and closed after its last one, so that few are open at once.
    """
    upto = {part.stream: part.events for part in parts}
    turns = [(part.position, part.stream) for part in parts]
    heapify(turns)
    streams: dict[str, Iterator[EventRow]] = {}
    waiting: dict[str, EventRow] = {}
    while turns:
        stream = turns[0][1]
        if stream not in streams:
            streams[stream] = store.rows(stream, upto=upto[stream])
            waiting[stream] = next(streams[stream])
        yield waiting.pop(stream)
        following = next(streams[stream], None)
        if following is None:
            del streams[stream]
            heappop(turns)
        else:
            waiting[stream] = following
            heapreplace(turns, (following.position, stream))


def _check(rows: Iterator[EventRow]) -> Iterator[EventRow]:
    """The same rows, each checked with its link to the one before. Raises StorageCorrupt."""
    before: dict[str, Predecessor] = {}
    for row in rows:
        known = before.setdefault(row.stream, Predecessor(row.stream))
        for finding in check_event(row, known):
            raise StorageCorrupt(f"event {row.version} of stream {row.stream!r} can't be exported: {finding.message}")
        yield row
