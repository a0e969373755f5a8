"""The index against the events: every row must be the one that the events make."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ...domain.errors import EventNotReadable
from ...domain.events.integrity import Finding
from ...domain.status import work_order_status
from ...projections.index.changes import IndexChanges, PlacedEvent, changes_of, is_indexed
from ..queries.index.reader import Index
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import EventRow
from .inspector import Inspector
from .tables import CHANGES, RUNS, SAVES, WORK_ORDERS, WORKFLOWS, Columns, Table, TableWalk

_REBUILD_HINT = "`flowledger rebuild` makes the index anew"


class IndexInspector(Inspector):
    """Compares each row with the one that the events make; each stream must have exactly its rows."""

    def __init__(self, store: LedgerEventStore, index: Index) -> None:
        self._store = store
        self._index = index
        self._of_streams = [TableWalk(self._index, table) for table in (RUNS, WORK_ORDERS, WORKFLOWS)]
        self._of_events = [TableWalk(self._index, table) for table in (SAVES, CHANGES)]
        self._walks = (*self._of_streams, *self._of_events)
        self._changes = IndexChanges()
        self._is_readable = True

    @property
    def rows(self) -> int:
        """How many rows were compared."""
        return sum(walk.rows for walk in self._walks)

    def begin(self, stream: str) -> Iterable[Finding]:
        self._changes = IndexChanges()
        self._is_readable = True
        is_missed = any(walk.stream is not None and walk.stream < stream for walk in self._walks)
        return self._check_rows_without_stream(stream) if is_missed else ()

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:
        if data is None or not self._is_readable:
            self._is_readable = False
            return ()
        if not is_indexed(row.type, data):
            return ()
        try:
            _add(self._changes, row, data)
        except EventNotReadable as error:
            self._is_readable = False
            return (Finding(row.stream, row.version, "unreadable", error.reason),)
        return self._compare_rows_of(row)

    def _compare_rows_of(self, row: EventRow) -> Iterator[Finding]:
        for walk, rows in zip(self._of_events, (self._changes.saves, self._changes.changes), strict=True):
            for expected in rows:
                yield from self._compare_up_to(walk, row, expected)
            rows.clear()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:
        suspected = [
            walk.table
            for walk in self._of_streams
            if _differences(walk.table, _expected(walk.table, self._changes, stream), walk.of(stream))
        ]
        has_more = any(walk.stream == stream for walk in self._of_events)
        return self._check_end(stream, suspected, sound=sound and self._is_readable) if suspected or has_more else ()

    def _check_end(self, stream: str, suspected: Iterable[Table], *, sound: bool) -> Iterator[Finding]:
        for walk in self._of_events:
            while (actual := walk.of(stream)) is not None:
                if sound:
                    yield from self._check_event(walk.table, stream, actual["version"])
        for table in suspected if sound else ():
            yield from self._check_stream(table, stream)

    def finish(self) -> Iterator[Finding]:
        yield from self._check_rows_without_stream(None)
        if self._index.dialect == "sqlite":
            for walk in self._walks:
                yield from self._check_untyped_keys(walk.table)

    # --- rows of one event --------------------------------------------------------------------------------------------

    def _compare_up_to(self, walk: TableWalk, row: EventRow, expected: Columns) -> Iterator[Finding]:
        """The table's rows up to an event that must have one."""
        while True:
            actual = walk.of(row.stream, row.version)
            if actual is not None and actual["version"] < row.version:
                yield from self._check_event(walk.table, row.stream, actual["version"])
                continue
            if _differences(walk.table, expected, actual):
                yield from self._check_event(walk.table, row.stream, row.version)
            return

    def _check_event(self, table: Table, stream: str, version: int) -> Iterator[Finding]:
        """Read both again. Neither an event nor its row ever changes, so they may be read at different moments."""
        changes = IndexChanges()
        try:
            for row in self._store.rows_at([(stream, version)]):
                _add(changes, row, self._store.body(row))
        except EventNotReadable:
            return  # it was written just now; the next walk reports it
        rows = changes.saves if table is SAVES else changes.changes
        actual = [table.row(values[1:]) for values in self._index.rows(*table.one(stream, version))]
        yield from _compare_row(table, stream, version, rows[0] if rows else None, actual[0] if actual else None)

    # --- rows of one stream -------------------------------------------------------------------------------------------

    def _check_stream(self, table: Table, stream: str) -> Iterator[Finding]:
        """Read the row again, together with the stream's version at that moment, and fold so many events."""
        head, rows = self._index.rows_beside_head(stream, *table.one(stream))
        actual = table.row(rows[0][1:]) if rows else None
        changes = IndexChanges()
        try:
            for row in self._store.rows(stream, upto=head) if head else ():
                _add(changes, row, self._store.body(row))
                changes.saves.clear()
                changes.changes.clear()
        except EventNotReadable:
            return  # it was written just now; the next walk reports it
        yield from _compare_row(table, stream, head, _expected(table, changes, stream), actual)

    def _check_rows_without_stream(self, stream: str | None) -> Iterator[Finding]:
        """Rows of streams that the walk has not met so far."""
        for walk in self._of_streams:
            for row in walk.before(stream):
                yield from self._check_stream(walk.table, walk.table.stream_of(row[walk.table.key]))
        for walk in self._of_events:
            for row in walk.before(stream):
                yield from self._check_event(walk.table, walk.table.stream_of(row[walk.table.key]), row["version"])

    def _check_untyped_keys(self, table: Table) -> Iterator[Finding]:
        odd = f"SELECT count(*) FROM {table.name} WHERE {table.key} IS NULL OR typeof({table.key}) <> 'text'"  # noqa: S608 - ours
        ((count,),) = self._index.rows(odd, {})
        if count:
            yield Finding("", 0, "index", f"{count} rows of the index of {table.what} name no stream: {_REBUILD_HINT}")


def _add(changes: IndexChanges, row: EventRow, data: Mapping[str, Any]) -> None:
    """Raises EventNotReadable."""
    if is_indexed(row.type, data):
        changes_of([PlacedEvent(row.position, row.stream, row.version, row.type, data)], changes)
        changes.order_moves.clear()  # of other streams


def _expected(table: Table, changes: IndexChanges, stream: str) -> Columns | None:
    """The row that a stream must have, if any."""
    rows = changes.runs if table is RUNS else changes.orders if table is WORK_ORDERS else changes.workflows
    return rows.get(table.key_of(stream)) if rows else None


def _differences(table: Table, expected: Columns | None, actual: Columns | None) -> list[str]:
    """The differences of the two, in words; empty if there are none."""
    if actual is None or expected is None:
        return [] if actual is expected else ["there is only one of them"]
    found = [
        f"{_COLUMNS.get(name, name)} {actual[_COLUMNS.get(name, name)]!r} and not {value!r}"
        for name, value in expected.items()
        if actual.get(_COLUMNS.get(name, name), value) != value
        and not (table is WORK_ORDERS and name in ("state", "finished_at"))
    ]
    if table is WORK_ORDERS and actual["state"] not in (states := _states(expected, actual)):
        found.append(f"state {actual['state']!r} and not {' or '.join(map(repr, sorted(states)))}")
    if table is WORK_ORDERS and actual["finished_at"] not in (ends := _ends(expected, actual)):
        found.append(f"finished_at {actual['finished_at']!r} and not {' or '.join(map(repr, ends))}")
    return found


_COLUMNS = {"place": "position"}
"""Columns with another name."""


def _states(order: Columns, row: Columns) -> set[str]:
    """The possible states of a work order, given the index row of its last run."""
    if order["last_run_id"] is None:
        return {order["state"]}
    try:
        states: set[str] = {work_order_status(row["last_status"])}
    except KeyError:  # that run's own row is missing or was changed, which is another finding
        return {row["state"]}
    if row["last_queued"] or row["last_version"] == 1:
        states.add("pending")  # only the first event of the run has changed the work order so far
    return states


def _ends(order: Columns, row: Columns) -> list[int | None]:
    """When a work order may have ended, given the index row of its last run."""
    if order["last_run_id"] is None:
        return [order["finished_at"]]
    ended: int | None = row["last_finished_at"]
    ends: list[int | None] = [ended]
    if row["last_version"] == 1:
        ends.append(None)  # as above
    if ended is not None and ended == row["last_started_at"] and (row["finished_at"] or ended) < ended:
        ends.append(row["finished_at"])  # its events say that it ended before it began
    return ends


def _compare_row(
    table: Table, stream: str, version: int, expected: Columns | None, actual: Columns | None
) -> Iterator[Finding]:
    if expected is None and actual is not None:
        named = actual.get("version", version)
        yield Finding(
            stream,
            named,
            "index",
            f"the index of {table.what} has a row for it that no event of the log makes: {_REBUILD_HINT}",
        )
    elif expected is not None and actual is None:
        yield Finding(stream, version, "index", f"it has no row in the index of {table.what}: {_REBUILD_HINT}")
    elif different := _differences(table, expected, actual):
        yield Finding(
            stream,
            version,
            "index",
            f"its row in the index of {table.what} says {', '.join(different)}, as the events say: {_REBUILD_HINT}",
        )
