"""Compares the table of removed streams with the records of removals, and both with the streams that are there."""

from collections.abc import Iterator
from itertools import islice

from ...domain.errors import EventNotReadable
from ...domain.events.integrity import Finding
from ..queries.tree.removed import streams_removed_by
from ..storage.event_store import LedgerEventStore
from ..storage.removal_table import RemovalTable, RemovedStream
from .inspector import Inspector

_STREAMS = 500


class RemovalInspector(Inspector):
    """Looks when the walk is over, as records come behind the streams that they name."""

    def __init__(self, store: LedgerEventStore, table: RemovalTable) -> None:
        self._store = store
        self._table = table

    def finish(self) -> Iterator[Finding]:
        for stream in self._table.removals():
            try:
                for record in self._store.read(stream):
                    yield from self._compare(streams_removed_by(record))
            except (EventNotReadable, ValueError):
                continue  # its event, or the body of it, has a finding of its own
        kept = self._table.all()
        while page := list(islice(kept, _STREAMS)):
            yield from self._without_record(page)

    def _compare(self, named: list[RemovedStream]) -> Iterator[Finding]:
        for start in range(0, len(named), _STREAMS):
            page = named[start : start + _STREAMS]
            streams = [each.stream for each in page]
            known, there = self._table.find(streams), self._table.sizes_of(streams)
            for each in page:
                if each.stream in there:
                    yield _finding(each, f"{each.removal} records that it was removed, and it has events")
                if each.stream not in known or known[each.stream].events < each.events:
                    yield _finding(
                        each, f"{each.removal} records that it was removed, and the table of those lacks it: rebuild"
                    )

    def _without_record(self, page: list[RemovedStream]) -> Iterator[Finding]:
        records: dict[tuple[str, int], frozenset[str]] = {}
        for each in page:
            place = each.removal, each.removal_version
            if place not in records:
                records[place] = self._streams_of(*place)
            if each.stream not in records[place]:
                yield _finding(each, "the table of removed streams has it, and no event records that it was removed")

    def _streams_of(self, stream: str, version: int) -> frozenset[str]:
        try:
            events = self._store.read(stream, after=version - 1, upto=version)
            return frozenset(each.stream for event in events for each in streams_removed_by(event))
        except (EventNotReadable, ValueError, KeyError):
            return frozenset()


def _finding(removed: RemovedStream, message: str) -> Finding:
    return Finding(removed.stream, removed.events, "removed", message)
