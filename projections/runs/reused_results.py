"""The results that a run reuses, and where they come from."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...domain.ports import RecordedEvent
from ...domain.run import STARTED, STEP_COMPLETED, STEP_FAILED, EditedResult, replaced_by
from ...domain.run.results import error_text
from ...domain.run.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class ReusedResult:
    """A result that a run reused from an earlier run."""

    node_id: str
    run_id: str
    """The run that produced it, or adopted it."""
    version: int
    recorded_at: datetime
    attempt: int
    output: Any
    """The output as JSON; null after a failure."""
    error: str | None

    @property
    def failed(self) -> bool:
        """Whether it is the result of a failed attempt."""
        return self.error is not None


def reused_results(past: Iterable[RecordedEvent], edited: EditedResult | None = None) -> list[ReusedResult]:
    """The results in the past of a run, which is the events of the runs that it is folded through, oldest first.

    They are the first results of the run's context, in this order. ``edited`` is what takes the place of the last one.
    """
    found: dict[tuple[str, int, int], ReusedResult] = {}
    for event in past:
        for stream, version in replaced_by(event):
            found.pop((stream, version, 0), None)
        for place, adopted in enumerate(adopted_results(event)):
            found[event.stream, event.version, place] = adopted
        result = event.data if event.type in _STEPS else event.data.get("edited")
        if result is not None:
            found[event.stream, event.version, 0] = _reused(event, result)
    if edited is not None:
        found.pop((edited["run_id"], edited["version"], 0), None)
    return list(found.values())


def adopted_results(started: RecordedEvent) -> Iterator[ReusedResult]:
    """The results in the snapshot with which a run began, if it adopted one: recorded elsewhere, when it says so."""
    if started.type == STARTED and (adopted := started.data.get("adopted")) is not None:
        for placed in Snapshot.from_json(adopted).context.placed():
            result = placed.result
            yield ReusedResult(
                node_id=placed.node_id,
                run_id=started.stream,
                version=started.version,
                recorded_at=result.timestamp,
                attempt=result.attempt,
                output=result.output,
                error=result.error,
            )


_STEPS = (STEP_COMPLETED, STEP_FAILED)


def _reused(event: RecordedEvent, result: Mapping[str, Any]) -> ReusedResult:
    return ReusedResult(
        node_id=result["node_id"],
        run_id=event.stream,
        version=event.version,
        recorded_at=event.recorded_at,
        attempt=result.get("attempt", 1),
        output=result.get("output"),
        error=error_text(result["error"]) if event.type == STEP_FAILED else None,
    )
