"""Checkpoints in a table of the store's own file."""

from collections.abc import Mapping
from typing import Any

from ..checkpoints import CheckpointTable
from ..errors import translate_errors
from ..sql import queries
from .datastore import SQLiteDatastore


class SQLiteCheckpoints(CheckpointTable):
    """Implements ``domain.ports.CheckpointStore`` in the store's own file."""

    def __init__(self, datastore: SQLiteDatastore) -> None:
        self._datastore = datastore
        self._sql = queries("sqlite")

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        rows = [
            {"stream": stream, "version": version, "fold_revision": fold_revision, "state": content}
            for version, content in pages.items()
        ]
        with translate_errors(), self._datastore.write_transaction() as connection:
            connection.executemany(self._sql["save_checkpoint"], rows)

    def clear(self) -> None:
        with translate_errors():
            self._datastore.execute(self._sql["clear_checkpoints"], {})

    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self._datastore.fetch(self._sql[query], parameters)
