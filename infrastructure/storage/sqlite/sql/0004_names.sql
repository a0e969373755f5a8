-- All names begin with flowledger_, so that other software may have tables in the same file. SQLite can't rename triggers and
-- indexes: they are made anew.
DROP TRIGGER stored_events_refuse_update;

-- Made anew below.
DROP TRIGGER stored_events_refuse_delete;

-- Made anew below.
DROP TRIGGER stored_events_refuse_replace;

-- Made anew below.
DROP TRIGGER search_added;

-- Made anew below.
DROP TRIGGER search_changed;

-- The index of words names the table that it is about.
DROP TABLE search_words;

-- What a rebuild that was killed has left behind.
DROP TABLE IF EXISTS rebuilt_runs;

-- What a rebuild that was killed has left behind.
DROP TABLE IF EXISTS rebuilt_work_orders;

-- What a rebuild that was killed has left behind.
DROP TABLE IF EXISTS rebuilt_changes;

-- What a rebuild that was killed has left behind.
DROP TABLE IF EXISTS rebuilt_workflows;

-- What a rebuild that was killed has left behind.
DROP TABLE IF EXISTS rebuilt_saves;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_time;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_workflow;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_version;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_workflow_status;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_status;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_actor;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_node;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_error;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_by_order;

-- Made anew below.
DROP INDEX IF EXISTS index_runs_in_flight;

-- Made anew below.
DROP INDEX IF EXISTS index_work_orders_by_time;

-- Made anew below.
DROP INDEX IF EXISTS index_work_orders_by_state;

-- Made anew below.
DROP INDEX IF EXISTS index_work_orders_by_workflow;

-- Made anew below.
DROP INDEX IF EXISTS index_work_orders_by_workflow_state;

-- Made anew below.
DROP INDEX IF EXISTS index_work_orders_by_actor;

-- Made anew below.
DROP INDEX IF EXISTS index_changes_by_actor;

-- Made anew below.
DROP INDEX IF EXISTS index_changes_by_time;

-- Made anew below.
DROP INDEX IF EXISTS index_saves_by_snapshot;

-- Every event.
ALTER TABLE stored_events RENAME TO flowledger_events;

-- Folded states.
ALTER TABLE checkpoints RENAME TO flowledger_checkpoints;

-- Runs.
ALTER TABLE index_runs RENAME TO flowledger_index_runs;

-- Work orders.
ALTER TABLE index_work_orders RENAME TO flowledger_index_work_orders;

-- The heads of the events that move them.
ALTER TABLE index_changes RENAME TO flowledger_index_changes;

-- Workflows.
ALTER TABLE index_workflows RENAME TO flowledger_index_workflows;

-- Their saves.
ALTER TABLE index_saves RENAME TO flowledger_index_saves;

-- Runs as they can be found.
ALTER TABLE search RENAME TO flowledger_search;

-- How far the search has read the log.
ALTER TABLE search_progress RENAME TO flowledger_search_progress;

-- History can't be changed.
CREATE TRIGGER flowledger_events_refuse_update BEFORE UPDATE ON flowledger_events
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: events can not be updated');
END;

-- History can't be removed.
CREATE TRIGGER flowledger_events_refuse_delete BEFORE DELETE ON flowledger_events
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: events can not be deleted');
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

-- What somebody did.
CREATE INDEX flowledger_index_changes_by_actor ON flowledger_index_changes (actor, recorded_at, position) WHERE is_act;

-- What anybody did.
CREATE INDEX flowledger_index_changes_by_time ON flowledger_index_changes (recorded_at, position) WHERE is_act;

-- By the name that people use.
CREATE INDEX flowledger_index_saves_by_snapshot ON flowledger_index_saves (snapshot_id);

-- Every word that begins with what was asked for. The words come ready made: this tokenizer splits at blanks and leaves all
-- that isn't ASCII as it is. Nobody asks for phrases or ranks, so neither places nor sizes are kept.
CREATE VIRTUAL TABLE flowledger_search_words USING fts5 (
    words, content = 'flowledger_search', content_rowid = 'position', tokenize = "ascii tokenchars '_'", detail = none,
    columnsize = 0
);

-- With the words of the entries that there are.
INSERT INTO flowledger_search_words (flowledger_search_words) VALUES ('rebuild');

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
