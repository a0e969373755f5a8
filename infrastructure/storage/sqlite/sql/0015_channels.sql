-- Through what somebody did it; of what was done before, nobody knows.
ALTER TABLE flowledger_index_changes ADD COLUMN channel TEXT;

-- It knew neither kind nor channel.
DROP INDEX flowledger_index_changes_by_time;

-- What anybody did, of which kind, and through what.
CREATE INDEX flowledger_index_changes_by_time ON flowledger_index_changes (recorded_at, position, type, channel) WHERE is_act;
