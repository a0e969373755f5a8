"""Stale commands, based on a version that is no longer the latest: refused; saves can also be merged."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ..errors import Conflict
from ..ports import RecordedEvent
from ..values.clock import moment
from ..visible import quoted, visible
from .events import SAVES
from .merge import merge
from .state import WorkflowState
from .versions import WorkflowVersion, versions_in


class StaleVersion(Conflict):
    """A command was based on a version that is no longer the latest; says who saved what since, node by node.

    ``changes`` is every version after ``expected``, oldest first. ``conflicts`` names the nodes and edges that stand in
    the way of a merge; empty where none was asked for.
    """

    def __init__(
        self,
        workflow_id: str,
        expected: int,
        actual: int,
        saved_by: str,
        saved_at: datetime,
        changes: Sequence[WorkflowVersion] = (),
        conflicts: Sequence[str] = (),
        *,
        command: str = "save",
    ) -> None:
        self.workflow_id = workflow_id
        self.expected = expected
        self.actual = actual
        self.saved_by = saved_by
        self.saved_at = saved_at
        self.changes: tuple[WorkflowVersion, ...] = tuple(changes)
        self.conflicts: tuple[str, ...] = tuple(conflicts)
        if conflicts:
            parts = visible(", ".join(self.conflicts))
            hint = f"both changed {parts}; take the latest version and apply your change to it"
        elif expected > actual:
            hint = "there is no such save yet; take the latest version and apply your change to it"
        elif command != "save":
            hint = "look at the latest version before you decide again"
        else:
            hint = (
                "take the latest version and apply your change to it, "
                "or save with merge=True (--merge), which puts changes to different nodes together, "
                "or with force=True (--force), which saves yours over theirs"
            )
        more = len(self.changes) - _CHANGES_LISTED
        super().__init__(
            f"workflow {quoted(workflow_id)} is at version {actual}, your {visible(command)} was based on {expected}: "
            f"{visible(saved_by)} saved at {saved_at.isoformat()}; {hint}"
            + (f"\n  - {more} more before, all in .changes" if more > 0 else "")
            + "".join(f"\n  - {change}" for change in self.changes[-_CHANGES_LISTED:])
        )


_CHANGES_LISTED = 10
"""Versions that the message of a StaleVersion lists."""


def refuse_stale(
    state: WorkflowState,
    recent: Sequence[RecordedEvent],
    expected: int | None,
    now: int,
    conflicts: Sequence[str] = (),
    command: str = "save",
) -> None:
    """Raises StaleVersion where ``expected`` isn't the latest version, or where conflicts stand in the way of a merge.

    ``recent`` are the events from the save on that ``expected`` shows, or from further back.
    """
    if expected is None or (state.stands_at(expected) and not conflicts):
        return
    saved_by, saved_at = ("nobody", now) if state.saved is None else (state.saved["by"], state.saved["recorded_at"])
    later = [event for event in recent if event.version > expected]
    changes = versions_in(later, _body_at(recent, expected))
    raise StaleVersion(
        state.workflow_id,
        expected,
        state.saved_version,
        saved_by,
        moment(saved_at),
        changes,
        conflicts,
        command=command,
    )


def merge_over(
    state: WorkflowState, recent: Sequence[RecordedEvent], expected: int, mine: Mapping[str, Any], now: int
) -> dict[str, Any]:
    """The latest definition with what ``mine`` changed in that of ``expected``; all as JSON.

    It may break the rules that hold for each of the two. Raises StaleVersion with what both changed, but not alike.
    """
    if state.saved is None or not 0 <= expected <= state.version:
        refuse_stale(state, recent, expected, now)
    base, theirs = _body_at(recent, expected) or _NOTHING, state.saved or _NOTHING
    merged = merge(base["definition"], theirs["definition"], mine)
    if merged.undecided:
        refuse_stale(state, recent, expected, now, [each.name for each in merged.undecided])
    return merged.definition


_NOTHING: Mapping[str, Any] = {"definition": {}}


def _body_at(recent: Sequence[RecordedEvent], version: int) -> Mapping[str, Any] | None:
    """The body of the save that a version shows; None: there was none yet."""
    shown = (event.data for event in reversed(recent) if event.version <= version and event.type in SAVES)
    return next(shown, None)
