"""Bulk actions as callers see them: how one stands, each of its runs, and what one would do."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from ..domain.bulk import REASONS, SKIPS, BulkAct, BulkState, BulkStatus, Foreseen
from ..domain.values.clock import moment

BulkOutcome = Literal["retried", "cancelled", "skipped", "refused"]
BULK_OUTCOMES: tuple[BulkOutcome, ...] = ("retried", "cancelled", "skipped", "refused")


@dataclass(frozen=True, slots=True)
class BulkAction:
    """Many runs that somebody asked to retry or to cancel, as that stands."""

    id: str
    act: BulkAct
    """``retry`` or ``cancel``."""
    status: BulkStatus
    """``running``: something is left to do; ``stopped``; ``finished``: each run has a result."""
    by: str
    requested_at: datetime
    reason: str | None
    from_node: str | None
    """Of a retry: where it begins; None: at the start."""
    selection: Mapping[str, Any] | None = field(hash=False)
    """The filters that found the runs, named as in ``history.runs``; None where the runs were named."""
    count: int
    """How many runs."""
    done: int
    """How many of them have a result."""
    outcomes: Mapping[str, int] = field(hash=False)
    """How many were ``retried``, ``cancelled``, ``skipped`` (nothing had to be done), ``refused``."""
    runs: Mapping[str, int] = field(hash=False)
    """Of a retry: how many of the new runs are ``active``, ``paused``, ``completed``, …, as they stand now."""
    taken: bool
    """Whether a process works on it."""
    stopped_by: str | None
    stopped_at: datetime | None
    stop_reason: str | None
    last_event_at: datetime
    version: int
    """How many events were recorded."""
    created: bool = field(default=True, compare=False)
    """False where ``request`` answered an idempotency key that was known."""


@dataclass(frozen=True, slots=True)
class BulkActionItem:
    """One run of a bulk action, and what came of it."""

    number: int
    """Its place: they are worked on in this order, from 1 on."""
    run_id: str
    """Of a work order that was rejected and had no run: its own id."""
    work_order_id: str | None
    """None where there is no such run."""
    outcome: BulkOutcome | None
    """None: it is still to do."""
    new_run_id: str | None
    """The retry."""
    status: str | None
    """How the retry stands now; of a cancellation, the run itself."""
    reason: str | None
    """Why it was skipped or refused."""
    at: datetime | None
    """When that was recorded."""


@dataclass(frozen=True, slots=True)
class BulkObstacle:
    """Why nothing would be done with some of the runs."""

    reason: str
    count: int
    outcome: Literal["skipped", "refused"]
    """``skipped``: nothing has to be done; ``refused``: it can't be done."""
    example: str
    """One of these runs."""


@dataclass(frozen=True, slots=True)
class BulkPreview:
    """What a bulk action would do, by how its runs stand now; nothing was changed."""

    act: BulkAct
    count: int
    """How many runs."""
    can: int
    """With how many of them it would be done."""
    obstacles: tuple[BulkObstacle, ...]
    """Why not with the others, the most frequent first."""
    workflows: Mapping[str, int] = field(hash=False)
    """The versions that would run, by the ids of their workflows; empty for a cancellation."""
    effects: Mapping[str, int] | None = field(hash=False)
    """Types of executors that would act on the world again, and in how many of the runs; None: it wasn't asked."""
    digest: str
    """Of the runs, in their order: equal where they are the same."""
    rejected: tuple[str, ...] = ()
    """Those that are work orders which were rejected and have no run: a retry gives them their first one."""


def bulk_action(state: BulkState, runs: Mapping[str, int]) -> BulkAction:
    """The bulk action as callers see it. ``runs``: how many of the new runs have which status."""
    return BulkAction(
        id=state.id,
        act=state.act,
        status=state.status,
        by=state.by,
        requested_at=moment(state.requested_at),
        reason=state.reason,
        from_node=state.from_node,
        selection=state.selection,
        count=state.count,
        done=state.done,
        outcomes={outcome: state.outcomes[outcome] for outcome in BULK_OUTCOMES if state.outcomes[outcome]},
        runs=runs,
        taken=state.is_open and state.driver is not None,
        stopped_by=state.stopped_by,
        stopped_at=None if state.stopped_at is None else moment(state.stopped_at),
        stop_reason=state.stop_reason,
        last_event_at=moment(state.recorded_at),
        version=state.version,
    )


def bulk_items(state: BulkState, numbers: Iterable[int], statuses: Mapping[str, str]) -> tuple[BulkActionItem, ...]:
    """The items with these numbers. ``statuses``: those of runs, by their ids."""
    return tuple(_item(state, number, statuses) for number in numbers)


def _item(state: BulkState, number: int, statuses: Mapping[str, str]) -> BulkActionItem:
    target = state.targets[number - 1]
    result = state.results[number - 1] if number <= state.done else None
    new_run_id = None if result is None else result.get("new_run_id")
    shown = new_run_id if state.act == "retry" else target["run_id"]
    return BulkActionItem(
        number,
        target["run_id"],
        target.get("work_order_id"),
        None if result is None else result["outcome"],
        new_run_id,
        None if shown is None else statuses.get(shown),
        None if result is None else result.get("reason"),
        None if result is None else moment(state.result_times[number - 1]),
    )


def obstacles(found: Sequence[tuple[str, Foreseen | str]]) -> tuple[BulkObstacle, ...]:
    """Runs and why nothing would be done with each, as groups. What isn't foreseen is a sentence of a refusal."""
    groups: dict[str, list[str]] = {}
    for run_id, why in found:
        groups.setdefault(why, []).append(run_id)
    ordered = sorted(groups.items(), key=lambda group: -len(group[1]))
    return tuple(
        BulkObstacle(REASONS.get(why, why), len(runs), "skipped" if why in SKIPS else "refused", runs[0])  # type: ignore[call-overload]
        for why, runs in ordered
    )
