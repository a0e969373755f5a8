"""What the events of a bulk action fold into."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .events import BulkAct, ItemResult, Target

BulkStatus = Literal["running", "stopped", "finished"]


@dataclass(slots=True)
class BulkState:
    """The fold of a bulk action's events; ``evolve`` changes it in place."""

    id: str
    act: BulkAct = "retry"
    by: str = ""
    requested_at: int = 0
    count: int = 0
    from_node: str | None = None
    reason: str | None = None
    selection: Mapping[str, Any] | None = None
    key: str | None = None
    request: str | None = None
    """With a key: the digest of what was asked for."""
    targets: list[Target] = field(default_factory=list[Target])
    results: list[ItemResult] = field(default_factory=list[ItemResult])
    """Of the first targets, in their order."""
    result_times: list[int] = field(default_factory=list[int])
    """When each of them was recorded."""
    outcomes: Counter[str] = field(default_factory=Counter[str])
    driver: str | None = None
    """Who works on it; None: nobody has begun, or the last one has handed it back."""
    stopped_by: str | None = None
    stopped_at: int | None = None
    stop_reason: str | None = None
    recorded_at: int = 0
    version: int = 0

    @property
    def done(self) -> int:
        """How many runs have a result."""
        return len(self.results)

    @property
    def status(self) -> BulkStatus:
        """Where it stands. One that was stopped behind its last run has finished."""
        if self.done >= self.count:
            return "finished"
        return "running" if self.stopped_by is None else "stopped"

    @property
    def is_open(self) -> bool:
        """Whether there is anything left to do."""
        return self.status == "running"

    def may_be_taken(self, now: int, lease: int) -> bool:
        """Whether a process may begin with it: nobody works on it, or nothing was heard of who did for so long.

        Each result that is recorded is a sign of life. Two processes that work on it at once do no harm: each item is
        done once, and of two writers one is refused.
        """
        return self.is_open and (self.driver is None or now - self.recorded_at >= lease)
