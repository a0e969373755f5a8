"""What the events of a work order fold into."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class WorkOrderState:
    """The fold of a work order's events; ``evolve`` changes it in place."""

    id: str
    workflow_id: str = ""
    by: str = ""
    opened_at: int = 0
    runs: list[str] = field(default_factory=list[str])
    """The first run and its retries, oldest first: the last one tells the state."""
    reproductions: list[str] = field(default_factory=list[str])
    forks: list[str] = field(default_factory=list[str])
    rejected: Mapping[str, Any] | None = None
    """The body of the last rejection, for as long as there is no run."""
    key: str | None = None
    payload_digest: str | None = None
    recorded_at: int = 0
    version: int = 0

    @property
    def last_run_id(self) -> str | None:
        """The run that tells the state."""
        return self.runs[-1] if self.runs else None
