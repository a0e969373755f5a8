-- The tables of a new store: what the numbered files beside this one, one after the other, make of an old one. This holds
-- the number of the newest of them that has been applied.
CREATE TABLE flowledger_schema (version INTEGER NOT NULL);

-- None has been applied yet.
INSERT INTO flowledger_schema (version) VALUES (0);

-- Every event: stream, version in it, type, state (laid out by the codec), and its position in the store. Positions are
-- explicit row ids, as VACUUM renumbers implicit ones.
CREATE TABLE flowledger_events (
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    notification_id INTEGER PRIMARY KEY,
    UNIQUE (originator_id, originator_version)
);

-- History can't be changed.
CREATE TRIGGER flowledger_events_refuse_update BEFORE UPDATE ON flowledger_events
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: events can not be updated');
END;

-- History can't be removed, but for streams that are recorded as removed.
CREATE TRIGGER flowledger_events_refuse_delete BEFORE DELETE ON flowledger_events
WHEN NOT EXISTS (SELECT 1 FROM flowledger_removed WHERE stream = OLD.originator_id AND events >= OLD.originator_version)
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: events can not be deleted');
END;

-- What was removed doesn't begin anew under the same name.
CREATE TRIGGER flowledger_events_refuse_removed BEFORE INSERT ON flowledger_events
WHEN NEW.originator_version = 1 AND EXISTS (SELECT 1 FROM flowledger_removed WHERE stream = NEW.originator_id)
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: this stream was removed');
END;

-- History can't be replaced: INSERT OR REPLACE deletes rows without asking the trigger above.
CREATE TRIGGER flowledger_events_refuse_replace BEFORE INSERT ON flowledger_events
WHEN EXISTS (
    SELECT 1 FROM flowledger_events
    WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version
       OR notification_id = NEW.notification_id
)
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: this version is taken');
END;

-- Folded states: a cache, so rows may come and go.
CREATE TABLE flowledger_checkpoints (
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    fold_revision INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (stream, version)
);

-- Whose rows the tables below hold: the revision of the code that made them, 0 where they must be rebuilt first.
CREATE TABLE flowledger_index (revision INTEGER NOT NULL);

-- A store without events has all its rows already.
INSERT INTO flowledger_index (revision) VALUES (4);

-- Runs, for lists and filters. All that begin with flowledger_index_ can be dropped and rebuilt from the events.
CREATE TABLE flowledger_index_runs (
    started_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    workflow_version INTEGER NOT NULL,
    version INTEGER NOT NULL,
    finished_at INTEGER,
    queued INTEGER NOT NULL,
    run_id TEXT PRIMARY KEY,
    work_order_id TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    status TEXT NOT NULL,
    node_id TEXT,
    error_type TEXT,
    actor TEXT NOT NULL,
    origin TEXT,
    source TEXT,
    wait_version INTEGER,
    asked_at INTEGER,
    due_at INTEGER,
    held INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    priority INTEGER NOT NULL DEFAULT 0,
    ready_at INTEGER,
    active_at INTEGER NOT NULL DEFAULT 0
);

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
CREATE INDEX flowledger_index_runs_in_flight ON flowledger_index_runs (finished_at);

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
    opened_at INTEGER NOT NULL,
    position INTEGER NOT NULL,
    work_order_id TEXT PRIMARY KEY,
    workflow_id TEXT NOT NULL,
    state TEXT NOT NULL,
    actor TEXT NOT NULL,
    last_run_id TEXT,
    reason TEXT,
    finished_at INTEGER
);

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
    version INTEGER NOT NULL,
    position INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    is_act INTEGER NOT NULL,
    stream TEXT NOT NULL,
    actor TEXT NOT NULL,
    type TEXT NOT NULL,
    status TEXT,
    node_id TEXT,
    error_type TEXT,
    channel TEXT,
    PRIMARY KEY (stream, version)
);

-- What somebody did.
CREATE INDEX flowledger_index_changes_by_actor ON flowledger_index_changes (actor, recorded_at, position) WHERE is_act;

-- What anybody did, of which kind, and through what.
CREATE INDEX flowledger_index_changes_by_time ON flowledger_index_changes (recorded_at, position, type, channel) WHERE is_act;

-- How often runs were taken over.
CREATE INDEX flowledger_index_changes_recoveries ON flowledger_index_changes (recorded_at) WHERE type = 'run.recovered';

-- Workflows.
CREATE TABLE flowledger_index_workflows (
    version INTEGER NOT NULL,
    saved_version INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    workflow_id TEXT PRIMARY KEY,
    snapshot_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    name TEXT,
    message TEXT,
    live_version INTEGER NOT NULL DEFAULT 0
);

-- Their saves.
CREATE TABLE flowledger_index_saves (
    version INTEGER NOT NULL,
    taken_at INTEGER NOT NULL,
    workflow_id TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    digest TEXT NOT NULL,
    message TEXT,
    PRIMARY KEY (workflow_id, version)
);

-- By the name that people use.
CREATE INDEX flowledger_index_saves_by_snapshot ON flowledger_index_saves (snapshot_id);

-- Workers, and processes whose own calls execute runs: a row each, renewed while they live. Times are microseconds since 1970.
CREATE TABLE flowledger_workers (
    started_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    pid INTEGER NOT NULL,
    concurrency INTEGER,
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    host TEXT NOT NULL,
    release TEXT NOT NULL,
    details TEXT NOT NULL
);

-- Runs that the worker which claimed them executes no more, although it lives.
CREATE TABLE flowledger_given_up (
    handed_back INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (run_id, owner)
);

-- Steps of limited types that are under way, one row a slot: held while its worker lives. Nobody else has that number.
CREATE TABLE flowledger_slots (
    number INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    type TEXT NOT NULL,
    owner TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (type, number)
);

-- Runs that wait for one, those first that came first. Who asks no more is forgotten.
CREATE TABLE flowledger_slots_wanted (
    since INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    type TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (type, holder)
);

-- How far the search has read the log. The generation grows when its entries are dropped. It is believed only while the event
-- that it read last lies at that position, and while its entries are of the revision that the code makes.
CREATE TABLE flowledger_search_progress (
    position INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0,
    last_stream TEXT,
    last_version INTEGER
);

-- It begins before the first event.
INSERT INTO flowledger_search_progress (position, generation) VALUES (0, 0);

-- Each run as it can be found: when and where in the log it began, the words of its events, the values it has (JSON). Derived
-- from the events by an indexer that follows them, so rows may come and go.
CREATE TABLE flowledger_search (
    position INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    started_at INTEGER NOT NULL,
    words TEXT NOT NULL,
    document TEXT NOT NULL
);

-- Every word that begins with what was asked for. The words come ready made: this tokenizer splits at blanks and leaves all
-- that isn't ASCII as it is. Nobody asks for phrases or ranks, so neither places nor sizes are kept.
CREATE VIRTUAL TABLE flowledger_search_words USING fts5 (
    words, content = 'flowledger_search', content_rowid = 'position', tokenize = "ascii tokenchars '_'", detail = none,
    columnsize = 0
);

-- A new entry.
CREATE TRIGGER flowledger_search_added AFTER INSERT ON flowledger_search
BEGIN
    INSERT INTO flowledger_search_words (rowid, words) VALUES (NEW.position, NEW.words);
END;

-- An entry with other words than before.
CREATE TRIGGER flowledger_search_changed AFTER UPDATE OF words ON flowledger_search WHEN NEW.words <> OLD.words
BEGIN
    INSERT INTO flowledger_search_words (flowledger_search_words, rowid, words)
    VALUES ('delete', OLD.position, OLD.words);
    INSERT INTO flowledger_search_words (rowid, words) VALUES (NEW.position, NEW.words);
END;

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

-- The rebuild of the index that is under way, or was the last one: what names it, how far it has taken in the log, how many
-- events moved rows so far, and whether it ended. Whoever rebuilds at the same time takes part in it.
CREATE TABLE flowledger_rebuild (token TEXT NOT NULL, position INTEGER NOT NULL, events INTEGER NOT NULL, ended INTEGER NOT NULL);

-- None was begun yet.
INSERT INTO flowledger_rebuild (token, position, events, ended) VALUES ('', 0, 0, 0);

-- Who follows the log under a name, and how far it has come: behind the event at a position, and what identifies that, as
-- others may come to lie there. Its holder has it up to the end of the lease.
CREATE TABLE flowledger_subscriptions (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    last_stream TEXT,
    last_version INTEGER,
    last_header BLOB,
    kept_at INTEGER NOT NULL,
    holder TEXT,
    host TEXT,
    pid INTEGER,
    lease_until INTEGER
) WITHOUT ROWID;

-- Who may use the pages and the API: a row for each token that was made, also for those that were taken back. Of the token
-- itself its SHA-256 is kept, in hex. Times are microseconds since 1970.
CREATE TABLE flowledger_tokens (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER,
    revoked_by TEXT,
    revoked_at INTEGER,
    CONSTRAINT flowledger_tokens_bounds CHECK (role IN ('viewer', 'operator', 'editor', 'admin'))
) WITHOUT ROWID;

-- Of one name there is one at a time.
CREATE UNIQUE INDEX flowledger_tokens_by_name ON flowledger_tokens (name) WHERE revoked_at IS NULL;

-- Who has signed in in a browser with one of them. Of what the browser keeps the SHA-256 is kept.
CREATE TABLE flowledger_sessions (
    digest TEXT PRIMARY KEY,
    token_digest TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) WITHOUT ROWID;

-- The Merkle tree over all events (ADR 66), in tiles of 256 hashes: those of events at level 0, roots of full tiles of the level
-- below at the others. A tile grows at its end. It follows the events, and can be made from them anew.
CREATE TABLE flowledger_tree_tiles (level INTEGER NOT NULL, tile INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, tile));

-- Which events the hashes of a tile are of, so that one that is gone can be named, and the position of the last.
CREATE TABLE flowledger_tree_leaves (tile INTEGER PRIMARY KEY, last_position INTEGER NOT NULL, leaves BLOB NOT NULL);

-- The tile in which an event is.
CREATE INDEX flowledger_tree_leaves_by_position ON flowledger_tree_leaves (last_position);

-- How far the tree goes: so many events, the last of which is at a position; and what identifies that one.
CREATE TABLE flowledger_tree_progress (
    size INTEGER NOT NULL,
    position INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    last_stream TEXT,
    last_version INTEGER,
    last_digest BLOB
);

-- It has none yet.
INSERT INTO flowledger_tree_progress (size, position, generation) VALUES (0, 0, 0);

-- Checkpoints of the tree that were signed. They prove nothing here: copies are kept elsewhere.
CREATE TABLE flowledger_tree_checkpoints (
    signed_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (signed_at, size)
) WITHOUT ROWID;

-- The keys under which what is personal is sealed: one for each subject, itself wrapped by a master key that isn't in the store.
-- A table without history: an erasure overwrites and deletes the row. Leave it out of dumps that are kept.
CREATE TABLE flowledger_subject_keys (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL,
    made_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Streams that were removed under a retention policy, each as the event says that records it: how many events they had, and the
-- position of the last. Made of those events, so it can be made anew.
CREATE TABLE flowledger_removed (
    stream TEXT PRIMARY KEY,
    events INTEGER NOT NULL,
    last_position INTEGER NOT NULL,
    removal TEXT NOT NULL,
    removal_version INTEGER NOT NULL
) WITHOUT ROWID;

-- The greatest position.
CREATE INDEX flowledger_removed_by_position ON flowledger_removed (last_position);
