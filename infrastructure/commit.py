"""Making a run's events durable while a worker holds it."""

from typing import Any

from ..domain.errors import ConcurrencyError, InvalidValue
from ..domain.ports import EventStore, NewEvent, Write
from ..domain.run import BY_OPERATOR, STEP_COMPLETED, STEP_FAILED, RunState, evolve


class Committer:
    """Appends events behind the state's version and folds them.

    While a step is in flight an operator may pause or cancel the run. Its outcome is then recorded after that, and the
    cycle sees the new status. Anything else that was appended meanwhile means that another worker took the run over:
    this one's late append is refused with ConcurrencyError.
    """

    def __init__(self, store: EventStore, state: RunState) -> None:
        self._store = store
        self._state = state

    def __call__(self, events: list[NewEvent]) -> None:
        state = self._state
        while events:
            try:
                self._store.append(Write(state.run_id or "", state.version, events))
            except ConcurrencyError as conflict:
                meanwhile = list(self._store.rows(state.run_id or "", after=state.version))
                if not meanwhile or not _is_outcome(events[0]) or any(row.type not in BY_OPERATOR for row in meanwhile):
                    raise conflict
                for row in meanwhile:
                    evolve(state, row.type, row.data)
                events = _after(state, events)
                continue
            except InvalidValue as too_large:
                if not _is_outcome(events[0]):
                    raise
                events = [_failed_instead(events[0], too_large)]
                continue
            for event in events:
                evolve(state, event.type, event.data)
            return


def _is_outcome(event: NewEvent) -> bool:
    return event.type in (STEP_COMPLETED, STEP_FAILED) or "node_id" in event.data


def _failed_instead(event: NewEvent, error: InvalidValue) -> NewEvent:
    """The failure of a step whose values passed one by one, but whose event is over the store's limit in all."""
    kept = {key: value for key, value in event.data.items() if key in _OF_A_FAILURE}
    return NewEvent(STEP_FAILED, kept | {"error": {"type": type(error).__name__, "message": str(error)}})


_OF_A_FAILURE = frozenset({"recorded_at", "by", "correlation_id", "node_id", "attempt", "started_at", "finished_at"})


def _after(state: RunState, events: list[NewEvent]) -> list[NewEvent]:
    """The same outcome, recorded after what came in between. A cancelled run can't fail once more."""
    kept = events[:1] if state.cancelled else events
    return [NewEvent(event.type, _recorded_after(state, event.data)) for event in kept]


def _recorded_after(state: RunState, data: Any) -> dict[str, Any]:
    if data["recorded_at"] >= state.recorded_at:
        return dict(data)
    return (
        dict(data)
        | {"recorded_at": state.recorded_at}
        | ({"finished_at": data["recorded_at"]} if "started_at" in data else {})
    )
