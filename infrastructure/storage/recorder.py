"""The port of recorders: what the event store needs beyond what eventsourcing asks of one.

Reads go in batches: a batch is short, and leaves out the bytes of large events, which are fetched one at a time when
their turn comes. So a reader never holds more than a batch of small events and one large one, and never keeps a
transaction open between batches.
"""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from eventsourcing.persistence import ApplicationRecorder, StoredEvent

from ...domain.errors import InvalidRequest
from ...domain.lazy import lazy
from ...domain.ports import Guard
from ...domain.values.clock import SteadyClock
from ...projections.status.model import PoolUse
from .codec import BODY, digest_of
from .index_rebuild import IndexRebuild
from .sql import Dialect

LAST = 2**63 - 1
"""The greatest version or position that a database can hold."""

BATCH_ROWS = 1_000
DIGEST_ROWS = 8 * BATCH_ROWS
"""Of what is hashed of events, which is small: each batch of the tree over all events is a commit."""

LARGE_EVENT = 32 * 2**10
"""Events above this many bytes are left out of batches."""

BEGINNING_BYTES = 1024
"""Encoded bytes read for an event's beginning: a step needs less for all but its values."""

MAX_EVENTS_PER_COMMIT = 2**20 - 1
"""PostgreSQL numbers the events of one commit in 20 bits of their position; the other backends keep the same bound."""


class EventRow(NamedTuple):
    """One stored event; ``encoded`` is None when it is large and must be fetched by itself."""

    stream: str
    version: int
    position: int
    type: str
    encoded: bytes | None


StreamRow = tuple[int, str, bytes | None, int]
"""Version, type, encoded bytes, position: the rows of a fold, as plain tuples straight from the driver."""


class LedgerRecorder(ApplicationRecorder):
    """A recorder that finds heads, reads single events, and reads in bounded batches.

    ``insert_events`` stores all events in one durable commit and returns their positions. It raises eventsourcing's
    IntegrityError when a version is taken, PredecessorMissing when a LinkedEvent doesn't follow the event that it must
    (checked by the statement that stores it, so nothing can happen in between), and ConnectionLost when the outcome is
    unknown. Every method raises eventsourcing's InternalError or ProgrammingError when the storage contradicts itself
    or lacks its tables, another PersistenceError when it can't be used.
    """

    waits_for_a_disk = True
    """Whether a commit takes long enough to let other tasks run meanwhile."""

    dialect: Dialect
    """The dialect of the SQL that ``query`` takes."""

    can_guard = False
    """Whether it stores a GuardedEvent only while its guard holds, and else raises GuardRefused."""

    callers_transaction: int | None = None
    """Where it is inside a transaction of a caller's: the number of that, if it has one and has appended."""

    @lazy
    def clock(self) -> Callable[[], int]:
        """The time by which everybody goes who uses the store, in microseconds since 1970; it never runs back.

        The machine's, where the store is on it.
        """
        return SteadyClock()

    def set_clock(self) -> None:
        """Set the clock again by that of the database, where it isn't this machine's."""

    @abstractmethod
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]: ...

    @abstractmethod
    def head(self, stream: str) -> int:
        """The version of the last event, 0 when there is none."""

    @abstractmethod
    def header(self, stream: str, version: int) -> tuple[bytes, int] | None:
        """The first 41 encoded bytes of an event, and its position; None when there is no such event."""

    @abstractmethod
    def beginning(self, stream: str, upto: int | None) -> tuple[int, str, bytes] | None:
        """Version, type and the first BEGINNING_BYTES encoded bytes of the last event with ``version <= upto``."""

    @abstractmethod
    def encoded(self, stream: str, version: int) -> bytes | None:
        """All encoded bytes of one event."""

    @abstractmethod
    def stream_batch(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        """At most BATCH_ROWS events with ``after < version <= upto``, first version first."""

    @abstractmethod
    def stream_batch_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        """At most ``rows`` of the same, last version first."""

    reads_places_at_once = False
    """Whether ``rows_at`` takes one round trip."""

    def rows_at(self, places: Sequence[tuple[str, int]]) -> Sequence[EventRow]:
        """The events at places, each a stream and a version, as far as they exist; large ones without their bytes.

        One by one, which is fast where there is no server.
        """
        return [
            EventRow(stream, found, position, type, encoded)
            for stream, version in places
            for found, type, encoded, position in self.stream_batch(stream, version - 1, version)
        ]

    @abstractmethod
    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        """At most BATCH_ROWS events with ``position > after`` in order of position.

        With ``settled``, none that a later commit could precede.
        """

    def digest_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        """The same events as ``log_batch``, each with its first 41 encoded bytes alone, whatever its size.

        Where the database cuts them off it may be more events at once.
        """
        return [
            row._replace(encoded=row.encoded[:BODY] if row.encoded is not None else self._header_of(row))
            for row in self.log_batch(after, settled=settled)
        ]

    def _header_of(self, row: EventRow) -> bytes:
        found = self.header(row.stream, row.version)
        return b"" if found is None else found[0]

    def settled_position(self) -> int:
        """The greatest position of an event, or less: none that a later commit could precede lies behind it."""
        return self.max_notification_id() or 0

    def events_behind(self, position: int) -> int:
        """How many events lie behind a position."""
        count = 0
        while page := self.log_batch(position, settled=False):
            count, position = count + len(page), page[-1].position
        return count

    @abstractmethod
    def batch_by_stream(self, after: tuple[str, int]) -> Sequence[EventRow]:
        """At most BATCH_ROWS events after (stream, version), in the order of streams, then of versions."""

    @abstractmethod
    def indexed_batch(self, after: int, *, settled: bool) -> Sequence[EventRow]:
        """At most BATCH_ROWS events with ``position > after`` that may change rows of the index, in order of position.

        With ``settled``, none that a later commit could precede.
        """

    @abstractmethod
    def index_rebuild(self) -> IndexRebuild:
        """A rebuild of the index, as a context manager."""

    @abstractmethod
    def query(self, sql: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows of a statement that reads the index, in the recorder's dialect, with parameters like ``:name``."""

    @abstractmethod
    def change(self, sql: str, parameters: Mapping[str, Any]) -> None:
        """Run such a statement that changes what is kept beside the events: a transaction by itself."""

    def pool_use(self) -> PoolUse | None:
        """How the connections of this process are used, where there is a pool of them."""
        return None

    @abstractmethod
    def locked(self, sql: str, parameters: Mapping[str, Any]) -> AbstractContextManager[list[Any]]:
        """The rows of such a statement, which locks them against those who run it at the same time, for as long as the
        block lasts. Where the database has no such locks, they are locked in this process alone."""

    def removal(self) -> AbstractContextManager[tuple[object, Callable[[str, Mapping[str, Any]], list[Any]]]]:
        """A transaction in which streams are removed: the driver's connection, and what runs a statement on it.

        Raises RemovalDelayed where others keep it from ending.
        """
        raise InvalidRequest("a store in memory, or of your own, keeps all that it has: nothing can be removed")

    def return_space(self, give_way: Callable[[], object]) -> int:  # noqa: ARG002 - nothing was freed
        """Give back to the disk what was freed, as far as that goes beside others. Returns how many bytes.

        ``give_way`` is called between two steps, where there are several.
        """
        return 0

    scrubs = "is in memory only"
    """What ``scrub`` does, in words."""

    def prepare_scrub(self) -> None:
        """Before rows are deleted that must not be left on the disk, in the same thread."""

    def scrub(self, table: str) -> str:  # noqa: ARG002 - of those on a disk
        """See that what was overwritten and deleted in a table isn't left on the disk. What was done, in words."""
        return self.scrubs

    def list_parameter(self, values: Sequence[str] | Sequence[int]) -> object:
        """A list as a parameter of such a statement."""
        return json.dumps(list(values))

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


def holds(recorder: LedgerRecorder, guard: Guard) -> bool:
    """Whether the guard's stream ends with its event now."""
    found = recorder.header(guard.stream, guard.version)
    if found is None or digest_of(found[0]).hex() != guard.digest:
        return False
    return recorder.header(guard.stream, guard.version + 1) is None


class QueryingRecorder(LedgerRecorder):
    """Reads by named queries, which each database has in a file of its own under the same names."""

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

    def encoded(self, stream: str, version: int) -> bytes | None:
        found = self.fetch("encoded_event", stream=stream, version=version)
        return found[0][0] if found else None

    def stream_batch(self, stream: str, after: int, upto: int | None) -> Sequence[StreamRow]:
        return self._page("stream_batch", BATCH_ROWS, stream=stream, after=after, upto=LAST if upto is None else upto)

    def stream_batch_backwards(self, stream: str, after: int, upto: int | None, rows: int) -> Sequence[StreamRow]:
        last = LAST if upto is None else upto
        return self._page("stream_batch_backwards", rows, stream=stream, after=after, upto=last)

    def log_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        return list(map(EventRow._make, self._page("log_batch", BATCH_ROWS, after=after, settled=settled)))

    def digest_batch(self, after: int, *, settled: bool = True) -> Sequence[EventRow]:
        return list(map(EventRow._make, self.fetch("digest_batch", rows=DIGEST_ROWS, after=after, settled=settled)))

    def events_behind(self, position: int) -> int:
        ((count,),) = self.look("events_behind", position=position)
        return int(count)

    def indexed_batch(self, after: int, *, settled: bool) -> Sequence[EventRow]:
        return list(map(EventRow._make, self._page("indexed_batch", BATCH_ROWS, after=after, settled=settled)))

    def batch_by_stream(self, after: tuple[str, int]) -> Sequence[EventRow]:
        return list(map(EventRow._make, self._page("batch_by_stream", BATCH_ROWS, stream=after[0], version=after[1])))

    def query_beside_head(self, stream: str, sql: str, parameters: Mapping[str, Any]) -> tuple[int, list[Any]]:
        head = (
            "SELECT coalesce(max(originator_version), 0) AS version FROM flowledger_events WHERE originator_id = :head"
        )
        beside = f"SELECT head.version, found.* FROM ({head}) AS head LEFT JOIN ({sql}) AS found ON TRUE"  # noqa: S608 - our own columns and tables; values are parameters
        found = self.query(beside, {**parameters, "head": stream})
        return found[0][0], [tuple(row[1:]) for row in found if row[1] is not None]

    def _page(self, query: str, rows: int, **bounds: Any) -> list[Any]:
        return self.fetch(query, large=LARGE_EVENT, rows=rows, **bounds)
