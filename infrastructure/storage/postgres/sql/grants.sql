-- Reading the schema's version, and what to add to transaction numbers.
GRANT SELECT ON flowledger_schema, flowledger_numbering TO application_user;

-- Appending to history and reading it. Nobody needs the right to change it. What a bad row could do is bounded.
GRANT SELECT, INSERT ON flowledger_events, flowledger_epochs TO application_user;

-- A cache, which comes and goes.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_checkpoints TO application_user;

-- The index, kept by whoever appends.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_index_runs, flowledger_index_work_orders, flowledger_index_changes,
    flowledger_index_workflows, flowledger_index_saves
TO application_user;

-- Who executes runs, and which of them are given up.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_workers, flowledger_given_up TO application_user;

-- How many steps of a type are under way.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_slots, flowledger_slots_wanted TO application_user;

-- And which revision of it that is.
GRANT SELECT, INSERT, UPDATE ON flowledger_index TO application_user;

-- Rebuilding it works in temporary tables.
DO $do$ BEGIN
    EXECUTE 'GRANT TEMPORARY ON DATABASE ' || quote_ident(current_database()) || $to$ TO application_user$to$;
END $do$;

-- What a search knows of the runs, and lists of their steps, which follow the events.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_search, flowledger_steps, flowledger_failures TO application_user;

-- And how far it has followed them.
GRANT SELECT, UPDATE ON flowledger_search_progress TO application_user;

-- How far those who follow the log have come.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_subscriptions TO application_user;

-- Who may use the pages and the API, and who has signed in. Tokens are taken back, and stay.
GRANT SELECT, INSERT, UPDATE ON flowledger_tokens TO application_user;

-- Sessions end.
GRANT SELECT, INSERT, DELETE ON flowledger_sessions TO application_user;

-- The tree over all events, which follows them.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_tree_tiles, flowledger_tree_leaves TO application_user;

-- And how far it has followed them.
GRANT SELECT, UPDATE ON flowledger_tree_progress TO application_user;

-- What was signed stays.
GRANT SELECT, INSERT ON flowledger_tree_checkpoints TO application_user;

-- The keys of subjects, which erasures overwrite and delete.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_subject_keys TO application_user;

-- Which streams were removed. Only who applies retention removes some.
GRANT SELECT ON flowledger_removed TO application_user;
