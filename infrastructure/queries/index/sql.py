"""Queries of the index as SQL, the same for every backend except where PostgreSQL has an index of ranges.

Each filter has an index in the order of pages, so a page costs its rows. Where several statuses are asked for, each has
its own page, and the pages are merged: an index by status holds no order across statuses.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ....domain.status import ENDED
from ....projections.index.columns import key
from ....projections.index.query import Condition, Place, RunQuery, WaitQuery, WorkOrderQuery
from ....projections.index.rows import ActRow, RunRow, SaveRow, WaitRow, WorkflowRow, WorkOrderRow
from ...storage.sql import Dialect

RUN_COLUMNS = tuple("actor" if name == "by" else name for name in RunRow._fields)
"""Columns of the table, in the order of the row."""


def runs(
    query: RunQuery,
    dialect: Dialect,
    limit: int,
    extra: Sequence[Condition] = (),
    source: str = "flowledger_index_runs",
) -> Condition:
    """The runs of a page, newest first, from the table ``source``; ``extra`` conditions are on its row, ``r``."""
    parameters: dict[str, Any] = {"limit": limit}
    shared = [*_place("r.started_at", "r.position", query.before, parameters)]
    for name, column, value in (
        ("workflow_id", "r.workflow_id", query.workflow_id),
        ("workflow_version", "r.workflow_version", query.version),
        ("actor", "r.actor", None if query.by is None else key(query.by)),
    ):
        shared += _equal(name, column, value, parameters)
    shared += _between("r.started_at", query.since, query.until, parameters)
    shared += _stands_now(query, parameters)
    for condition in extra:
        shared.append(condition.sql)
        parameters |= condition.parameters
    if query.as_of is None:
        branches = [_now(source, shared, query, status, parameters) for status in query.status or (None,)]
    else:
        parameters["as_of"] = query.as_of
        branches = list(_as_of(source, shared, query, dialect, parameters))
    return Condition(_merge(branches, "started_at"), parameters)


def related_runs(run_id: str) -> Condition:
    """The runs of the work order that a run belongs to, oldest first."""
    work_order = "SELECT work_order_id FROM flowledger_index_runs WHERE run_id = :id"
    return Condition(
        f"SELECT {_RUN} FROM flowledger_index_runs AS r WHERE r.work_order_id = ({work_order}) ORDER BY r.position",  # noqa: S608 - our own columns and tables; values are parameters
        {"id": run_id},
    )


def statuses(run_ids: Sequence[str]) -> Condition:
    """Run id and status of those runs that exist."""
    # Filled up to one of a few lengths, so that a server prepares a few statements and not one for each length.
    length = next(length for length in _LENGTHS if length >= len(run_ids))
    padded = [*run_ids, *[run_ids[-1]] * (length - len(run_ids))]
    parameters = {f"id{number}": run_id for number, run_id in enumerate(padded)}
    names = ", ".join(f":{name}" for name in parameters)
    return Condition(f"SELECT run_id, status FROM flowledger_index_runs WHERE run_id IN ({names})", parameters)  # noqa: S608 - our own columns and tables; values are parameters


_LENGTHS = (1, 20, 400)
MOST_IDS = _LENGTHS[-1]
"""How many ids one query takes."""


def _now(source: str, shared: list[str], query: RunQuery, status: str | None, parameters: dict[str, Any]) -> str:
    conditions = [*shared, *_is_in_state("r", query, status, parameters)]
    return _page(_RUN, f"{source} AS r", conditions, "r.started_at")


def _as_of(source: str, shared: list[str], query: RunQuery, dialect: Dialect, parameters: dict[str, Any]) -> list[str]:
    """Runs that had ended by then are as now; runs that were in flight are as their last change by then says.

    Only filters by status, node or error type need that; they select runs in flight by their last change.
    """
    if not query.status and query.node is None and query.error_type is None:
        return [_all_as_of(source, shared, dialect)]
    asked = query.status or (None,)
    ended = [status for status in asked if status is None or status in ENDED]
    in_flight = [status for status in asked if status is None or status not in ENDED]
    begun = "r.started_at <= :as_of"
    branches = [
        _page(
            _RUN,
            f"{source} AS r",
            [*shared, begun, "r.finished_at <= :as_of", *_is_in_state("r", query, status, parameters)],
            "r.started_at",
        )
        for status in ended
    ]
    was_in_flight = {
        "postgres": "int8range(r.started_at, r.finished_at) @> CAST(:as_of AS bigint)",
        "sqlite": "(r.finished_at IS NULL OR r.finished_at > :as_of)",
    }[dialect]
    branches += [
        _page(
            _RUN_THEN,
            f"{source} AS r JOIN {_LAST_CHANGE[dialect]}",
            [*shared, begun, was_in_flight, *_is_in_state("c", query, status, parameters)],
            "r.started_at",
        )
        for status in in_flight
    ]
    return branches


def _all_as_of(source: str, shared: list[str], dialect: Dialect) -> str:
    begun = _page("r.*", f"{source} AS r", [*shared, "r.started_at <= :as_of"], "r.started_at")
    return f"""SELECT {_RUN_EITHER} FROM ({begun}) AS r
LEFT JOIN {_LAST_CHANGE[dialect]} AND (r.finished_at IS NULL OR r.finished_at > :as_of)
ORDER BY r.started_at DESC, r.position DESC"""  # noqa: S608 - our own columns and tables; values are parameters


_LAST_CHANGE: dict[Dialect, str] = {
    # Run by run, whatever the planner estimates.
    "postgres": """LATERAL (
    SELECT * FROM flowledger_index_changes AS earlier
    WHERE earlier.stream = r.run_id AND earlier.recorded_at <= :as_of AND earlier.status IS NOT NULL
    ORDER BY earlier.version DESC LIMIT 1) AS c ON TRUE""",
    "sqlite": """flowledger_index_changes AS c ON c.stream = r.run_id AND c.version = (
    SELECT max(earlier.version) FROM flowledger_index_changes AS earlier
    WHERE earlier.stream = r.run_id AND earlier.recorded_at <= :as_of AND earlier.status IS NOT NULL)""",
}


def _is_in_state(table: str, query: RunQuery, status: str | None, parameters: dict[str, Any]) -> list[str]:
    name = f"status_{status}" if status is not None else ""
    return [
        *_equal(name, f"{table}.status", status, parameters),
        *_equal("node_id", f"{table}.node_id", None if query.node is None else key(query.node), parameters),
        *_equal(
            "error_type", f"{table}.error_type", None if query.error_type is None else key(query.error_type), parameters
        ),
    ]


def _stands_now(query: RunQuery, parameters: dict[str, Any]) -> list[str]:
    """What only the rows of now tell. Each is written as its partial index is."""
    conditions = _equal("owner", "r.owner", query.owner, parameters)
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


def waits(query: WaitQuery, limit: int) -> Condition:
    """The open waits of a page, those first that were asked first."""
    parameters: dict[str, Any] = {"limit": limit}
    conditions = [
        "r.wait_version IS NOT NULL",
        *_equal("workflow_id", "r.workflow_id", query.workflow_id, parameters),
        *_equal("node_id", "r.node_id", None if query.node is None else key(query.node), parameters),
    ]
    if query.due_before is not None:
        parameters["due_before"] = query.due_before
        conditions.append("r.due_at < :due_before")
    if query.behind is not None:
        parameters |= {"asked_at": query.behind.time, "position": query.behind.position}
        conditions.append("(r.asked_at, r.position) > (:asked_at, :position)")
    return Condition(
        f"SELECT {_columns(WaitRow, 'r')} FROM flowledger_index_runs AS r WHERE {' AND '.join(conditions)} "  # noqa: S608 - our own columns and tables; values are parameters
        "ORDER BY r.asked_at, r.position LIMIT :limit",
        parameters,
    )


def work_orders(query: WorkOrderQuery, limit: int) -> Condition:
    """The work orders of a page, newest first, each with the count of its runs and retries."""
    parameters: dict[str, Any] = {"limit": limit}
    conditions = [
        *_place("o.opened_at", "o.position", query.before, parameters),
        *_equal("workflow_id", "o.workflow_id", query.workflow_id, parameters),
        *_equal("state", "o.state", query.state, parameters),
        *_equal("actor", "o.actor", None if query.by is None else key(query.by), parameters),
        *_between("o.opened_at", query.since, query.until, parameters),
    ]
    return Condition(_page(_WORK_ORDER, "flowledger_index_work_orders AS o", conditions, "o.opened_at"), parameters)


def work_order(work_order_id: str) -> Condition:
    return Condition(
        f"SELECT {_WORK_ORDER} FROM flowledger_index_work_orders AS o WHERE o.work_order_id = :id",  # noqa: S608 - our own columns and tables; values are parameters
        {"id": work_order_id},
    )


def acts(
    by: str | None, stream: str | None, since: int | None, until: int | None, before: Place | None, limit: int
) -> Condition:
    """What actors did, newest first."""
    parameters: dict[str, Any] = {"limit": limit}
    conditions = [
        "a.is_act",
        *_place("a.recorded_at", "a.position", before, parameters),
        *_equal("actor", "a.actor", None if by is None else key(by), parameters),
        *_equal("stream", "a.stream", stream, parameters),
        *_between("a.recorded_at", since, until, parameters),
    ]
    return Condition(
        _page(_columns(ActRow, "a"), "flowledger_index_changes AS a", conditions, "a.recorded_at"), parameters
    )


def workflows(condition: str, parameters: dict[str, Any]) -> Condition:
    """Workflows in the order of their ids, each with the count of its saves."""
    return Condition(
        f"SELECT {_WORKFLOW} FROM flowledger_index_workflows AS w "  # noqa: S608 - our own columns and tables; values are parameters
        f"WHERE {condition} ORDER BY w.workflow_id LIMIT :limit",
        parameters,
    )


def saves_named(snapshot_id: str) -> Condition:
    return Condition(
        f"SELECT {_columns(SaveRow, 's')} FROM flowledger_index_saves AS s WHERE s.snapshot_id = :id",  # noqa: S608 - our own columns and tables; values are parameters
        {"id": snapshot_id},
    )


# --- pieces -----------------------------------------------------------------------------------------------------------


def _columns(row: type[NamedTuple], table: str, **others: str) -> str:
    """The columns of a row's fields in order, from a table; ``others`` are expressions for some of them."""
    return ", ".join(others.get(name) or f"{table}.{'actor' if name == 'by' else name}" for name in row._fields)


_RUN = _columns(RunRow, "r")
_RUN_THEN = _columns(
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
)
_RUN_EITHER = _columns(
    RunRow,
    "r",
    status="coalesce(c.status, r.status)",
    version="coalesce(c.version, r.version)",
    node_id="CASE WHEN c.stream IS NULL THEN r.node_id ELSE c.node_id END",
    error_type="CASE WHEN c.stream IS NULL THEN r.error_type ELSE c.error_type END",
    finished_at="CASE WHEN c.stream IS NULL THEN r.finished_at END",
    wait_version="CASE WHEN c.stream IS NULL THEN r.wait_version END",
    due_at="CASE WHEN c.stream IS NULL THEN r.due_at END",
    held="CASE WHEN c.stream IS NULL THEN r.held END",
    owner="CASE WHEN c.stream IS NULL THEN r.owner END",
)
_WORK_ORDER = _columns(
    WorkOrderRow,
    "o",
    runs="""(SELECT count(*) FROM flowledger_index_runs AS r WHERE r.work_order_id = o.work_order_id
    AND (r.origin IS NULL OR r.origin IN ('retry', 'adoption'))) AS runs""",
)
_WORKFLOW = _columns(
    WorkflowRow,
    "w",
    saves="(SELECT count(*) FROM flowledger_index_saves AS s WHERE s.workflow_id = w.workflow_id) AS saves",
)


def _equal(name: str, column: str, value: object, parameters: dict[str, Any]) -> list[str]:
    if value is None:
        return []
    parameters[name] = value
    return [f"{column} = :{name}"]


def _between(column: str, since: int | None, until: int | None, parameters: dict[str, Any]) -> list[str]:
    conditions: list[str] = []
    if since is not None:
        parameters["since"] = since
        conditions.append(f"{column} >= :since")
    if until is not None:
        parameters["until"] = until
        conditions.append(f"{column} < :until")
    return conditions


def _place(time: str, position: str, before: Place | None, parameters: dict[str, Any]) -> list[str]:
    if before is None:
        return []
    parameters |= {"before_time": before.time, "before_position": before.position}
    return [f"({time}, {position}) < (:before_time, :before_position)"]


def _page(columns: str, source: str, conditions: Sequence[str], time: str) -> str:
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    position = time.partition(".")[0] + ".position"
    return f"SELECT {columns} FROM {source}{where} ORDER BY {time} DESC, {position} DESC LIMIT :limit"  # noqa: S608 - our own columns and tables; values are parameters


def _merge(branches: Sequence[str], time: str) -> str:
    if len(branches) == 1:
        return branches[0]
    pages = "\nUNION ALL\n".join(f"SELECT * FROM ({branch}) AS page_{n}" for n, branch in enumerate(branches))  # noqa: S608 - our own columns and tables; values are parameters
    return f"{pages}\nORDER BY {time} DESC, position DESC LIMIT :limit"
