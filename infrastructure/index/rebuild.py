"""The index made anew from the events, while others read and write."""

from collections.abc import Callable, Iterator, Sequence

from eventsourcing.persistence import PersistenceError

from ...domain.errors import EventNotReadable
from ...projections.index import INDEX_REVISION, Placed, changes_of, is_indexed
from ..store.codec import decode
from ..store.recorder import PAGE_ROWS, LedgerRecorder, Row, storage_error

Progress = Callable[[float], object]

_WHAT_TO_DO = (
    "the index is as it was. `flowledger verify` names every event that was damaged: "
    "restore those from a backup of the store, or take the flowledger that wrote them, then rebuild again"
)


def rebuild(recorder: LedgerRecorder, progress: Progress | None = None) -> int:
    """Make the index anew, and return how many events moved its rows.

    Others go on meanwhile; for the last moment writers wait. ``progress`` is told the part that is done, 0 to 1.

    Raises EventNotReadable at an event that can't be read, StorageUnavailable when somebody else rebuilds. The index is
    then as it was, and so it is after an interruption.
    """
    walk = _Walk(recorder, progress)
    try:
        with recorder.rebuilding() as new:

            def catch_up(*, settled: bool) -> None:
                for events in walk.pages(settled=settled):
                    new.put(changes_of(events))

            catch_up(settled=True)
            new.swap(catch_up, INDEX_REVISION)
    except EventNotReadable as error:
        raise EventNotReadable(error.stream, error.version, f"{error.reason}; {_WHAT_TO_DO}") from error
    except PersistenceError as error:
        raise storage_error(error) from error
    if progress is not None:
        progress(1.0)
    return walk.events


class _Walk:
    """Goes through the log as far as it is, and goes on from there the next time."""

    def __init__(self, recorder: LedgerRecorder, progress: Progress | None) -> None:
        self.events = 0
        self._recorder = recorder
        self._progress = progress
        self._after = 0
        self._end = recorder.max_notification_id() or 0
        self._begin: int | None = None

    def pages(self, *, settled: bool) -> Iterator[list[Placed]]:
        while True:
            rows = self._recorder.indexed_page(self._after, settled=settled)
            events = [
                Placed(row.position, row.stream, row.version, row.type, data)
                for row in rows
                if is_indexed(row.type, data := self._data(row))
            ]
            if events:
                yield events
            self.events += len(events)
            if rows:
                self._after = rows[-1].position
                self._tell(rows)
            if len(rows) < PAGE_ROWS:
                return

    def _data(self, row: Row) -> dict[str, object]:
        state = row.state if row.state is not None else self._recorder.state(row.stream, row.version) or b""
        return decode(row.stream, row.version, row.type, state)

    def _tell(self, rows: Sequence[Row]) -> None:
        if self._begin is None:
            self._begin = rows[0].position
        if self._progress is not None and self._end > self._begin:
            self._progress(min((self._after - self._begin) / (self._end - self._begin), 1.0))
