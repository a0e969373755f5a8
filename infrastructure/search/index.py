"""The indexer: follows the log, and keeps an entry of each run up to date. Writers never wait for it."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...domain.errors import EventNotReadable, StorageUnavailable
from ...domain.run import STARTED
from ...projections.search import SearchEntry, is_searched
from .table import SearchTable

if TYPE_CHECKING:
    from ..store.reading import EventReader
    from ..store.recorder import Row


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a search is behind the log: it knows all events up to ``position``; the last one is at ``head``."""

    position: int
    head: int
    seconds: float
    """Age of the oldest event that it doesn't know yet; 0 when it has caught up."""


class SearchIndex:
    """Entries of all runs. Several processes may catch up at once: each batch counts once."""

    def __init__(self, store: "EventReader", table: SearchTable, now: Callable[[], int]) -> None:
        self._store = store
        self._table = table
        self._now = now

    def catch_up(self, budget: int | None = None, progress: Callable[[float], object] | None = None) -> Lag:
        """Take in what the log holds behind our position, at most ``budget`` events; says what is left.

        ``progress`` is told after each batch the part of the log's rest that is done, 0 to 1. A store that can't be
        written to stays as it is, and so behind. Raises StorageUnavailable when it can't be read.

        A position beyond the log is nobody's: it was written by hand, or the log is an older one by now. Then all
        entries are made anew, as none of what comes would ever be taken in.
        """
        position, head = self._catch_up(budget, progress)
        if position > head:
            with suppress(StorageUnavailable):
                self.clear()
                position, head = self._catch_up(budget, progress)
        return self._lag(position, head)

    def lag(self) -> Lag:
        """How far the entries are behind the log. Raises StorageUnavailable."""
        return self._lag(*self._place())

    def clear(self) -> None:
        """Drop all entries; catching up makes them anew from the log. Raises StorageUnavailable."""
        self._table.clear()

    def _catch_up(self, budget: int | None, progress: Callable[[float], object] | None) -> tuple[int, int]:
        read = first = 0
        last = self._store.last_position() if progress else 0
        while budget is None or read < budget:
            since = self._table.progress()
            page = self._store.log_page(since.position)
            if budget is not None:
                page = page[: budget - read]
            if not page:
                break
            entries = self._entries(page)
            try:
                # When somebody else kept these events meanwhile, we go on behind them.
                self._table.save(since, page[-1].position, list(entries.values()))
            except StorageUnavailable:
                break
            read += len(page)
            first = first or page[0].position
            if progress and last > first:
                progress(min(1.0, (page[-1].position - first) / (last - first)))
        return self._place()

    def _place(self) -> tuple[int, int]:
        """How far the entries go, and the log. In this order: the log only grows."""
        return self._table.progress().position, self._store.last_position()

    def _lag(self, position: int, head: int) -> Lag:
        known = position if position <= head else 0
        return Lag(known, head, self._age_of_next(known) if known < head else 0.0)

    def _entries(self, page: "Sequence[Row]") -> dict[str, SearchEntry]:
        """The entries of the runs that the page tells of, as they are after it."""
        rows = [row for row in page if is_searched(row.type)]
        begun = {row.stream for row in rows if row.type == STARTED}
        entries = self._table.entries({row.stream for row in rows} - begun)
        for row in rows:
            try:
                data = self._store.body(row)
            except EventNotReadable:
                continue  # verify tells of it; all others can be found
            if row.type == STARTED:
                entries[row.stream] = SearchEntry(row.stream, data["recorded_at"], row.position)
            if entry := entries.get(row.stream):
                entry.add(row.type, data)
        return entries

    def _age_of_next(self, position: int) -> float:
        """Seconds since the first event behind a position; also where it must wait, as one before it may yet come."""
        rows = self._store.log_page(position) or self._store.log_page(position, settled=False)
        try:
            return max(0, self._now() - int(self._store.body(rows[0])["recorded_at"])) / 1e6 if rows else 0.0
        except EventNotReadable:
            return 0.0
