"""Two runs aligned by node and attempt, and where they diverge."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import NamedTuple

from ...domain.run import RunState
from ...domain.workflow.same_code import same_code
from .executions import RunRecord, StepExecution, StepKey, executions
from .ignore import Ignored, below
from .json_patch import operations
from .runs_model import INSIDE, ComparedRun, ComparedStep, Parting, RunComparison
from .values import ValueChange, value_changes
from .workflows import diff_of


class Side(NamedTuple):
    """One of the two runs."""

    state: RunState
    streams: Sequence[RunRecord]
    """Its own last; before it those whose results it began with, oldest first."""


def comparison(a: Side, b: Side, ignored: Ignored | None) -> RunComparison:
    """What two runs have in common, and what not. Raises EventNotReadable, StorageCorrupt."""
    ours, theirs = executions(a.streams), executions(b.streams)
    steps = [_compare_step(key, one, other, ignored) for key, one, other in _align_items(ours, theirs)]
    return RunComparison(
        a=_run(a.state, ours),
        b=_run(b.state, theirs),
        workflow=diff_of(a.streams[-1].workflow, b.streams[-1].workflow),
        parted=_parting(ours, theirs, steps),
        steps=tuple(steps),
        _ignored=ignored,
    )


def _run(state: RunState, done: Sequence[StepExecution]) -> ComparedRun:
    return ComparedRun(
        run_id=state.run_id or "",
        workflow_id=state.workflow_id,
        workflow_version=state.workflow_version,
        status=state.run_status,
        steps=len(done),
        snapshot=state.snapshot(),
    )


def _align_items(
    ours: Sequence[StepExecution], theirs: Sequence[StepExecution]
) -> Iterator[tuple[StepKey, StepExecution | None, StepExecution | None]]:
    """Each execution with its counterpart; those that only the other run has follow their predecessor there."""
    known = {one.key for one in ours}
    counterparts = {other.key: other for other in theirs}
    only_theirs: defaultdict[StepKey | None, list[StepExecution]] = defaultdict(list)
    before: StepKey | None = None
    for other in theirs:
        if other.key in known:
            before = other.key
        else:
            only_theirs[before].append(other)
    yield from ((other.key, None, other) for other in only_theirs[None])
    for one in ours:
        yield one.key, one, counterparts.get(one.key)
        yield from ((other.key, None, other) for other in only_theirs[one.key])


def _compare_step(
    key: StepKey, one: StepExecution | None, other: StepExecution | None, ignored: Ignored | None
) -> ComparedStep:
    node_id, visit, attempt, _ = key
    if one is None or other is None:
        a, b = (None if side is None else side.attempt for side in (one, other))
        return ComparedStep(node_id, visit, attempt, a, b)
    changes: tuple[ValueChange, ...] = ()
    if (one.run_id, one.attempt.version) != (other.run_id, other.attempt.version):
        inside = below(ignored, "context", node_id, one.index)
        changes = value_changes(operations(one.to_data(), other.to_data(), inside))
    is_recoded = one.code != other.code and not same_code(one.code, other.code)
    return ComparedStep(
        node_id, visit, attempt, one.attempt, other.attempt, changes, one.node != other.node, is_recoded
    )


def _parting(
    ours: Sequence[StepExecution], theirs: Sequence[StepExecution], steps: Sequence[ComparedStep]
) -> Parting | None:
    """The first step at which the two differ. Up to there each step has its counterpart."""
    for alike, (one, other, step) in enumerate(zip_longest(ours, theirs, steps)):
        if one is None or other is None or one.key != other.key:
            return Parting(
                kind="end" if one is None or other is None else "node",
                alike=alike,
                a=None if one is None else one.attempt,
                b=None if other is None else other.attempt,
            )
        for kind in INSIDE:
            if inside := tuple(change for change in step.changes if change.path.startswith(kind)):
                return Parting(kind, alike, step.a, step.b, inside, step.node_changed, step.code_changed)
    return None
