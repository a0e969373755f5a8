"""Origins: the chain of runs whose results a run begins with, and that it is folded through."""

from collections.abc import Iterator, Mapping
from typing import Any

from ...domain.errors import EventNotReadable, StorageCorrupt
from ...domain.ports import EventStore, RecordedEvent
from ...domain.run import STARTED, Origin


def origin_in(run_id: str, started: Mapping[str, Any]) -> Origin | None:
    """The origin that a run's first event names. Raises EventNotReadable for what can't be one."""
    origin: Any = started.get("origin")
    match origin:
        case None:
            return None
        case {"kind": str(), "run_id": str(), "version": int()}:
            return origin  # type: ignore[no-any-return]
        case _:
            raise EventNotReadable(run_id, 1, f"its origin {origin!r} names no run and version")


def sources(store: EventStore, run_id: str, origin: Origin | None) -> Iterator[Origin]:
    """The runs whose results a run begins with, each up to a version, nearest first.

    Raises StorageCorrupt where one of them is missing.
    """
    seen = {run_id}
    while origin is not None and origin["version"] > 0:
        yield origin
        source = origin["run_id"]
        if source in seen:
            raise StorageCorrupt(f"run {source!r} reuses its own results, by the origin of run {run_id!r}")
        seen.add(source)
        run_id, origin = source, origin_in(source, _started(store, run_id, source))


def first_event(store: EventStore, stream: str) -> RecordedEvent | None:
    """The first event of a stream; None: there is no such stream."""
    return next(iter(store.read(stream, upto=1)), None)


def _started(store: EventStore, run_id: str, source: str) -> Mapping[str, Any]:
    first = first_event(store, source)
    if first is None or first.type != STARTED:
        raise missing_source(run_id, source)
    return first.data


def missing_source(run_id: str, source: str) -> StorageCorrupt:
    """The error of a run that can't be folded because its source is missing."""
    return StorageCorrupt(
        f"run {run_id!r} begins with results of run {source!r}, which is not in this store, or not as far as that: "
        "bring both into one store to read it"
    )


def past_events(store: EventStore, run_id: str, origin: Origin | None) -> Iterator[RecordedEvent]:
    """The events whose results a run begins with, oldest first."""
    for source in reversed(list(sources(store, run_id, origin))):
        yield from store.read(source["run_id"], upto=source["version"])


def events_backwards(
    store: EventStore, run_id: str, origin: Origin | None, upto: int | None = None
) -> Iterator[RecordedEvent]:
    """The events of a run, up to a version of it, then those of the runs that it is folded through; newest first."""
    yield from store.read(run_id, upto=upto, backwards=True)
    for source in sources(store, run_id, origin):
        yield from store.read(source["run_id"], upto=source["version"], backwards=True)
