"""Checkpoints beside the events: a dict, or a table of the same database."""

from threading import Lock
from typing import TYPE_CHECKING

from .recorder import LAST, errors_in_our_terms
from .sql_files import queries

if TYPE_CHECKING:
    from .postgres_connections import PooledDatastore
    from .sqlite_connections import ThreadBoundDatastore


class MemoryCheckpoints:
    """Implements ``domain.ports.CheckpointStore`` in memory."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[str, dict[int, tuple[int, bytes]]] = {}

    def save(self, stream: str, version: int, fold_revision: int, state: bytes) -> None:
        with self._lock:
            self._states.setdefault(stream, {})[version] = (fold_revision, state)

    def latest(self, stream: str, upto: int | None, fold_revision: int) -> tuple[int, bytes] | None:
        with self._lock:
            candidates = (
                (version, state)
                for version, (revision, state) in self._states.get(stream, {}).items()
                if revision == fold_revision and (upto is None or version <= upto)
            )
            return max(candidates, default=None)

    def clear(self) -> None:
        with self._lock:
            self._states.clear()


class SQLiteCheckpoints:
    """Implements ``domain.ports.CheckpointStore`` in the store's own file."""

    def __init__(self, datastore: "ThreadBoundDatastore") -> None:
        self._datastore = datastore
        self._sql = queries("sqlite")

    def save(self, stream: str, version: int, fold_revision: int, state: bytes) -> None:
        row = {"stream": stream, "version": version, "fold_revision": fold_revision, "state": state}
        with errors_in_our_terms():
            self._datastore.execute(self._sql["save_checkpoint"], row)

    def latest(self, stream: str, upto: int | None, fold_revision: int) -> tuple[int, bytes] | None:
        wanted = {"stream": stream, "upto": LAST if upto is None else upto, "fold_revision": fold_revision}
        with errors_in_our_terms():
            found = self._datastore.fetch(self._sql["latest_checkpoint"], wanted)
        return found[0] if found else None

    def clear(self) -> None:
        with errors_in_our_terms():
            self._datastore.execute(self._sql["clear_checkpoints"], {})


class PostgresCheckpoints:
    """Implements ``domain.ports.CheckpointStore`` in the store's own database."""

    def __init__(self, datastore: "PooledDatastore") -> None:
        self._datastore = datastore

    def save(self, stream: str, version: int, fold_revision: int, state: bytes) -> None:
        row = {"stream": stream, "version": version, "fold_revision": fold_revision, "state": state}
        with errors_in_our_terms():
            self._datastore.execute("save_checkpoint", row)

    def latest(self, stream: str, upto: int | None, fold_revision: int) -> tuple[int, bytes] | None:
        wanted = {"stream": stream, "upto": LAST if upto is None else upto, "fold_revision": fold_revision}
        with errors_in_our_terms():
            found = self._datastore.fetch("latest_checkpoint", wanted)
        return found[0] if found else None

    def clear(self) -> None:
        with errors_in_our_terms():
            self._datastore.execute("clear_checkpoints", {})
