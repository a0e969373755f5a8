-- What a run waits for: the version at which it asked.
ALTER TABLE flowledger_index_runs ADD COLUMN wait_version INTEGER;

-- When it asked that.
ALTER TABLE flowledger_index_runs ADD COLUMN asked_at INTEGER;

-- When it goes on by itself, unless it is held.
ALTER TABLE flowledger_index_runs ADD COLUMN due_at INTEGER;

-- Whether an operator holds it.
ALTER TABLE flowledger_index_runs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;

-- Open waits, those first that were asked first. The deadline comes last, so that a list by deadlines reads no other rows.
CREATE INDEX flowledger_index_runs_waiting ON flowledger_index_runs (asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By workflow.
CREATE INDEX flowledger_index_runs_waiting_by_workflow ON flowledger_index_runs (workflow_id, asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By the node that asked.
CREATE INDEX flowledger_index_runs_waiting_by_node ON flowledger_index_runs (node_id, asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- What older releases didn't say behind each event stands in the one that led to the run's status, if that can be read.
UPDATE flowledger_index_runs AS run
SET wait_version = CASE WHEN last.asks THEN run.version END,
    asked_at = CASE WHEN last.asks THEN json_extract(last.body, '$.recorded_at') END,
    due_at = json_extract(last.body, CASE WHEN run.status = 'error' THEN '$.retry_at' ELSE '$.until' END),
    held = run.status = 'paused' AND NOT last.asks
FROM (
    SELECT run_id, body,
           status = 'paused' AND (type = 'run.started' OR type = 'run.paused' AND json_type(body, '$.node_id') IS 'text') AS asks
    FROM (
        SELECT stood.run_id, stood.status, event.topic AS type,
               CASE WHEN json_valid(CAST(substr(event.state, 42) AS TEXT)) THEN CAST(substr(event.state, 42) AS TEXT)
                    ELSE '{}' END AS body
        FROM flowledger_index_runs AS stood
        JOIN flowledger_events AS event ON event.originator_id = stood.run_id AND event.originator_version = stood.version
        WHERE stood.status IN ('paused', 'error')
    )
    WHERE body <> '{}'
) AS last
WHERE run.run_id = last.run_id;

-- So these are the rows that the code makes of the same events.
UPDATE flowledger_index SET revision = 2 WHERE revision = 1;
