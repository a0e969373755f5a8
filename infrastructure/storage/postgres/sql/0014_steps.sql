-- Each attempt at a node, for lists of steps. Derived from the events by the indexer of the search, in the same commits, so rows
-- may come and go. Times and what it took are microseconds; slowness is what it took in steps of four.
CREATE TABLE flowledger_steps (
    position bigint PRIMARY KEY,
    started_at bigint NOT NULL,
    took bigint NOT NULL,
    version bigint NOT NULL,
    workflow_version bigint NOT NULL,
    attempt bigint NOT NULL,
    retry_at bigint,
    slowness bigint NOT NULL,
    taken boolean NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    node_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    error_type text COLLATE "C",
    message text COLLATE "C",
    handle text COLLATE "C",
    CONSTRAINT flowledger_steps_bounds CHECK (
        started_at BETWEEN -62135596800000000 AND 253402300799999999 AND took BETWEEN 0 AND 315537897599999999
        AND retry_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0 AND version > 0
    )
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
    position bigint PRIMARY KEY,
    failed_at bigint NOT NULL,
    version bigint NOT NULL,
    workflow_version bigint NOT NULL,
    fingerprint bigint NOT NULL,
    ended boolean NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    node_id text COLLATE "C",
    error_type text COLLATE "C",
    message text COLLATE "C" NOT NULL,
    CONSTRAINT flowledger_failures_bounds CHECK (
        failed_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0 AND version > 0
    )
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
