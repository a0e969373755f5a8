-- Reading the schema's version, and what to add to transaction numbers.
GRANT SELECT ON flowledger_schema, flowledger_numbering TO application_user;

-- Appending to history and reading it. Nobody needs the right to change it.
GRANT SELECT, INSERT ON stored_events, flowledger_epochs TO application_user;

-- A cache, which comes and goes.
GRANT SELECT, INSERT, UPDATE, DELETE ON checkpoints TO application_user;

-- The index, kept by whoever appends.
GRANT SELECT, INSERT, UPDATE, DELETE ON flowledger_index, index_runs, index_work_orders, index_changes, index_workflows, index_saves
TO application_user;

-- What a search knows of the runs, which follows the events.
GRANT SELECT, INSERT, UPDATE, DELETE ON search TO application_user;

-- And how far it has followed them.
GRANT SELECT, UPDATE ON search_progress TO application_user;
