-- What a run waits for: the version at which it asked, and when; when it goes on by itself, unless it is held.
ALTER TABLE flowledger_index_runs
    ADD COLUMN wait_version bigint,
    ADD COLUMN asked_at bigint,
    ADD COLUMN due_at bigint,
    ADD COLUMN held boolean NOT NULL DEFAULT FALSE;

-- Open waits, those first that were asked first. The deadline comes last, so that a list by deadlines reads no other rows.
CREATE INDEX flowledger_index_runs_waiting ON flowledger_index_runs (asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By workflow.
CREATE INDEX flowledger_index_runs_waiting_by_workflow ON flowledger_index_runs (workflow_id, asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By the node that asked.
CREATE INDEX flowledger_index_runs_waiting_by_node ON flowledger_index_runs (node_id, asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- Only the events say what waits: the index is to be rebuilt, unless it is empty.
UPDATE flowledger_index SET revision = CASE WHEN EXISTS (SELECT 1 FROM flowledger_events) THEN 0 ELSE 2 END;
