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

-- What older releases didn't say behind each event stands in the one that led to the run's status. One that can't be read
-- keeps no other from being told; verify names it.
DO $$
DECLARE
    stood record;
    body jsonb;
    asks boolean;
BEGIN
    FOR stood IN
        SELECT run.run_id, run.version, run.status, event.topic, event.state
        FROM flowledger_index_runs AS run
        JOIN flowledger_events AS event ON event.originator_id = run.run_id AND event.originator_version = run.version
        WHERE run.status IN ('paused', 'error')
    LOOP
        BEGIN
            body := convert_from(substr(stood.state, 42), 'UTF8')::jsonb;
            asks := stood.status = 'paused' AND (stood.topic = 'run.started' OR stood.topic = 'run.paused' AND body ? 'node_id');
            UPDATE flowledger_index_runs
            SET wait_version = CASE WHEN asks THEN version END,
                asked_at = CASE WHEN asks THEN (body ->> 'recorded_at')::bigint END,
                due_at = (body ->> CASE WHEN status = 'error' THEN 'retry_at' ELSE 'until' END)::bigint,
                held = status = 'paused' AND NOT asks
            WHERE run_id = stood.run_id;
        EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
            RAISE NOTICE 'flowledger: event % of run % can''t be read', stood.version, stood.run_id;
        END;
    END LOOP;
END $$;

-- So these are the rows that the code makes of the same events.
UPDATE flowledger_index SET revision = 2 WHERE revision = 1;
