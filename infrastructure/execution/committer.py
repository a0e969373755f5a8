"""Making a run's events durable while a worker holds it."""

import re
from collections.abc import Mapping, Sequence
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
    evolve,
    evolve_recorded,
    headed,
)
from ...domain.values.clock import behind
from ..concurrency.threads import Threads


class Committer:
    """Appends events behind the state's version and folds them.

    While a step is in flight an operator may pause or cancel the run. Its outcome is then recorded after that, and the
    cycle sees the new status. Anything else that was appended meanwhile means that another worker took the run over:
    this one's late append is refused with ConcurrencyError; with EventsLost where the store has lost what it wrote.
    """

    def __init__(self, store: EventStore, state: RunState, threads: Threads) -> None:
        self._store = store
        self._state = state
        # A step may take hours, and what is remembered of other streams must not push this one out meanwhile.
        self._hold = store.hold(state.run_id or "")
        self._threads = threads

    def __call__(self, events: list[NewEvent]) -> None:
        state = self._state
        run_id = state.run_id or ""
        replaced = False
        while events:
            try:
                self._store.append(write_of(state, events))
            except ConcurrencyError:
                meanwhile = list(self._store.read(run_id, after=state.version))
                if events[0].type in CLAIMS or not only_operators(meanwhile):
                    raise
                for recorded in meanwhile:
                    evolve_recorded(state, recorded.version, recorded.type, recorded.data)
                events = after_operators(state, events)
            except InvalidValue as too_large:
                if replaced or not _is_outcome(events[0]):
                    raise
                events = [_failed_instead(events[0], too_large)]
                replaced = True
            else:
                for event in events:
                    evolve(state, event.type, event.data)
                return

    async def awaited(self, events: list[NewEvent]) -> None:
        """The same for a task, whose event loop goes on meanwhile."""
        state = self._state
        try:
            await self._store.aappend(write_of(state, events))
        except (ConcurrencyError, InvalidValue):
            await self._threads.store.run(self, events)  # meets the same again, and knows what to do
        else:
            for event in events:
                evolve(state, event.type, event.data)

    def close(self) -> None:
        """Nothing was kept back."""


def write_of(state: RunState, events: list[NewEvent]) -> Write:
    """The append of a run's next events, behind the state that they were decided on."""
    return Write(state.run_id or "", state.version or ExpectedVersion.NO_STREAM, headed(state, events))


def only_operators(meanwhile: Sequence[RecordedEvent]) -> bool:
    """Whether all that was appended came from operators. Anything else means that another worker took the run over."""
    return bool(meanwhile) and all(event.type in BY_OPERATOR for event in meanwhile)


def _is_outcome(event: NewEvent) -> bool:
    return event.type in (STEP_COMPLETED, STEP_FAILED) or "node_id" in event.data


def _failed_instead(event: NewEvent, error: InvalidValue) -> NewEvent:
    """The failure of a step whose values passed one by one, but whose event is over the store's limit in all."""
    kept = {key: value for key, value in event.data.items() if key in _OF_A_FAILURE}
    return NewEvent(STEP_FAILED, kept | {"error": {"type": type(error).__name__, "message": str(error)}})


def is_failed_instead(data: Mapping[str, Any]) -> bool:
    """Whether a step's event is such a failure: then what the step did isn't on record."""
    error = data.get("error", {})
    return error.get("type") == InvalidValue.__name__ and "traceback" not in error and bool(_OVER(error["message"]))


_OVER = re.compile(rf"({STEP_COMPLETED}|{STEP_FAILED}|{PAUSED}): the event takes ").match

_OF_A_FAILURE = frozenset(
    {"recorded_at", "by", "correlation_id", "node_id", "attempt", "spent", "started_at", "finished_at"}
)


def after_operators(state: RunState, events: list[NewEvent]) -> list[NewEvent]:
    """The same events, recorded after what came in between.

    What a step did is always recorded; that no edge takes its handle unless the run was cancelled meanwhile, as it
    can't fail once more. The step limit ends a run only while it runs.
    """
    if not _is_outcome(events[0]):
        kept = events if state.status == "active" else []
    else:
        kept = events[:1] if state.cancelled else events
    return [NewEvent(event.type, _recorded_after(state, event.data)) for event in kept]


def _recorded_after(state: RunState, data: Mapping[str, Any]) -> dict[str, Any]:
    moved = {"recorded_at": behind(state.recorded_at, data["recorded_at"])}
    if "started_at" in data and moved["recorded_at"] != data["recorded_at"]:
        moved["finished_at"] = data.get("finished_at", data["recorded_at"])
    return {**data, **moved}
