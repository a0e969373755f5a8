-- All names begin with flowledger_, so that other software may have tables in the same schema. Locks come first, in the
-- order in which appends take them, as we and they could otherwise wait for each other.
LOCK TABLE stored_events, index_runs, index_work_orders, index_changes, index_workflows, index_saves, checkpoints, search,
    search_progress IN ACCESS EXCLUSIVE MODE;

-- What a rebuild that was killed has left behind.
DROP TABLE IF EXISTS rebuilt_runs, rebuilt_work_orders, rebuilt_changes, rebuilt_workflows, rebuilt_saves;

-- Every event. Rights and owners stay with a table, and constraints go by the names of their indexes.
ALTER TABLE stored_events RENAME TO flowledger_events;
ALTER INDEX IF EXISTS stored_events_pkey RENAME TO flowledger_events_pkey;
ALTER INDEX IF EXISTS stored_events_notification_id_idx RENAME TO flowledger_events_notification_id_idx;

-- What refuses changes.
ALTER TRIGGER stored_events_refuse ON flowledger_events RENAME TO flowledger_events_refuse;

-- Folded states.
ALTER TABLE checkpoints RENAME TO flowledger_checkpoints;
ALTER INDEX IF EXISTS checkpoints_pkey RENAME TO flowledger_checkpoints_pkey;

-- Runs.
ALTER TABLE index_runs RENAME TO flowledger_index_runs;
ALTER INDEX IF EXISTS index_runs_pkey RENAME TO flowledger_index_runs_pkey;
ALTER INDEX IF EXISTS index_runs_by_time RENAME TO flowledger_index_runs_by_time;
ALTER INDEX IF EXISTS index_runs_by_workflow RENAME TO flowledger_index_runs_by_workflow;
ALTER INDEX IF EXISTS index_runs_by_version RENAME TO flowledger_index_runs_by_version;
ALTER INDEX IF EXISTS index_runs_by_workflow_status RENAME TO flowledger_index_runs_by_workflow_status;
ALTER INDEX IF EXISTS index_runs_by_status RENAME TO flowledger_index_runs_by_status;
ALTER INDEX IF EXISTS index_runs_by_actor RENAME TO flowledger_index_runs_by_actor;
ALTER INDEX IF EXISTS index_runs_by_node RENAME TO flowledger_index_runs_by_node;
ALTER INDEX IF EXISTS index_runs_by_error RENAME TO flowledger_index_runs_by_error;
ALTER INDEX IF EXISTS index_runs_by_order RENAME TO flowledger_index_runs_by_order;
ALTER INDEX IF EXISTS index_runs_in_flight RENAME TO flowledger_index_runs_in_flight;

-- Work orders.
ALTER TABLE index_work_orders RENAME TO flowledger_index_work_orders;
ALTER INDEX IF EXISTS index_work_orders_pkey RENAME TO flowledger_index_work_orders_pkey;
ALTER INDEX IF EXISTS index_work_orders_by_time RENAME TO flowledger_index_work_orders_by_time;
ALTER INDEX IF EXISTS index_work_orders_by_state RENAME TO flowledger_index_work_orders_by_state;
ALTER INDEX IF EXISTS index_work_orders_by_workflow RENAME TO flowledger_index_work_orders_by_workflow;
ALTER INDEX IF EXISTS index_work_orders_by_workflow_state RENAME TO flowledger_index_work_orders_by_workflow_state;
ALTER INDEX IF EXISTS index_work_orders_by_actor RENAME TO flowledger_index_work_orders_by_actor;

-- The heads of the events that move them.
ALTER TABLE index_changes RENAME TO flowledger_index_changes;
ALTER INDEX IF EXISTS index_changes_pkey RENAME TO flowledger_index_changes_pkey;
ALTER INDEX IF EXISTS index_changes_by_actor RENAME TO flowledger_index_changes_by_actor;
ALTER INDEX IF EXISTS index_changes_by_time RENAME TO flowledger_index_changes_by_time;

-- Workflows.
ALTER TABLE index_workflows RENAME TO flowledger_index_workflows;
ALTER INDEX IF EXISTS index_workflows_pkey RENAME TO flowledger_index_workflows_pkey;

-- Their saves.
ALTER TABLE index_saves RENAME TO flowledger_index_saves;
ALTER INDEX IF EXISTS index_saves_pkey RENAME TO flowledger_index_saves_pkey;
ALTER INDEX IF EXISTS index_saves_by_snapshot RENAME TO flowledger_index_saves_by_snapshot;

-- Runs as they can be found.
ALTER TABLE search RENAME TO flowledger_search;
ALTER INDEX IF EXISTS search_pkey RENAME TO flowledger_search_pkey;
ALTER INDEX IF EXISTS search_by_time RENAME TO flowledger_search_by_time;
ALTER INDEX IF EXISTS search_words_idx RENAME TO flowledger_search_words_idx;
ALTER INDEX IF EXISTS search_document_idx RENAME TO flowledger_search_document_idx;

-- How far the search has read the log.
ALTER TABLE search_progress RENAME TO flowledger_search_progress;
