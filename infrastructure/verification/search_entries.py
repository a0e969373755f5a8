"""Search entries against the events of their runs."""

from collections.abc import Iterable, Iterator
from typing import Any

from ...domain.errors import EventNotReadable
from ...domain.events.integrity import Finding
from ...domain.run import STARTED
from ...projections.search import MISFITS, SEARCH_REVISION, SearchEntry, is_searched, new_entry
from ..queries.index.reader import Index
from ..storage.event_store import LedgerEventStore
from ..storage.recorder import BATCH_ROWS, EventRow
from .inspector import Inspector

ENTRIES_AT_ONCE = 50
"""Entries that are read together: each may hold 100,000 characters of words."""

MAX_ATTEMPTS = 10
"""How often an entry is read again while another search catches up; then it is left to the next walk."""


class SearchInspector(Inspector):
    """Makes the entry of each run again, and compares it with the stored one.

    A search follows the log: an entry covers the events up to the search's progress. An entry that seems wrong is read
    again between two reads of the progress, which must agree.
    """

    def __init__(self, store: LedgerEventStore) -> None:
        self._store = store
        self._table = store.search
        self._index = Index(store.recorder)
        progress = self._table.progress()
        self.is_current = progress.revision == SEARCH_REVISION
        """Whether this code made the entries; otherwise the next search makes them again, and nothing is compared."""
        self._upto = progress.position
        self._entry: SearchEntry | None = None
        self._has_finding = False
        """Whether an event of the stream has another finding, as its body doesn't fit its type."""
        self._waiting: dict[str, SearchEntry | None] = {}
        self._kept = self._run_ids()
        self._next = next(self._kept, None)
        self.entries = 0
        """How many were compared."""

    def begin(self, stream: str) -> Iterable[Finding]:
        self._entry, self._has_finding = None, False
        return self._without_run(stream)

    def event(self, row: EventRow, data: dict[str, Any] | None) -> Iterable[Finding]:
        if data is not None and row.position <= self._upto:
            try:
                self._entry = _advance_entry(self._entry, row, data)
            except MISFITS:
                self._has_finding = True
        return ()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:
        is_kept = self._next == stream
        if is_kept:
            self.entries += 1
            self._next = next(self._kept, None)
        if sound and not self._has_finding and (is_kept or self._entry is not None):
            self._waiting[stream] = self._entry
        return self._compare() if len(self._waiting) >= ENTRIES_AT_ONCE else ()

    def finish(self) -> Iterator[Finding]:
        yield from self._compare()
        yield from self._without_run(None)

    def _without_run(self, stream: str | None) -> Iterator[Finding]:
        while self._next is not None and (stream is None or self._next < stream):
            self.entries += 1
            yield from self._check(self._next)
            self._next = next(self._kept, None)

    def _compare(self) -> Iterator[Finding]:
        expected, self._waiting = self._waiting, {}
        found = self._table.entries(expected) if expected else {}
        for stream, entry in expected.items():
            if not _are_equal(entry, found.get(stream)):
                yield from self._check(stream)

    def _check(self, stream: str) -> Iterator[Finding]:
        for _ in range(MAX_ATTEMPTS):
            progress = self._table.progress()
            if progress.is_rewound or progress.revision != SEARCH_REVISION:
                return  # the search is about to continue from an earlier position
            actual = self._table.entries([stream]).get(stream)
            if self._table.progress() == progress:
                break
        else:
            return
        expected = None
        for row in self._store.rows(stream):
            if row.position > progress.position:
                break
            try:
                expected = _advance_entry(expected, row, self._store.body(row))
            except (EventNotReadable, *MISFITS):
                return  # it has another finding
        if not _are_equal(expected, actual):
            said = "lacks this run" if actual is None else "has a run that isn't there"
            if actual is not None and expected is not None:
                said = "knows other words or values of this run than its events hold"
            yield Finding(stream, 1, "search", f"the search {said}: `flowledger rebuild` makes it anew")

    def _run_ids(self) -> Iterator[str]:
        """The runs that have an entry, in order."""
        page = "SELECT run_id FROM flowledger_search WHERE run_id > :after ORDER BY run_id LIMIT :rows"
        after = ""
        while True:
            found = [run_id for (run_id,) in self._index.rows(page, {"after": after, "rows": BATCH_ROWS})]
            yield from found
            if len(found) < BATCH_ROWS:
                return
            after = found[-1]


def _advance_entry(entry: SearchEntry | None, row: EventRow, data: dict[str, Any]) -> SearchEntry | None:
    """Add the next event to the entry of a run."""
    if row.type == STARTED:
        entry = new_entry(row.stream, data, row.position)
    if entry is not None and is_searched(row.type):
        entry.add(row.type, data)
    return entry


def _are_equal(one: SearchEntry | None, other: SearchEntry | None) -> bool:
    if one is None or other is None:
        return one is other
    return (one.started_at, one.position, one.words, one.document) == (
        other.started_at,
        other.position,
        other.words,
        other.document,
    )
