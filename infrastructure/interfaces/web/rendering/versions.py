"""A version of a workflow as chips show it, with the sentences that they say when pointed at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """A version that something ran on, or that a canvas shows."""

    workflow_id: str
    number: int
    snapshot_id: str
    taken_at: datetime
    is_latest: bool
    """Whether it was the latest save when the page was made."""

    def of_run(self, zone: tzinfo) -> str:
        """What the chip of a run says."""
        if self.is_latest:
            return "This run is based on the latest version of this workflow."
        return f"This run is based on a snapshot of this workflow that was taken on {_at(self.taken_at, zone)}"

    def of_canvas(self, zone: tzinfo) -> str:
        """What the chip of a canvas or an inspector says."""
        if self.is_latest:
            return "This is the latest version of this workflow"
        return f"You are viewing a snapshot of this workflow that was taken on {_at(self.taken_at, zone)}"


def _at(taken_at: datetime, zone: tzinfo) -> str:
    return taken_at.astimezone(zone).strftime("%Y-%m-%d at %H:%M:%S")
