"""Saves that were based on a version which is no longer the latest: refused, or merged."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..clock import moment
from ..errors import StaleVersion
from ..ports import RecordedEvent
from .merge import merged
from .state import WorkflowState
from .versions import versions_in


def refuse_stale(
    state: WorkflowState, recent: Sequence[RecordedEvent], expected: int | None, now: int,
    conflicts: Sequence[str] = (),
) -> None:  # fmt: skip
    """Raises StaleVersion where ``expected`` isn't the latest version, or where conflicts stand in the way of a merge.

    ``recent`` are the events from the save on that ``expected`` shows.
    """
    if expected is None or (state.stands_at(expected) and not conflicts):
        return
    saved_by, saved_at = ("nobody", now) if state.saved is None else (state.saved["by"], state.saved["recorded_at"])
    later = [event for event in recent if event.version > expected]
    changes = versions_in(later, _body_at(recent, expected))
    raise StaleVersion(state.workflow_id, expected, state.saved_version, saved_by, moment(saved_at), changes, conflicts)


def merged_over(
    state: WorkflowState, recent: Sequence[RecordedEvent], expected: int, mine: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """The latest definition with what ``mine`` changed in that of ``expected``; all as JSON.

    It may break the rules that hold for each of the two. Raises StaleVersion with what both changed, but not alike.
    """
    if state.saved is None or not 0 <= expected <= state.version:
        refuse_stale(state, recent, expected, now)
    base, theirs = _body_at(recent, expected) or _NOTHING, state.saved or _NOTHING
    definition, conflicts = merged(base["definition"], theirs["definition"], mine)
    if conflicts:
        refuse_stale(state, recent, expected, now, conflicts)
    return definition


_NOTHING: Mapping[str, Any] = {"definition": {}}


def _body_at(recent: Sequence[RecordedEvent], version: int) -> Mapping[str, Any] | None:
    """The body of the save that a version shows; None: there was none yet."""
    return recent[0].data if recent and recent[0].version <= version else None
