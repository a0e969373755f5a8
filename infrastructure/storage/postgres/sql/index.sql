-- runs: New runs.
INSERT INTO flowledger_index_runs (started_at, position, workflow_version, version, finished_at, queued, run_id,
                                   work_order_id, workflow_id, status, node_id, error_type, actor, origin, source,
                                   wait_version, asked_at, due_at, held, owner, priority, ready_at, active_at)
SELECT started_at, base + place, workflow_version, version, finished_at, queued, run_id, work_order_id,
       workflow_id, status, node_id, error_type, actor, origin, source, wait_version, asked_at, due_at, held,
       owner, priority, ready_at, active_at
FROM base, jsonb_to_recordset(rows -> 'runs') AS run (
    started_at bigint, place bigint, workflow_version bigint, version bigint, finished_at bigint, queued boolean,
    run_id text, work_order_id text, workflow_id text, status text, node_id text, error_type text, actor text,
    origin text, source text, wait_version bigint, asked_at bigint, due_at bigint, held boolean, owner text, priority bigint,
    ready_at bigint, active_at bigint)
ORDER BY run_id
ON CONFLICT (run_id) DO UPDATE SET
    started_at = EXCLUDED.started_at, position = EXCLUDED.position, workflow_version = EXCLUDED.workflow_version,
    version = EXCLUDED.version, finished_at = EXCLUDED.finished_at, queued = EXCLUDED.queued,
    work_order_id = EXCLUDED.work_order_id, workflow_id = EXCLUDED.workflow_id, status = EXCLUDED.status,
    node_id = EXCLUDED.node_id, error_type = EXCLUDED.error_type, actor = EXCLUDED.actor, origin = EXCLUDED.origin,
    source = EXCLUDED.source, wait_version = EXCLUDED.wait_version, asked_at = EXCLUDED.asked_at,
    due_at = EXCLUDED.due_at, held = EXCLUDED.held, owner = EXCLUDED.owner, priority = EXCLUDED.priority,
    ready_at = EXCLUDED.ready_at, active_at = EXCLUDED.active_at

-- moves: Where runs stand now.
UPDATE flowledger_index_runs AS run
SET version = moved.version, status = moved.status, node_id = moved.node_id,
    finished_at = CASE WHEN moved.finished_at IS NOT NULL THEN greatest(run.started_at, moved.finished_at) END,
    error_type = moved.error_type, queued = moved.queued, wait_version = moved.wait_version,
    asked_at = moved.asked_at, due_at = moved.due_at, held = moved.held, owner = moved.owner,
    active_at = moved.active_at,
    ready_at = CASE WHEN moved.ready_at IS NULL AND moved.queued AND NOT moved.held THEN run.started_at
                    ELSE moved.ready_at END
FROM base, jsonb_to_recordset(rows -> 'moves') AS moved (
    version bigint, finished_at bigint, queued boolean, run_id text, status text, node_id text, error_type text,
    wait_version bigint, asked_at bigint, due_at bigint, held boolean, owner text, ready_at bigint,
    active_at bigint)
WHERE run.run_id = moved.run_id

-- touches: When something was noted about runs.
UPDATE flowledger_index_runs AS run SET active_at = greatest(run.active_at, touched.active_at)
FROM base, jsonb_to_recordset(rows -> 'touches') AS touched (run_id text, active_at bigint)
WHERE run.run_id = touched.run_id

-- orders: New work orders.
INSERT INTO flowledger_index_work_orders (opened_at, position, work_order_id, workflow_id, state, actor, last_run_id,
                                          reason, finished_at)
SELECT opened_at, base + place, work_order_id, workflow_id, state, actor, last_run_id, reason, finished_at
FROM base, jsonb_to_recordset(rows -> 'orders') AS work_order (
    opened_at bigint, place bigint, work_order_id text, workflow_id text, state text, actor text, last_run_id text,
    reason text, finished_at bigint)
ORDER BY work_order_id
ON CONFLICT (work_order_id) DO UPDATE SET
    opened_at = EXCLUDED.opened_at, position = EXCLUDED.position, workflow_id = EXCLUDED.workflow_id,
    state = EXCLUDED.state, actor = EXCLUDED.actor, last_run_id = EXCLUDED.last_run_id, reason = EXCLUDED.reason,
    finished_at = EXCLUDED.finished_at

-- order_moves: The state of work orders now; it follows a run only while that is the last one.
UPDATE flowledger_index_work_orders AS work_order
SET state = moved.state, last_run_id = moved.last_run_id, reason = moved.reason, finished_at = moved.finished_at
FROM base, jsonb_to_recordset(rows -> 'order_moves') AS moved (
    work_order_id text, if_last text, last_run_id text, state text, reason text, finished_at bigint)
WHERE work_order.work_order_id = moved.work_order_id
  AND (moved.if_last IS NULL OR work_order.last_run_id = moved.if_last)

-- changes: What was done.
INSERT INTO flowledger_index_changes (version, position, recorded_at, is_act, stream, actor, type, status, node_id,
                                      error_type, channel)
SELECT version, base + place, recorded_at, is_act, stream, actor, type, status, node_id, error_type, channel
FROM base, jsonb_to_recordset(rows -> 'changes') AS change (
    version bigint, place bigint, recorded_at bigint, is_act boolean, stream text, actor text, type text, status text,
    node_id text, error_type text, channel text)
ORDER BY stream, version
ON CONFLICT (stream, version) DO NOTHING

-- workflows: Workflows as they were saved last.
INSERT INTO flowledger_index_workflows (version, saved_version, live_version, taken_at, archived, workflow_id, snapshot_id,
                                        actor, name, message)
SELECT version, saved_version, live_version, taken_at, archived, workflow_id, snapshot_id, actor, name, message
FROM base, jsonb_to_recordset(rows -> 'workflows') AS workflow (
    version bigint, saved_version bigint, live_version bigint, taken_at bigint, archived boolean, workflow_id text,
    snapshot_id text, actor text, name text, message text)
ORDER BY workflow_id
ON CONFLICT (workflow_id) DO UPDATE SET
    version = EXCLUDED.version, saved_version = EXCLUDED.saved_version, live_version = EXCLUDED.live_version,
    taken_at = EXCLUDED.taken_at, archived = EXCLUDED.archived, snapshot_id = EXCLUDED.snapshot_id, actor = EXCLUDED.actor, name = EXCLUDED.name,
    message = EXCLUDED.message

-- workflow_moves: Workflows that were archived, or taken back, or of which a version was released.
UPDATE flowledger_index_workflows AS workflow
SET version = moved.version, archived = coalesce(moved.archived, workflow.archived),
    live_version = coalesce(moved.live_version, workflow.live_version)
FROM base, jsonb_to_recordset(rows -> 'workflow_moves') AS moved (
    version bigint, archived boolean, live_version bigint, workflow_id text)
WHERE workflow.workflow_id = moved.workflow_id

-- saves: Saves of workflows.
INSERT INTO flowledger_index_saves (version, taken_at, workflow_id, snapshot_id, actor, digest, message)
SELECT version, taken_at, workflow_id, snapshot_id, actor, digest, message
FROM base, jsonb_to_recordset(rows -> 'saves') AS save (
    version bigint, taken_at bigint, workflow_id text, snapshot_id text, actor text, digest text, message text)
ORDER BY workflow_id, version
ON CONFLICT (workflow_id, version) DO NOTHING
