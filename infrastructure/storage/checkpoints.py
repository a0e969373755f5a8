"""Checkpoints kept in the same storage as the events: what backends share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable

from ...domain.errors import StorageError
from ...domain.ports import CheckpointStore, EventStore
from .errors import translate_errors
from .recorder import BATCH_ROWS, LAST

CHECKPOINTS_AT_ONCE = 16
LARGE_CHECKPOINT = 2**20
"""Checkpoints above this many bytes are fetched one at a time."""


class StoredCheckpoint(NamedTuple):
    """A checkpoint as found in storage, which anybody with write access may have changed."""

    version: int
    content: bytes
    event_digest: bytes | None
    """The digest of the event that is stored at that version now; None where there is none."""


@runtime_checkable
class ReadsEventDigests(Protocol):
    """Checkpoints in the same storage as the events; ``domain.ports.CheckpointStore`` doesn't require it."""

    def pages_with_digests(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[StoredCheckpoint]:
        """The same as ``pages``, each read in one statement with the digest of the event at its version."""
        ...


@runtime_checkable
class ListsStreams(Protocol):
    """Checkpoints that can list their streams."""

    def streams(self, fold_revision: int) -> Iterator[str]:
        """The streams that have checkpoints of this revision, in order, fetched in batches."""
        ...


def stored_checkpoints(
    checkpoints: CheckpointStore, events: EventStore, stream: str, upto: int | None, fold_revision: int
) -> Iterator[StoredCheckpoint]:
    """The checkpoints of a stream up to a version, each with the current digest of the event at its version."""
    if isinstance(checkpoints, ReadsEventDigests):
        yield from checkpoints.pages_with_digests(stream, upto, fold_revision)
        return
    for version, content in checkpoints.pages(stream, upto, fold_revision):
        yield StoredCheckpoint(version, content, _digest_at(events, stream, version))


def _digest_at(events: EventStore, stream: str, version: int) -> bytes | None:
    try:
        return bytes.fromhex(events.events_at([(stream, version)])[0].digest)
    except StorageError:  # it doesn't exist, or can't be read
        return None


class CheckpointTable(ABC):
    """Reads by named queries, which each database has under the same names."""

    @abstractmethod
    def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        """All rows of a named query."""

    def pages(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[tuple[int, bytes]]:
        return (page[:2] for page in self.pages_with_digests(stream, upto, fold_revision))

    def pages_with_digests(self, stream: str, upto: int | None, fold_revision: int) -> Iterator[StoredCheckpoint]:
        wanted = {"stream": stream, "fold_revision": fold_revision}
        bounds = {"upto": LAST if upto is None else upto, "large": LARGE_CHECKPOINT, "rows": CHECKPOINTS_AT_ONCE}
        after = 0
        while True:
            with translate_errors():
                found = self._fetch("checkpoints", after=after, **wanted, **bounds)
            for version, content, digest in found:
                whole = content if content is not None else self._large(version=version, **wanted)
                yield StoredCheckpoint(version, whole, digest)
            if len(found) < CHECKPOINTS_AT_ONCE:
                return
            after = found[-1][0]

    def streams(self, fold_revision: int) -> Iterator[str]:
        after = ""
        while True:
            with translate_errors():
                found = self._fetch("checkpointed_streams", after=after, fold_revision=fold_revision, rows=BATCH_ROWS)
            yield from (stream for (stream,) in found)
            if len(found) < BATCH_ROWS:
                return
            (after,) = found[-1]

    def _large(self, **wanted: Any) -> bytes:
        with translate_errors():
            found = self._fetch("large_checkpoint", **wanted)
        return found[0][0] if found else b""
