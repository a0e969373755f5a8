"""Run states folded from the store."""

from ..domain.errors import RunNotFound
from ..domain.ports import EventStore
from ..domain.run import RunState
from ..projections.runs import fold


class RunStates:
    """Folds runs from the store."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def load(self, run_id: str, version: int | None = None) -> RunState:
        """The state at a version, or now. Raises RunNotFound."""
        state = fold(RunState(run_id), self._store.rows(run_id, upto=version))
        if state.version == 0:
            raise RunNotFound(run_id)
        return state
