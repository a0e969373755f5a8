"""Runs of a list that a search finds."""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Any

from ....domain.errors import EventNotReadable, InvalidRequest, StorageUnavailable
from ....domain.expressions.language import Allowance
from ....projections.index.query import Condition, RunQuery
from ....projections.index.rows import RunRow
from ....projections.search import CUT, MISFITS, SearchEntry, WordQuery, document_of, words_of
from ...storage.errors import translate_errors
from ...storage.reader import EventReader
from ...storage.search_table import SearchTable
from ..index.reader import Index
from ..index.runs import RUN_COLUMNS, place_in
from .indexer import Lag, SearchIndex
from .query import SearchQuery
from .sql import SearchCondition, condition

SAMPLE = 500
"""Newest runs that are sampled to estimate how frequent matches are."""

FREQUENT = 5
"""Matches in the sample: from one run in a hundred on, walking the list is cheaper than collecting all matches."""

COMMON = 50
"""Matches in the sample above which an index lookup would collect more than it saves."""

MAX_CANDIDATES = 20_000
"""Runs that one page may check one by one."""

CATCH_UP_EVENTS = 20_000
"""Events that a search adds before it answers: about half a second at most."""

_CANDIDATES_AT_ONCE = 500

_log = logging.getLogger("flowledger.search")

_EVENT = 10_000
"""Cost of reading an event from the log: ten microseconds."""


class SearchedRuns:
    """Runs of the index that a search finds."""

    def __init__(self, store: EventReader, table: SearchTable, index: Index, indexer: SearchIndex) -> None:
        self._store = store
        self._recorder = store.recorder
        self._table = table
        self._index = index
        self._indexer = indexer

    def catch_up(self) -> Lag:
        """Add the events since the last search; with many new events the search may stay behind, and reports its lag.

        So it does if the disk is full, or another process holds a lock: then it finds what was indexed before.
        """
        try:
            return self._indexer.catch_up(CATCH_UP_EVENTS)
        except StorageUnavailable as error:
            lag = self._indexer.lag()
            _log.warning("the search can't take in what was written lately: %s", error)
            return lag

    def page(self, query: RunQuery, search: SearchQuery, limit: int) -> list[RunRow]:
        """In the order of the list, at most ``limit`` of them.

        As of a past time, words and values are those that were known then.

        Raises InvalidRequest when too many runs would have to be looked at one by one, StorageUnavailable.
        """
        # Past values are only in the log; a word that was indexed then still is.
        filters = search.filters if query.as_of is None else ()
        found = condition(self._recorder.dialect, search.words, filters)
        collecting = self._choose_collection(found)
        # A match of words that isn't certain is nearly always one; a match of values may be or not.
        is_probable = found.certain != "FALSE" or (not search.words_are_certain and not filters)
        at_once = limit if is_probable and query.as_of is None else max(limit, _CANDIDATES_AT_ONCE)
        rows: list[RunRow] = []
        allowance, looked_at = Allowance(), 0
        while True:
            page = self._candidates(query, found, collecting, at_once)
            run_ids = [row.run_id for row in page]
            if query.as_of is None:
                confirmed = self._confirm(found, search, run_ids, allowance)
            else:
                confirmed = self._confirm_as_of(query.as_of, search, run_ids, allowance)
            rows += [row for row in page if row.run_id in confirmed]
            looked_at += len(page)
            if len(page) < at_once or len(rows) >= limit:
                return rows[:limit]
            if looked_at >= MAX_CANDIDATES:
                raise _too_costly()
            query = replace(query, before=place_in(page[-1], query))

    def _candidates(self, query: RunQuery, found: SearchCondition, collecting: str | None, limit: int) -> list[RunRow]:
        if self._recorder.dialect == "sqlite":
            among = f"r.run_id IN (SELECT s.run_id FROM flowledger_search AS s WHERE {found.sql})"  # noqa: S608 - ours
            return self._index.runs(query, limit, [Condition(among, found.parameters)])
        if collecting is None:
            met = f"(SELECT {found.sql} FROM flowledger_search AS s WHERE s.run_id = r.run_id)"  # noqa: S608 - as above
            return self._index.runs(query, limit, [Condition(met, found.parameters)])
        return self._index.runs(query, limit, [Condition("TRUE", found.parameters)], _collected(query, collecting))

    def _choose_collection(self, found: SearchCondition) -> str | None:
        """The condition by which to collect all matches; None if it is cheaper to walk the list.

        The server's planner would decide that by its estimates of texts and documents, which are often far off.
        """
        if self._recorder.dialect == "sqlite" or not any(part.has_index for part in found.parts):
            return None
        counts = ", ".join(
            f"count(*) FILTER (WHERE {condition})" for condition in (found.sql, *(part.sql for part in found.parts))
        )
        newest = f"SELECT * FROM flowledger_search ORDER BY started_at DESC, position DESC LIMIT {SAMPLE}"  # noqa: S608 - as above
        with translate_errors():
            ((together, *each),) = self._recorder.query(f"SELECT {counts} FROM ({newest}) AS s", found.parameters)  # noqa: S608 - our own columns and tables; values are parameters
        if together >= FREQUENT:
            return None
        rare = [part.has_index and count < COMMON for part, count in zip(found.parts, each, strict=True)]
        looked_up = rare if any(rare) else [part.has_index for part in found.parts]
        return " AND ".join(
            part.sql if by_index else f"({part.sql}) IS TRUE"  # so that no index is used
            for part, by_index in zip(found.parts, looked_up, strict=True)
        )

    def _confirm(
        self, found: SearchCondition, search: SearchQuery, run_ids: Collection[str], allowance: Allowance
    ) -> Collection[str]:
        """The runs that match."""
        confirmed = self._find_certain(found, run_ids)
        uncertain = [run_id for run_id in run_ids if run_id not in confirmed]
        if uncertain:
            confirmed |= {
                entry.run_id
                for entry in self._table.entries(uncertain).values()
                if self._matches(entry, search, allowance)
            }
        return confirmed

    def _confirm_as_of(
        self, time: int, search: SearchQuery, run_ids: Collection[str], allowance: Allowance
    ) -> Collection[str]:
        """The runs that matched at a time."""
        confirmed: set[str] = set()
        for run_id in run_ids:
            try:
                events = list(takewhile(lambda event: event[1]["recorded_at"] <= time, self._events(run_id, allowance)))
                if _has_words(search.words, run_id, events) and search.is_met_by(document_of(events), allowance):
                    confirmed.add(run_id)
            except _DAMAGED:
                continue  # a damaged run can't be checked; the others are found
        return confirmed

    def _find_certain(self, found: SearchCondition, run_ids: Collection[str]) -> set[str]:
        if not run_ids or found.certain == "FALSE":
            return set()
        runs: str | list[str]
        if self._recorder.dialect == "sqlite":
            listed, runs = "s.run_id IN (SELECT value FROM json_each(:search_runs))", json.dumps(list(run_ids))
        else:
            listed, runs = "s.run_id = ANY (:search_runs)", list(run_ids)
        sql = f"SELECT s.run_id FROM flowledger_search AS s WHERE {listed} AND {found.certain}"  # noqa: S608 - as above
        with translate_errors():
            rows = self._recorder.query(sql, found.parameters | {"search_runs": runs})
        return {run_id for (run_id,) in rows}

    def _matches(self, entry: SearchEntry, search: SearchQuery, allowance: Allowance) -> bool:
        words, document = search.words, entry.document
        is_indexed = words is None or words.is_indexed_in(entry.words)
        if not is_indexed and CUT not in entry.words:
            return False
        is_certain = is_indexed and search.words_are_certain
        if not is_certain or search.may_miss(document):
            try:
                events = list(self._events(entry.run_id, allowance))
                if not is_certain and not _has_words(words, entry.run_id, events):
                    return False
                document = document_of(events)
            except _DAMAGED:
                return False  # as above
        return search.is_met_by(document, allowance)

    def _events(self, run_id: str, allowance: Allowance) -> Iterator[tuple[str, Mapping[str, Any]]]:
        for event in self._store.read(run_id):
            if not allowance.take(_EVENT):
                raise _too_costly()
            yield event.type, event.data


_DAMAGED = (EventNotReadable, *MISFITS)
"""Errors of a run with an event that isn't as it was written."""


def _collected(query: RunQuery, condition: str) -> str:
    """All matching runs, sorted, each then looked up by its key, whatever the planner estimates."""
    if query.order.by == "started":
        direction, sign = ("DESC", "<") if query.order.descending else ("ASC", ">")
        before = "" if query.before is None else f"WHERE (started_at, position) {sign} (:before_time, :before_position)"
        found = f"(SELECT * FROM found {before} ORDER BY started_at {direction}, position {direction}) AS found"  # noqa: S608 - ours
    else:
        found = "found"  # the order is that of the rows, which are sorted once they are looked up
    others = ", ".join(f"one.{column}" for column in RUN_COLUMNS if column not in ("started_at", "position"))
    return f"""(
    WITH found AS MATERIALIZED (
        SELECT s.run_id, s.started_at, s.position FROM flowledger_search AS s WHERE {condition}
    )
    SELECT found.started_at, found.position, {others}
    FROM {found}
    CROSS JOIN LATERAL (SELECT * FROM flowledger_index_runs AS run WHERE run.run_id = found.run_id LIMIT 1) AS one
)"""  # noqa: S608 - ours, values are parameters


def _has_words(words: WordQuery | None, run_id: str, events: Sequence[tuple[str, Mapping[str, Any]]]) -> bool:
    return words is None or words.is_in(words_of(run_id, events))


def _too_costly() -> InvalidRequest:
    return InvalidRequest(
        "this search would have to look at too many runs one by one: narrow it down by workflow, status or time, "
        "or by a comparison of a value with a constant"
    )
