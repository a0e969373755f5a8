"""What changed in a workflow between its last success and a later run of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...domain.ports import RecordedEvent
from ...domain.values.clock import moment
from ...domain.workflow import snapshot_of
from ..comparison.workflows import WorkflowDiff, diff_of
from ..index.rows import RunRow
from .globals_given import ComparedGlobals
from .model import SinceSuccess


def since_success(
    success: RunRow, then: Sequence[RecordedEvent], now: Sequence[RecordedEvent], globals: ComparedGlobals
) -> SinceSuccess:
    """``then`` and ``now`` are the first event and the save of the successful run, and of the later one; ``globals``
    is what is to be said of those that they were given."""
    (started_then, saved_then), (started_now, saved_now) = then, now
    diff: WorkflowDiff | None = None
    if saved_then.version != saved_now.version:
        diff = diff_of(*(snapshot_of(saved.version, saved.data, is_latest=False) for saved in (saved_then, saved_now)))
    other_code = _other_code(started_then.data, started_now.data)
    return SinceSuccess(
        run_id=success.run_id,
        workflow_version=success.workflow_version,
        finished_at=moment(success.finished_at or success.started_at),
        changes=None if diff is None else diff.to_data(),
        other_code=other_code,
        summary="\n".join(_summary_lines(diff, other_code, globals)),
        other_globals=globals.other,
        unknown_globals=globals.unknown,
    )


def _other_code(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """The node types of both runs whose code wasn't the same when they began."""
    before, after = then.get("code", {}), now.get("code", {})
    return tuple(sorted(type for type in before.keys() & after.keys() if before[type] != after[type]))


def _summary_lines(diff: WorkflowDiff | None, other_code: tuple[str, ...], globals: ComparedGlobals) -> Iterator[str]:
    if diff is None:
        yield "the same version of the workflow"
    else:
        yield from diff.lines()
    if other_code:
        yield f"~ other code ran: {', '.join(map(repr, other_code))}"
    if globals.other:
        yield f"~ globals had other values: {', '.join(map(repr, globals.other))}"
    if globals.unknown:
        yield f"  whether globals had other values isn't known: {', '.join(map(repr, globals.unknown))}"
