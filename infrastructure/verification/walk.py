"""The walk through a store: each event is read once, and given to all inspectors."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import BinaryIO

from ...domain.events.integrity import OF_THE_LOG, Finding, VerifyReport
from ...domain.values.clock import micros_clock
from ..files.atomic import check_writable, write_file
from ..files.paths import is_special
from ..queries.index.reader import Index
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import EventRow
from ..storage.verify import Predecessor, check_event
from .bodies import BodyInspector
from .checkpoints import CheckpointInspector
from .heads import HeadsFile, HeadsInspector, HeadsWriter
from .index_rows import IndexInspector
from .inspector import Inspector
from .references import ReferenceInspector
from .removals import RemovalInspector
from .search_entries import SearchInspector
from .step_rows import StepInspector

PROGRESS_EVERY = 1_000
"""Events between two calls of the progress callback."""


def verify(
    store: LedgerEventStore,
    progress: Callable[[int], object] | None = None,
    *,
    deep: bool = False,
    heads: Path | None = None,
    now: int | None = None,
) -> VerifyReport:
    """Walk the whole store in one pass; memory doesn't grow with it, and others may write meanwhile.

    ``deep`` also compares the entries of the search and the list of steps. ``heads`` is a file: if it exists, its heads
    are compared with the store; it is written if there are no findings at all, or it didn't exist. A device or pipe
    counts as not existing.
    ``now``: microseconds since 1970, by default the system's clock.

    Raises StorageUnavailable, InvalidRequest for a file that isn't one of heads.
    """
    with ExitStack() as files:
        if heads is not None:
            check_writable(heads)
        is_kept = heads is not None and os.path.exists(heads) and not is_special(heads)
        earlier = HeadsFile(heads) if heads is not None and is_kept else None
        kept = files.enter_context(TemporaryFile()) if heads is not None else None
        walk = _StoreWalk(store, progress, earlier, kept, micros_clock(None)() if now is None else now, deep=deep)
        findings = tuple(walk.findings())
        written = heads is not None and kept is not None and not (earlier and findings)
        if written:
            write_file(heads, lambda file: _copy(kept, file))  # type: ignore[arg-type]
    return walk.report(findings, heads_written=written)


def _copy(kept: BinaryIO, file: BinaryIO) -> None:
    kept.seek(0)
    copyfileobj(kept, file)


class _StoreWalk:
    """One pass, with its counts."""

    def __init__(
        self,
        store: LedgerEventStore,
        progress: Callable[[int], object] | None,
        earlier: HeadsFile | None,
        kept: BinaryIO | None,
        now: int,
        *,
        deep: bool,
    ) -> None:
        self._store = store
        self._progress = progress
        self._events = self._streams = 0
        self._kinds: dict[str, int] = {}
        self._has_earlier = earlier is not None
        self._heads = HeadsInspector(earlier, store.was_removed)
        self._writer = HeadsWriter(kept) if kept is not None else None
        index = Index(store.recorder)
        self._index = IndexInspector(store, index) if index.is_built() else None
        self._checkpoints = CheckpointInspector(store)
        search = SearchInspector(store) if deep else None
        self._search = search if search is not None and search.is_current else None
        steps = StepInspector(store) if deep else None
        others: tuple[Inspector | None, ...] = (
            self._heads,
            BodyInspector(store, now),
            ReferenceInspector(store),
            self._index,
            self._checkpoints,
            self._search,
            RemovalInspector(store, store.removals) if store.removals is not None else None,
            steps if steps is not None and steps.is_current else None,
        )
        self._inspectors: Sequence[Inspector] = [inspector for inspector in others if inspector is not None]

    def findings(self) -> Iterator[Finding]:
        before: Predecessor | None = None
        sound = True
        for row in self._store.all_rows():
            if not isinstance(row.stream, str) or type(row.version) is not int:  # SQLite takes anything
                yield Finding("", 0, "unreadable", f"an event at position {row.position} names no stream and version")
                continue
            if before is None or row.stream != before.stream:
                if before is not None:
                    yield from self._end(before.stream, sound=sound)
                before, sound = Predecessor(row.stream), True
                yield from self._begin(row)
            found = list(check_event(row, before))
            yield from found
            sound = sound and not any(finding.kind in OF_THE_LOG for finding in found)
            for inspector in self._inspectors:
                yield from inspector.event(row, before.data if sound else None)
            self._events += 1
            if self._progress and self._events % PROGRESS_EVERY == 0:
                self._progress(self._events)
        if before is not None:
            yield from self._end(before.stream, sound=sound)
        for inspector in self._inspectors:
            yield from inspector.finish()
        if self._writer is not None:
            self._writer.end(self._events)

    def report(self, findings: tuple[Finding, ...], *, heads_written: bool) -> VerifyReport:
        return VerifyReport(
            events=self._events,
            streams=self._streams,
            findings=findings,
            runs=self._kinds.get("run", 0),
            work_orders=self._kinds.get("work_order", 0),
            workflows=self._kinds.get("workflow", 0),
            index_rows=self._index.rows if self._index else None,
            checkpoints=self._checkpoints.pages,
            search_entries=self._search.entries if self._search else None,
            heads_compared=self._heads.compared if self._has_earlier else None,
            heads_written=heads_written,
        )

    def _begin(self, row: EventRow) -> Iterator[Finding]:
        self._streams += 1
        kind = row.type.partition(".")[0]
        self._kinds[kind] = self._kinds.get(kind, 0) + 1
        for inspector in self._inspectors:
            yield from inspector.begin(row.stream)

    def _end(self, stream: str, *, sound: bool) -> Iterator[Finding]:
        for inspector in self._inspectors:
            yield from inspector.end(stream, sound=sound)
        if self._writer is not None and self._heads.last is not None:
            self._writer.add(self._heads.last)
