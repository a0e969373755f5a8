-- The number of the newest file of this folder that has been applied.
CREATE TABLE flowledger_schema (version INTEGER NOT NULL);

-- No file has been applied yet.
INSERT INTO flowledger_schema (version) VALUES (0);

-- Every event: stream, version in it, type, state (laid out by the codec), and its position in the store. Positions are
-- explicit row ids, as VACUUM renumbers implicit ones.
CREATE TABLE stored_events (
    originator_id TEXT NOT NULL,
    originator_version INTEGER NOT NULL,
    topic TEXT NOT NULL,
    state BLOB NOT NULL,
    notification_id INTEGER PRIMARY KEY,
    UNIQUE (originator_id, originator_version)
);

-- History can't be changed.
CREATE TRIGGER stored_events_refuse_update BEFORE UPDATE ON stored_events
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: events can not be updated');
END;

-- History can't be removed.
CREATE TRIGGER stored_events_refuse_delete BEFORE DELETE ON stored_events
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: events can not be deleted');
END;

-- History can't be replaced: INSERT OR REPLACE deletes rows without asking the trigger above.
CREATE TRIGGER stored_events_refuse_replace BEFORE INSERT ON stored_events
WHEN EXISTS (
    SELECT 1 FROM stored_events
    WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version
       OR notification_id = NEW.notification_id
)
BEGIN
    SELECT RAISE(ABORT, 'history is read-only: this version is taken');
END;

-- Folded states: a cache, so rows may come and go.
CREATE TABLE checkpoints (
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    fold_revision INTEGER NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (stream, version)
);
