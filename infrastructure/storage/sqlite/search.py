"""Search entries in the store's own SQLite file, with a full-text index of their words."""

import json
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import orjson

from ....domain.errors import NotStorable
from ....projections.search import SearchEntry
from ....projections.steps.rows import NO_STEPS, StepRows
from ..errors import translate_errors
from ..search_table import NO_REVISION, Progress, SearchTable
from ..sql import queries

if TYPE_CHECKING:
    from ..recorder import EventRow


class Queryable(Protocol):
    """An object that reads the tables."""

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement."""
        ...


def register_functions(connection: sqlite3.Connection) -> None:
    """Functions for conditions on values: SQLite's own parsing of fractions isn't exact in the last digit."""
    connection.create_function("flowledger_number", 1, float, deterministic=True)


class SQLiteSearch(SearchTable):
    """Entries in a table, with triggers that maintain the full-text index.

    ``beside_events``: the events are in the same file, and streams of them may be removed.
    """

    def __init__(
        self,
        recorder: Queryable,
        transaction: Callable[[], AbstractContextManager[sqlite3.Connection]],
        *,
        beside_events: bool = False,
    ) -> None:
        self._recorder = recorder
        self._transaction = transaction
        self._beside_events = beside_events
        self._sql = queries("sqlite")

    def progress(self) -> Progress:
        rows = self._fetch("search_progress")
        return Progress(*rows[0]) if rows else Progress(0, 0, NO_REVISION)

    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        rows = self._fetch("search_entries", runs=json.dumps(list(run_ids))) if run_ids else []
        return {
            run_id: SearchEntry(run_id, started_at, position, set(words.split(" ")), orjson.loads(document))
            for run_id, started_at, position, words, document in rows
        }

    def documents(self, run_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        rows = self._fetch("search_documents", runs=json.dumps(list(run_ids))) if run_ids else []
        return {run_id: orjson.loads(document) for run_id, document in rows}

    def save(
        self,
        since: Progress,
        page: "Sequence[EventRow]",
        entries: Collection[SearchEntry],
        steps: StepRows = NO_STEPS,
    ) -> bool:
        now = since.advanced_to(page[-1])
        moved = {
            "position": now.position,
            "stream": now.last_stream,
            "version": now.last_version,
            "was": since.position,
            "generation": since.generation,
        }
        with translate_errors(), self._transaction() as connection:
            if self._beside_events and self._were_removed(connection, _runs_in(entries, steps)):
                return False
            if not connection.execute(self._sql["move_search"], moved).rowcount:
                return False
            self._put(connection, entries, steps)
        return True

    def can_hold(self, entries: Collection[SearchEntry] = (), steps: StepRows = NO_STEPS) -> bool:
        try:
            with translate_errors(), self._transaction() as connection:
                connection.execute("SAVEPOINT trial")
                self._put(connection, entries, steps)
                connection.execute("ROLLBACK TO trial")
        except NotStorable:
            return False
        return True

    def restart(self, revision: int) -> None:
        with translate_errors(), self._transaction() as connection:
            if not connection.execute(self._sql["restart_search"], {"revision": revision}).rowcount:
                connection.execute(self._sql["start_search"], {"revision": revision})
            for cleared in ("clear_search", "clear_search_words", "clear_steps", "clear_failures"):
                connection.execute(self._sql[cleared])

    def _were_removed(self, connection: sqlite3.Connection, runs: Collection[str]) -> bool:
        return connection.execute(self._sql["removed_among"], {"runs": json.dumps(list(runs))}).fetchone() is not None

    def _put(self, connection: sqlite3.Connection, entries: Collection[SearchEntry], steps: StepRows) -> None:
        connection.executemany(self._sql["save_search"], map(_row, entries))
        connection.executemany(self._sql["save_steps"], steps.attempts)
        connection.executemany(self._sql["save_failures"], steps.failures)

    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        with translate_errors():
            return self._recorder.query(self._sql[query], parameters)


def _runs_in(entries: Collection[SearchEntry], steps: StepRows) -> set[str]:
    return {each.run_id for rows in (entries, steps.attempts, steps.failures) for each in rows}


def _row(entry: SearchEntry) -> dict[str, Any]:
    return {
        "run_id": entry.run_id,
        "started_at": entry.started_at,
        "position": entry.position,
        "words": " ".join(sorted(entry.words)),
        "document": orjson.dumps(entry.document).decode(),
    }
