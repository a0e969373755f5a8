"""What a list shows of the runs on its page beside their rows: values as columns, and what a search found where."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final

from ....domain.errors import EventNotReadable
from ....projections.search import MISFITS, document_of
from ....projections.search.matches import Finder, Match
from ...storage.search_table import SearchTable
from .columns import ValueColumn
from .query import SearchQuery

if TYPE_CHECKING:
    from ....domain.ports import RecordedEvent
    from ...storage.reader import EventReader

MATCH_EVENTS: Final = 2_000
"""Events that are read to tell what the runs of one page have of the words: twenty milliseconds' worth."""

_DAMAGED: Final = (EventNotReadable, *MISFITS)


class RunDetails:
    """Reads the entries of the search, and the events of runs where those don't tell."""

    def __init__(self, store: "EventReader", table: SearchTable) -> None:
        self._store = store
        self._table = table

    def values(
        self, columns: Sequence[ValueColumn], run_ids: Collection[str], as_of: int | None
    ) -> dict[str, dict[str, Any]]:
        """The values of each run by the names of the columns, as of a time or as far as the search has read."""
        documents = {} if as_of is not None else self._table.documents(run_ids)
        return {run_id: self._values(columns, run_id, documents.get(run_id), as_of) for run_id in run_ids}

    def _values(
        self, columns: Sequence[ValueColumn], run_id: str, kept: Mapping[str, Any] | None, as_of: int | None
    ) -> dict[str, Any]:
        if kept is None or not all(column.is_whole_in(kept) for column in columns):
            try:
                kept = document_of((event.type, event.data) for event in self._events(run_id, as_of))
            except _DAMAGED:
                kept = kept or {}  # what can be told of a damaged run is told
        return {column.name: column.value_in(kept) for column in columns}

    def matches(
        self, search: SearchQuery, run_ids: Collection[str], keyed: Collection[str], as_of: int | None
    ) -> dict[str, tuple[Match, ...]]:
        """What each run has of the words, as far as MATCH_EVENTS tell: runs that they don't reach are missing.

        ``keyed`` are those whose idempotency key is the text.
        """
        found: dict[str, tuple[Match, ...]] = {}
        left = MATCH_EVENTS
        for run_id in run_ids:
            if run_id in keyed:
                text = search.text or ""
                found[run_id] = (Match(text, "idempotency_key", text),)
            elif search.words is not None and left > 0:
                finder = Finder(search.words)
                left -= self._look(finder, run_id, left, as_of)
                if left > 0 or finder.is_done:
                    found[run_id] = tuple(finder.found)
        return found

    def _look(self, finder: Finder, run_id: str, most: int, as_of: int | None) -> int:
        """Look for the words in a run's events, at most so many; returns how many were read."""
        read = 0
        try:
            for event in self._events(run_id, as_of):
                finder.look(run_id, event.type, event.version, event.data)
                read += 1
                if finder.is_done or read == most:
                    break
        except _DAMAGED:
            return read + 1  # what was found before stays found
        return read

    def _events(self, run_id: str, as_of: int | None) -> "Iterator[RecordedEvent]":
        events = self._store.read(run_id)
        return events if as_of is None else takewhile(lambda event: event.data["recorded_at"] <= as_of, events)
