"""The search indexer: follows the log, and keeps the entry of each run, and lists of steps, up to date.

Writers never wait for it.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from ....domain.errors import EventNotReadable, InvalidRequest, NotStorable, StoreReadOnly
from ....domain.run import STARTED
from ....domain.visible import quoted
from ....projections.search import MISFITS, SEARCH_REVISION, SearchEntry, is_searched, new_entry
from ....projections.steps.rows import StepRows
from ...storage.search_table import Progress, SearchTable
from .steps import StepCollector

if TYPE_CHECKING:
    from ...storage.reader import EventReader
    from ...storage.recorder import EventRow

LEAST_LAG = 1e-6
"""Seconds reported where a search lacks events; 0 means that it has all."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a search is behind the log: it knows all events up to ``position``; the last one is at ``head``."""

    position: int
    head: int
    seconds: float
    """The age of the oldest event that it doesn't know yet, in seconds; 0 when it has caught up."""
    left_out: int = 0
    """Of what was taken in just now: runs that can't be searched, or not by all their events, as something in them
    can't be read, or kept by the database. The process's log names them, and so does ``verify(deep=True)``."""


MAX_NAMED = 20
"""Runs left out that are named in the log of the process."""

_log = logging.getLogger("flowledger.search")


class SearchIndex:
    """The entries of all runs. Several processes may catch up at once: each batch is stored once."""

    def __init__(self, store: "EventReader", table: SearchTable, now: Callable[[], int]) -> None:
        self._store = store
        self._table = table
        self._now = now

    def catch_up(self, budget: int | None = None, progress: Callable[[float], object] | None = None) -> Lag:
        """Add the log's events after the current position, at most ``budget`` of them. Returns the remaining lag.

        Entries of another revision, or of another log, are dropped first, and made again. ``progress`` is called after
        each batch with the fraction done of the log's rest, 0 to 1. Runs that can't be read or stored are left out,
        logged and counted. A read-only store stays as it is, and so behind. Raises StorageUnavailable when the store
        can't be read, or a write fails.
        """
        if budget is not None and type(budget) is not int:
            raise InvalidRequest(f"budget {quoted(budget)} is not a number of events")
        read = first = 0
        left_out: set[str] = set()
        may_restart = True
        last = self._store.last_position() if progress else 0
        while budget is None or read < budget:
            since = self._table.progress()
            page = self._next_batch(since)
            try:
                if page is None:
                    if not may_restart:
                        break  # another process keeps entries of another revision
                    may_restart = False
                    self._table.restart(SEARCH_REVISION)
                    continue
                if budget is not None:
                    page = page[: budget - read]
                if not page:
                    break
                # If another process stored these events meanwhile, continue after them.
                self._save(since, page, left_out)
            except StoreReadOnly:
                break
            read += len(page)
            first = first or page[0].position
            if progress and last > first:
                progress(min(1.0, (page[-1].position - first) / (last - first)))
        return replace(self.lag(), left_out=len(left_out))

    def lag(self) -> Lag:
        """How far the entries are behind the log. Raises StorageUnavailable."""
        since = self._table.progress()
        position, unknown = since.position, self._next_batch(since, settled=False)
        if unknown is None:
            position, unknown = 0, self._store.log_batch(0, settled=False)
        # Read last: an event that arrives in between is one that the entries lack.
        head = self._store.last_position()
        return Lag(position, head, self._age_of(unknown) if unknown or position < head else 0.0)

    def clear(self) -> None:
        """Drop all entries; catching up makes them again from the log. Raises StorageUnavailable."""
        self._table.restart(SEARCH_REVISION)

    def _next_batch(self, since: Progress, *, settled: bool = True) -> "Sequence[EventRow] | None":
        """The events after the progress; None if the entries are of another revision, or the last event read differs.

        Then the store has lost its newest events, or the entries belong to another log, or events were moved.
        """
        if since.revision != SEARCH_REVISION:
            return None
        after, known = since.position, (since.position, since.last_stream, since.last_version)
        if known == (0, None, None):
            return self._store.log_batch(0, settled=settled)
        if since.is_rewound:
            page = self._store.log_batch(after, settled=settled)
            return page if page or self._store.log_batch(after, settled=False) else None  # an event was after it
        # The batch begins with the last event read, even where that is held back by an open transaction.
        page = self._store.log_batch(max(after, 1) - 1, settled=settled)
        first = page[:1] or self._store.log_batch(max(after, 1) - 1, settled=False)[:1]
        if [(row.position, row.stream, row.version) for row in first] == [known]:
            return page[1:]
        return page if self._was_removed(since, first) else None

    def _was_removed(self, since: Progress, first: "Sequence[EventRow]") -> bool:
        """Whether nothing lies at the position of the last event read, as its stream was removed since."""
        is_free = not first or first[0].position > since.position
        return is_free and since.last_stream is not None and self._store.was_removed(since.last_stream)

    def _save(self, since: Progress, page: "Sequence[EventRow]", left_out: set[str]) -> None:
        """Store the page's steps, and the entries changed by it, except those that the database can't hold."""
        steps = StepCollector(self._store, page)
        entries = list(self._entries(page, since, steps, left_out).values())
        try:
            self._table.save(since, page, entries, steps.rows)
        except NotStorable as error:
            kept = [entry for entry in entries if self._table.can_hold([entry])]
            rows = StepRows(
                [row for row in steps.rows.attempts if self._table.can_hold(steps=StepRows([row], []))],
                [row for row in steps.rows.failures if self._table.can_hold(steps=StepRows([], [row]))],
            )
            if len(kept) == len(entries) and rows == steps.rows:
                raise
            refused = {entry.run_id for entry in entries if entry not in kept}
            refused |= {row.run_id for row in steps.rows.attempts if row not in rows.attempts}
            refused |= {row.run_id for row in steps.rows.failures if row not in rows.failures}
            for run_id in sorted(refused):
                _leave_out(left_out, run_id, str(error))
            self._table.save(since, page, kept, rows)

    def _entries(
        self, page: "Sequence[EventRow]", since: Progress, steps: StepCollector, left_out: set[str]
    ) -> dict[str, SearchEntry]:
        """The entries of the page's runs, updated by the page."""
        rows = [row for row in page if is_searched(row.type) and isinstance(row.stream, str)]
        runs = {row.stream for row in rows}
        if since.is_rewound:
            # Their stored entries may include events after the page.
            rows = [row for run in sorted(runs) for row in self._upto(run, page[-1].position)]
        begun = {row.stream for row in rows if row.type == STARTED}
        entries = self._table.entries(runs - begun)

        def add_to_entry(row: "EventRow", data: Mapping[str, Any]) -> None:
            if row.type == STARTED:
                entries[row.stream] = new_entry(row.stream, data, row.position)
            if entry := entries.get(row.stream):
                entry.add(row.type, data)

        def add_to_steps(row: "EventRow", data: Mapping[str, Any]) -> None:
            if row.position > since.position:
                steps.add(row, data)

        for row in rows:
            try:
                data = self._store.body(row)
            except EventNotReadable as error:
                _leave_out(left_out, row.stream, str(error))  # all other runs can be found
                continue
            for add in (add_to_entry, add_to_steps):
                try:
                    add(row, data)
                except MISFITS as error:
                    reason = f"event {row.version}: its body is no {row.type!r} ({error!r})"
                    _leave_out(left_out, row.stream, reason)
        return entries

    def _upto(self, run_id: str, position: int) -> "Iterator[EventRow]":
        return takewhile(lambda row: row.position <= position, self._store.rows(run_id))

    def _age_of(self, rows: "Sequence[EventRow]") -> float:
        """Seconds since the first readable one of these events; at least LEAST_LAG, whatever the clock says."""
        for row in rows:
            try:
                return max(LEAST_LAG, (self._now() - int(self._store.body(row)["recorded_at"])) / 1e6)
            except (EventNotReadable, *MISFITS):
                continue
        return LEAST_LAG


def _leave_out(left_out: set[str], run_id: str, reason: str) -> None:
    if run_id not in left_out and len(left_out) < MAX_NAMED:
        _log.warning("run %r can't be found by all that it holds: %s", run_id, reason, extra={"run_id": run_id})
    left_out.add(run_id)
