"""Run states folded from the store: checkpoints that this process made, then the events after them.

A run that reuses results of an earlier run is folded through it: the events of the source, up to the version that the
run's origin names, give the results that the run begins with. A fork begins with the whole state of its source.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from itertools import chain
from typing import Any

from ...domain.errors import EventNotReadable, StorageError
from ...domain.ports import CheckpointStore, EncodedRow, EventStore, RecordedEvent, RowBatch, RowDecoder
from ...domain.run import (
    FOLD_REVISION,
    STARTED,
    FoldSegment,
    Origin,
    RunHeader,
    RunState,
    header_of,
    read_header,
    segments,
    snapshots,
)
from ...domain.run.snapshot import Snapshot
from ...domain.values.names import check_run_id
from ...projections.runs.checkpoint import apply_checkpoint
from ...projections.runs.run import fold
from .checkpoints import (
    DecodedCheckpoint,
    HashChain,
    TrustedCheckpoints,
    checkpoint_digest,
    decode_checkpoint,
    decode_result,
    encode_checkpoint,
    expected_digest,
)
from .missing import missing_run
from .origins import missing_source, origin_in, sources

_log = logging.getLogger("flowledger.checkpoints")


class RunRepository:
    """Folds runs from the store.

    A fold that passes a version divisible by ``checkpoint_every`` saves a checkpoint there; None: never. Only
    checkpoints that this process folded itself are trusted.
    """

    def __init__(self, store: EventStore, checkpoints: CheckpointStore, checkpoint_every: int | None) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._checkpoint_every = checkpoint_every
        self._trusted = TrustedCheckpoints()

    def load(self, run_id: str, version: int | None = None) -> RunState:
        """The state at a version, or now. Raises RunNotFound."""
        check_run_id(run_id)
        return self._load(run_id, version, self._load_origin).state

    def load_from(self, run_id: str, events: RowBatch) -> RunState:
        """The state behind these events, all that the run has. Raises RunNotFound where they aren't those of a run."""
        if events.rows[0][1] != STARTED:
            raise missing_run(self._store, run_id)
        whole = _Fold(run_id, self._load_origin)
        return fold(whole.state, whole.with_origin(iter((events,))))

    def snapshots_at(self, run_id: str, earlier: int, later: int) -> tuple[Snapshot, Snapshot]:
        """The snapshots at two versions, which share their results: one fold, and the events between.

        Raises RunNotFound.
        """
        state = self.load(run_id, earlier)
        before = state.snapshot()
        return before, fold(state, self.pages(run_id, after=earlier, upto=later)).snapshot()

    def header(self, run_id: str) -> RunHeader:
        """The header of the run as it is now, from one row. Raises RunNotFound."""
        found = self._store.beginning(run_id)
        if found is None:
            raise missing_run(self._store, run_id)
        return read_header(run_id, found) or header_of(self.load(run_id, found.version))

    def snapshots(self, run_id: str) -> Iterator[Snapshot]:
        """The snapshot at every version, in order, in one pass. Raises RunNotFound at the first item."""
        check_run_id(run_id)
        yield from snapshots(self.segments(RunState(run_id)))

    def segments(self, state: RunState, upto: int | None = None) -> Iterator[FoldSegment]:
        """Folds the events after a state of a run into it. Raises RunNotFound at the first item."""
        pages = self.pages(str(state.run_id), after=state.version, upto=upto)
        return segments(state, _with_origin(state, pages, self._load_origin_state) if state.version == 0 else pages)

    def state_before(self, started: RecordedEvent) -> RunState:
        """The state of a run before its first event: with the results it reuses; a fork has the state of its source."""
        state = RunState(started.stream)
        _apply_origin(state, started.data, self._load_origin_state)
        return state

    def begin_fold(self, run_id: str) -> tuple[RunState, Iterator[RowBatch]]:
        """An empty state, and all events of the run; reading the first event adds the results that the run reuses.

        Raises RunNotFound.
        """
        state = RunState(run_id)
        return state, _with_origin(state, self.pages(run_id), self._load_origin_state)

    def _load(self, run_id: str, version: int | None, load_origin: "_LoadOrigin") -> "_Fold":
        micros_clock = _Fold(run_id, load_origin)
        state = micros_clock.state
        if self._checkpoint_every is None:
            fold(state, micros_clock.with_origin(self.pages(run_id, upto=version)))
            return micros_clock
        for event_digest, (checkpoint, results) in self._trusted_checkpoints(run_id, version):
            if state.version < checkpoint["after"]:
                self._fold(micros_clock, checkpoint["after"], self._checkpoint_every)
            if state.version == checkpoint["after"]:
                if state.version == 0:
                    micros_clock.apply_origin(checkpoint)
                apply_checkpoint(state, checkpoint, results, RowDecoder(run_id, decode_result))
                micros_clock.continue_after(event_digest)
        self._fold(micros_clock, version, self._checkpoint_every)
        if micros_clock.made:
            self._save(run_id, micros_clock.made)
        if micros_clock.broken is not None:
            _log.warning("no checkpoint is kept: %s isn't as it was written; verify tells more", micros_clock.broken)
        return micros_clock

    def pages(self, run_id: str, *, after: int = 0, upto: int | None = None) -> Iterator[RowBatch]:
        """The events of a run. Raises RunNotFound where there is no such stream, or it isn't a run's."""
        pages = self._store.pages(run_id, after=after, upto=upto)
        if after == 0:
            first = next(pages, None)
            if first is None or not first.rows or first.rows[0][1] != STARTED:
                raise missing_run(self._store, run_id)
            return chain((first,), pages)
        return pages

    def _load_origin(self, run_id: str, origin: Origin) -> "_Fold":
        """The source of a run at the version of its origin; the source may itself begin with another run."""
        earlier = _Fold("", self._load_origin)
        for source in reversed(list(sources(self._store, run_id, origin))):
            earlier = self._load_source(run_id, source, earlier)
        return earlier

    def _load_origin_state(self, run_id: str, origin: Origin) -> RunState:
        return self._load_origin(run_id, origin).state

    def _load_source(self, run_id: str, source: Origin, earlier: "_Fold") -> "_Fold":
        micros_clock = self._load(source["run_id"], source["version"], lambda *_: earlier)
        if micros_clock.state.version != source["version"]:
            raise missing_source(run_id, source["run_id"])
        return micros_clock

    def _fold(self, micros_clock: "_Fold", upto: int | None, every: int) -> None:
        """Fold the events up to a version, and make a checkpoint at each multiple of ``every``."""
        state = micros_clock.state
        since = copy(state)
        pages = self.pages(micros_clock.run_id, after=state.version, upto=upto)
        for batch in micros_clock.with_origin(pages) if state.version == 0 else pages:
            for part in _split(batch, every):
                fold(state, (part,))
                micros_clock.unchecked += part.rows
                if state.version % every == 0:
                    if not state.sealed_by:  # a checkpoint would hold in plain what is sealed
                        micros_clock.make_checkpoint(since)
                    since = copy(state)

    def _trusted_checkpoints(self, run_id: str, upto: int | None) -> Iterator[tuple[bytes, DecodedCheckpoint]]:
        """The trusted checkpoints up to a version, in order, each with the digest of its event.

        All others are ignored. Reads nothing where this process made none.
        """
        trusted = self._trusted.of(run_id, upto)
        if not trusted:
            return
        from ..storage.checkpoints import stored_checkpoints  # imports the storage libraries

        stored = stored_checkpoints(self._checkpoints, self._store, run_id, upto, FOLD_REVISION)
        for version, content, event_digest in stored:
            if version not in trusted:
                continue
            if event_digest is None or expected_digest(run_id, version, event_digest, content) != trusted[version]:
                _log.warning(
                    "checkpoint %d of run %r isn't the one that was made here and is ignored",
                    version,
                    run_id,
                    extra={"run_id": run_id},
                )
                continue
            yield event_digest, decode_checkpoint(content)

    def _save(self, run_id: str, made: Mapping[int, bytes]) -> None:
        try:
            self._checkpoints.save(run_id, FOLD_REVISION, made)
        except StorageError as error:  # checkpoints are a cache: a read-only store still answers
            _log.debug("no checkpoints kept for run %r: %s", run_id, error)
        self._trusted.add(run_id, {version: checkpoint_digest(content) for version, content in made.items()})


class _Fold:
    """One fold of a run: the state so far, and the checkpoints made on the way."""

    def __init__(self, run_id: str, load_origin: "_LoadOrigin") -> None:
        self.run_id = run_id
        self.state = RunState(run_id)
        self.unchecked: list[EncodedRow] = []
        """The last events folded, whose links aren't checked yet: they only need to be where a checkpoint is made."""
        self.made: dict[int, bytes] = {}
        self.broken: str | None = None
        """Why no further checkpoint can be made: the first event that isn't as it was written, in words."""
        self._chain = HashChain(run_id)
        self._load_origin = load_origin
        self._source: _Fold | None = None

    def with_origin(self, pages: Iterator[RowBatch]) -> Iterator[RowBatch]:
        """The pages from the run's first event on; the state takes over the source's results before the first event."""
        return _with_origin(self.state, pages, self._load_source)

    def apply_origin(self, started: Mapping[str, Any]) -> None:
        """Take over the results that the run begins with."""
        _apply_origin(self.state, started, self._load_source)

    def continue_after(self, digest: bytes) -> None:
        """Check links from the event with this digest on."""
        self._chain.digest = digest
        self.unchecked.clear()

    def make_checkpoint(self, since: RunState) -> None:
        """Make a checkpoint of the state, relative to an earlier one; none where an event is damaged."""
        self.broken = self._first_broken()
        if self.broken is None:
            with suppress(EventNotReadable):  # the caller may never read that result; a reader of it gets the error
                self.made[self.state.version] = encode_checkpoint(self.run_id, self._chain.digest, self.state, since)

    def _first_broken(self) -> str | None:
        self._chain.follow(self.unchecked)
        self.unchecked.clear()
        return self._chain.broken or (self._source._first_broken() if self._source is not None else None)

    def _load_source(self, run_id: str, origin: Origin) -> RunState:
        self._source = self._load_origin(run_id, origin)
        return self._source.state


_LoadOrigin = Callable[[str, Origin], _Fold]
"""Folds the source of a run, up to the version that its origin names."""

_LoadOriginState = Callable[[str, Origin], RunState]
"""The state of that fold."""


def _with_origin(state: RunState, pages: Iterator[RowBatch], load: _LoadOriginState) -> Iterator[RowBatch]:
    """The pages of a run from its first event on; the state takes over the source's results before the first event."""
    rows, decoder = next(pages)
    started = decoder.decode(rows[0])
    _apply_origin(state, started, load)
    yield RowBatch(rows[:1], RowDecoder(decoder.stream, lambda *_: started))
    yield RowBatch(rows[1:], decoder)
    yield from pages


def _apply_origin(state: RunState, started: Mapping[str, Any], load: _LoadOriginState) -> None:
    run_id = str(state.run_id)
    origin = origin_in(run_id, started)
    if origin is not None and origin["version"] > 0:
        state.begin_with(load(run_id, origin), origin)


def _split(batch: RowBatch, every: int) -> Iterator[RowBatch]:
    """The page, cut after each version that is a multiple of ``every``."""
    rows, start = batch.rows, 0
    while start < len(rows):
        end = start + every - (rows[start][0] - 1) % every
        yield RowBatch(rows[start:end], batch.decoder)
        start = end
