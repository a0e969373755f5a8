"""The store's recorder as one process sees it: each call is a switch point, and may fail."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from eventsourcing.persistence import OperationalError, StoredEvent

from flowledger.infrastructure.storage.errors import ConnectionLost
from flowledger.infrastructure.storage.recorder import EventRow, LedgerRecorder, StreamRow


class SimulatedRecorder:
    """Passes each call on to the one recorder that all processes share. What happens inside of it is atomic."""

    waits_for_a_disk = False

    def __init__(self, inner: LedgerRecorder, process: Any) -> None:
        self._inner = inner
        self._process = process
        self._world = process.world
        self.dialect = inner.dialect
        self.breaks_next = False
        """Whether the connection breaks at the next call, too."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        self._point("append")
        fault = self._world.faults.at_commit()
        if fault == "failure before commit":
            raise OperationalError("the disk is full")
        if fault == "connection lost before commit":
            raise ConnectionLost("before the commit")
        positions = list(self._inner.insert_events(stored_events, **kwargs))
        self._world.journal.committed(self._process, stored_events, positions)
        if fault is not None:
            self.breaks_next = fault == "lost acknowledgement, twice"
            raise ConnectionLost("after the commit")
        self._world.scheduler.point("appended")
        return positions

    def head(self, stream: str) -> int:
        self._point("head")
        return self._inner.head(stream)

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        self._point("header")
        return self._inner.header(stream, version)

    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        self._point("beginning")
        return self._inner.beginning(stream, upto)

    def encoded(self, stream: str, version: int) -> bytes | None:
        self._point("read")
        return self._inner.encoded(stream, version)

    def stream_batch(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        self._point("read")
        return self._inner.stream_batch(stream, after, upto)

    def stream_batch_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        self._point("read backwards")
        return self._inner.stream_batch_backwards(stream, after, upto, rows)

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[EventRow]:
        self._point("events at")
        return self._inner.rows_at(places)

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        self._point("tail")
        return self._inner.log_batch(after, settled=settled)

    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        self._point("index")
        return self._inner.query(sql, parameters)

    def query_beside_head(self, stream: str, sql: str, parameters: Mapping[str, Any]) -> tuple[int, list[Any]]:
        self._point("index")
        return self._inner.query_beside_head(stream, sql, parameters)

    def change(self, sql: str, parameters: Mapping[str, Any]) -> None:
        self._point("workers")
        self._inner.change(sql, parameters)

    @contextmanager
    def locked(self, sql: str, parameters: Mapping[str, Any]) -> Generator[list[Any]]:
        """Without the lock, which only keeps workers from deciding on the same runs in vain."""
        self._point("lot")
        yield self._inner.query(sql, parameters)

    def set_clock(self) -> None:
        """All processes have the clock of the simulation."""

    def close(self) -> None:
        """The others go on with it."""

    def __getattr__(self, name: str) -> Any:
        """What only ``verify`` and ``rebuild`` use, which aren't interleaved."""
        return getattr(self._inner, name)

    def _point(self, kind: str) -> None:
        self._world.scheduler.point(kind)
        if self.breaks_next:
            self.breaks_next = False
            raise ConnectionLost("and once more")
        if self._world.faults.is_out:
            raise OperationalError("the store can't be reached")
