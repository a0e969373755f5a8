"""Search entries in the store's own PostgreSQL database: words as a tsvector, values as jsonb."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import orjson

from ...projections.search import SearchEntry
from ..store.recorder import errors_in_our_terms
from .table import Progress, SearchTable

if TYPE_CHECKING:
    from ..store.postgres_connections import PooledDatastore


class PostgresSearch(SearchTable):
    """Entries in a table. One statement keeps a batch of them and the progress."""

    def __init__(self, datastore: "PooledDatastore") -> None:
        self._datastore = datastore

    def progress(self) -> Progress:
        with errors_in_our_terms():
            ((position, generation),) = self._datastore.look("search_progress", {})
        return Progress(position, generation)

    def entries(self, run_ids: Collection[str]) -> dict[str, SearchEntry]:
        rows: list[Any] = []
        if run_ids:
            with errors_in_our_terms():
                rows = self._datastore.fetch("search_entries", {"runs": list(run_ids)})
        return {
            run_id: SearchEntry(run_id, started_at, position, set(words), orjson.loads(document))
            for run_id, started_at, position, words, document in rows
        }

    def save(self, since: Progress, position: int, entries: Collection[SearchEntry]) -> bool:
        arrays = {
            "runs": [entry.run_id for entry in entries],
            "starts": [entry.started_at for entry in entries],
            "positions": [entry.position for entry in entries],
            "words": [" ".join(entry.words) for entry in entries],
            "documents": [orjson.dumps(entry.document).decode() for entry in entries],
        }
        moved = {"position": position, "was": since.position, "generation": since.generation}
        with errors_in_our_terms():
            return bool(self._datastore.execute("save_search", moved | arrays))

    def clear(self) -> None:
        with errors_in_our_terms():
            self._datastore.execute("clear_search", {})
