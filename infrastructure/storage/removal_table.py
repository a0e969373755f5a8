"""The table of streams that were removed, and what is asked about streams before they are."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import orjson

from .errors import translate_errors
from .recorder import LedgerRecorder
from .sql import queries

_ROWS = 1_000

_FORGET = (
    "forget_removed_runs",
    "forget_removed_orders",
    "forget_removed_changes",
    "forget_removed_workflows",
    "forget_removed_saves",
)

Execute = Callable[..., list[Any]]
"""Runs a named statement; one that this database has no need of does nothing."""


class RemovedStream(NamedTuple):
    """A stream that was removed."""

    stream: str
    events: int
    last_position: int
    removal: str
    """The stream of the event that records it."""
    removal_version: int


class StoredDigest(NamedTuple):
    """An event that may be removed, with what is hashed of it."""

    stream: str
    version: int
    position: int
    type: str
    header: bytes
    bytes: int


class RemovalTable:
    """Reads what was removed, and removes. Raises StorageUnavailable, StoreReadOnly, StorageCorrupt."""

    def __init__(self, recorder: LedgerRecorder) -> None:
        self._recorder = recorder
        self._sql = queries(recorder.dialect, "removal.sql")

    def find(self, streams: Sequence[str]) -> dict[str, RemovedStream]:
        """Those of the streams that were removed, by name."""
        rows = self._query("find_removed", streams=self._recorder.list_parameter(streams))
        return {row[0]: RemovedStream._make(row) for row in rows}

    def all(self) -> Iterator[RemovedStream]:
        """All that were removed, by name."""
        after = ""
        while rows := self._query("removed_batch", after=after, rows=_ROWS):
            yield from map(RemovedStream._make, rows)
            after = rows[-1][0]

    def upto(self) -> int:
        """The greatest position of an event that was removed; 0 where none was."""
        ((position,),) = self._query("removed_upto")
        return int(position)

    def removals(self) -> dict[str, int]:
        """The streams that record removals, each with its last version. Only the events are asked."""
        return {stream: int(version) for stream, version in self._query("removal_streams")}

    def count(self) -> int:
        """How many records of removals there are."""
        ((count,),) = self._query("removal_count")
        return int(count)

    def records(self, bytes: int) -> list[tuple[str, int, str, bytes]]:
        """Of each record of a removal stream, version and type, and the first ``bytes`` of what is encoded of it."""
        return [(row[0], row[1], row[2], row[3]) for row in self._query("removal_records", bytes=bytes)]

    def first_behind(self, position: int) -> tuple[str, int, int] | None:
        """Stream, version and position of the first event that is there behind a position."""
        found = self._query("first_behind", position=position)
        return (found[0][0], found[0][1], found[0][2]) if found else None

    def digests_of(self, streams: Sequence[str]) -> list[StoredDigest]:
        """All events of streams in the order of their positions."""
        rows = self._query("digests_of", streams=self._recorder.list_parameter(streams))
        return list(map(StoredDigest._make, rows))

    def sizes_of(self, streams: Sequence[str]) -> dict[str, tuple[int, int]]:
        """How many events streams have, and how many bytes those, by stream."""
        rows = self._query("sizes_of", streams=self._recorder.list_parameter(streams))
        return {stream: (events, size) for stream, events, size in rows}

    def sealed_among(self, streams: Sequence[str]) -> set[str]:
        """Those of the streams that have an event of which a part is sealed."""
        rows = self._query("sealed_among", streams=self._recorder.list_parameter(streams))
        return {stream for (stream,) in rows}

    def keep(self, removed: Sequence[RemovedStream]) -> None:
        """Enter streams again, as the events say that record their removal."""
        with translate_errors(), self.removing() as (_, execute):
            execute("keep_removed", rows=as_rows(removed))

    def forget_rows(self) -> None:
        """Drop the rows of lists that were made again of what was removed meanwhile."""
        with translate_errors(), self.removing() as (_, execute):
            for name in _FORGET:
                execute(name)

    @contextmanager
    def removing(self) -> Generator["tuple[object, Execute]"]:
        """A transaction of named statements, with the driver's connection. Raises RemovalDelayed."""
        with self._recorder.removal() as (connection, execute):
            yield connection, lambda name, **given: execute(self._sql[name], given) if name in self._sql else []

    def as_list(self, values: Sequence[str] | Sequence[int]) -> object:
        """As a parameter."""
        return self._recorder.list_parameter(values)

    def _query(self, name: str, **parameters: Any) -> list[Any]:
        with translate_errors():
            return self._recorder.query(self._sql[name], parameters)


def as_rows(removed: Sequence[RemovedStream]) -> str:
    """As a parameter."""
    return orjson.dumps([each._asdict() for each in removed]).decode()
