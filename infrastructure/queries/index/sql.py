"""Queries of the index as SQL, the same for every backend, apart from the list of runs.

Each filter has an index in the order of pages, so a page costs its rows.
"""

from collections.abc import Sequence
from typing import Any

from ....projections.index.columns import key
from ....projections.index.query import NEWEST_FIRST, Condition, Place, WaitQuery, WorkOrderQuery
from ....projections.index.rows import ActRow, SaveRow, WaitRow, WorkflowRow, WorkOrderRow
from ...storage.sql import Dialect
from .pieces import ORDER_TIMES, among, behind, between, columns, equal, merge, page, pages
from .runs import RUN


def related_runs(run_id: str) -> Condition:
    """The runs of the work order that a run belongs to, oldest first."""
    work_order = "SELECT work_order_id FROM flowledger_index_runs WHERE run_id = :id"
    return Condition(
        f"SELECT {RUN} FROM flowledger_index_runs AS r WHERE r.work_order_id = ({work_order}) ORDER BY r.position",  # noqa: S608 - our own columns and tables; values are parameters
        {"id": run_id},
    )


def statuses(run_ids: Sequence[str], dialect: Dialect) -> Condition:
    """Run id and status of those runs that exist."""
    parameters: dict[str, Any] = {}
    wanted = among("ids", "run_id", run_ids, dialect, parameters)
    return Condition(f"SELECT run_id, status FROM flowledger_index_runs WHERE {wanted}", parameters)  # noqa: S608 - our own columns and tables; values are parameters


def standings(run_ids: Sequence[str], dialect: Dialect) -> Condition:
    """How those runs stand that exist: in the order of the fields of ``Standing``."""
    parameters: dict[str, Any] = {}
    wanted = among("ids", "r.run_id", run_ids, dialect, parameters)
    return Condition(
        "SELECT r.run_id, r.work_order_id, r.workflow_id, r.status, o.last_run_id FROM flowledger_index_runs AS r "  # noqa: S608 - our own columns and tables; values are parameters
        f"LEFT JOIN flowledger_index_work_orders AS o ON o.work_order_id = r.work_order_id WHERE {wanted}",
        parameters,
    )


def last_runs(work_order_ids: Sequence[str], dialect: Dialect) -> Condition:
    """Those work orders that exist: id, workflow, last run."""
    parameters: dict[str, Any] = {}
    wanted = among("ids", "work_order_id", work_order_ids, dialect, parameters)
    return Condition(
        "SELECT work_order_id, workflow_id, last_run_id FROM flowledger_index_work_orders "  # noqa: S608 - our own columns and tables; values are parameters
        f"WHERE {wanted}",
        parameters,
    )


def waits(query: WaitQuery, limit: int) -> Condition:
    """The open waits of a page, those first that were asked first."""
    parameters: dict[str, Any] = {"limit": limit}
    conditions = [
        "r.wait_version IS NOT NULL",
        *equal("workflow_id", "r.workflow_id", query.workflow_id, parameters),
        *equal("node_id", "r.node_id", None if query.node is None else key(query.node), parameters),
    ]
    if query.due_before is not None:
        parameters["due_before"] = query.due_before
        conditions.append("r.due_at < :due_before")
    if query.behind is not None:
        parameters |= {"asked_at": query.behind.time, "position": query.behind.position}
        conditions.append("(r.asked_at, r.position) > (:asked_at, :position)")
    return Condition(
        f"SELECT {columns(WaitRow, 'r')} FROM flowledger_index_runs AS r WHERE {' AND '.join(conditions)} "  # noqa: S608 - our own columns and tables; values are parameters
        "ORDER BY r.asked_at, r.position LIMIT :limit",
        parameters,
    )


def open_waits(most: int) -> Condition:
    """How many waits are open, at most so many."""
    some = "SELECT 1 FROM flowledger_index_runs WHERE wait_version IS NOT NULL LIMIT :most"
    return Condition(f"SELECT count(*) FROM ({some}) AS found", {"most": most})  # noqa: S608 - our own column and table; the value is a parameter


def work_orders(query: WorkOrderQuery, dialect: Dialect, limit: int) -> Condition:
    """The work orders of a page, each with the count of its runs and retries."""
    parameters: dict[str, Any] = {"limit": limit}
    conditions = [
        *equal("workflow_id", "o.workflow_id", query.workflow_id, parameters),
        *equal("state", "o.state", query.state, parameters),
        *equal("actor", "o.actor", None if query.by is None else key(query.by), parameters),
        *between("o.opened_at", query.since, query.until, parameters),
    ]
    if query.order.by == "activity":
        found = _by_activity(query, dialect, conditions, parameters)
    else:
        times = ORDER_TIMES.of("o")
        found = pages(_WORK_ORDER, f"{_ORDERS} AS o", conditions, times, query.order, query.before, parameters)
    return Condition(merge(found, ORDER_TIMES, query.order), parameters)


def _by_activity(
    query: WorkOrderQuery, dialect: Dialect, conditions: list[str], parameters: dict[str, Any]
) -> list[str]:
    """A work order is as active as its last run, and those that have none as they were last themselves."""
    found: list[str] = []
    for selected, source, active, position, own in (
        (
            columns(WorkOrderRow, "o", runs=_RUNS_OF_ORDER, position="r.position", active_at="r.active_at"),
            f"flowledger_index_runs AS r CROSS JOIN {_ORDER_OF_RUN[dialect]}",
            "r.active_at",
            "r.position",
            "o.work_order_id = r.work_order_id AND o.last_run_id = r.run_id",
        ),
        (
            columns(WorkOrderRow, "o", runs=_RUNS_OF_ORDER, active_at=f"{_OWN_ACTIVITY} AS active_at"),
            f"{_ORDERS} AS o",
            _OWN_ACTIVITY,
            "o.position",
            "o.last_run_id IS NULL",
        ),
    ):
        where = [*conditions, own, *behind(active, position, query.order, query.before, parameters)]
        found.append(page(selected, source, where, active, position, query.order))
    return found


def work_order(work_order_id: str) -> Condition:
    return Condition(
        f"SELECT {_WORK_ORDER} FROM flowledger_index_work_orders AS o WHERE o.work_order_id = :id",  # noqa: S608 - our own columns and tables; values are parameters
        {"id": work_order_id},
    )


def acts(
    by: str | None,
    stream: str | None,
    since: int | None,
    until: int | None,
    kind: str | None,
    channel: str | None,
    before: Place | None,
    limit: int,
) -> Condition:
    """What actors did, newest first; ``kind`` is what the types of events begin with."""
    parameters: dict[str, Any] = {"limit": limit}
    conditions = [
        "a.is_act",
        *behind("a.recorded_at", "a.position", NEWEST_FIRST, before, parameters),
        *equal("actor", "a.actor", None if by is None else key(by), parameters),
        *equal("stream", "a.stream", stream, parameters),
        *between("a.recorded_at", since, until, parameters),
        *equal("channel", "a.channel", None if channel is None else key(channel), parameters),
    ]
    if kind is not None:
        parameters |= {"kind": f"{kind}.", "behind_kind": f"{kind}/"}  # what follows the dot
        conditions.append("a.type >= :kind AND a.type < :behind_kind")
    elif stream is None:
        conditions.append("a.type >= 'access/'")  # without those who looked on, whose types come before all others
    source = "flowledger_index_changes AS a"
    return Condition(
        page(columns(ActRow, "a"), source, conditions, "a.recorded_at", "a.position", NEWEST_FIRST), parameters
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
        f"SELECT {columns(SaveRow, 's')} FROM flowledger_index_saves AS s WHERE s.snapshot_id = :id",  # noqa: S608 - our own columns and tables; values are parameters
        {"id": snapshot_id},
    )


_ORDER_OF_RUN: dict[Dialect, str] = {
    # Run by run, whatever the planner estimates: SQLite takes them in the order in which they are written.
    "postgres": """LATERAL (
    SELECT * FROM flowledger_index_work_orders AS one WHERE one.work_order_id = r.work_order_id LIMIT 1) AS o""",
    "sqlite": "flowledger_index_work_orders AS o",
}
_ORDERS = "flowledger_index_work_orders"
_RUNS_OF_ORDER = """(SELECT count(*) FROM flowledger_index_runs AS one WHERE one.work_order_id = o.work_order_id
    AND (one.origin IS NULL OR one.origin IN ('retry', 'adoption'))) AS runs"""
_OWN_ACTIVITY = "coalesce(o.finished_at, o.opened_at)"
_WORK_ORDER = columns(
    WorkOrderRow,
    "o",
    runs=_RUNS_OF_ORDER,
    active_at=f"""coalesce((SELECT last.active_at FROM flowledger_index_runs AS last WHERE last.run_id = o.last_run_id),
    {_OWN_ACTIVITY}) AS active_at""",  # noqa: S608 - our own columns and tables
)
_WORKFLOW = columns(
    WorkflowRow,
    "w",
    saves="(SELECT count(*) FROM flowledger_index_saves AS s WHERE s.workflow_id = w.workflow_id) AS saves",
)
