"""A command doesn't fit a run as it stands."""

from datetime import datetime

from ..visible import quoted, visible
from .base import Conflict, IllegalTransition


class RunHeld(IllegalTransition):
    """An operator holds the run: it executes nothing and takes no answer until it is released."""

    def __init__(self, run_id: str, by: str, reason: str | None, at: datetime) -> None:
        self.run_id = run_id
        self.by = by
        self.reason = reason
        self.at = at
        why = "" if reason is None else f": {reason}"
        super().__init__(
            f"run {quoted(run_id)} is held by {visible(by)} since {at.isoformat()}{visible(why)}. Nothing was written; "
            "release it first (runs.release, run release RUN)"
        )


class WaitClosed(Conflict):
    """The wait was answered before, with another answer. Nothing was written."""

    def __init__(self, wait: str, answered_by: str, answered_at: datetime) -> None:
        self.wait = wait
        self.answered_by = answered_by
        self.answered_at = answered_at
        super().__init__(
            f"wait {quoted(wait)} was answered by {visible(answered_by)} at {answered_at.isoformat()}, with another "
            "answer: look at the run as it stands before you answer what it asks now"
        )
