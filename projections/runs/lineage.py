"""The lineage of a run: its ancestors and descendants, which are retries, reproductions and forks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...domain.status import ListedRunStatus
from ...domain.values.clock import moment
from ..index.rows import RunRow
from ..serialization import to_json_value


@dataclass(frozen=True, slots=True)
class Relative:
    """A run in a lineage."""

    run_id: str
    kind: str
    """``first``, or ``retry``, ``reproduction``, ``fork``."""
    source: str | None
    """The run that it retries, reproduces or branches off from; None for the first one."""
    source_version: int | None
    """The number of the source's events that it begins with; 0: it reuses no result."""
    workflow_version: int
    status: ListedRunStatus
    """A Snapshot's, ``cancelled``, or ``unreadable``."""
    by: str
    """Who started it."""
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where a run comes from, and what came from it."""

    ancestors: tuple[Relative, ...]
    """From the first run of the work order to the run's own source; none for a first run."""
    run: Relative
    descendants: tuple[Relative, ...]
    """Depth first: each run after its source."""

    def to_data(self) -> dict[str, Any]:
        """As JSON: keys in camelCase, times ISO 8601."""
        data: dict[str, Any] = to_json_value(self)
        return data


def related_runs(run_id: str, rows: Sequence[RunRow]) -> tuple[list[RunRow], RunRow, list[RunRow]]:
    """The ancestors of a run, the run, and its descendants, out of the runs of its work order, oldest first."""
    by_id = {row.run_id: row for row in rows}
    return list(_ancestors(by_id[run_id], by_id))[::-1], by_id[run_id], list(_descendants(run_id, rows))


def _ancestors(row: RunRow, by_id: Mapping[str, RunRow]) -> Iterator[RunRow]:
    # A source always began before whatever came of it, so this ends, also in a store that was tampered with.
    while (source := by_id.get(row.source or "")) is not None and source.position < row.position:
        yield source
        row = source


def _descendants(run_id: str, rows: Sequence[RunRow]) -> Iterator[RunRow]:
    children: dict[str | None, list[RunRow]] = {}
    for row in rows:
        children.setdefault(row.source, []).append(row)
    waiting = children.pop(run_id, [])[::-1]
    while waiting:
        row = waiting.pop()
        yield row
        waiting += children.pop(row.run_id, [])[::-1]


def related_run_of(row: RunRow, origin: Mapping[str, Any] | None) -> Relative:
    """A run's row, with what its first event says of its origin."""
    return Relative(
        run_id=row.run_id,
        kind=row.origin or "first",
        source=row.source,
        source_version=None if origin is None else origin["version"],
        workflow_version=row.workflow_version,
        status=row.status,
        by=row.by,
        started_at=moment(row.started_at),
    )
