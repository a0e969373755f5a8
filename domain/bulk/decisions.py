"""Decisions on a bulk action: from its state to the next events."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..errors import IllegalTransition
from ..ports import NewEvent
from ..values.clock import next_time
from .events import LEFT, PROGRESSED, REQUESTED, STOPPED, TAKEN, TARGETED, BulkAct, ItemResult, Target
from .state import BulkState

LOT: Final = 1_000
"""Runs that one event names."""


def request(
    act: BulkAct,
    targets: Sequence[Target],
    *,
    by: str,
    now: int,
    from_node: str | None = None,
    reason: str | None = None,
    selection: Mapping[str, Any] | None = None,
    key: str | None = None,
    digest: str | None = None,
) -> list[NewEvent]:
    """The first events: what is asked for, and of which runs. ``digest``: with a key, that of what is asked for."""
    data: dict[str, Any] = {"recorded_at": now, "by": by, "act": act, "count": len(targets)}
    optional = {"from_node": from_node, "reason": reason, "selection": selection, "key": key}
    data |= {name: value for name, value in optional.items() if value is not None}
    if key is not None:
        data["request"] = digest
    lots = [targets[start : start + LOT] for start in range(0, len(targets), LOT)]
    return [
        NewEvent(REQUESTED, data),
        *(NewEvent(TARGETED, {"recorded_at": now, "by": by, "runs": list(lot)}) for lot in lots),
    ]


def take(state: BulkState, driver: str, *, by: str, now: int) -> NewEvent:
    """A process begins to work on it. The caller has seen that it may."""
    return NewEvent(TAKEN, {**_envelope(state, by, now), "driver": driver})


def progress(state: BulkState, results: Sequence[ItemResult], *, by: str, now: int) -> NewEvent:
    """What came of the next targets, in their order."""
    return NewEvent(PROGRESSED, {**_envelope(state, by, now), "results": list(results)})


def hand_back(state: BulkState, *, by: str, now: int) -> NewEvent:
    """The process that works on it ends."""
    return NewEvent(LEFT, _envelope(state, by, now))


def stop(state: BulkState, *, by: str, reason: str | None, now: int) -> NewEvent:
    """Stop it behind the run that is worked on now. Raises IllegalTransition where nothing is left to stop."""
    refusal = why_not_stop(state)
    if refusal is not None:
        raise IllegalTransition(f"bulk action {state.id} {refusal}")
    data = _envelope(state, by, now)
    return NewEvent(STOPPED, data if reason is None else {**data, "reason": reason})


def why_not_stop(state: BulkState) -> str | None:
    """None where it may be stopped."""
    if state.status == "finished":
        return f"has finished: all of its {state.count:,} runs have a result"
    return None if state.stopped_by is None else f"was stopped already, by {state.stopped_by}"


def _envelope(state: BulkState, by: str, now: int) -> dict[str, Any]:
    return {"recorded_at": next_time(state.recorded_at, now), "by": by}
