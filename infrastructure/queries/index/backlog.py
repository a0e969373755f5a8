"""Counting what hasn't ended. Each branch has an index of its own: what has ended costs nothing."""

from ....projections.index.query import Condition
from ....projections.status.counts import CountRow
from .reader import Index

_READY = """SELECT 'ready' AS kind, workflow_id, workflow_version, COUNT(*) AS runs,
    COUNT(CASE WHEN ready_at <= :now THEN 1 END) AS due, MIN(CASE WHEN ready_at <= :now THEN ready_at END) AS oldest,
    0 AS held, 0 AS waiting
FROM flowledger_index_runs WHERE ready_at IS NOT NULL GROUP BY workflow_id, workflow_version"""

_IDLE = """SELECT 'idle', workflow_id, workflow_version, COUNT(*), COUNT(ready_at), NULL,
    COUNT(CASE WHEN held THEN 1 END),
    COUNT(CASE WHEN NOT held AND (ready_at IS NULL OR ready_at > :now) THEN 1 END)
FROM flowledger_index_runs WHERE status IN ('paused', 'error') GROUP BY workflow_id, workflow_version"""

_RUNNING = """SELECT 'running', workflow_id, workflow_version, COUNT(*), 0, NULL, 0, 0
FROM flowledger_index_runs WHERE owner IS NOT NULL GROUP BY workflow_id, workflow_version"""

_UNOWNED = """SELECT 'unowned', workflow_id, workflow_version, COUNT(*), 0, NULL, 0, 0
FROM flowledger_index_runs WHERE status = 'active' AND owner IS NULL AND NOT queued
GROUP BY workflow_id, workflow_version"""

_LOST = """SELECT 'lost', run.workflow_id, run.workflow_version, COUNT(*), 0, NULL, 0, 0
FROM flowledger_index_runs AS run JOIN (
    SELECT worker.id AS owner, NULL AS run_id FROM flowledger_workers AS worker WHERE worker.lease_until < :now
    UNION ALL
    SELECT gone.owner, gone.run_id FROM flowledger_given_up AS gone
    WHERE NOT EXISTS (
        SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = gone.owner AND worker.lease_until < :now
    )
) AS gone ON gone.owner = run.owner AND (gone.run_id IS NULL OR gone.run_id = run.run_id)
WHERE run.owner IS NOT NULL AND NOT run.held GROUP BY run.workflow_id, run.workflow_version"""

BACKLOG = "\nUNION ALL\n".join((_READY, _IDLE, _RUNNING, _UNOWNED, _LOST))
"""One statement, so all counts are of one moment."""

RECOVERIES = "SELECT COUNT(*) FROM flowledger_index_changes WHERE type = 'run.recovered'"


def count_backlog(index: Index, now: int) -> list[CountRow]:
    """Runs that haven't ended, by version of their workflow. Raises StorageUnavailable."""
    return [CountRow._make(row) for row in index.counted(Condition(BACKLOG, {"now": now}))]


def count_recoveries(index: Index) -> int:
    """How often a run was taken over. Raises StorageUnavailable."""
    ((count,),) = index.counted(Condition(RECOVERIES, {}))
    return int(count)
