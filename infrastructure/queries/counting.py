"""Counting runs by what they have in common."""

from collections import Counter
from collections.abc import Callable
from typing import get_args

from ...domain.errors import InvalidRequest
from ...domain.values.clock import EARLIEST
from ...domain.visible import quoted
from ...projections.counts import DAY, Count, RunGroup, name_of_day
from ...projections.index.query import RunQuery
from ...projections.index.rows import RunRow
from .listing import MAX_LIMIT, check_limit, check_workflow
from .runs_page import Lists
from .search.query import SearchQuery
from .search.runs import MAX_CANDIDATES

GROUPS: tuple[RunGroup, ...] = get_args(RunGroup)


def count_runs(
    lists: Lists, group: RunGroup, query: RunQuery, search: SearchQuery | None, limit: int = MAX_LIMIT
) -> list[Count]:
    """The largest numbers first; of days the newest. What a search finds is counted row by row.

    Raises InvalidRequest (also for a search that finds too many), WorkflowNotFound, VersionNotFound.
    """
    if group not in GROUPS:
        raise InvalidRequest(f"group {quoted(group)} does not exist: it is one of {', '.join(GROUPS)}")
    check_limit(limit)
    if group == "version" and query.workflow_id is None:
        raise InvalidRequest("versions of which workflow? Give workflow_id too")
    if query.workflow_id is not None:
        check_workflow(lists.index, query.workflow_id, query.version)
    if search is None:
        if query.failure is not None:
            lists.searched.catch_up()
        counted = lists.index.run_counts(query, group, limit)
    else:
        rows, _ = lists.runs(query, search, MAX_CANDIDATES + 1)
        if len(rows) > MAX_CANDIDATES:
            raise InvalidRequest(
                f"the search finds more than {MAX_CANDIDATES:,} runs, too many to be counted one by one: narrow it "
                "down by workflow, status or time"
            )
        counted = _count_rows(rows, group)[:limit]
    if group == "day":
        return [Count(name_of_day(int(day)), count) for day, count in counted]
    return [Count(value, count) for value, count in counted]


def _count_rows(rows: list[RunRow], group: RunGroup) -> list[tuple[int | str, int]]:
    counter = Counter(value for row in rows if (value := _VALUE[group](row)) is not None)
    if group == "day":
        return sorted(counter.items(), reverse=True)
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))


_VALUE: dict[RunGroup, Callable[[RunRow], int | str | None]] = {
    "status": lambda row: row.status,
    "node": lambda row: row.node_id,
    "error_type": lambda row: row.error_type,
    "workflow": lambda row: row.workflow_id,
    "version": lambda row: row.workflow_version,
    "actor": lambda row: row.by,
    "day": lambda row: (row.started_at - EARLIEST) // DAY,
}
