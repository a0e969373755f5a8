-- Reading history, and everything that is kept of it: lists, searches, steps, who executes what, how far followers are. Who may
-- use the pages is no reader's business.
GRANT SELECT ON flowledger_schema, flowledger_numbering, flowledger_events, flowledger_epochs, flowledger_checkpoints,
    flowledger_index, flowledger_index_runs, flowledger_index_work_orders, flowledger_index_changes,
    flowledger_index_workflows, flowledger_index_saves, flowledger_workers, flowledger_given_up, flowledger_slots,
    flowledger_slots_wanted, flowledger_search, flowledger_steps, flowledger_failures, flowledger_search_progress,
    flowledger_subscriptions, flowledger_tree_tiles, flowledger_tree_leaves, flowledger_tree_progress,
    flowledger_tree_checkpoints, flowledger_subject_keys, flowledger_removed
TO reading_user;
