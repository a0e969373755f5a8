"""What the event store asks of a recorder, beyond what eventsourcing asks of one.

Reading goes page by page: a page is short, and leaves out the state of large events, which are fetched one at a time
when their turn comes. So a reader never holds more than a page of small events and one large one, and never keeps a
transaction open while its caller thinks.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from eventsourcing.persistence import (
    ApplicationRecorder,
    DataError,
    IntegrityError,
    InternalError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
    StoredEvent,
)

from ...domain.errors import FlowledgerError, NotStorable, StorageCorrupt, StorageUnavailable, StoreReadOnly
from ...projections.index.changes import Changes
from .codec import BODY
from .sql import Dialect

LAST = 2**63 - 1
"""The greatest version or position that a database can hold."""

PAGE_ROWS = 1_000
LARGE_STATE = 32 * 2**10
"""States above this many bytes are left out of pages."""

BEGINNING_BYTES = 1024
"""How much of a state tells an event's beginning: a step says all but its values in less."""

MAX_EVENTS_PER_COMMIT = 2**20 - 1
"""PostgreSQL numbers the events of one commit in 20 bits of their position; the other backends keep the same bound."""


class ConnectionLost(OperationalError):
    """The connection broke while the server was at work: whether it committed is unknown."""


class WriteRefused(OperationalError):
    """The store can be read, but not written to."""


class PredecessorMissing(IntegrityError):
    """An event was to follow one that isn't stored: the store has lost it, or holds another one in its place."""


class Row(NamedTuple):
    """One stored event; ``state`` is None when it is large and must be fetched by itself."""

    stream: str
    version: int
    position: int
    type: str
    state: bytes | None


StreamRow = tuple[int, str, bytes | None, int]
"""Version, type, state, position: what a fold reads most, in a plain tuple, straight from the driver."""


class LedgerRecorder(ApplicationRecorder):
    """A recorder that finds heads, looks at single events and reads in bounded pages.

    ``insert_events`` stores all events in one durable commit and returns their positions. It raises eventsourcing's
    IntegrityError when a version is taken, PredecessorMissing when a LinkedEvent doesn't follow the event that it must
    (told by the statement that stores it, so that nothing can come in between), and ConnectionLost when the outcome is
    unknown. Every method raises
    eventsourcing's InternalError or ProgrammingError when the storage contradicts itself or lacks its tables, another
    PersistenceError when it can't be used.
    """

    waits_for_a_disk = True
    """Whether a commit takes long enough to let others run meanwhile."""

    dialect: Dialect
    """Of the SQL that ``query`` takes."""

    @abstractmethod
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]: ...

    @abstractmethod
    def head(self, stream: str) -> int:
        """The version of the last event, 0 when there is none."""

    @abstractmethod
    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        """The first 41 bytes of an event's state, and its position; None when there is no such event."""

    @abstractmethod
    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        """Version, type and the first BEGINNING_BYTES of the state of the last event with ``version <= upto``."""

    @abstractmethod
    def state(self, stream: str, version: int) -> bytes | None:
        """The whole state of one event."""

    @abstractmethod
    def stream_page(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        """At most PAGE_ROWS events with ``after < version <= upto``, first version first."""

    @abstractmethod
    def stream_page_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        """At most ``rows`` of the same, last version first."""

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[Row]:
        """The events at places, each a stream and a version, as far as there are such; large ones without their state.

        One by one, which is fast where no server has to be asked.
        """
        return [
            Row(stream, found, position, type, state)
            for stream, version in places
            for found, type, state, position in self.stream_page(stream, version - 1, version)
        ]

    @abstractmethod
    def log_page(self, after: int, *, settled: bool = True) -> Sequence[Row]:
        """At most PAGE_ROWS events with ``position > after`` in order of position.

        Where ``settled``, none that could be overtaken.
        """

    @abstractmethod
    def all_page(self, after: tuple[str, int]) -> Sequence[Row]:
        """At most PAGE_ROWS events behind (stream, version), in the order of streams, then of versions."""

    @abstractmethod
    def indexed_page(self, after: int, *, settled: bool) -> Sequence[Row]:
        """At most PAGE_ROWS events with ``position > after`` that may move rows of the index, in order of position.

        Where ``settled``, none that could be overtaken.
        """

    @abstractmethod
    def rebuilding(self) -> "Rebuilding":
        """What makes the index anew."""

    @abstractmethod
    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement that reads the index, in the recorder's dialect, with parameters like ``:name``."""

    def query_beside_head(self, stream: str, sql: str, parameters: Mapping[str, Any]) -> tuple[int, list[Any]]:
        """The head of a stream, and the rows of such a statement at the same moment. Its first column is never null."""
        while True:
            head = self.head(stream)
            found = self.query(sql, parameters)
            if self.head(stream) == head:
                return head, found

    @abstractmethod
    def close(self) -> None:
        """Release connections."""


class CatchUp(Protocol):
    """Brings in the events that came meanwhile; where ``settled``, none that could be overtaken by others."""

    def __call__(self, *, settled: bool) -> None: ...


class IndexedPage(NamedTuple):
    """What a stretch of the log does to the index; places are positions."""

    since: int
    """The position behind which it begins."""
    upto: int
    events: int
    """How many of its events move rows."""
    changes: Changes


class EndedByOthers(Exception):
    """Others have ended the rebuild that this one took part in: the index is made anew."""

    def __init__(self, events: int) -> None:
        super().__init__(f"the index was made anew from {events} events")
        self.events = events


class Rebuilding(ABC):
    """Makes the index anew in tables beside it, while others read and write the old ones, and puts them in its place.

    A context manager: what it has made goes when it is left before ``swap``. Where others may take part, each method
    raises EndedByOthers once they are done.
    """

    @abstractmethod
    def __enter__(self) -> Self: ...

    @abstractmethod
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    @abstractmethod
    def position(self) -> int:
        """How far the new rows go: the position to go on behind, further back than before where others began anew."""

    @abstractmethod
    def put(self, page: IndexedPage) -> int:
        """Change the new rows, unless others are elsewhere by now. Returns the position to go on behind."""

    @abstractmethod
    def swap(self, catch_up: CatchUp, revision: int) -> int:
        """Put the new tables in place of the old ones. Nobody writes while the last events are brought in.

        Returns how many events moved rows.
        """


class QueryingRecorder(LedgerRecorder):
    """Reading by named queries, which each database has in a file of its own under the same names."""

    @abstractmethod
    def fetch(self, query: str, **parameters: Any) -> list[Any]:
        """All rows of a named query."""

    def look(self, query: str, **parameters: Any) -> list[Any]:
        """The same for a query with few small rows."""
        return self.fetch(query, **parameters)

    def head(self, stream: str) -> int:
        ((version,),) = self.look("head", stream=stream)
        return version or 0

    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        found = self.look("header", stream=stream, version=version, bytes=BODY)
        return found[0] if found else None

    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        found = self.look("beginning", stream=stream, upto=LAST if upto is None else upto, bytes=BEGINNING_BYTES)
        return found[0] if found else None

    def state(self, stream: str, version: int) -> bytes | None:
        found = self.fetch("state", stream=stream, version=version)
        return found[0][0] if found else None

    def stream_page(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        return self._page("stream_page", PAGE_ROWS, stream=stream, after=after, upto=LAST if upto is None else upto)

    def stream_page_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        last = LAST if upto is None else upto
        return self._page("stream_page_backwards", rows, stream=stream, after=after, upto=last)

    def log_page(self, after: int, *, settled: bool = True) -> Sequence[Row]:
        return list(map(Row._make, self._page("log_page", PAGE_ROWS, after=after, settled=settled)))

    def indexed_page(self, after: int, *, settled: bool) -> Sequence[Row]:
        return list(map(Row._make, self._page("indexed_page", PAGE_ROWS, after=after, settled=settled)))

    def all_page(self, after: tuple[str, int]) -> Sequence[Row]:
        return list(map(Row._make, self._page("all_page", PAGE_ROWS, stream=after[0], version=after[1])))

    def query_beside_head(self, stream: str, sql: str, parameters: Mapping[str, Any]) -> tuple[int, list[Any]]:
        head = (
            "SELECT coalesce(max(originator_version), 0) AS version FROM flowledger_events WHERE originator_id = :head"
        )
        beside = f"SELECT head.version, found.* FROM ({head}) AS head LEFT JOIN ({sql}) AS found ON TRUE"  # noqa: S608 - our own columns and tables; values are parameters
        found = self.query(beside, {**parameters, "head": stream})
        return found[0][0], [tuple(row[1:]) for row in found if row[1] is not None]

    def _page(self, query: str, rows: int, **bounds: Any) -> list[Any]:
        return self.fetch(query, large=LARGE_STATE, rows=rows, **bounds)


def missing_before(stream: str, version: int) -> PredecessorMissing:
    """The error for an event whose place is behind one that isn't there."""
    return PredecessorMissing(f"event {version} of stream {stream!r} doesn't follow the one that is stored before it")


def storage_error(error: PersistenceError) -> FlowledgerError:
    """The error of flowledger's tree that stands for an error of a recorder."""
    kind = next((ours for theirs, ours in _IN_OUR_TERMS if isinstance(error, theirs)), StorageUnavailable)
    return kind(str(error))


_IN_OUR_TERMS: Sequence[tuple[type[PersistenceError], type[FlowledgerError]]] = (
    (WriteRefused, StoreReadOnly),
    (DataError, NotStorable),
    (IntegrityError, NotStorable),
    (InternalError, StorageCorrupt),
    (ProgrammingError, StorageCorrupt),
)


@contextmanager
def errors_in_our_terms() -> Generator[None]:
    """Raises errors of flowledger's tree instead of those of a recorder."""
    try:
        yield
    except PersistenceError as error:
        raise storage_error(error) from error
    except (UnicodeEncodeError, OverflowError) as error:
        raise NotStorable(f"the store was asked for a value that it can't hold: {error}") from error
