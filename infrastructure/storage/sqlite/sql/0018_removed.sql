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

-- Retention comes by another door.
DROP TRIGGER flowledger_events_refuse_delete;

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

-- What began with a run.
CREATE INDEX flowledger_index_runs_by_source ON flowledger_index_runs (source) WHERE source IS NOT NULL;
