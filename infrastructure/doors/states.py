"""Run states folded from the store: over the checkpoints that are kept, and the events that they leave out.

A run that reuses results of an earlier one is folded through: over the events of that one, up to the version that its
origin names, as the results that it begins with. So is a fork, which begins with all that its source was then.
"""

import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from hashlib import sha256
from itertools import chain, repeat
from typing import Any, Final

import orjson

from ...domain.errors import EventNotReadable, InvalidRequest, RunNotFound, StorageError
from ...domain.ports import CheckpointStore, EventStore, Opener, Page, RecordedEvent, SealedRow
from ...domain.run import (
    FOLD_REVISION,
    STARTED,
    STEP_COMPLETED,
    Origin,
    Passage,
    RunHeader,
    RunState,
    header_in,
    header_of,
    passages,
    snapshots,
)
from ...domain.snapshot import Snapshot
from ...projections.checkpoints import checkpoint_of, turn_page
from ...projections.runs import fold
from .lineage import missing, origin_in, sources

_log = logging.getLogger("flowledger.checkpoints")


class RunStates:
    """Folds runs from the store.

    Who had to fold the events up to a multiple of ``checkpoint_every`` leaves a checkpoint there; None: never.
    """

    def __init__(self, store: EventStore, checkpoints: CheckpointStore, checkpoint_every: int | None) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._every = checkpoint_every

    def load(self, run_id: str, version: int | None = None) -> RunState:
        """The state at a version, or now. Raises RunNotFound."""
        if not isinstance(run_id, str):
            raise InvalidRequest(f"a run id is text, such as run.id, not {type(run_id).__name__}")
        return self._load(run_id, version, self._past)

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
        yield from snapshots(self.passages(RunState(run_id)))

    def passages(self, state: RunState) -> Iterator[Passage]:
        """The events that a state of a run lacks, folded into it. Raises RunNotFound at the first item."""
        pages = self.pages(str(state.run_id), after=state.version)
        return passages(state, _begun(state, pages, self._past) if state.version == 0 else pages)

    def before(self, started: RecordedEvent) -> RunState:
        """The state of a run before its first event: with what it reuses; a fork stands where its source stood."""
        state = RunState(started.stream)
        _begin(state, started.data, self._past)
        return state

    def begun(self, run_id: str) -> tuple[RunState, Iterator[Page]]:
        """A state before the run's first event, and all its events; with the first page it takes what the run reuses.

        Raises RunNotFound.
        """
        state = RunState(run_id)
        return state, _begun(state, self.pages(run_id), self._past)

    def _load(self, run_id: str, version: int | None, past: "_Past") -> RunState:
        state = RunState(run_id)
        if self._every is None:
            return fold(state, _begun(state, self.pages(run_id, upto=version), past))
        made: dict[int, bytes] = {}
        for checkpoint, results in self._kept(run_id, version):
            if state.version < checkpoint["after"]:
                self._fold(state, checkpoint["after"], self._every, made, past)
            if state.version == checkpoint["after"]:
                if state.version == 0:
                    _begin(state, checkpoint, past)
                turn_page(state, checkpoint, results, Opener(run_id, _result))
        covered = state.version
        self._fold(state, version, self._every, made, past)
        # Checkpoints may outlive their events; where a version is asked for, the stream is known to have that many.
        if version is None and state.version == covered and (head := self._store.head(run_id)) < covered:
            return self._load(run_id, head, past)
        if made:
            self._keep(run_id, made)
        return state

    def pages(self, run_id: str, *, after: int = 0, upto: int | None = None) -> Iterator[Page]:
        """The events of a run. Raises RunNotFound for a stream that is none: no stream at all, or another kind."""
        pages = self._store.pages(run_id, after=after, upto=upto)
        if after == 0:
            first = next(pages, None)
            if first is None or not first.rows or first.rows[0][1] != STARTED:
                raise RunNotFound(run_id)
            return chain((first,), pages)
        return pages

    def _past(self, run_id: str, origin: Origin) -> RunState:
        """What a run begins with: its source at that version, which may itself begin with another run."""
        past = RunState()
        for source in reversed(list(sources(self._store, run_id, origin))):
            past = self._source(run_id, source, past)
        return past

    def _source(self, run_id: str, source: Origin, past: RunState) -> RunState:
        state = self._load(source["run_id"], source["version"], lambda *_: past)
        if state.version != source["version"]:
            raise missing(run_id, source["run_id"])
        return state

    def _fold(self, state: RunState, upto: int | None, every: int, made: dict[int, bytes], past: "_Past") -> None:
        """Fold the events up to a version, and make the checkpoints that fall on the way."""
        run_id = str(state.run_id)
        begun = copy(state)
        pages = self.pages(run_id, after=state.version, upto=upto)
        for page in _begun(state, pages, past) if state.version == 0 else pages:
            for part in _parts(page, every):
                fold(state, (part,))
                if state.version % every == 0:
                    with suppress(EventNotReadable):  # this read may not look at that result; who does is told
                        made[state.version] = _content(run_id, state, begun)
                    begun = copy(state)

    def _kept(self, run_id: str, upto: int | None) -> Iterator[tuple[dict[str, Any], list[SealedRow]]]:
        """The checkpoints up to a version, in order, and the results that each adds; damaged ones are passed over."""
        for version, content in self._checkpoints.pages(run_id, upto, FOLD_REVISION):
            digest, body = content[:_DIGEST], content[_DIGEST:]
            if digest != _digest(run_id, version, body):
                _log.warning("checkpoint %d of run %s can't be used and is ignored", version, run_id)
                continue
            state, *results = _unpacked(body).split(b"\n")
            yield orjson.loads(state), list(zip(repeat(0), repeat(STEP_COMPLETED), results, repeat(0)))

    def _keep(self, run_id: str, made: dict[int, bytes]) -> None:
        try:
            self._checkpoints.save(run_id, FOLD_REVISION, made)
        except StorageError as error:  # a cache: a store that can be read but not written still answers
            _log.debug("no checkpoints kept for run %s: %s", run_id, error)


_Past = Callable[[str, Origin], RunState]
"""The source, at its version, of a run of this origin."""


def _begun(state: RunState, pages: Iterator[Page], past: _Past) -> Iterator[Page]:
    """The pages of a run from its first event on; before that one is folded, the state takes what it begins with."""
    rows, opener = next(pages)
    started = opener.open(rows[0])
    _begin(state, started, past)
    yield Page(rows[:1], Opener(opener.stream, lambda *_: started))
    yield Page(rows[1:], opener)
    yield from pages


def _begin(state: RunState, started: Mapping[str, Any], past: _Past) -> None:
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


# --- a checkpoint in storage ------------------------------------------------------------------------------------------
#
#     bytes 0-31  digest: sha256(name of this form, run id, version, all that follows), so that what was damaged, put
#                 elsewhere or written in another form is told
#     byte  32    codec: 0 as it is, 1 compressed
#     bytes 33-   JSON lines: the state, then each result, which is read only when somebody looks at it

_FORM: Final = "page 1"
_DIGEST: Final = 32
_PLAIN, _COMPRESSED = b"\0", b"\1"

_FASTEST: Final = 1  # the best takes three times as long for a tenth less
_SAMPLE: Final = 2**14
_WORTH_IT: Final = 1 / 4
"""What shrinks to this is compressed. The rest would take most of the time of a read to decompress."""


def _content(run_id: str, state: RunState, since: RunState) -> bytes:
    checkpoint = checkpoint_of(state, since)
    results = checkpoint.pop("results")
    body = _packed(b"\n".join(map(orjson.dumps, (checkpoint, *results))))
    return _digest(run_id, state.version, body) + body


def _digest(run_id: str, version: int, body: bytes) -> bytes:
    return sha256(f"{_FORM}\0{run_id}\0{version}\0".encode() + body).digest()


def _packed(lines: bytes) -> bytes:
    sample = lines[:_SAMPLE]
    if len(zlib.compress(sample, _FASTEST)) > len(sample) * _WORTH_IT:
        return _PLAIN + lines
    return _COMPRESSED + zlib.compress(lines, _FASTEST)


def _unpacked(body: bytes) -> bytes:
    return zlib.decompress(memoryview(body)[1:]) if body.startswith(_COMPRESSED) else body[1:]


def _result(_stream: str, _version: int, _type: str, line: bytes) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(line)
    return data
