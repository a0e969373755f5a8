"""Checkpoints against the events that they are made of."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from copy import copy

import orjson

from ...domain.errors import EventNotReadable, RunNotFound, StorageCorrupt
from ...domain.events.integrity import Finding
from ...domain.run import FOLD_REVISION, RunState
from ...projections.runs.run import fold
from ..repositories.checkpoints import checkpoint_digest, checkpoint_lines, expected_digest, read_lines
from ..repositories.runs import RunRepository
from ..storage.checkpoints import ListsStreams, StoredCheckpoint, stored_checkpoints
from ..storage.event_store import LedgerEventStore
from .inspector import Inspector


class CheckpointInspector(Inspector):
    """Folds each run that has checkpoints once more, and compares them with the result.

    Checkpoints of another fold revision are never used by this code, and not checked.
    """

    def __init__(self, store: LedgerEventStore) -> None:
        self._store = store
        self._states = RunRepository(store, store.checkpoints, None)
        # Checkpoint stores of other packages may not list their streams: then each run is checked.
        listed = store.checkpoints.streams(FOLD_REVISION) if isinstance(store.checkpoints, ListsStreams) else None
        self._is_listed = listed is not None
        self._streams = listed or iter(())
        self._next = next(self._streams, None)
        self.pages = 0
        """How many were checked."""

    def begin(self, stream: str) -> Iterable[Finding]:
        return self._without_stream(stream) if self._next is not None and self._next < stream else ()

    def end(self, stream: str, *, sound: bool) -> Iterable[Finding]:
        if self._is_listed:
            if self._next != stream:
                return ()
            self._next = next(self._streams, None)
        return self._check(stream) if sound else ()

    def finish(self) -> Iterator[Finding]:
        return self._without_stream(None)

    def _without_stream(self, stream: str | None) -> Iterator[Finding]:
        while self._next is not None and (stream is None or self._next < stream):
            yield from self._check(self._next)
            self._next = next(self._streams, None)

    def _check(self, stream: str) -> Iterator[Finding]:
        since = {page.version: self._since(page) for page in self._pages(stream)}
        self.pages += len(since)
        try:
            states = dict(self._fold_at(stream, {*since, *filter(None, since.values())}))
        except RunNotFound:
            states = {}
        except (EventNotReadable, StorageCorrupt):
            return  # another finding says why this run can't be folded
        states[0] = RunState(stream)
        for page in self._pages(stream):
            # A checkpoint saved just now is left to the next walk.
            if page.version in since and not _is_correct(stream, page, states, since[page.version]):
                yield Finding(
                    stream,
                    page.version,
                    "checkpoint",
                    "the checkpoint that is kept isn't what the events fold to: it was changed, or is of events that "
                    "were lost. It is never used; `flowledger rebuild` drops it",
                )

    def _pages(self, stream: str) -> Iterator[StoredCheckpoint]:
        return stored_checkpoints(self._store.checkpoints, self._store, stream, None, FOLD_REVISION)

    def _since(self, page: StoredCheckpoint) -> int | None:
        """The version that a checkpoint continues from; None where it names none."""
        try:
            # State and results are JSON lines; the state holds a payload and metadata, each smaller than an event.
            state, *_ = read_lines(page.content, 4 * self._store.max_event_bytes).split(b"\n", 1)
            since = orjson.loads(state)["after"]
        except (ValueError, LookupError, TypeError):
            return None
        return since if type(since) is int and 0 <= since < page.version else None

    def _fold_at(self, run_id: str, versions: AbstractSet[int]) -> Iterator[tuple[int, RunState]]:
        """The states of a run at versions, as far as they exist; they share their results."""
        state, pages = self._states.begin_fold(run_id)
        for page in pages:
            start = 0
            for end, row in enumerate(page.rows, 1):
                if row[0] in versions:
                    fold(state, (page._replace(rows=page.rows[start:end]),))
                    yield state.version, copy(state)
                    start = end
            fold(state, (page._replace(rows=page.rows[start:]),))


def _is_correct(run_id: str, page: StoredCheckpoint, states: Mapping[int, RunState], since: int | None) -> bool:
    """Whether a checkpoint is the correct one."""
    if page.event_digest is None or since is None or not {since, page.version} <= states.keys():
        return False
    if checkpoint_digest(page.content) != expected_digest(run_id, page.version, page.event_digest, page.content):
        return False
    try:
        expected = checkpoint_lines(states[page.version], states[since])
    except EventNotReadable:
        return True  # it can't be checked; that event has another finding
    try:
        return read_lines(page.content, len(expected) + 1) == expected
    except ValueError:
        return False
