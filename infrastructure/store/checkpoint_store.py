"""Checkpoints beside the events: a dict, or a table of the same database."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...domain.ports import KeptCheckpoint
from .codec import digest_of
from .forking import ForksAnew, follow_forks
from .recorder import LAST, PAGE_ROWS, LedgerRecorder, errors_in_our_terms
from .sql_files import queries

if TYPE_CHECKING:
    from .postgres_connections import PooledDatastore
    from .sqlite_connections import ThreadBoundDatastore

PAGES_AT_ONCE = 16
LARGE_PAGE = 2**20
"""Pages above this many bytes are fetched one at a time."""


class MemoryCheckpoints(ForksAnew):
    """Implements ``domain.ports.CheckpointStore`` in memory, beside the events of a recorder."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._lock = Lock()
        self._pages: dict[str, dict[int, tuple[int, bytes]]] = {}
        follow_forks(self)

    def after_fork_in_child(self) -> None:
        self._lock = Lock()  # whoever holds it isn't here

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        with self._lock:
            kept = self._pages.setdefault(stream, {})
            kept.update((version, (fold_revision, content)) for version, content in pages.items())

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[KeptCheckpoint]:
        with self._lock:
            kept = sorted(self._pages.get(stream, {}).items())
        for version, (revision, content) in kept:
            if revision == fold_revision and (upto is None or version <= upto):
                header = self._recorder.header(stream, version)
                yield KeptCheckpoint(version, content, header and digest_of(header[0]))

    def streams(self, fold_revision: int) -> Iterator[str]:
        with self._lock:
            return iter(
                sorted(
                    stream
                    for stream, kept in self._pages.items()
                    if any(revision == fold_revision for revision, _ in kept.values())
                )
            )

    def clear(self) -> None:
        with self._lock:
            self._pages.clear()


class _TableOfCheckpoints(ABC):
    """Reading by named queries, which each database has under the same names."""

    @abstractmethod
    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        """All rows of a named query."""

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[KeptCheckpoint]:
        wanted = {"stream": stream, "fold_revision": fold_revision}
        bounds = {"upto": LAST if upto is None else upto, "large": LARGE_PAGE, "rows": PAGES_AT_ONCE}
        after = 0
        while True:
            with errors_in_our_terms():
                found = self._fetch("checkpoints", after=after, **wanted, **bounds)
            for version, content, digest in found:
                whole = content if content is not None else self._large(version=version, **wanted)
                yield KeptCheckpoint(version, whole, digest)
            if len(found) < PAGES_AT_ONCE:
                return
            after = found[-1][0]

    def streams(self, fold_revision: int) -> Iterator[str]:
        after = ""
        while True:
            with errors_in_our_terms():
                found = self._fetch("checkpointed_streams", after=after, fold_revision=fold_revision, rows=PAGE_ROWS)
            yield from (stream for (stream,) in found)
            if len(found) < PAGE_ROWS:
                return
            (after,) = found[-1]

    def _large(self, **wanted: Any) -> bytes:
        with errors_in_our_terms():
            found = self._fetch("large_checkpoint", **wanted)
        return found[0][0] if found else b""


class SQLiteCheckpoints(_TableOfCheckpoints):
    """Implements ``domain.ports.CheckpointStore`` in the store's own file."""

    def __init__(self, datastore: "ThreadBoundDatastore") -> None:
        self._datastore = datastore
        self._sql = queries("sqlite")

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        rows = [
            {"stream": stream, "version": version, "fold_revision": fold_revision, "state": content}
            for version, content in pages.items()
        ]
        with errors_in_our_terms(), self._datastore.transaction_of_several() as connection:
            connection.executemany(self._sql["save_checkpoint"], rows)

    def clear(self) -> None:
        with errors_in_our_terms():
            self._datastore.execute(self._sql["clear_checkpoints"], {})

    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self._datastore.fetch(self._sql[query], parameters)


class PostgresCheckpoints(_TableOfCheckpoints):
    """Implements ``domain.ports.CheckpointStore`` in the store's own database."""

    def __init__(self, datastore: "PooledDatastore") -> None:
        self._datastore = datastore

    def save(self, stream: str, fold_revision: int, pages: Mapping[int, bytes]) -> None:
        arrays = {"versions": list(pages), "states": list(pages.values())}
        with errors_in_our_terms():
            self._datastore.execute("save_checkpoints", {"stream": stream, "fold_revision": fold_revision} | arrays)

    def clear(self) -> None:
        with errors_in_our_terms():
            self._datastore.execute("clear_checkpoints", {})

    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return self._datastore.fetch(query, parameters)
