-- The version of a workflow that runs start with; 0: none.
ALTER TABLE flowledger_index_workflows ADD COLUMN live_version bigint NOT NULL DEFAULT 0;

-- There were no drafts: the last save is live.
UPDATE flowledger_index_workflows SET live_version = saved_version;

-- So these are the rows that the code makes of the same events.
UPDATE flowledger_index SET revision = 2 WHERE revision = 1;
