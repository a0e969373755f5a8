"""Reading what is compared: two versions of a run, or two runs with the earlier runs whose results they reuse."""

from collections.abc import Iterator, Sequence

from ....domain.ports import EventStore, RecordedEvent
from ....domain.run import STARTED
from ....domain.values.point_in_time import parse_moment
from ....projections.comparison.executions import RunRecord
from ....projections.comparison.ignore import Ignored
from ....projections.comparison.runs import Side, comparison
from ....projections.comparison.runs_model import RunComparison
from ....projections.comparison.snapshots import SnapshotDiff, snapshot_diff
from ...repositories.as_of import version_at
from ...repositories.missing import missing_run
from ...repositories.origins import origin_in, sources
from ...repositories.runs import RunRepository
from ...repositories.workflows import WorkflowRepository


def compare_snapshots(
    store: EventStore,
    runs: RunRepository,
    run_id: str,
    head: int,
    versions: tuple[int, int | None],
    ignored: Ignored | None,
) -> SnapshotDiff:
    """The difference between a run's Snapshots at two versions. Raises RunNotFound, VersionNotFound."""
    subject = f"run {run_id!r}"
    a, b = (version_at(store, run_id, parse_moment(version, None), head, subject) for version in versions)
    earlier, later = runs.snapshots_at(run_id, min(a, b), max(a, b))
    before, after = (earlier, later) if a <= b else (later, earlier)
    return snapshot_diff(run_id, before, after, ignored)


def compare_runs(
    store: EventStore,
    runs: RunRepository,
    workflows: WorkflowRepository,
    run_ids: Sequence[str],
    ignored: Ignored | None,
) -> RunComparison:
    """Two runs, aligned by node and attempt. Raises RunNotFound."""
    a, b = (_load_side(store, runs, workflows, run_id) for run_id in run_ids)
    return comparison(a, b, ignored)


def _load_side(store: EventStore, runs: RunRepository, workflows: WorkflowRepository, run_id: str) -> Side:
    events = list(store.read(run_id))
    if not events or events[0].type != STARTED:
        raise missing_run(store, run_id)
    streams = (*_read_sources(store, events[0]), events)
    return Side(runs.load(run_id, len(events)), [_load_execution(runs, workflows, stream) for stream in streams])


def _read_sources(store: EventStore, started: RecordedEvent) -> Iterator[list[RecordedEvent]]:
    """The events of the runs whose results a run began with, oldest first."""
    nearest_first = list(sources(store, started.stream, origin_in(started.stream, started.data)))
    for source in reversed(nearest_first):
        yield list(store.read(source["run_id"], upto=source["version"]))


def _load_execution(runs: RunRepository, workflows: WorkflowRepository, events: Sequence[RecordedEvent]) -> RunRecord:
    started = events[0]
    workflow = workflows.get(started.data["workflow_id"], started.data["workflow_version"])
    return RunRecord(events, workflow, runs.state_before(started))
