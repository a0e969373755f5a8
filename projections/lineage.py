"""Which results of a run are not its own, and where they come from."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..domain.ports import RecordedEvent
from ..domain.results import error_text
from ..domain.run import STEP_COMPLETED, STEP_FAILED


@dataclass(frozen=True, slots=True)
class ReusedResult:
    """A result that a run began with, because an earlier run had produced it."""

    node_id: str
    run_id: str
    """The run that produced it, with the event of this ``version``."""
    version: int
    recorded_at: datetime
    attempt: int
    output: Any
    """null after a failure."""
    error: str | None

    @property
    def failed(self) -> bool:
        """Whether it is the result of a failed attempt."""
        return self.error is not None


def reused(past: Iterable[RecordedEvent]) -> list[ReusedResult]:
    """The results in the past of a run, which is the events of the runs that it is folded through, oldest first.

    They are the first results of the run's context, in this order.
    """
    return [
        ReusedResult(
            node_id=event.data["node_id"],
            run_id=event.stream,
            version=event.version,
            recorded_at=event.recorded_at,
            attempt=event.data.get("attempt", 1),
            output=event.data.get("output"),
            error=error_text(event.data["error"]) if event.type == STEP_FAILED else None,
        )
        for event in past
        if event.type in (STEP_COMPLETED, STEP_FAILED)
    ]
