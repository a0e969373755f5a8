"""Appending a run's events while a worker executes it."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...domain.errors import ConcurrencyError, InvalidValue
from ...domain.ports import EventStore, ExpectedVersion, NewEvent, RecordedEvent, Write
from ...domain.run import (
    BY_OPERATOR,
    CLAIMS,
    PAUSED,
    STEP_COMPLETED,
    STEP_FAILED,
    RunState,
    advance,
    evolve_recorded,
    is_running,
    with_header,
)
from ...domain.values.clock import next_time
from ..concurrency.threads import Threads


class Committer:
    """Appends events after the state's version and folds them.

    While a step is in flight an operator may pause or cancel the run. The step's outcome is then recorded after that,
    and the step loop sees the new status. Any other event appended meanwhile means that another worker took over the
    run: the late append is refused with ConcurrencyError, or with EventsLost where the store has lost events.
    """

    def __init__(
        self,
        store: EventStore,
        state: RunState,
        threads: Threads,
        on_close: Callable[[], object] = lambda: None,
        refuse_late: Callable[[], object] = lambda: None,
    ) -> None:
        self._store = store
        self._on_close = on_close
        self._refuse_late = refuse_late
        self._state = state
        # A step may take hours, and the heads of other streams must not evict this one meanwhile.
        self._hold = store.hold(state.run_id or "")
        self._threads = threads

    def __call__(self, events: list[NewEvent]) -> None:
        state = self._state
        run_id = state.run_id or ""
        replaced = False
        self._refuse_late()
        while events:
            try:
                append_next(self._store.append, state, events)
            except ConcurrencyError:
                added = list(self._store.read(run_id, after=state.version))
                if events[0].type in CLAIMS or not only_operators(added):
                    raise
                for recorded in added:
                    evolve_recorded(state, recorded.version, recorded.type, recorded.data)
                events = after_operators(state, events)
            except InvalidValue as too_large:
                if replaced or not _is_outcome(events[0]):
                    raise
                events = [_replace_with_failure(events[0], too_large)]
                replaced = True
            else:
                return

    async def acommit(self, events: list[NewEvent]) -> None:
        """The same for a task; its event loop isn't blocked."""
        state = self._state
        self._refuse_late()
        stored, after = with_header(state, events)
        try:
            await self._store.aappend(_make_write(state, stored))
        except (ConcurrencyError, InvalidValue):
            await self._threads.store.run(self, events)  # meets the same error again, and handles it
        else:
            advance(state, stored, after)

    def close(self) -> None:
        """Nothing is held back: say that the call is over."""
        self._on_close()


Append = Callable[..., list[int]]
"""Appends writes as ``EventStore.append`` does."""


def append_next(append: Append, state: RunState, events: list[NewEvent], *others: Write) -> None:
    """Append a run's next events after the state on which they were decided, in one commit with others; then fold them.

    Raises as ``append`` does, and then leaves the state as it was.
    """
    stored, after = with_header(state, events)
    append(_make_write(state, stored), *others)
    advance(state, stored, after)


def _make_write(state: RunState, events: list[NewEvent]) -> Write:
    return Write(state.run_id or "", state.version or ExpectedVersion.NO_STREAM, events)


def only_operators(added: Sequence[RecordedEvent]) -> bool:
    """Whether all appended events came from operators. Any other means that another worker took over the run."""
    return bool(added) and all(event.type in BY_OPERATOR for event in added)


def _is_outcome(event: NewEvent) -> bool:
    return event.type in (STEP_COMPLETED, STEP_FAILED) or "node_id" in event.data


def _replace_with_failure(event: NewEvent, error: InvalidValue) -> NewEvent:
    """The failure of a step whose values were each within the limit, but whose whole event is over the store's."""
    kept = {key: value for key, value in event.data.items() if key in _FAILURE_KEYS}
    return NewEvent(STEP_FAILED, kept | {"error": {"type": type(error).__name__, "message": str(error)}})


def is_replaced_by_failure(data: Mapping[str, Any]) -> bool:
    """Whether a step's event is such a failure: then the outcome of the step isn't on record."""
    error = data.get("error", {})
    return (
        error.get("type") == InvalidValue.__name__ and "traceback" not in error and bool(_TOO_LARGE(error["message"]))
    )


_TOO_LARGE = re.compile(rf"({STEP_COMPLETED}|{STEP_FAILED}|{PAUSED}): the event takes ").match

_FAILURE_KEYS = frozenset(
    {"recorded_at", "by", "correlation_id", "node_id", "attempt", "spent", "started_at", "finished_at"}
)


def after_operators(state: RunState, events: list[NewEvent]) -> list[NewEvent]:
    """The same events, recorded after those of operators.

    The outcome of a step is always recorded. That no edge takes its handle is recorded unless the run was cancelled
    meanwhile, as it can't fail once more. The step limit ends a run only while it is active.
    """
    if not _is_outcome(events[0]):
        kept = events if is_running(state) else []
    else:
        kept = events[:1] if state.cancelled else events
    return [NewEvent(event.type, _move_after(state, event.data)) for event in kept]


def _move_after(state: RunState, data: Mapping[str, Any]) -> dict[str, Any]:
    moved = {"recorded_at": next_time(state.recorded_at, data["recorded_at"])}
    if "started_at" in data and moved["recorded_at"] != data["recorded_at"]:
        moved["finished_at"] = data.get("finished_at", data["recorded_at"])
    return {**data, **moved}
