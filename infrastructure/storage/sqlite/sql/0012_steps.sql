-- Each attempt at a node, for lists of steps. Derived from the events by the indexer of the search, in the same commits, so rows
-- may come and go. Times and what it took are microseconds; slowness is what it took in steps of four.
CREATE TABLE flowledger_steps (
    position INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    took INTEGER NOT NULL,
    version INTEGER NOT NULL,
    workflow_version INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    retry_at INTEGER,
    slowness INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    status TEXT NOT NULL,
    error_type TEXT,
    message TEXT,
    handle TEXT
);

-- Each filter has an index in the order of pages, newest first.
CREATE INDEX flowledger_steps_by_time ON flowledger_steps (started_at, position);

-- By workflow.
CREATE INDEX flowledger_steps_by_workflow ON flowledger_steps (workflow_id, started_at, position);

-- By node.
CREATE INDEX flowledger_steps_by_node ON flowledger_steps (node_id, started_at, position);

-- By how they ended: nearly all are completed, and are found by time.
CREATE INDEX flowledger_steps_by_status ON flowledger_steps (status, started_at, position) WHERE status <> 'completed';

-- The same within a workflow.
CREATE INDEX flowledger_steps_by_workflow_status ON flowledger_steps (workflow_id, status, started_at, position)
WHERE status <> 'completed';

-- By the type of their error.
CREATE INDEX flowledger_steps_by_error ON flowledger_steps (error_type, started_at, position) WHERE error_type IS NOT NULL;

-- By how long they took.
CREATE INDEX flowledger_steps_by_slowness ON flowledger_steps (slowness, started_at, position);

-- Each failure of a step, and of a run by its step limit or for want of an edge. Which ones are alike says the fingerprint of
-- workflow, node, type and message, from which what varies was left out; ended: whether the run failed by it.
CREATE TABLE flowledger_failures (
    position INTEGER PRIMARY KEY,
    failed_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    workflow_version INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    node_id TEXT,
    error_type TEXT,
    message TEXT NOT NULL
);

-- Groups within a time are counted in an index alone.
CREATE INDEX flowledger_failures_by_time
ON flowledger_failures (ended, failed_at, fingerprint, position, workflow_version);

-- The same of one workflow.
CREATE INDEX flowledger_failures_by_workflow
ON flowledger_failures (workflow_id, ended, failed_at, fingerprint, position, workflow_version);

-- The failures of a group.
CREATE INDEX flowledger_failures_by_group
ON flowledger_failures (fingerprint, ended, failed_at, workflow_version, run_id);
