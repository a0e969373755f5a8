"""Work orders as retention decides on them, and what of them other work orders need."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ....domain.retention import OrderToKeep
from ....domain.status import ENDED
from ....projections.index.query import Condition
from .pieces import among
from .reader import Index

ORDERS_AT_ONCE: Final = 1_000

Place = tuple[int, int]
"""When a work order was opened, and its position."""


def newest_orders(index: Index, workflow_id: str | None, before: Place | None) -> list[tuple[Place, OrderToKeep, int]]:
    """At most ORDERS_AT_ONCE work orders, the newest first, each with its place and how many events its runs have.

    Their bytes aren't counted. Raises StorageUnavailable, also where the index must be rebuilt first.
    """
    parameters: dict[str, Any] = {"rows": ORDERS_AT_ONCE}
    conditions = ["TRUE"]
    if before is not None:
        conditions.append("(opened_at, position) < (:before_time, :before_position)")
        parameters |= {"before_time": before[0], "before_position": before[1]}
    if workflow_id is not None:
        conditions.append("workflow_id = :workflow")
        parameters["workflow"] = workflow_id
    ended = ", ".join(f"'{status}'" for status in sorted(ENDED))
    page = (
        "SELECT opened_at, position, work_order_id, workflow_id, last_run_id FROM flowledger_index_work_orders"  # noqa: S608 - our own columns; values are parameters
        f" WHERE {' AND '.join(conditions)} ORDER BY opened_at DESC, position DESC LIMIT :rows"
    )
    query = (
        "SELECT o.opened_at, o.position, o.work_order_id, o.workflow_id, max(l.status),"  # noqa: S608 - the same
        f" count(r.run_id), sum(CASE WHEN r.status NOT IN ({ended}) THEN 1 ELSE 0 END),"
        " coalesce(max(r.active_at), o.opened_at), coalesce(sum(r.version), 0)"
        f" FROM ({page}) AS o LEFT JOIN flowledger_index_runs AS r ON r.work_order_id = o.work_order_id"
        " LEFT JOIN flowledger_index_runs AS l ON l.run_id = o.last_run_id"
        " GROUP BY o.opened_at, o.position, o.work_order_id, o.workflow_id ORDER BY o.opened_at DESC, o.position DESC"
    )
    found: list[tuple[Place, OrderToKeep, int]] = []
    for opened_at, position, id, workflow, status, runs, unended, active_at, events in index.select(
        Condition(query, parameters)
    ):
        order = OrderToKeep(id, workflow, status, not unended, int(active_at), runs, 0)
        found.append(((opened_at, position), order, int(events)))
    return found


def runs_of(index: Index, work_order_ids: Sequence[str]) -> dict[str, list[str]]:
    """The runs of each of these work orders, oldest first."""
    found: dict[str, list[str]] = {id: [] for id in work_order_ids}
    parameters: dict[str, Any] = {}
    condition = among("ids", "work_order_id", work_order_ids, index.dialect, parameters)
    query = f"SELECT work_order_id, run_id FROM flowledger_index_runs WHERE {condition} ORDER BY position"  # noqa: S608 - the same
    for work_order_id, run_id in index.select(Condition(query, parameters)):
        found[work_order_id].append(run_id)
    return found


def streams_of(runs: Mapping[str, Sequence[str]]) -> list[str]:
    """The streams of work orders, each given with its runs, and of these."""
    return [stream for order, ids in runs.items() for stream in (order, *ids)]


def orders_of(index: Index, run_ids: Sequence[str]) -> set[str]:
    """The work orders of these runs."""
    parameters: dict[str, Any] = {}
    condition = among("ids", "run_id", run_ids, index.dialect, parameters)
    query = f"SELECT work_order_id FROM flowledger_index_runs WHERE {condition}"  # noqa: S608 - the same
    return {id for (id,) in index.select(Condition(query, parameters))}


def orders_by_workflow(index: Index, workflow_ids: Sequence[str]) -> dict[str, int]:
    """How many work orders these workflows have, by id; those that have none are left out."""
    parameters: dict[str, Any] = {}
    condition = among("ids", "workflow_id", workflow_ids, index.dialect, parameters)
    query = f"SELECT workflow_id, count(*) FROM flowledger_index_work_orders WHERE {condition} GROUP BY workflow_id"  # noqa: S608 - the same
    return dict(index.select(Condition(query, parameters)))


def sources_elsewhere(index: Index) -> list[tuple[str, str]]:
    """Work orders whose runs others began with: each with the other work order."""
    query = (
        "SELECT DISTINCT s.work_order_id, r.work_order_id FROM flowledger_index_runs AS r"
        " JOIN flowledger_index_runs AS s ON s.run_id = r.source"
        " WHERE r.source IS NOT NULL AND s.work_order_id <> r.work_order_id"
    )
    return [(source, other) for source, other in index.select(Condition(query, {}))]
