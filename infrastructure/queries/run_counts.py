"""How many runs there are of each status, workflow, version, actor, node, type of error or day."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, Literal, NamedTuple

from ...domain.values.clock import EARLIEST
from ...projections.counts import Count
from ...projections.index.query import Condition, RunQuery
from ...projections.index.rows import RunRow
from .index.runs import matching, place_in
from .listing import check_known, check_workflow
from .runs_page import Lists, may_match
from .search.query import SearchQuery

RunGroup = Literal["status", "workflow", "version", "actor", "node", "error_type", "day"]

_DAY: Final = 86_400_000_000
_ROWS_AT_ONCE: Final = 1_000


class _Group(NamedTuple):
    columns: tuple[str, ...]
    """In SQL, of a row ``r``."""
    of_row: Callable[[RunRow], tuple[Any, ...]]
    """The same of a row."""
    in_order: bool = False
    """Whether they come in the order of the values, and not the most frequent first."""


_GROUPS: Final[dict[RunGroup, _Group]] = {
    "status": _Group(("r.status",), lambda row: (row.status,)),
    "workflow": _Group(("r.workflow_id",), lambda row: (row.workflow_id,)),
    "version": _Group(
        ("r.workflow_id", "r.workflow_version"), lambda row: (row.workflow_id, row.workflow_version), in_order=True
    ),
    "actor": _Group(("r.actor",), lambda row: (row.by,)),
    "node": _Group(("r.node_id",), lambda row: (row.node_id,)),
    "error_type": _Group(("r.error_type",), lambda row: (row.error_type,)),
    "day": _Group(
        (f"(r.started_at - {EARLIEST}) / {_DAY}",), lambda row: ((row.started_at - EARLIEST) // _DAY,), in_order=True
    ),
}


def count_runs(lists: Lists, group: str, query: RunQuery, search: SearchQuery | None) -> list[Count]:
    """How many runs the filters find, by what a group has in common. Raises InvalidRequest, WorkflowNotFound."""
    by = check_known(tuple(_GROUPS), group, "group")
    counted = _count(lists, _GROUPS[by], query, search) if may_match(query) else {}
    if not counted and query.workflow_id is not None:
        check_workflow(lists.index, query.workflow_id, query.version)
    known = {values: count for values, count in counted.items() if None not in values}
    if _GROUPS[by].in_order:
        ordered = sorted(known.items())
    else:
        ordered = sorted(known.items(), key=lambda item: (-item[1], item[0]))
    return [Count(_value(by, values, query), count) for values, count in ordered]


def _count(lists: Lists, group: _Group, query: RunQuery, search: SearchQuery | None) -> dict[tuple[Any, ...], int]:
    if search is not None or query.as_of is not None:
        return Counter(map(group.of_row, _rows(lists, query, search)))
    if query.failure is not None:
        lists.searched.catch_up()
    columns = ", ".join(group.columns)
    found = matching(query, lists.index.dialect, f"{columns}, count(*)")
    places = ", ".join(map(str, range(1, len(group.columns) + 1)))
    rows = lists.index.counted(Condition(f"{found.sql} GROUP BY {places}", found.parameters))
    return {tuple(values): count for *values, count in rows}


def _rows(lists: Lists, query: RunQuery, search: SearchQuery | None) -> Iterator[RunRow]:
    """One row after the other, as only a list finds what was as of a past time, or has the words."""
    while True:
        rows, _ = lists.runs(query, search, _ROWS_AT_ONCE)
        yield from rows
        if len(rows) < _ROWS_AT_ONCE:
            return
        query = replace(query, before=place_in(rows[-1], query))


def _value(by: RunGroup, values: tuple[Any, ...], query: RunQuery) -> int | str:
    match by:
        case "version":
            workflow_id, version = values
            return int(version) if query.workflow_id is not None else f"{workflow_id}@{version}"
        case "day":
            return (date.min + timedelta(days=values[0])).isoformat()
        case _:
            return str(values[0])
