"""Run states folded from the store: over the checkpoints made here before, and the events that they leave out.

A run that reuses results of an earlier one is folded through: over the events of that one, up to the version that its
origin names, as the results that it begins with. So is a fork, which begins with all that its source was then.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from itertools import chain
from typing import Any

from ...domain.errors import EventNotReadable, RunNotFound, StorageError
from ...domain.ports import CheckpointStore, EventStore, Opener, Page, RecordedEvent, SealedRow
from ...domain.run import (
    FOLD_REVISION,
    STARTED,
    Origin,
    Passage,
    RunHeader,
    RunState,
    header_in,
    header_of,
    passages,
    snapshots,
)
from ...domain.run.snapshot import Snapshot
from ...domain.values.names import check_run_id
from ...projections.runs.checkpoint import turn_page
from ...projections.runs.run import fold
from .checkpoint_pages import Chain, Unpacked, Vouched, content_of, digest_made_of, page_digest, result_of, unpacked
from .origins import missing, origin_in, sources

_log = logging.getLogger("flowledger.checkpoints")


class RunStates:
    """Folds runs from the store.

    Who had to fold the events up to a multiple of ``checkpoint_every`` leaves a checkpoint there; None: never. Only
    what was folded here is ever believed.
    """

    def __init__(self, store: EventStore, checkpoints: CheckpointStore, checkpoint_every: int | None) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._every = checkpoint_every
        self._vouched = Vouched()

    def load(self, run_id: str, version: int | None = None) -> RunState:
        """The state at a version, or now. Raises RunNotFound."""
        check_run_id(run_id)
        return self._load(run_id, version, self._past).state

    def both(self, run_id: str, earlier: int, later: int) -> tuple[Snapshot, Snapshot]:
        """The snapshots at two versions, which share their results. Costs one, and the events between. RunNotFound."""
        state = self.load(run_id, earlier)
        before = state.snapshot()
        return before, fold(state, self.pages(run_id, after=earlier, upto=later)).snapshot()

    def header(self, run_id: str) -> RunHeader:
        """Where the run stands now. Costs one row. Raises RunNotFound."""
        found = self._store.beginning(run_id)
        if found is None:
            raise RunNotFound(run_id)
        return header_in(run_id, found) or header_of(self.load(run_id, found.version))

    def snapshots(self, run_id: str) -> Iterator[Snapshot]:
        """The snapshot at every version, in order, in one pass. Raises RunNotFound at the first item."""
        check_run_id(run_id)
        yield from snapshots(self.passages(RunState(run_id)))

    def passages(self, state: RunState) -> Iterator[Passage]:
        """The events that a state of a run lacks, folded into it. Raises RunNotFound at the first item."""
        pages = self.pages(str(state.run_id), after=state.version)
        return passages(state, _begun(state, pages, self._past_state) if state.version == 0 else pages)

    def before(self, started: RecordedEvent) -> RunState:
        """The state of a run before its first event: with what it reuses; a fork stands where its source stood."""
        state = RunState(started.stream)
        _begin(state, started.data, self._past_state)
        return state

    def begun(self, run_id: str) -> tuple[RunState, Iterator[Page]]:
        """A state before the run's first event, and all its events; with the first page it takes what the run reuses.

        Raises RunNotFound.
        """
        state = RunState(run_id)
        return state, _begun(state, self.pages(run_id), self._past_state)

    def _load(self, run_id: str, version: int | None, past: "_Past") -> "_Reading":
        reading = _Reading(run_id, past)
        state = reading.state
        if self._every is None:
            fold(state, reading.begun(self.pages(run_id, upto=version)))
            return reading
        for event_digest, (checkpoint, results) in self._vouched_pages(run_id, version):
            if state.version < checkpoint["after"]:
                self._fold(reading, checkpoint["after"], self._every)
            if state.version == checkpoint["after"]:
                if state.version == 0:
                    reading.begin(checkpoint)
                turn_page(state, checkpoint, results, Opener(run_id, result_of))
                reading.go_on_behind(event_digest)
        self._fold(reading, version, self._every)
        if reading.made:
            self._keep(run_id, reading.made)
        if reading.broken is not None:
            _log.warning("no checkpoint is kept: %s isn't as it was written; verify tells more", reading.broken)
        return reading

    def pages(self, run_id: str, *, after: int = 0, upto: int | None = None) -> Iterator[Page]:
        """The events of a run. Raises RunNotFound for a stream that is none: no stream at all, or another kind."""
        pages = self._store.pages(run_id, after=after, upto=upto)
        if after == 0:
            first = next(pages, None)
            if first is None or not first.rows or first.rows[0][1] != STARTED:
                raise RunNotFound(run_id)
            return chain((first,), pages)
        return pages

    def _past(self, run_id: str, origin: Origin) -> "_Reading":
        """What a run begins with: its source at that version, which may itself begin with another run."""
        past = _Reading("", self._past)
        for source in reversed(list(sources(self._store, run_id, origin))):
            past = self._source(run_id, source, past)
        return past

    def _past_state(self, run_id: str, origin: Origin) -> RunState:
        return self._past(run_id, origin).state

    def _source(self, run_id: str, source: Origin, past: "_Reading") -> "_Reading":
        reading = self._load(source["run_id"], source["version"], lambda *_: past)
        if reading.state.version != source["version"]:
            raise missing(run_id, source["run_id"])
        return reading

    def _fold(self, reading: "_Reading", upto: int | None, every: int) -> None:
        """Fold the events up to a version, and make the checkpoints that fall on the way."""
        state = reading.state
        begun = copy(state)
        pages = self.pages(reading.run_id, after=state.version, upto=upto)
        for page in reading.begun(pages) if state.version == 0 else pages:
            for part in _parts(page, every):
                fold(state, (part,))
                reading.unfollowed += part.rows
                if state.version % every == 0:
                    reading.make_page(begun)
                    begun = copy(state)

    def _vouched_pages(self, run_id: str, upto: int | None) -> Iterator[tuple[bytes, Unpacked]]:
        """The checkpoints up to a version that this process made itself, in order, each with the digest of its event.

        Whatever else lies there is passed over. Costs nothing where this process made none.
        """
        vouched = self._vouched.of(run_id, upto)
        if not vouched:
            return
        from ..storage.checkpoints import kept_checkpoints  # brings the storage libraries

        kept = kept_checkpoints(self._checkpoints, self._store, run_id, upto, FOLD_REVISION)
        for version, content, event_digest in kept:
            if version not in vouched:
                continue
            if event_digest is None or digest_made_of(run_id, version, event_digest, content) != vouched[version]:
                _log.warning("checkpoint %d of run %r isn't the one that was made here and is ignored", version, run_id)
                continue
            yield event_digest, unpacked(content)

    def _keep(self, run_id: str, made: Mapping[int, bytes]) -> None:
        try:
            self._checkpoints.save(run_id, FOLD_REVISION, made)
        except StorageError as error:  # a cache: a store that can be read but not written still answers
            _log.debug("no checkpoints kept for run %r: %s", run_id, error)
        self._vouched.add(run_id, {version: page_digest(content) for version, content in made.items()})


class _Reading:
    """One read of a run: the state so far, and what it takes to leave checkpoints behind."""

    def __init__(self, run_id: str, past: "_Past") -> None:
        self.run_id = run_id
        self.state = RunState(run_id)
        self.unfollowed: list[SealedRow] = []
        """The events folded last, whose links nobody has looked at yet: that pays only where a checkpoint is made."""
        self.made: dict[int, bytes] = {}
        self.broken: str | None = None
        """Why no checkpoint can be made any more: an event that isn't as it was written, in words."""
        self._chain = Chain(run_id)
        self._past = past
        self._source: _Reading | None = None

    def begun(self, pages: Iterator[Page]) -> Iterator[Page]:
        """The pages from the run's first event on; before that is folded, the state takes what the run begins with."""
        return _begun(self.state, pages, self._begin_with)

    def begin(self, started: Mapping[str, Any]) -> None:
        """Take what the run begins with."""
        _begin(self.state, started, self._begin_with)

    def go_on_behind(self, digest: bytes) -> None:
        """Follow the links from the event of this digest on."""
        self._chain.digest = digest
        self.unfollowed.clear()

    def make_page(self, since: RunState) -> None:
        """Make a checkpoint of the state, which goes on from an earlier one; none where an event was damaged."""
        self.broken = self._first_broken()
        if self.broken is None:
            with suppress(EventNotReadable):  # this read may not look at that result; who does is told
                self.made[self.state.version] = content_of(self.run_id, self._chain.digest, self.state, since)

    def _first_broken(self) -> str | None:
        self._chain.follow(self.unfollowed)
        self.unfollowed.clear()
        return self._chain.broken or (self._source._first_broken() if self._source is not None else None)

    def _begin_with(self, run_id: str, origin: Origin) -> RunState:
        self._source = self._past(run_id, origin)
        return self._source.state


_Past = Callable[[str, Origin], _Reading]
"""Reads the source, up to its version, of a run of this origin."""

_PastState = Callable[[str, Origin], RunState]
"""The state that this leads to."""


def _begun(state: RunState, pages: Iterator[Page], past: _PastState) -> Iterator[Page]:
    """The pages of a run from its first event on; before that one is folded, the state takes what it begins with."""
    rows, opener = next(pages)
    started = opener.open(rows[0])
    _begin(state, started, past)
    yield Page(rows[:1], Opener(opener.stream, lambda *_: started))
    yield Page(rows[1:], opener)
    yield from pages


def _begin(state: RunState, started: Mapping[str, Any], past: _PastState) -> None:
    run_id = str(state.run_id)
    origin = origin_in(run_id, started)
    if origin is not None and origin["version"] > 0:
        state.begin_with(past(run_id, origin), origin)


def _parts(page: Page, every: int) -> Iterator[Page]:
    """The page, cut behind each version that is a multiple of ``every``."""
    rows, start = page.rows, 0
    while start < len(rows):
        end = start + every - (rows[start][0] - 1) % every
        yield Page(rows[start:end], page.opener)
        start = end
