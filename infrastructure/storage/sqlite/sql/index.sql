-- runs: New runs.
INSERT OR REPLACE INTO flowledger_index_runs (started_at, position, workflow_version, version, finished_at, queued, run_id,
                                              work_order_id, workflow_id, status, node_id, error_type, actor, origin,
                                              source, wait_version, asked_at, due_at, held, owner, priority, ready_at,
                                              active_at)
VALUES (:started_at, :position, :workflow_version, :version, :finished_at, :queued, :run_id,
        :work_order_id, :workflow_id, :status, :node_id, :error_type, :actor, :origin, :source,
        :wait_version, :asked_at, :due_at, :held, :owner, :priority, :ready_at, :active_at)

-- moves: Where runs stand now.
UPDATE flowledger_index_runs
SET version = :version, status = :status, node_id = :node_id,
    finished_at = CASE WHEN :finished_at IS NOT NULL THEN max(started_at, :finished_at) END,
    error_type = :error_type, queued = :queued,
    wait_version = :wait_version, asked_at = :asked_at, due_at = :due_at, held = :held, owner = :owner, active_at = :active_at,
    ready_at = CASE WHEN :ready_at IS NULL AND :queued AND NOT :held THEN started_at ELSE :ready_at END
WHERE run_id = :run_id

-- touches: When something was noted about runs.
UPDATE flowledger_index_runs SET active_at = max(active_at, :active_at) WHERE run_id = :run_id

-- orders: New work orders.
INSERT OR REPLACE INTO flowledger_index_work_orders (opened_at, position, work_order_id, workflow_id, state, actor,
                                                     last_run_id, reason, finished_at)
VALUES (:opened_at, :position, :work_order_id, :workflow_id, :state, :actor, :last_run_id, :reason, :finished_at)

-- order_moves: The state of work orders now; it follows a run only while that is the last one.
UPDATE flowledger_index_work_orders 
SET state = :state, last_run_id = :last_run_id, reason = :reason, finished_at = :finished_at
WHERE work_order_id = :work_order_id AND (:if_last IS NULL OR last_run_id = :if_last)

-- changes: What was done.
INSERT OR IGNORE INTO flowledger_index_changes (version, position, recorded_at, is_act, stream, actor, type, status,
                                                node_id, error_type, channel)
VALUES (:version, :position, :recorded_at, :is_act, :stream, :actor, :type, :status, :node_id, :error_type, :channel)

-- workflows: Workflows as they were saved last.
INSERT OR REPLACE INTO flowledger_index_workflows (version, saved_version, live_version, taken_at, archived, workflow_id,
                                                   snapshot_id, actor, name, message)
VALUES (:version, :saved_version, :live_version, :taken_at, :archived, :workflow_id, :snapshot_id, :actor, :name, :message)

-- workflow_moves: Workflows that were archived, or taken back, or of which a version was released.
UPDATE flowledger_index_workflows
SET version = :version, archived = coalesce(:archived, archived), live_version = coalesce(:live_version, live_version)
WHERE workflow_id = :workflow_id

-- saves: Saves of workflows.
INSERT OR IGNORE INTO flowledger_index_saves (version, taken_at, workflow_id, snapshot_id, actor, digest, message)
VALUES (:version, :taken_at, :workflow_id, :snapshot_id, :actor, :digest, :message)
