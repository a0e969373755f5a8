"""The list of runs as SQL, the same for every backend except where PostgreSQL has an index of ranges.

Each filter has an index in the order of pages, newest first, and each order has one of all runs, so a page costs its
rows. Where several statuses are asked for, each has its own page, and the pages are merged: an index by status holds no
order across statuses.
"""

from collections.abc import Sequence
from typing import Any, Final

from ....domain.status import ENDED
from ....domain.values.clock import EARLIEST
from ....projections.counts import DAY, RunGroup
from ....projections.index.columns import key
from ....projections.index.query import Condition, Place, RunQuery, place_of
from ....projections.index.rows import RunRow
from ...storage.recorder import LAST
from ...storage.sql import Dialect
from .pieces import RUN_TIMES, among, between, columns, equal, merge, pages

RUN_COLUMNS: Final = tuple("actor" if name == "by" else name for name in RunRow._fields)
"""Columns of the table, in the order of the row."""

RUNS: Final = "flowledger_index_runs"

FEW: Final = 5_000
"""Runs that are sorted: where a filter finds more, who walks all runs in their order soon meets a page of them."""


def runs(
    query: RunQuery,
    dialect: Dialect,
    limit: int,
    extra: Sequence[Condition] = (),
    source: str = RUNS,
    *,
    walks: bool = False,
) -> Condition:
    """The runs of a page, from the table ``source``; ``extra`` conditions are on its row, ``r``.

    ``walks``: SQLite, which doesn't know how many a filter finds, walks the index of the order and not of a filter.
    """
    parameters: dict[str, Any] = {"limit": limit}
    shared = _shared(query, dialect, extra, parameters, by="+" if walks else "")
    if query.as_of is None:
        found = [
            one
            for status in query.status or (None,)
            for one in _page(
                RUN,
                f"{source} AS r",
                [*shared, *_is_in_state("r", query, status, parameters, walks)],
                query,
                parameters,
            )
        ]
    else:
        parameters["as_of"] = query.as_of
        found = list(_as_of(source, shared, query, dialect, parameters))
    return Condition(merge(found, RUN_TIMES, query.order), parameters)


def place_in(row: RunRow, query: RunQuery) -> Place:
    """Where a run stands in its list."""
    return place_of(row.started_at, row.finished_at, row.active_at, row.position, query.order)


def run_counts(query: RunQuery, group: RunGroup, dialect: Dialect, limit: int) -> Condition:
    """How many runs have each value of a column, the largest numbers first; of days the newest first."""
    found = matching(query, dialect, RUN) if query.as_of is None else runs(query, dialect, LAST)
    value = _GROUPS[group]
    largest = "value DESC" if group == "day" else "runs DESC, value"
    return Condition(
        f"SELECT {value} AS value, count(*) AS runs FROM ({found.sql}) AS found WHERE {value} IS NOT NULL "  # noqa: S608 - our own columns and tables; values are parameters
        f"GROUP BY {value} ORDER BY {largest} LIMIT :groups",
        found.parameters | {"groups": limit},
    )


_GROUPS: Final[dict[RunGroup, str]] = {
    "status": "status",
    "node": "node_id",
    "error_type": "error_type",
    "workflow": "workflow_id",
    "version": "workflow_version",
    "actor": "actor",
    "day": f"(started_at - ({EARLIEST})) / {DAY}",
}


def matching(query: RunQuery, dialect: Dialect, selected: str = "r.run_id", most: int | None = None) -> Condition:
    """Those of all runs that the filters find, in no order; at most ``most`` of them. Now, not as of a past time."""
    parameters: dict[str, Any] = {}
    conditions = _shared(query, dialect, (), parameters)
    conditions += _is_in_state("r", query, None, parameters)
    if query.status:
        names = {f"status_{status}": status for status in query.status}
        parameters |= names
        conditions.append(f"r.status IN ({', '.join(f':{name}' for name in names)})")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    limit = "" if most is None else f" LIMIT {most}"
    return Condition(f"SELECT {selected} FROM {RUNS} AS r{where}{limit}", parameters)  # noqa: S608 - our own columns and tables; values are parameters


def _shared(
    query: RunQuery, dialect: Dialect, extra: Sequence[Condition], parameters: dict[str, Any], by: str = ""
) -> list[str]:
    """The conditions that hold whatever the status is. ``by``: what stands before columns of filters."""
    shared: list[str] = []
    for name, column, value in (
        ("workflow_id", "r.workflow_id", query.workflow_id),
        ("workflow_version", "r.workflow_version", query.version),
        ("actor", "r.actor", None if query.by is None else key(query.by)),
    ):
        shared += equal(name, f"{by}{column}", value, parameters)
    shared += between(f"{by}r.started_at", query.since, query.until, parameters)
    shared += _stands_now(query, dialect, parameters)
    for condition in extra:
        shared.append(condition.sql)
        parameters |= condition.parameters
    return shared


def _page(
    selected: str, source: str, conditions: Sequence[str], query: RunQuery, parameters: dict[str, Any]
) -> list[str]:
    times = RUN_TIMES.of("r")
    return pages(selected, source, conditions, times, query.order, query.before, parameters)


def _as_of(source: str, shared: list[str], query: RunQuery, dialect: Dialect, parameters: dict[str, Any]) -> list[str]:
    """Runs that had ended by then are as now; runs that were in flight are as their last change by then says.

    Only filters by status, node or error type need that; they select runs in flight by their last change.
    """
    if not query.status and query.node is None and query.error_type is None:
        return [_all_as_of(source, shared, query, dialect, parameters)]
    asked = query.status or (None,)
    ended = [status for status in asked if status is None or status in ENDED]
    in_flight = [status for status in asked if status is None or status not in ENDED]
    begun = "r.started_at <= :as_of"
    found: list[str] = []
    for status in ended:
        conditions = [*shared, begun, "r.finished_at <= :as_of", *_is_in_state("r", query, status, parameters)]
        found += _page(RUN, f"{source} AS r", conditions, query, parameters)
    was_in_flight = {
        "postgres": "int8range(r.started_at, r.finished_at) @> CAST(:as_of AS bigint)",
        "sqlite": "(r.finished_at IS NULL OR r.finished_at > :as_of)",
    }[dialect]
    for status in in_flight:
        conditions = [*shared, begun, was_in_flight, *_is_in_state("c", query, status, parameters)]
        found += _page(_RUN_THEN, f"{source} AS r JOIN {_LAST_CHANGE[dialect]}", conditions, query, parameters)
    return found


def _all_as_of(source: str, shared: list[str], query: RunQuery, dialect: Dialect, parameters: dict[str, Any]) -> str:
    (begun,) = _page("r.*", f"{source} AS r", [*shared, "r.started_at <= :as_of"], query, parameters)
    direction = "DESC" if query.order.descending else "ASC"
    return f"""SELECT {_RUN_EITHER} FROM ({begun}) AS r
LEFT JOIN {_LAST_CHANGE[dialect]} AND (r.finished_at IS NULL OR r.finished_at > :as_of)
ORDER BY r.started_at {direction}, r.position {direction}"""  # noqa: S608 - our own columns and tables; values are parameters


_LAST_CHANGE: Final[dict[Dialect, str]] = {
    # Run by run, whatever the planner estimates.
    "postgres": """LATERAL (
    SELECT * FROM flowledger_index_changes AS earlier
    WHERE earlier.stream = r.run_id AND earlier.recorded_at <= :as_of AND earlier.status IS NOT NULL
    ORDER BY earlier.version DESC LIMIT 1) AS c ON TRUE""",
    "sqlite": """flowledger_index_changes AS c ON c.stream = r.run_id AND c.version = (
    SELECT max(earlier.version) FROM flowledger_index_changes AS earlier
    WHERE earlier.stream = r.run_id AND earlier.recorded_at <= :as_of AND earlier.status IS NOT NULL)""",
}


def _is_in_state(
    table: str, query: RunQuery, status: str | None, parameters: dict[str, Any], walks: bool = False
) -> list[str]:
    name = f"status_{status}" if status is not None else ""
    table = f"+{table}" if walks else table
    return [
        *equal(name, f"{table}.status", status, parameters),
        *equal("node_id", f"{table}.node_id", None if query.node is None else key(query.node), parameters),
        *equal(
            "error_type", f"{table}.error_type", None if query.error_type is None else key(query.error_type), parameters
        ),
    ]


def _stands_now(query: RunQuery, dialect: Dialect, parameters: dict[str, Any]) -> list[str]:
    """What only the rows of now tell. Each is written as its partial index is."""
    conditions = equal("owner", "r.owner", query.owner, parameters)
    if query.work_orders is not None:
        conditions.append(among("work_orders", "r.work_order_id", query.work_orders, dialect, parameters))
    if query.due_before is not None:
        parameters["due_before"] = query.due_before
        conditions += ["r.due_at IS NOT NULL", "r.due_at < :due_before", "NOT r.held"]
    for column, wanted in (("r.held", query.held), ("r.queued", query.queued)):
        if wanted is not None:
            conditions.append(column if wanted else f"NOT {column}")
    if query.failure is not None:
        parameters["failure"] = query.failure
        alike = "SELECT run_id FROM flowledger_failures WHERE fingerprint = :failure AND ended = TRUE"
        conditions.append(f"r.run_id IN ({alike})")
    return conditions


RUN: Final = columns(RunRow, "r")
_RUN_THEN: Final = columns(
    RunRow,
    "r",
    status="c.status",
    node_id="c.node_id",
    error_type="c.error_type",
    version="c.version",
    finished_at="CAST(NULL AS bigint) AS finished_at",
    wait_version="CAST(NULL AS bigint) AS wait_version",
    due_at="CAST(NULL AS bigint) AS due_at",
    held="CAST(NULL AS boolean) AS held",
    owner="CAST(NULL AS text) AS owner",
    active_at="CAST(NULL AS bigint) AS active_at",
)
_RUN_EITHER: Final = columns(
    RunRow,
    "r",
    status="coalesce(c.status, r.status) AS status",
    version="coalesce(c.version, r.version) AS version",
    node_id="CASE WHEN c.stream IS NULL THEN r.node_id ELSE c.node_id END AS node_id",
    error_type="CASE WHEN c.stream IS NULL THEN r.error_type ELSE c.error_type END AS error_type",
    finished_at="CASE WHEN c.stream IS NULL THEN r.finished_at END AS finished_at",
    wait_version="CASE WHEN c.stream IS NULL THEN r.wait_version END AS wait_version",
    due_at="CASE WHEN c.stream IS NULL THEN r.due_at END AS due_at",
    held="CASE WHEN c.stream IS NULL THEN r.held END AS held",
    owner="CASE WHEN c.stream IS NULL THEN r.owner END AS owner",
    active_at="CASE WHEN c.stream IS NULL THEN r.active_at END AS active_at",
)
