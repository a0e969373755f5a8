"""The leaves of events that were removed under a retention policy, as the records of their removal keep them."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from ....domain.errors import StorageCorrupt
from ....domain.evidence.leaf import Leaf, hash_leaf
from ....domain.evidence.report import RemovedHistory
from ....domain.retention import StreamPart, packed_leaves, removal_in, unpack_leaves
from ...storage.codec import digest_of
from ...storage.removal_table import RemovalTable, RemovedStream

if TYPE_CHECKING:
    from ....domain.ports import RecordedEvent
    from ...storage.reader import EventReader
    from ...storage.recorder import EventRow


def leaf_of(row: "EventRow") -> Leaf:
    """The leaf of an event, by the digest that is stored with it."""
    stream, version, position, type, encoded = row
    return Leaf(position, stream, version, hash_leaf(stream, version, type, digest_of(encoded or b"")))


class RemovedLeaves:
    """Puts them back among the leaves of the events that are there, page by page.

    Each page is read before the records of removals are: so an event that was removed meanwhile is in one of both, or
    in both, and then counts once. Only records are believed, which are events, too. A record is read again when its
    first leaf's turn comes, so that few are in memory at once.
    """

    def __init__(self, store: "EventReader", after: int = 0) -> None:
        self._store = store
        self._after = after
        """The position up to which all leaves were given."""
        self._known: dict[str, int] = {}
        self._waiting: list[tuple[int, int, Leaf, Iterator[Leaf]]] = []
        self._records = 0
        self.count = 0
        """How many leaves were put back."""

    def among(self, page: "Sequence[EventRow]") -> list[Leaf]:
        """The leaves of a page, and before them all that were removed from behind the page before."""
        self._read_new()
        leaves: list[Leaf] = []
        for row in page:
            self._take(row.position, leaves)
            leaves.append(leaf_of(row))
            self._after = row.position
        return leaves

    def rest(self) -> list[Leaf]:
        """Those behind the last page."""
        self._read_new()
        leaves: list[Leaf] = []
        self._take(_NO_END, leaves)
        return leaves

    def _take(self, before: int, leaves: list[Leaf]) -> None:
        while self._waiting and self._waiting[0][0] <= before:
            position, record, leaf, following = heappop(self._waiting)
            if self._after < position < before:
                leaves.append(leaf)
                self._after = position
                self.count += 1
            self._wait_for(record, following)

    def _read_new(self) -> None:
        removals = self._store.removals
        for stream, version in ({} if removals is None else removals.removals()).items():
            known = self._known.get(stream, 0)
            if version == known:
                continue
            for record in self._store.read(stream, after=known, upto=version):
                self._records += 1
                self._wait_for(self._records, leaves_in(record), self._leaves_of(stream, record.version))
            self._known[stream] = version

    def _leaves_of(self, stream: str, version: int) -> Iterator[Leaf]:
        """Those of a record, which is read when the first of them is asked for."""
        yield from leaves_in(self._store.events_at([(stream, version)])[0])

    def _wait_for(self, record: int, leaves: Iterator[Leaf], again: Iterator[Leaf] | None = None) -> None:
        """For the next of these leaves; those behind it are in ``again``, from the first on, if that is given."""
        try:
            leaf = next((leaf for leaf in leaves if leaf.position > self._after), None)
        except ValueError as error:
            raise StorageCorrupt(f"a record of removed events can't be read: {error}; verify tells more") from error
        if leaf is not None:
            heappush(self._waiting, (leaf.position, record, leaf, again or leaves))


def leaves_in(record: "RecordedEvent") -> Iterator[Leaf]:
    """The leaves that the record of a removal keeps. Raises ValueError."""
    return unpack_leaves(*packed_leaves(record.data))


def streams_removed_by(record: "RecordedEvent") -> list[RemovedStream]:
    """The streams that it names. Raises ValueError."""
    return streams_in(leaves_in(record), packed_leaves(record.data)[1], record.stream, record.version)


def streams_in(leaves: Iterable[Leaf], parts: Iterable[StreamPart], record: str, version: int) -> list[RemovedStream]:
    """The streams of these parts, whose leaves are given, as the event of that version of ``record`` names them."""
    last = {leaf.stream: leaf.position for leaf in leaves}
    return [RemovedStream(part.stream, part.last, last.get(part.stream, 0), record, version) for part in parts]


def removed_histories(store: "EventReader") -> tuple[RemovedHistory, ...]:
    """What was removed, in the order in which it began to go. Of most records only the beginning is read."""
    found: list[tuple[int, RemovedHistory]] = []
    for stream, version in ({} if store.removals is None else store.removals.removals()).items():
        first, last = _record(store, stream, 1), _record(store, stream, version)
        counts = [_counts(store, stream, each) for each in range(1, version + 1)]
        runs, events, workflows = (sum(of_record) for of_record in zip(*counts, strict=True))
        at, by, archive = removal_in(last.data)
        found.append((first.position, RemovedHistory(at, by, runs, events, archive, workflows)))
    return tuple(history for _, history in sorted(found, key=lambda each: each[0]))


def _record(store: "EventReader", stream: str, version: int) -> "RecordedEvent":
    return next(iter(store.read(stream, after=version - 1, upto=version)))


def _counts(store: "EventReader", stream: str, version: int) -> tuple[int, int, int]:
    """How many runs, events and workflows a record is of: that stands before its leaves, unless its reason is long."""
    start = store.beginning(stream, version)
    data = start.data if start and "event_count" in start.data else _record(store, stream, version).data
    return data["run_count"], data["event_count"], data.get("workflow_count", 0)


def restore_removals(store: "EventReader", table: RemovalTable) -> None:
    """Make the table of removed streams again, and drop what lists have taken in of them meanwhile."""
    for stream in table.removals():
        for record in store.read(stream):
            table.keep(streams_removed_by(record))
    table.forget_rows()


_NO_END = 2**63
