"""A run's state as JSON and back: the content of a checkpoint."""

from collections.abc import Mapping
from typing import Any

from ..domain.context import Context
from ..domain.jsonvalue import freeze
from ..domain.results import History
from ..domain.run import RunState

_PLAIN = tuple(name for name in RunState.__slots__ if name not in ("context", "metadata", "run_id"))
_OF_A_RESULT = ("node_id", "output", "error", "attempt", "finished_at", "recorded_at")


def checkpoint_of(state: RunState) -> dict[str, Any]:
    """Everything that ``state_of`` needs to give the same state back."""
    context = state.context
    history = context.history
    return {
        **{name: getattr(state, name) for name in _PLAIN},
        "metadata": state.metadata,
        "results": [
            {key: entry[key] for key in _OF_A_RESULT if key in entry} for entry in history.log[: context.count]
        ],
    }


def state_of(run_id: str, data: Mapping[str, Any]) -> RunState:
    """The state that the checkpoint was made of."""
    state = RunState(run_id)
    for name in _PLAIN:
        setattr(state, name, data[name])
    state.metadata = freeze(data["metadata"])
    history = History()
    history.log = list(data["results"])
    state.context = Context(history, len(history.log))
    return state
