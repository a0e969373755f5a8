-- Whose rows the tables below hold: the revision of the code that made them, 0 where they must be rebuilt first, as events
-- were stored before there was an index.
CREATE TABLE flowledger_index (revision bigint NOT NULL);

-- An empty store has its rows already.
INSERT INTO flowledger_index (revision) SELECT CASE WHEN EXISTS (SELECT 1 FROM stored_events) THEN 0 ELSE 1 END;

-- Runs, for lists and filters. All that begin with index_ can be dropped and rebuilt from the events.
CREATE TABLE index_runs (
    started_at bigint NOT NULL,
    position bigint NOT NULL,
    workflow_version bigint NOT NULL,
    version bigint NOT NULL,
    finished_at bigint,
    queued boolean NOT NULL,
    run_id text COLLATE "C" PRIMARY KEY,
    work_order_id text COLLATE "C" NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    node_id text COLLATE "C",
    error_type text COLLATE "C",
    actor text COLLATE "C" NOT NULL,
    origin text COLLATE "C",
    source text COLLATE "C"
) WITH (fillfactor = 90);

-- Each filter has an index in the order of pages, newest first: so a page is as cheap as its rows.
CREATE INDEX index_runs_by_time ON index_runs (started_at, position);

-- By workflow.
CREATE INDEX index_runs_by_workflow ON index_runs (workflow_id, started_at, position);

-- By version of a workflow.
CREATE INDEX index_runs_by_version ON index_runs (workflow_id, workflow_version, started_at, position);

-- By status within a workflow.
CREATE INDEX index_runs_by_workflow_status ON index_runs (workflow_id, status, started_at, position);

-- By status.
CREATE INDEX index_runs_by_status ON index_runs (status, started_at, position);

-- By who started them.
CREATE INDEX index_runs_by_actor ON index_runs (actor, started_at, position);

-- By the node where they stand or ended.
CREATE INDEX index_runs_by_node ON index_runs (node_id, started_at, position) WHERE node_id IS NOT NULL;

-- By the type of their last error.
CREATE INDEX index_runs_by_error ON index_runs (error_type, started_at, position) WHERE error_type IS NOT NULL;

-- By work order.
CREATE INDEX index_runs_by_order ON index_runs (work_order_id, position);

-- Those that had begun and not ended at some time.
CREATE INDEX index_runs_in_flight ON index_runs USING gist (int8range(started_at, finished_at));

-- Work orders.
CREATE TABLE index_work_orders (
    opened_at bigint NOT NULL,
    position bigint NOT NULL,
    work_order_id text COLLATE "C" PRIMARY KEY,
    workflow_id text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    last_run_id text COLLATE "C",
    reason text COLLATE "C"
) WITH (fillfactor = 90);

-- All of them.
CREATE INDEX index_work_orders_by_time ON index_work_orders (opened_at, position);

-- By state.
CREATE INDEX index_work_orders_by_state ON index_work_orders (state, opened_at, position);

-- By workflow.
CREATE INDEX index_work_orders_by_workflow ON index_work_orders (workflow_id, opened_at, position);

-- By state within a workflow.
CREATE INDEX index_work_orders_by_workflow_state ON index_work_orders (workflow_id, state, opened_at, position);

-- By who opened them.
CREATE INDEX index_work_orders_by_actor ON index_work_orders (actor, opened_at, position);

-- The heads of all events that move a row: where a run stood at any time, and what an actor did.
CREATE TABLE index_changes (
    version bigint NOT NULL,
    position bigint NOT NULL,
    recorded_at bigint NOT NULL,
    is_act boolean NOT NULL,
    stream text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    type text COLLATE "C" NOT NULL,
    status text COLLATE "C",
    node_id text COLLATE "C",
    error_type text COLLATE "C",
    PRIMARY KEY (stream, version)
);

-- What somebody did.
CREATE INDEX index_changes_by_actor ON index_changes (actor, recorded_at, position) WHERE is_act;

-- What anybody did.
CREATE INDEX index_changes_by_time ON index_changes (recorded_at, position) WHERE is_act;

-- Workflows.
CREATE TABLE index_workflows (
    version bigint NOT NULL,
    saved_version bigint NOT NULL,
    taken_at bigint NOT NULL,
    archived boolean NOT NULL,
    workflow_id text COLLATE "C" PRIMARY KEY,
    snapshot_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    message text COLLATE "C"
);

-- Their saves.
CREATE TABLE index_saves (
    version bigint NOT NULL,
    taken_at bigint NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    snapshot_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    message text COLLATE "C",
    PRIMARY KEY (workflow_id, version)
);

-- By the name that people use.
CREATE INDEX index_saves_by_snapshot ON index_saves (snapshot_id);
