"""Checkpoints in a table of the store's own database."""

from collections.abc import Mapping
from typing import Any

from ..checkpoints import CheckpointTable
from ..errors import translate_errors
from .datastore import PostgresDatastore


class PostgresCheckpoints(CheckpointTable):
    """Implements ``domain.ports.CheckpointStore`` in the store's own database."""

    def __init__(self, datastore: PostgresDatastore) -> None:
        self._datastore = datastore

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        arrays = {"versions": list(pages), "states": list(pages.values())}
        with translate_errors():
            self._datastore.execute("save_checkpoints", {"stream": stream, "fold_revision": fold_revision} | arrays)

    def clear(self) -> None:
        with translate_errors():
            self._datastore.execute("clear_checkpoints", {})

    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self._datastore.fetch(query, parameters)
