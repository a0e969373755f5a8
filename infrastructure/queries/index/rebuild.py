"""Rebuilding the index from the events, while others read and write."""

import logging
from collections.abc import Callable, Sequence

from eventsourcing.persistence import PersistenceError

from ....domain.errors import EventNotReadable
from ....domain.run import STARTED
from ....domain.work_order import OPENED, RUN_ADDED
from ....projections.index.changes import INDEX_REVISION, IndexChanges, PlacedEvent, changes_of_readable, is_indexed
from ...storage.codec import decode
from ...storage.errors import to_storage_error
from ...storage.event_store import LedgerEventStore
from ...storage.index_rebuild import IndexedBatch, IndexRebuild, RebuiltByAnother
from ...storage.recorder import BATCH_ROWS, EventRow, LedgerRecorder
from ..tree.removed import restore_removals

MAX_NAMED = 20
"""Unreadable events that are named in the log of the process; `verify` names all."""

Progress = Callable[[float], object]

LeftOut = Callable[[EventNotReadable], object]
"""Called with the error of each unreadable event."""

_log = logging.getLogger("flowledger.index")


def rebuild_index(store: LedgerEventStore, progress: Progress | None = None, left_out: LeftOut | None = None) -> int:
    """Rebuild the index, drop all checkpoints and the tree, and return how many events changed rows of the index.

    Others continue meanwhile; at the end writers wait for a moment. ``progress`` is called with the fraction done, 0 to
    1. Concurrent rebuilds help each other on SQLite and in memory; on PostgreSQL all but one are refused.

    An unreadable event changes no row, and doesn't stop the others: ``left_out`` is called with it. A run, or work
    order, that begins with one is listed as unreadable. Raises StorageUnavailable; the index is then unchanged, and so
    it is after an interruption, also by SIGKILL.
    """
    try:
        with store.recorder.index_rebuild() as new:
            walk = LogWalk(store.recorder, new, progress, left_out)
            walk.catch_up(settled=True)
            events = new.swap(walk.catch_up, INDEX_REVISION)
    except RebuiltByAnother as ended:
        events = ended.events
    except PersistenceError as error:
        raise to_storage_error(error) from error
    if store.removals is not None:
        restore_removals(store, store.removals)
    store.checkpoints.clear()
    if store.tree is not None:
        store.tree.restart()
    if progress is not None:
        progress(1.0)
    return events


class LogWalk:
    """Goes through the log to its end, and continues from there the next time."""

    def __init__(
        self,
        recorder: LedgerRecorder,
        new: IndexRebuild,
        progress: Progress | None = None,
        left_out: LeftOut | None = None,
    ) -> None:
        self._recorder = recorder
        self._left_out = left_out
        self._named: set[tuple[str, int]] = set()
        """The events that were reported: part of the log may be read twice."""
        self._new = new
        self._progress = progress
        self._read = self._put = 0
        self._end = recorder.max_notification_id() or 0
        self._begin: int | None = None
        self._done = 0.0

    def catch_up(self, *, settled: bool) -> None:
        """Add the events after the last one added; with ``settled``, none that a later commit could precede."""
        if (position := self._new.position()) != self._put:
            self._read = self._put = position
        while True:
            found = self._recorder.indexed_batch(self._read, settled=settled)
            rows = _without_split_run(found) if len(found) == BATCH_ROWS else found
            added = self._add(rows)
            if rows and settled:  # otherwise writers wait, and progress may take its time
                self._report_progress(rows)
            if added and len(found) < BATCH_ROWS:
                return

    def _add(self, rows: Sequence[EventRow]) -> bool:
        """False if another process has moved the position: continue from there."""
        if not rows:
            return True
        events, changes = self._changes(rows)
        self._read = rows[-1].position
        if events:
            page = IndexedBatch(self._put, self._read, events, changes)
            self._put = self._new.put(page)
            if self._put != page.upto:
                self._read = self._put
                return False
        return True

    def _changes(self, rows: Sequence[EventRow]) -> tuple[int, IndexChanges]:
        """How many events change rows, and the changes."""
        events = [event for row in rows if (event := self._placed(row)) is not None]
        return changes_of_readable(events, self._report_unreadable)

    def _placed(self, row: EventRow) -> PlacedEvent | None:
        """The event of a row, if it changes the index; without data if it can't be read."""
        try:
            if not isinstance(row.stream, str) or type(row.version) is not int or row.version < 1:
                raise EventNotReadable(
                    str(row.stream), 0, "it has no stream, or none of the versions, which are 1 and more"
                )
            data = self._data(row)
        except EventNotReadable as error:
            self._report_unreadable(error)
            data = {}
        if data and not is_indexed(row.type, data):
            return None
        return PlacedEvent(row.position, row.stream, row.version, row.type, data)

    def _report_unreadable(self, error: EventNotReadable) -> None:
        if (place := (error.stream, error.version)) in self._named:
            return
        self._named.add(place)
        if self._left_out is not None:
            self._left_out(error)
        elif len(self._named) <= MAX_NAMED:
            _log.warning("%s; it is left out of the lists", error, extra={"stream": error.stream})

    def _data(self, row: EventRow) -> dict[str, object]:
        encoded = row.encoded if row.encoded is not None else self._recorder.encoded(row.stream, row.version) or b""
        return decode(row.stream, row.version, row.type, encoded)

    def _report_progress(self, rows: Sequence[EventRow]) -> None:
        if self._begin is None:
            self._begin = rows[0].position
        if self._progress is not None and self._end > self._begin:
            done = (self._read - self._begin) / (self._end - self._begin)
            self._done = max(self._done, min(done, 1.0))  # it may start again with others
            self._progress(self._done)


_BEGINNING = 4
"""The most events in which a run starts and its work order records it. They are of one commit."""


def _without_split_run(rows: Sequence[EventRow]) -> Sequence[EventRow]:
    """The rows of a full batch, without a run that starts at their end and whose work order may follow.

    The state of a work order is derived from its run, which must be in the same batch.
    """
    for place in range(max(1, len(rows) - _BEGINNING), len(rows)):
        if rows[place].type == STARTED and not any(row.type in (OPENED, RUN_ADDED) for row in rows[place:]):
            return rows[:place]
    return rows
