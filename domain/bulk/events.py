"""The events of a bulk action."""

from typing import Any, Final, Literal, NotRequired

from typing_extensions import TypedDict

from ..events.envelope import Keyed, Recorded

BulkAct = Literal["retry", "cancel"]
"""What is done with each run."""


class Target(TypedDict):
    """One run that something is to be done with, or a work order that was rejected and has none."""

    run_id: str
    """Of such a work order its own id."""
    work_order_id: NotRequired[str]
    """Absent where there is no such run."""


class ItemResult(TypedDict):
    """What came of one run."""

    run_id: str
    outcome: Literal["retried", "cancelled", "skipped", "refused"]
    """``skipped``: there was nothing to do; ``refused``: it can't be done."""
    new_run_id: NotRequired[str]
    """The retry."""
    reason: NotRequired[str]
    """Why it was skipped or refused."""


class BulkRequested(Keyed):
    """Somebody asked for it. What it is about follows in the same commit, in lots."""

    act: BulkAct
    count: int
    """How many runs."""
    from_node: NotRequired[str]
    """Of a retry: where it begins; absent: at the start."""
    reason: NotRequired[str]
    selection: NotRequired[dict[str, Any]]
    """The filters that found the runs, as JSON; absent where they were named."""


class BulkTargeted(Recorded):
    """A lot of the runs that it is about, in the order in which they are worked on."""

    runs: list[Target]


class BulkTaken(Recorded):
    """A process began to work on it, or took over from one that is gone."""

    driver: str
    """New for each process; no other ever has it."""


class BulkProgressed(Recorded):
    """What came of the next runs."""

    results: list[ItemResult]


class BulkLeft(Recorded):
    """The process that worked on it comes to its end: another one may go on at once."""


class BulkStopped(Recorded):
    """Somebody stopped it: what is done is done, the rest isn't begun."""

    reason: NotRequired[str]


REQUESTED: Final = "bulk.requested"
TARGETED: Final = "bulk.targeted"
TAKEN: Final = "bulk.taken"
PROGRESSED: Final = "bulk.progressed"
LEFT: Final = "bulk.left"
STOPPED: Final = "bulk.stopped"
