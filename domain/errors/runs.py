"""A command doesn't fit a run as it stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from ..status import ENDED
from ..visible import quoted, visible
from .base import Conflict, FlowledgerError, IllegalTransition
from .conflicts import ConcurrencyError


class LaterEvent(NamedTuple):
    """What happened to a run since a caller looked at it."""

    version: int
    """Of the run, after it."""
    type: str
    """The stable name, such as ``run.resumed``."""
    by: str
    at: datetime

    def __str__(self) -> str:
        return visible(f"{self.version} {self.type} by {self.by} at {self.at.isoformat()}")


class RunMovedOn(ConcurrencyError):
    """The run isn't at the version that the caller saw. Nothing was written.

    ``events`` is all that happened since, oldest first.
    """

    def __init__(self, run_id: str, expected: int, actual: int, events: Sequence[LaterEvent]) -> None:
        self.run_id = self.stream = run_id
        self.expected = expected
        self.actual = actual
        self.events = tuple(events)
        Conflict.__init__(
            self,
            f"run {quoted(run_id)} has moved on from version {expected} to {actual}: {_told(self.events)}. "
            "Nothing was written; look at it as it stands before you decide again",
        )


class LeaseLost(Conflict):
    """The lease of the process that executed the run was over or given up; its step was told. Nothing was written."""

    def __init__(self, run_id: str, *, given_up: bool = False) -> None:
        self.run_id = run_id
        self.given_up = given_up
        if given_up:
            why = "was given up by its worker, which had to stop, and its step was told so"
        else:
            why = "was held here by a lease that ran out, as the store couldn't be reached in time"
        super().__init__(
            f"run {quoted(run_id)} {why}: what its step returned isn't recorded, as another worker may execute it now"
        )


_TOLD = 3
"""Events that a message names, from the first on; the last one it names in any case."""


def _told(events: Sequence[LaterEvent]) -> str:
    if len(events) <= _TOLD + 1:
        return "; ".join(map(str, events))
    first = "; ".join(map(str, events[:_TOLD]))
    return f"{first}; {len(events) - _TOLD - 1:,} more; {events[-1]}"


class AlreadyRetried(IllegalTransition):
    """The run was retried before, or its work order has succeeded since. ``again=True`` says that it is meant.

    ``run_id`` is what was to be retried; ``last_run_id`` the last run of its work order, begun by ``by`` at ``at``.
    """

    def __init__(self, run_id: str, work_order_id: str, last_run_id: str, status: str, by: str, at: datetime) -> None:
        self.run_id = run_id
        self.work_order_id = work_order_id
        self.last_run_id = last_run_id
        self.status = status
        self.by = by
        self.at = at
        begun = f"run {quoted(last_run_id)}, begun by {visible(by)} at {at.isoformat()}, is {visible(status)}"
        if status == "completed":
            what = f"work order {quoted(work_order_id)} has succeeded"
        else:
            what = f"{quoted(run_id)} was retried already"
        if status in ENDED:
            then = (
                "look at that run first, and say again=True (run retry --again) where the work is to be done once more"
            )
        else:
            then = "go on with that run; where the work is to be done once more, cancel it first"
        super().__init__(f"{what}: {begun}. Nothing was written; {then}")


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


class NotReached(FlowledgerError, TimeoutError):
    """A run didn't come to stand as a caller waited for: the caller's time is over, or the run has ended otherwise.

    ``run`` is the Run as it stands, ``until`` the statuses that were waited for. Nothing has happened to the run.
    """

    def __init__(self, run: Any, until: Sequence[str], timeout: float | None = None) -> None:
        self.run = run
        self.until = tuple(until)
        waited = "" if timeout is None else f" (waited for: {timeout:g} s at most)"
        stands, wanted = visible(run.status), visible(" or ".join(self.until))
        super().__init__(f"run {quoted(run.id)} is {stands}, and not {wanted}{waited}")
