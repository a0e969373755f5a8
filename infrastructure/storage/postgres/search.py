"""Search entries in the store's own PostgreSQL database: words as a tsvector, values as jsonb; and steps."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson

from ....domain.errors import NotStorable
from ....projections.search import SearchEntry
from ....projections.steps.rows import NO_STEPS, FailureRow, StepRow, StepRows
from ..errors import translate_errors
from ..search_table import NO_REVISION, Progress, SearchTable

if TYPE_CHECKING:
    from ..recorder import EventRow
    from .datastore import PostgresDatastore


class PostgresSearch(SearchTable):
    """Entries in a table. One transaction keeps a batch of them and the progress."""

    def __init__(self, datastore: "PostgresDatastore") -> None:
        self._datastore = datastore

    def progress(self) -> Progress:
        with translate_errors():
            rows = self._datastore.look("search_progress", {})
        return Progress(*rows[0]) if rows else Progress(0, 0, NO_REVISION)

    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        rows: list[Any] = []
        if run_ids:
            with translate_errors():
                rows = self._datastore.fetch("search_entries", {"runs": list(run_ids)})
        return {
            run_id: SearchEntry(run_id, started_at, position, set(words), orjson.loads(document))
            for run_id, started_at, position, words, document in rows
        }

    def documents(self, run_ids: Collection[str]) -> dict[str, dict[str, Any]]:
        if not run_ids:
            return {}
        with translate_errors():
            rows = self._datastore.fetch("search_documents", {"runs": list(run_ids)})
        return {run_id: orjson.loads(document) for run_id, document in rows}

    def save(
        self,
        since: Progress,
        page: "Sequence[EventRow]",
        entries: Collection[SearchEntry],
        steps: StepRows = NO_STEPS,
    ) -> bool:
        arrays = _arrays(entries)
        now = since.advanced_to(page[-1])
        moved = {"position": now.position, "stream": now.last_stream, "version": now.last_version}
        with translate_errors(), self._datastore.write_transaction() as execute:
            if not execute("lock_search", {"position": since.position, "generation": since.generation}):
                return False
            # A writer of an event at an earlier position holds this lock until the event is visible.
            ((events,),) = execute("count_events", {"after": since.position, "upto": now.position})
            if events != len(page):
                return False
            execute("save_search", moved | arrays)
            _save_steps(execute, steps)
        return True

    def can_hold(self, entries: Collection[SearchEntry] = (), steps: StepRows = NO_STEPS) -> bool:
        nowhere = {"position": 0, "stream": "", "version": 0}
        try:
            with translate_errors(), suppress(_Undone), self._datastore.write_transaction() as execute:
                execute("save_search", nowhere | _arrays(entries))
                _save_steps(execute, steps)
                raise _Undone
        except NotStorable:
            return False
        return True

    def restart(self, revision: int) -> None:
        with translate_errors(), self._datastore.write_transaction() as execute:
            if not execute("restart_search", {"revision": revision}):
                execute("start_search", {"revision": revision})
            execute("clear_search", {})


class _Undone(Exception):
    """The transaction was a trial."""


def _save_steps(execute: Callable[[str, Mapping[str, Any]], list[Any]], steps: StepRows) -> None:
    if steps.attempts:
        execute("save_steps", _columns(steps.attempts))
    if steps.failures:
        execute("save_failures", _columns(steps.failures))


def _columns(rows: Sequence[StepRow] | Sequence[FailureRow]) -> dict[str, Any]:
    return {name: list(values) for name, values in zip(rows[0]._fields, zip(*rows, strict=True), strict=True)}


def _arrays(entries: Collection[SearchEntry]) -> dict[str, Any]:
    return {
        "runs": [entry.run_id for entry in entries],
        "starts": [entry.started_at for entry in entries],
        "positions": [entry.position for entry in entries],
        "words": [" ".join(entry.words) for entry in entries],
        "documents": [orjson.dumps(entry.document).decode() for entry in entries],
    }
