-- Who executes a run, how it ranks, and when a worker may take it.
ALTER TABLE flowledger_index_runs
    ADD COLUMN owner text COLLATE "C",
    ADD COLUMN priority bigint NOT NULL DEFAULT 0,
    ADD COLUMN ready_at bigint;

-- A run that is queued stays so while it is held, and one that was to go on when a hold was lifted is queued since then.
UPDATE flowledger_index_runs AS run SET queued = TRUE
FROM flowledger_events AS event
WHERE event.originator_id = run.run_id AND event.originator_version = run.version AND event.topic IN ('run.held', 'run.released')
  AND position('\x22717565756564223a74727565'::bytea IN substr(event.state, 42, 500)) > 0;

-- What is due, or queued.
UPDATE flowledger_index_runs
SET ready_at = CASE WHEN status = 'active' THEN started_at ELSE due_at END
WHERE NOT held AND (status IN ('paused', 'error') AND due_at IS NOT NULL OR status = 'active' AND queued);

-- What a worker may take, the oldest first, by what must be alike to be ranked.
CREATE INDEX flowledger_index_runs_ready ON flowledger_index_runs (workflow_id, workflow_version, priority, ready_at, run_id)
WHERE ready_at IS NOT NULL;

-- What each worker executes.
CREATE INDEX flowledger_index_runs_by_owner ON flowledger_index_runs (owner, started_at, position) WHERE owner IS NOT NULL;

-- What goes on by itself.
CREATE INDEX flowledger_index_runs_due ON flowledger_index_runs (started_at, position, due_at) WHERE due_at IS NOT NULL;

-- What is held.
CREATE INDEX flowledger_index_runs_held ON flowledger_index_runs (started_at, position) WHERE held;

-- What waits for a worker that begins.
CREATE INDEX flowledger_index_runs_queued ON flowledger_index_runs (started_at, position) WHERE queued;

-- What nobody is known to execute: runs of releases that had no leases.
CREATE INDEX flowledger_index_runs_unowned ON flowledger_index_runs (workflow_id, workflow_version)
WHERE status = 'active' AND owner IS NULL AND NOT queued;

-- How often runs were taken over.
CREATE INDEX flowledger_index_changes_recoveries ON flowledger_index_changes (recorded_at) WHERE type = 'run.recovered';

-- Workers, and processes whose own calls execute runs: a row each, renewed while they live. Times are microseconds since 1970.
CREATE TABLE flowledger_workers (
    started_at bigint NOT NULL,
    seen_at bigint NOT NULL,
    lease_until bigint NOT NULL,
    lease bigint NOT NULL,
    pid bigint NOT NULL,
    concurrency bigint,
    id text COLLATE "C" PRIMARY KEY,
    name text NOT NULL,
    host text NOT NULL,
    release text NOT NULL,
    details text NOT NULL
);

-- Runs that the worker which claimed them executes no more, although it lives.
CREATE TABLE flowledger_given_up (
    handed_back boolean NOT NULL,
    run_id text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    PRIMARY KEY (run_id, owner)
);

-- So these are the rows that the code makes of the same events.
UPDATE flowledger_index SET revision = 3 WHERE revision = 2;
