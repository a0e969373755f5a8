"""Folding recorded events, read from the store, into the state of a run."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Union

from ..errors import EventNotReadable, InvalidSnapshot, InvalidValue, StorageCorrupt
from ..ports import EncodedRow, RowBatch
from ..values.clock import moment_of_millis
from .context import Context
from .events import STEP_COMPLETED
from .registry import evolve
from .running_snapshot import running_snapshot, set_step
from .snapshot import Snapshot
from .state import RunState

FEW = 100
"""So many consecutive steps are decoded at once, so that the read itself mostly finds damage."""


def evolve_recorded(state: RunState, version: int, type: str, data: Mapping[str, Any]) -> None:
    """Fold one event as it was read. Raises EventNotReadable, StorageCorrupt."""
    try:
        evolve(state, type, data)
    except _MISFITS as error:
        raise _not_readable(state.run_id or "", version, type, error) from error
    # The state must be that after all events up to this one.
    if state.version != version:
        raise StorageCorrupt(
            f"{state.label} has {state.version} events up to version {version}: "
            "some are missing in the store; verify tells which"
        )


_MISFITS = (KeyError, TypeError, ValueError, AttributeError, InvalidValue, InvalidSnapshot)
"""Raised for a body that doesn't fit its type's schema, or is nested too deep: flowledger didn't write it."""


def _not_readable(run_id: str, version: int, type: str, error: Exception) -> EventNotReadable:
    return EventNotReadable(run_id, version, f"its body is not that of a {type!r} of a run ({error!r})")


def fold_batches(state: RunState, batches: Iterable[RowBatch]) -> None:
    """Fold batches of stored events: the same as one by one, but most steps of a long run are not decoded.

    Nearly all events of a long run are steps that lead to the next step. Of many consecutive ones only the last counts
    for the state; the results of the others stay encoded until they are read. A damaged one raises EventNotReadable
    then.
    """
    for batch in batches:
        for type, group in groupby(batch.rows, _type_of):
            rows = list(group)
            if _may_stay_encoded(state, type, rows):
                fold_encoded_steps(state, rows[:-1], batch)
                del rows[:-1]
            for row in rows:
                evolve_recorded(state, row[0], type, batch.decoder.decode(row))


class FoldSegment(NamedTuple):
    """Consecutive events of one type, folded: the snapshots after each of them, made on demand."""

    type: str
    snapshots: Union["LazySegment", tuple[Snapshot]]


def segments(state: RunState, batches: Iterable[RowBatch]) -> Iterator[FoldSegment]:
    """Fold the events of the batches in one pass; together the segments hold the snapshot at every version."""
    for batch in batches:
        for type, group in groupby(batch.rows, _type_of):
            rows = list(group)
            if _may_stay_encoded(state, type, rows):
                yield FoldSegment(type, LazySegment(state, rows[:-1], batch))
                del rows[:-1]
            for row in rows:
                evolve_recorded(state, row[0], type, batch.decoder.decode(row))
                yield FoldSegment(type, (state.snapshot(),))


def snapshots(segments: Iterable[FoldSegment]) -> Iterator[Snapshot]:
    """The snapshot after each event; those after steps are decoded when they are read."""
    for segment in segments:
        yield from segment.snapshots


def is_running(state: RunState) -> bool:
    """Whether a completed step leads to the next one, if there is a next one."""
    return state.status == "active" and state.held is None and not state.cancelled


def _may_stay_encoded(state: RunState, type: str, rows: Sequence[EncodedRow]) -> bool:
    return type == STEP_COMPLETED and len(rows) > FEW and is_running(state)


def fold_encoded_steps(state: RunState, steps: Sequence[EncodedRow], batch: RowBatch) -> None:
    """Fold the results of steps that lead to further ones; what else they change, the next step overwrites."""
    context = state.context
    history = context.history.extend_encoded(context.count, steps, batch.decoder)
    state.context = Context(history, context.count + len(steps))
    state.version += len(steps)
    state.paused_reason = None


class LazySegment:
    """Consecutive steps of a running run: their snapshots differ little, and are made on demand."""

    def __init__(self, state: RunState, steps: Sequence[EncodedRow], batch: RowBatch) -> None:
        """Folds the steps into the state, still encoded."""
        self._steps = len(steps)
        self._first = state.context.count
        self._version = state.version + 1
        fold_encoded_steps(state, steps, batch)
        self._history = state.context.history
        self._run_id = state.run_id or ""
        self._workflow_id = state.workflow_id
        shown = state.snapshot()  # of the last step, whose other parts are those of all of them
        self._metadata, self._extra = shown.metadata, shown.extra

    def __len__(self) -> int:
        return self._steps

    def __iter__(self) -> Iterator[Snapshot]:
        """The snapshot after each of the steps."""
        history, version, first = self._history, self._version, self._first
        workflow_id, metadata, extra = self._workflow_id, self._metadata, self._extra
        for place in range(self._steps):
            context = Context(history, first + place + 1)
            yield running_snapshot(workflow_id, metadata, context, version + place, extra, self._read, place)

    def __getitem__(self, place: int) -> Snapshot:
        """The snapshot after one of the steps, counted from 0."""
        context = Context(self._history, self._first + place + 1)
        version = self._version + place
        return running_snapshot(self._workflow_id, self._metadata, context, version, self._extra, self._read, place)

    def _read(self, snapshot: Snapshot, place: int) -> None:
        step = self._history[self._first + place]
        try:
            started_at = moment_of_millis(step["started_at"] // 1000)
            set_step(snapshot, step["next_node_id"], started_at, step["spent"] // 1000)
        except _MISFITS as error:
            raise _not_readable(self._run_id, self._version + place, STEP_COMPLETED, error) from error


_type_of = itemgetter(1)
