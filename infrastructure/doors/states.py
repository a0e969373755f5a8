"""Run states folded from the store, from the nearest checkpoint on."""

import logging
from collections.abc import Iterator
from copy import copy
from hashlib import sha256
from itertools import chain, islice

import orjson

from ...domain.errors import InvalidRequest, RunNotFound, StorageError
from ...domain.ports import CheckpointStore, EventStore, Page, StoredRow
from ...domain.run import FOLD_REVISION, STARTED, RunState
from ...projections.checkpoints import checkpoint_of, state_of
from ...projections.runs import fold, fold_pages

_log = logging.getLogger("flowledger.checkpoints")


class RunStates:
    """Folds runs from the store.

    A read that had to fold ``checkpoint_every`` events, and as many as the nearest checkpoint covers, leaves a
    checkpoint for the next one; None: never.
    """

    def __init__(self, store: EventStore, checkpoints: CheckpointStore, checkpoint_every: int | None) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._every = checkpoint_every

    def load(self, run_id: str, version: int | None = None) -> RunState:
        """The state at a version, or now. Raises RunNotFound."""
        if not isinstance(run_id, str):
            raise InvalidRequest(f"a run id is text, such as run.id, not {type(run_id).__name__}")
        state = self._nearest(run_id, version)
        rows = self.rows(run_id, after=state.version, upto=version)
        if self._every is None:
            return fold_pages(state, self.pages(run_id, after=state.version, upto=version))
        begun = state.version
        due: RunState | None = None
        while chunk := list(islice(rows, self._every - state.version % self._every)):
            fold(state, chunk)
            # Only where as much was folded as the last one covers: all together they stay within twice the newest.
            if state.version % self._every == 0 and state.version - begun >= max(self._every, begun):
                due = copy(state)
        if due is not None:
            self._keep(run_id, due)
        return state

    def rows(self, run_id: str, *, after: int = 0, upto: int | None = None) -> Iterator[StoredRow]:
        """The rows of a run. Raises RunNotFound for a stream that is none: no stream at all, or another kind."""
        rows = self._store.rows(run_id, after=after, upto=upto)
        if after == 0:
            first = next(rows, None)
            if first is None or first.type != STARTED:
                raise RunNotFound(run_id)
            return chain((first,), rows)
        return rows

    def pages(self, run_id: str, *, after: int = 0, upto: int | None = None) -> Iterator[Page]:
        """The events of a run. Raises RunNotFound for a stream that is none: no stream at all, or another kind."""
        pages = self._store.pages(run_id, after=after, upto=upto)
        if after == 0:
            first = next(pages, None)
            if first is None or not first.rows or first.rows[0][1] != STARTED:
                raise RunNotFound(run_id)
            return chain((first,), pages)
        return pages

    def _nearest(self, run_id: str, version: int | None) -> RunState:
        if self._every is None:
            return RunState(run_id)
        found = self._checkpoints.latest(run_id, version, FOLD_REVISION)
        if found is None:
            return RunState(run_id)
        kept_at, state = found
        if state[:_DIGEST] != _digest(run_id, kept_at, state[_DIGEST:]):  # damaged: the events still tell
            _log.warning("checkpoint %d of run %s was changed and is ignored", kept_at, run_id)
            return RunState(run_id)
        return state_of(run_id, orjson.loads(state[_DIGEST:]))

    def _keep(self, run_id: str, state: RunState) -> None:
        try:
            body = orjson.dumps(checkpoint_of(state))
            content = _digest(run_id, state.version, body) + body
            self._checkpoints.save(run_id, state.version, FOLD_REVISION, content)
        except StorageError as error:  # a cache: a store that can be read but not written still answers
            _log.debug("no checkpoint kept for run %s: %s", run_id, error)


_DIGEST = 32


def _digest(run_id: str, version: int, body: bytes) -> bytes:
    return sha256(f"{run_id}\0{version}\0".encode() + body).digest()
