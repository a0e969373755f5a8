"""The contents of an export: a run, and all streams needed to read it."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ...domain.errors import StorageCorrupt
from ...domain.ports import EventStore, RecordedEvent
from ...domain.run import STARTED, Origin
from ...domain.values.ids import workflow_stream
from ..repositories.missing import missing_run
from ..repositories.origins import origin_in


class StreamPart(NamedTuple):
    """The first events of one stream."""

    stream: str
    position: int
    """Of its first event."""
    events: int


def collect_parts(store: EventStore, run_id: str) -> list[StreamPart]:
    """The run's stream; its work order's up to the event that adds the run, and the runs that it names until then; the
    sources of all these runs, and the runs from which they took outcomes; the workflow up to the latest version that
    one of them used.

    So everything that an event in the export refers to is included, and a later run of the work order changes nothing.
    Raises RunNotFound, StorageCorrupt where one of them is missing.
    """
    gathering = _PartCollector(store)
    gathering.add_run(run_id)
    return sorted(
        StreamPart(stream, next(iter(store.read(stream, upto=1))).position, events)
        for stream, events in gathering.upto.items()
    )


class _PartCollector:
    def __init__(self, store: EventStore) -> None:
        self.upto: dict[str, int] = {}
        """Stream → the version up to which it is needed."""
        self._store = store
        self._work_orders: dict[str, list[RecordedEvent]] = {}

    def add_run(self, run_id: str) -> None:
        """Add a run, and all streams needed to read it."""
        due = [run_id]
        while due:
            run = due.pop()
            if run in self.upto:
                continue
            first = next(iter(self._store.read(run, upto=1)), None)
            if first is None or first.type != STARTED:
                raise missing_run(self._store, run_id) if run == run_id else _missing(f"run {run!r}", run_id)
            self.upto[run] = self._store.head(run)
            self._need_version(first.data, run_id)
            origin = origin_in(run, first.data)
            if origin is not None:
                due += [origin["run_id"], *self._taken_from(run, origin)]
            due += self._add_work_order(first.data["correlation_id"], run)

    def _taken_from(self, run_id: str, origin: Origin) -> Iterator[str]:
        """The runs whose outcomes a reproduction or fork has taken."""
        if origin["kind"] in ("reproduction", "fork"):
            for event in self._store.read(run_id):
                if "recorded" in event.data:
                    yield event.data["recorded"]["run_id"]

    def _add_work_order(self, work_order_id: str, run_id: str) -> list[str]:
        """Add a work order up to the event that names a run. Returns the runs that it names until then."""
        events = self._work_orders.get(work_order_id)
        if events is None:
            events = self._work_orders[work_order_id] = list(self._store.read(work_order_id))
        adding = next((event.version for event in events if event.data.get("run_id") == run_id), None)
        if adding is None:
            raise _missing(f"what the work order {work_order_id!r} says of run {run_id!r}", run_id)
        known = self.upto.get(work_order_id, 0)
        self.upto[work_order_id] = max(known, adding)
        named: list[str] = []
        for event in events[known:adding]:
            self._need_version(event.data, run_id)
            named += [event.data["run_id"]] if "run_id" in event.data else []
        return named

    def _need_version(self, data: Mapping[str, Any], run_id: str) -> None:
        version = data.get("workflow_version")
        if version is None:
            return
        stream = workflow_stream(data["workflow_id"])
        if version > self.upto.get(stream, 0):
            if self._store.head(stream) < version:
                raise _missing(f"version {version} of the workflow {data['workflow_id']!r}", run_id)
            self.upto[stream] = version


def _missing(what: str, run_id: str) -> StorageCorrupt:
    return StorageCorrupt(
        f"{what} is not in this store, and run {run_id!r} can't be exported without it: "
        "verify tells what else is missing"
    )
