-- The tables of a new store: what the numbered files beside this one, one after the other, make of an old one. This holds
-- the number of the newest of them that has been applied.
CREATE TABLE flowledger_schema (version bigint NOT NULL);

-- None has been applied yet.
INSERT INTO flowledger_schema (version) VALUES (0);

-- Every event: stream, version in it, type, state (laid out by the codec), and its position in the store: the number of the
-- transaction that wrote it, and its place there. Rows are never updated, so vacuuming has little to do and pages may be
-- full. The numbers come first: behind texts of odd lengths each would cost up to seven bytes of padding.
CREATE TABLE flowledger_events (
    originator_version bigint NOT NULL,
    notification_id bigint NOT NULL,
    originator_id text COLLATE "C" NOT NULL,
    topic text NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (originator_id, originator_version) WITH (fillfactor = 100),
    CONSTRAINT flowledger_events_bounds CHECK (
        originator_version BETWEEN 0 AND 9007199254740991 AND notification_id > 0
    )
) WITH (
    autovacuum_vacuum_threshold = 100000000,
    autovacuum_vacuum_scale_factor = 0.5,
    autovacuum_analyze_threshold = 1000,
    autovacuum_analyze_scale_factor = 0.01
);

-- Large states are stored as they are: compressing them made an append of 100 kB 3.5 times slower for a third of the space.
ALTER TABLE flowledger_events ALTER COLUMN state SET STORAGE EXTERNAL;

-- Readers of the whole store go by position.
CREATE UNIQUE INDEX flowledger_events_notification_id_idx ON flowledger_events (notification_id) WITH (fillfactor = 100);

-- What the trigger below says.
CREATE FUNCTION flowledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history is read-only: % of events is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

-- History can't be changed or replaced.
CREATE TRIGGER flowledger_events_refuse BEFORE UPDATE OR TRUNCATE ON flowledger_events
FOR EACH STATEMENT EXECUTE FUNCTION flowledger_refuse();

-- What the trigger below does: streams go whole, and only those that are recorded as removed.
CREATE FUNCTION flowledger_check_removal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM gone LEFT JOIN %1$I.flowledger_removed ON stream = originator_id'
        '               WHERE stream IS NULL OR originator_version > events)'
        '    OR EXISTS (SELECT FROM %1$I.flowledger_events WHERE originator_id IN (SELECT originator_id FROM gone))',
        TG_TABLE_SCHEMA
    ) INTO refused;
    IF refused THEN
        RAISE EXCEPTION 'history is read-only: DELETE of events is refused' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- History can't be removed otherwise.
CREATE TRIGGER flowledger_events_removal AFTER DELETE ON flowledger_events REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION flowledger_check_removal();

-- What the trigger below does. The table must be the one beside the events, whatever the search path of who appends.
CREATE FUNCTION flowledger_check_not_removed() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    was_removed boolean;
BEGIN
    IF to_regclass('flowledger_removed') = to_regclass(quote_ident(TG_TABLE_SCHEMA) || '.flowledger_removed') THEN
        SELECT EXISTS (SELECT FROM flowledger_removed WHERE stream = NEW.originator_id) INTO was_removed;
    ELSE
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.flowledger_removed WHERE stream = $1)', TG_TABLE_SCHEMA)
        INTO was_removed USING NEW.originator_id;
    END IF;
    IF was_removed THEN
        RAISE EXCEPTION 'history is read-only: stream % was removed', NEW.originator_id USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;

-- What was removed doesn't begin anew under the same name.
CREATE TRIGGER flowledger_events_not_removed BEFORE INSERT ON flowledger_events
FOR EACH ROW WHEN (NEW.originator_version = 1) EXECUTE FUNCTION flowledger_check_not_removed();

-- Folded states: a cache, so rows may come and go.
CREATE TABLE flowledger_checkpoints (
    stream text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    fold_revision bigint NOT NULL,
    state bytea NOT NULL,
    PRIMARY KEY (stream, version)
);

-- Pages of folded states are compressed where it pays. Compressing them once more made saving three times as slow, and
-- reading them twice, for half of the space.
ALTER TABLE flowledger_checkpoints ALTER COLUMN state SET STORAGE EXTERNAL;

-- What is added to the number of a transaction before it becomes a position; the greatest counts. A restored dump may find
-- itself in a cluster whose transactions count from far below its positions. Then a new epoch begins: a row is added.
CREATE TABLE flowledger_epochs (
    added bigint PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT flowledger_epochs_bounds CHECK (added BETWEEN 0 AND 4398046511103)
);

-- Until then, transactions count as they are.
INSERT INTO flowledger_epochs (added) VALUES (0);

-- added: what writers add, or null if new positions would not lie above all stored ones, so that an epoch must begin.
-- horizon: readers of the log stop before it. A transaction that is still running may yet commit events at positions from
-- its own number on; but nobody has written in this cluster yet where an epoch must begin.
-- last: the greatest position that counts. Without the bounds, one row beyond them would stop all appends.
-- Both hold in the one snapshot of the statement that reads them.
CREATE VIEW flowledger_numbering AS
SELECT CASE WHEN last < next THEN added END AS added,
       CASE WHEN last < next THEN oldest_running ELSE 9223372036854775807 END AS horizon,
       last
FROM (
    SELECT added,
           (added + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20 AS oldest_running,
           (added + pg_snapshot_xmax(pg_current_snapshot())::text::bigint) << 20 AS next,
           coalesce((SELECT max(notification_id) FROM flowledger_events WHERE notification_id < 4611686018427387904), 0)
           AS last
    FROM (SELECT max(added) AS added FROM flowledger_epochs WHERE added <= 4398046511103) AS newest
) AS numbers;

-- What the trigger below does. Without its schema's name a plan of the query can be kept, but the table must be the one beside
-- the events, whatever the search path of who appends.
CREATE FUNCTION flowledger_check_position() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    beyond bigint := (NEW.notification_id >> 20) - pg_current_xact_id()::text::bigint;
    most bigint;
BEGIN
    IF beyond > 0 THEN
        IF to_regclass('flowledger_epochs') = to_regclass(quote_ident(TG_TABLE_SCHEMA) || '.flowledger_epochs') THEN
            SELECT max(added) INTO most FROM flowledger_epochs WHERE added <= 4398046511103;
        ELSE
            EXECUTE format('SELECT max(added) FROM %I.flowledger_epochs WHERE added <= 4398046511103', TG_TABLE_SCHEMA)
            INTO most;
        END IF;
        IF beyond > most THEN
            RAISE EXCEPTION 'position % lies beyond those of this transaction', NEW.notification_id
            USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A position beyond those of its transaction would make all that follow seem to lie in the past. The function is called only
-- where something was added: in the first epoch the condition alone tells, for less.
CREATE TRIGGER flowledger_events_position BEFORE INSERT ON flowledger_events
FOR EACH ROW WHEN ((NEW.notification_id >> 20) > pg_current_xact_id()::text::bigint)
EXECUTE FUNCTION flowledger_check_position();

-- What the trigger below does.
CREATE FUNCTION flowledger_check_epoch() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    may_begin boolean;
BEGIN
    EXECUTE format('SELECT added IS NULL AND $1 <= (last >> 20) + 1 FROM %I.flowledger_numbering', TG_TABLE_SCHEMA)
    INTO may_begin USING NEW.added;
    IF NOT may_begin THEN
        RAISE EXCEPTION 'no epoch begins at %', NEW.added USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- An epoch begins where it must, and only then.
CREATE TRIGGER flowledger_epochs_begin BEFORE INSERT ON flowledger_epochs
FOR EACH ROW EXECUTE FUNCTION flowledger_check_epoch();

-- Whose rows the tables below hold: the revision of the code that made them, 0 where they must be rebuilt first.
CREATE TABLE flowledger_index (revision bigint NOT NULL);

-- The index holds rows of one revision.
CREATE UNIQUE INDEX flowledger_index_of_one_revision ON flowledger_index ((TRUE));

-- A store without events has all its rows already.
INSERT INTO flowledger_index (revision) VALUES (4);

-- Runs, for lists and filters. All that begin with flowledger_index_ can be dropped and rebuilt from the events.
CREATE TABLE flowledger_index_runs (
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
    source text COLLATE "C",
    wait_version bigint,
    asked_at bigint,
    due_at bigint,
    held boolean NOT NULL DEFAULT FALSE,
    owner text COLLATE "C",
    priority bigint NOT NULL DEFAULT 0,
    ready_at bigint,
    active_at bigint NOT NULL DEFAULT 0,
    CONSTRAINT flowledger_index_runs_bounds CHECK (
        started_at BETWEEN -62135596800000000 AND 253402300799999999
        AND finished_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0 AND version > 0
    )
) WITH (fillfactor = 90);

-- Each filter has an index in the order of pages, newest first: so a page is as cheap as its rows.
CREATE INDEX flowledger_index_runs_by_time ON flowledger_index_runs (started_at, position);

-- By workflow.
CREATE INDEX flowledger_index_runs_by_workflow ON flowledger_index_runs (workflow_id, started_at, position);

-- By version of a workflow.
CREATE INDEX flowledger_index_runs_by_version ON flowledger_index_runs (workflow_id, workflow_version, started_at, position);

-- By status within a workflow.
CREATE INDEX flowledger_index_runs_by_workflow_status ON flowledger_index_runs (workflow_id, status, started_at, position);

-- By status.
CREATE INDEX flowledger_index_runs_by_status ON flowledger_index_runs (status, started_at, position);

-- By who started them.
CREATE INDEX flowledger_index_runs_by_actor ON flowledger_index_runs (actor, started_at, position);

-- By the node where they stand or ended.
CREATE INDEX flowledger_index_runs_by_node ON flowledger_index_runs (node_id, started_at, position)
WHERE node_id IS NOT NULL;

-- By the type of their last error.
CREATE INDEX flowledger_index_runs_by_error ON flowledger_index_runs (error_type, started_at, position)
WHERE error_type IS NOT NULL;

-- By work order.
CREATE INDEX flowledger_index_runs_by_order ON flowledger_index_runs (work_order_id, position);

-- Those that had begun and not ended at some time.
CREATE INDEX flowledger_index_runs_in_flight ON flowledger_index_runs USING gist (int8range(started_at, finished_at));

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

-- Open waits, those first that were asked first. The deadline comes last, so that a list by deadlines reads no other rows.
CREATE INDEX flowledger_index_runs_waiting ON flowledger_index_runs (asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By workflow.
CREATE INDEX flowledger_index_runs_waiting_by_workflow ON flowledger_index_runs (workflow_id, asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By the node that asked.
CREATE INDEX flowledger_index_runs_waiting_by_node ON flowledger_index_runs (node_id, asked_at, position, due_at)
WHERE wait_version IS NOT NULL;

-- By their last activity.
CREATE INDEX flowledger_index_runs_by_activity ON flowledger_index_runs (active_at, position);

-- By their end.
CREATE INDEX flowledger_index_runs_by_end ON flowledger_index_runs (finished_at, position) WHERE finished_at IS NOT NULL;

-- By how long they took.
CREATE INDEX flowledger_index_runs_by_duration ON flowledger_index_runs ((finished_at - started_at), position)
WHERE finished_at IS NOT NULL;

-- Those that haven't ended.
CREATE INDEX flowledger_index_runs_unended ON flowledger_index_runs (started_at, position) WHERE finished_at IS NULL;

-- What began with a run.
CREATE INDEX flowledger_index_runs_by_source ON flowledger_index_runs (source) WHERE source IS NOT NULL;

-- Work orders.
CREATE TABLE flowledger_index_work_orders (
    opened_at bigint NOT NULL,
    position bigint NOT NULL,
    work_order_id text COLLATE "C" PRIMARY KEY,
    workflow_id text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    last_run_id text COLLATE "C",
    reason text COLLATE "C",
    finished_at bigint,
    CONSTRAINT flowledger_index_work_orders_bounds CHECK (
        opened_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0
    )
) WITH (fillfactor = 90);

-- All of them.
CREATE INDEX flowledger_index_work_orders_by_time ON flowledger_index_work_orders (opened_at, position);

-- By state.
CREATE INDEX flowledger_index_work_orders_by_state ON flowledger_index_work_orders (state, opened_at, position);

-- By workflow.
CREATE INDEX flowledger_index_work_orders_by_workflow ON flowledger_index_work_orders (workflow_id, opened_at, position);

-- By state within a workflow.
CREATE INDEX flowledger_index_work_orders_by_workflow_state
ON flowledger_index_work_orders (workflow_id, state, opened_at, position);

-- By who opened them.
CREATE INDEX flowledger_index_work_orders_by_actor ON flowledger_index_work_orders (actor, opened_at, position);

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

-- The heads of all events that move a row: where a run stood at any time, and what an actor did.
CREATE TABLE flowledger_index_changes (
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
    channel text COLLATE "C",
    PRIMARY KEY (stream, version),
    CONSTRAINT flowledger_index_changes_bounds CHECK (
        recorded_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0 AND version > 0
    )
);

-- What somebody did.
CREATE INDEX flowledger_index_changes_by_actor ON flowledger_index_changes (actor, recorded_at, position) WHERE is_act;

-- What anybody did, of which kind, and through what.
CREATE INDEX flowledger_index_changes_by_time ON flowledger_index_changes (recorded_at, position, type, channel) WHERE is_act;

-- How often runs were taken over.
CREATE INDEX flowledger_index_changes_recoveries ON flowledger_index_changes (recorded_at) WHERE type = 'run.recovered';

-- Workflows.
CREATE TABLE flowledger_index_workflows (
    version bigint NOT NULL,
    saved_version bigint NOT NULL,
    taken_at bigint NOT NULL,
    archived boolean NOT NULL,
    workflow_id text COLLATE "C" PRIMARY KEY,
    snapshot_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    name text COLLATE "C",
    message text COLLATE "C",
    live_version bigint NOT NULL DEFAULT 0,
    CONSTRAINT flowledger_index_workflows_bounds CHECK (
        taken_at BETWEEN -62135596800000000 AND 253402300799999999 AND saved_version > 0 AND version > 0
    )
);

-- Their saves.
CREATE TABLE flowledger_index_saves (
    version bigint NOT NULL,
    taken_at bigint NOT NULL,
    workflow_id text COLLATE "C" NOT NULL,
    snapshot_id text COLLATE "C" NOT NULL,
    actor text COLLATE "C" NOT NULL,
    digest text COLLATE "C" NOT NULL,
    message text COLLATE "C",
    PRIMARY KEY (workflow_id, version),
    CONSTRAINT flowledger_index_saves_bounds CHECK (
        taken_at BETWEEN -62135596800000000 AND 253402300799999999 AND version > 0
    )
);

-- By the name that people use.
CREATE INDEX flowledger_index_saves_by_snapshot ON flowledger_index_saves (snapshot_id);

-- How far the search has read the log. The generation grows when its entries are dropped. It is believed only while the event
-- that it read last lies at that position, and while its entries are of the revision that the code makes.
CREATE TABLE flowledger_search_progress (
    position bigint NOT NULL,
    generation bigint NOT NULL,
    revision bigint NOT NULL DEFAULT 0,
    last_stream text COLLATE "C",
    last_version bigint
);

-- It begins before the first event.
INSERT INTO flowledger_search_progress (position, generation) VALUES (0, 0);

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

-- Steps of limited types that are under way, one row a slot: held while its worker lives. Nobody else has that number.
CREATE TABLE flowledger_slots (
    number bigint NOT NULL,
    lease_until bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (type, number)
);

-- Runs that wait for one, those first that came first. Who asks no more is forgotten.
CREATE TABLE flowledger_slots_wanted (
    since bigint NOT NULL,
    asked_at bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (type, holder)
);

-- Each run as it can be found: when and where in the log it began, the words of its events, the values it has. Derived
-- from the events by an indexer that follows them, so rows may come and go. Half-full pages leave room for what a run adds.
CREATE TABLE flowledger_search (
    started_at bigint NOT NULL,
    position bigint NOT NULL,
    run_id text COLLATE "C" PRIMARY KEY,
    words tsvector NOT NULL,
    document jsonb NOT NULL,
    CONSTRAINT flowledger_search_bounds CHECK (
        started_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0
        AND jsonb_typeof(document -> 'output') IS NOT DISTINCT FROM 'object'
        AND coalesce(jsonb_typeof(document -> 'metadata'), 'object') = 'object'
        AND coalesce(jsonb_typeof(document -> 'leftOut'), 'object') = 'object'
        AND coalesce(jsonb_typeof(document #> '{leftOut,output}'), 'object') = 'object'
    )
);

-- The newest of them.
CREATE INDEX flowledger_search_by_time ON flowledger_search (started_at, position);

-- Every lexeme that begins with what was asked for.
CREATE INDEX flowledger_search_words_idx ON flowledger_search USING gin (words);

-- Values that equal what was asked for.
CREATE INDEX flowledger_search_document_idx ON flowledger_search USING gin (document jsonb_path_ops);

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

-- Where logical replication brings the events, they come in the order of their commits, and not of their positions. What
-- arrives behind the search takes it back to there, behind an event that need not be one: its stream is '', its version the
-- position from which. The row is locked up to the commit that brings the event, so that a search that is under way either
-- sees it or is taken back.
CREATE FUNCTION flowledger_take_search_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT 1 FROM %I.flowledger_search_progress FOR UPDATE', TG_TABLE_SCHEMA);
    EXECUTE format('UPDATE %I.flowledger_search_progress SET position = $1 - 1, generation = mod(generation, 1000000000) + 1, '
                   'last_stream = '''', last_version = greatest(position, CASE last_stream WHEN '''' THEN last_version END) '
                   'WHERE position >= $1', TG_TABLE_SCHEMA)
    USING NEW.notification_id;
    RETURN NULL;
END $$;

-- Right before the commit, so that the lock is short.
CREATE CONSTRAINT TRIGGER flowledger_events_take_search_back AFTER INSERT ON flowledger_events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION flowledger_take_search_back();

-- Only for what replication brings: where events are appended, nothing is ever overtaken, and it costs nothing.
ALTER TABLE flowledger_events ENABLE REPLICA TRIGGER flowledger_events_take_search_back;

-- Who follows the log under a name, and how far it has come: behind the event at a position, and what identifies that, as others
-- may come to lie there. Its holder has it up to the end of the lease. What one update leaves behind the next one overwrites.
CREATE TABLE flowledger_subscriptions (
    name text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    last_stream text COLLATE "C",
    last_version bigint,
    last_header bytea,
    kept_at bigint NOT NULL,
    holder text COLLATE "C",
    host text COLLATE "C",
    pid bigint,
    lease_until bigint,
    CONSTRAINT flowledger_subscriptions_bounds CHECK (
        position >= 0 AND kept_at BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(lease_until, 0) BETWEEN -62135596800000000 AND 253402300799999999
    )
) WITH (fillfactor = 50);

-- Who may use the pages and the API: a row for each token that was made, also for those that were taken back. Of the token
-- itself its SHA-256 is kept, in hex. Times are microseconds since 1970.
CREATE TABLE flowledger_tokens (
    digest text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    made_by text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    expires_at bigint,
    used_at bigint,
    revoked_by text COLLATE "C",
    revoked_at bigint,
    CONSTRAINT flowledger_tokens_bounds CHECK (
        made_at BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(expires_at, 0) BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(used_at, 0) BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(revoked_at, 0) BETWEEN -62135596800000000 AND 253402300799999999
        AND role IN ('viewer', 'operator', 'editor', 'admin')
    )
);

-- Of one name there is one at a time.
CREATE UNIQUE INDEX flowledger_tokens_by_name ON flowledger_tokens (name) WHERE revoked_at IS NULL;

-- Who has signed in in a browser with one of them. Of what the browser keeps the SHA-256 is kept.
CREATE TABLE flowledger_sessions (
    digest text COLLATE "C" PRIMARY KEY,
    token_digest text COLLATE "C" NOT NULL,
    begun_at bigint NOT NULL,
    ends_at bigint NOT NULL
);

-- The Merkle tree over all events (ADR 66), in tiles of 256 hashes: those of events at level 0, roots of full tiles of the level
-- below at the others. A tile grows at its end. It follows the events, and can be made from them anew.
CREATE TABLE flowledger_tree_tiles (
    level smallint NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, tile),
    CONSTRAINT flowledger_tree_tiles_bounds CHECK (level BETWEEN 0 AND 8 AND tile >= 0 AND octet_length(hashes) <= 8192)
);

-- Hashes can't be compressed.
ALTER TABLE flowledger_tree_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Which events the hashes of a tile are of, so that one that is gone can be named, and the position of the last.
CREATE TABLE flowledger_tree_leaves (
    tile bigint PRIMARY KEY,
    last_position bigint NOT NULL,
    leaves bytea NOT NULL
);

-- They are compressed already.
ALTER TABLE flowledger_tree_leaves ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- The tile in which an event is.
CREATE INDEX flowledger_tree_leaves_by_position ON flowledger_tree_leaves (last_position);

-- How far the tree goes: so many events, the last of which is at a position; and what identifies that one.
CREATE TABLE flowledger_tree_progress (
    size bigint NOT NULL,
    position bigint NOT NULL,
    generation bigint NOT NULL,
    last_stream text COLLATE "C",
    last_version bigint,
    last_digest bytea
);

-- It has none yet.
INSERT INTO flowledger_tree_progress (size, position, generation) VALUES (0, 0, 0);

-- Checkpoints of the tree that were signed. They prove nothing here: copies are kept elsewhere.
CREATE TABLE flowledger_tree_checkpoints (
    signed_at bigint NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (signed_at, size),
    CONSTRAINT flowledger_tree_checkpoints_bounds CHECK (signed_at BETWEEN 0 AND 253402300799999999 AND size >= 0)
);

-- The keys under which what is personal is sealed: one for each subject, itself wrapped by a master key that isn't in the store.
-- A table without history: an erasure overwrites and deletes the row. Leave it out of dumps that are kept.
CREATE TABLE flowledger_subject_keys (
    id text COLLATE "C" PRIMARY KEY,
    subject text COLLATE "C" NOT NULL UNIQUE,
    wrapped bytea NOT NULL,
    made_at bigint NOT NULL,
    CONSTRAINT flowledger_subject_keys_bounds CHECK (made_at BETWEEN -62135596800000000 AND 253402300799999999)
);

-- Streams that were removed under a retention policy, each as the event says that records it: how many events they had, and the
-- position of the last. Made of those events, so it can be made anew.
CREATE TABLE flowledger_removed (
    events bigint NOT NULL,
    last_position bigint NOT NULL,
    removal_version bigint NOT NULL,
    stream text COLLATE "C" PRIMARY KEY,
    removal text COLLATE "C" NOT NULL
);

-- The greatest position.
CREATE INDEX flowledger_removed_by_position ON flowledger_removed (last_position);
