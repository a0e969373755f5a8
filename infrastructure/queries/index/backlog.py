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
FROM (
    SELECT workflow_id, workflow_version, held, ready_at FROM flowledger_index_runs
    WHERE status IN ('paused', 'error') LIMIT 9223372036854775807
) AS idle GROUP BY workflow_id, workflow_version"""
"""The limit keeps SQLite from walking all runs in the order of the groups, here and below."""

_RUNNING = """SELECT 'running', workflow_id, workflow_version, COUNT(*), 0, NULL, 0, 0
FROM (
    SELECT workflow_id, workflow_version FROM flowledger_index_runs
    WHERE owner IS NOT NULL LIMIT 9223372036854775807
) AS owned GROUP BY workflow_id, workflow_version"""

_UNOWNED = """SELECT 'unowned', workflow_id, workflow_version, COUNT(*), 0, NULL, 0, 0
FROM flowledger_index_runs WHERE status = 'active' AND owner IS NULL AND NOT queued
GROUP BY workflow_id, workflow_version"""

_LOST = """SELECT 'lost', run.workflow_id, run.workflow_version, COUNT(*), 0, NULL, 0, 0
FROM (
    SELECT run_id, owner, workflow_id, workflow_version FROM flowledger_index_runs
    WHERE owner IS NOT NULL AND NOT held LIMIT 9223372036854775807
) AS run
WHERE EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = run.owner AND worker.lease_until < :now)
   OR EXISTS (SELECT 1 FROM flowledger_given_up AS gone WHERE gone.run_id = run.run_id AND gone.owner = run.owner)
GROUP BY run.workflow_id, run.workflow_version"""

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
