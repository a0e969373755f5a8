-- When a run's last event was recorded.
ALTER TABLE flowledger_index_runs ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;

-- When a work order's last run ended.
ALTER TABLE flowledger_index_work_orders ADD COLUMN finished_at INTEGER;

-- Every event that moves a run, or notes something about it, has a row. Who is executed counts as active later than any time.
UPDATE flowledger_index_runs
SET active_at = CASE
    WHEN status = 'active' AND NOT queued THEN 253402300799999999
    ELSE coalesce((SELECT max(recorded_at) FROM flowledger_index_changes WHERE stream = run_id), -62135596800000000)
END;

-- A work order ends with its last run, or with its rejection.
UPDATE flowledger_index_work_orders AS work_order
SET finished_at = CASE
    WHEN last_run_id IS NOT NULL
    THEN (SELECT run.finished_at FROM flowledger_index_runs AS run WHERE run.run_id = work_order.last_run_id)
    WHEN state = 'rejected'
    THEN (SELECT max(recorded_at) FROM flowledger_index_changes WHERE stream = work_order_id AND type = 'work_order.rejected')
END;

-- By their last activity.
CREATE INDEX flowledger_index_runs_by_activity ON flowledger_index_runs (active_at, position);

-- By their end.
CREATE INDEX flowledger_index_runs_by_end ON flowledger_index_runs (finished_at, position) WHERE finished_at IS NOT NULL;

-- By how long they took.
CREATE INDEX flowledger_index_runs_by_duration ON flowledger_index_runs ((finished_at - started_at), position)
WHERE finished_at IS NOT NULL;

-- Those that haven't ended.
CREATE INDEX flowledger_index_runs_unended ON flowledger_index_runs (started_at, position) WHERE finished_at IS NULL;

-- By their end.
CREATE INDEX flowledger_index_work_orders_by_end ON flowledger_index_work_orders (finished_at, position)
WHERE finished_at IS NOT NULL;

-- By how long they took.
CREATE INDEX flowledger_index_work_orders_by_duration ON flowledger_index_work_orders ((finished_at - opened_at), position)
WHERE finished_at IS NOT NULL;

-- Those that haven't ended.
CREATE INDEX flowledger_index_work_orders_unended ON flowledger_index_work_orders (opened_at, position)
WHERE finished_at IS NULL;

-- Those without a run, by their last activity.
CREATE INDEX flowledger_index_work_orders_alone ON flowledger_index_work_orders (coalesce(finished_at, opened_at), position)
WHERE last_run_id IS NULL;

-- So these are the rows that the code makes of the same events.
UPDATE flowledger_index SET revision = 4 WHERE revision = 3;
