"""Rows of steps and failures against the events of their runs."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from ...domain.events.integrity import Finding
from ...domain.run import STARTED
from ...projections.search import MISFITS, SEARCH_REVISION
from ...projections.steps.rows import FailureRow, RanVersion, StepRow, StepRows, add_event, ran_version
from ..queries.index.reader import Index
from ..queries.numbers import among
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import EventRow
from .inspector import Inspector

ROWS_AT_ONCE = 500
"""Rows that are read together."""

_Row = StepRow | FailureRow
_Kind = type[StepRow] | type[FailureRow]

_TABLES: Final[dict[_Kind, str]] = {StepRow: "flowledger_steps", FailureRow: "flowledger_failures"}


class StepInspector(Inspector):
    """Makes the rows of each run again, and compares them with the stored ones.

    They follow the log with the search: those of all events up to its progress are there. While it begins anew nothing
    is said.
    """

    def __init__(self, store: LedgerEventStore) -> None:
        self._table = store.search
        self._index = Index(store.recorder)
        self._progress = self._table.progress()
        self.is_current = self._progress.revision == SEARCH_REVISION
        """Whether this code made the rows; otherwise the next search makes them again, and nothing is compared."""
        self._ran: RanVersion | None = None
        self._rows = StepRows([], [])
        self._is_known = True
        """Whether every body of the stream fits its type."""
        self._waiting: dict[_Kind, list[_Row]] = {kind: [] for kind in _TABLES}
        self._counts = dict.fromkeys(_TABLES, 0)
        self._all_known = True

    def begin(self, stream: str) -> Iterable[Finding]:  # noqa: ARG002 - the inherited signature
        self._ran, self._rows, self._is_known = None, StepRows([], []), True
        return ()

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:
        if data is None or row.position > self._progress.position:
            return ()
        try:
            if row.type == STARTED:
                self._ran = ran_version(data)
            elif self._ran is not None:
                add_event(self._rows, (row.stream, row.version, row.position), row.type, data, self._ran)
        except MISFITS:
            self._is_known = False
        return ()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:  # noqa: ARG002 - as above
        if not (sound and self._is_known):
            self._all_known = False
            return ()
        self._waiting[StepRow] += self._rows.attempts
        self._waiting[FailureRow] += self._rows.failures
        return self._compare() if max(map(len, self._waiting.values())) >= ROWS_AT_ONCE else ()

    def finish(self) -> Iterator[Finding]:
        yield from self._compare()
        for kind, table in _TABLES.items():
            counted = f"SELECT count(*) FROM {table} WHERE position <= :upto"  # noqa: S608 - a table of ours
            ((count,),) = self._index.rows(counted, {"upto": self._progress.position})
            if self._all_known and count > self._counts[kind] and self._is_unchanged():
                yield _finding("", f"has {count - self._counts[kind]:,} that aren't there")

    def _compare(self) -> Iterator[Finding]:
        expected, self._waiting = self._waiting, {kind: [] for kind in _TABLES}
        for kind, rows in expected.items():
            self._counts[kind] += len(rows)
            for first in range(0, len(rows), ROWS_AT_ONCE):
                yield from self._compare_some(kind, rows[first : first + ROWS_AT_ONCE])

    def _compare_some(self, kind: _Kind, rows: Sequence[_Row]) -> Iterator[Finding]:
        condition, parameters = among("position", [row.position for row in rows], self._index.dialect)
        columns = ", ".join(kind._fields)
        found = self._index.rows(f"SELECT {columns} FROM {_TABLES[kind]} WHERE {condition}", parameters)  # noqa: S608 - as above
        kept = {row[0]: tuple(row) for row in found}
        odd = {row.run_id: row for row in rows if kept.get(row.position) != tuple(row)}
        if odd and self._is_unchanged():
            for run_id, row in odd.items():
                lacks = row.position not in kept
                yield _finding(run_id, f"{'lacks' if lacks else 'tells otherwise of'} event {row.version}")

    def _is_unchanged(self) -> bool:
        return self._table.progress().generation == self._progress.generation


def _finding(stream: str, said: str) -> Finding:
    return Finding(stream, 1, "search", f"the list of steps {said}: `flowledger rebuild` makes it anew")
