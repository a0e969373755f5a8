-- How far a search has read is believed only while the event that it read last lies at that position, and while its entries
-- are of the revision that the code makes. Entries from before this file are of revision 0, and made anew.
ALTER TABLE flowledger_search_progress
    ADD COLUMN revision bigint NOT NULL DEFAULT 0,
    ADD COLUMN last_stream text COLLATE "C",
    ADD COLUMN last_version bigint;

-- Where logical replication brings the events, they come in the order of their commits, and not of their positions. What
-- arrives behind the search takes it back to there, behind an event that need not be one: its stream is '', its version the
-- position from which. The row is locked up to the commit that brings the event, so that a search that is under way either
-- sees it or is taken back.
CREATE FUNCTION flowledger_take_search_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('SELECT 1 FROM %I.flowledger_search_progress FOR UPDATE', TG_TABLE_SCHEMA);
    EXECUTE format('UPDATE %I.flowledger_search_progress SET position = $1 - 1, generation = mod(generation, 1000000000) + 1, '
                   'last_stream = '''', last_version = greatest(position, CASE last_stream WHEN '''' THEN last_version END) '
                   'WHERE position >= $1', TG_TABLE_SCHEMA)
    USING NEW.notification_id;
    RETURN NULL;
END $$;

-- Right before the commit, so that the lock is short.
CREATE CONSTRAINT TRIGGER flowledger_events_take_search_back AFTER INSERT ON flowledger_events
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION flowledger_take_search_back();

-- Only for what replication brings: where events are appended, nothing is ever overtaken, and it costs nothing.
ALTER TABLE flowledger_events ENABLE REPLICA TRIGGER flowledger_events_take_search_back;
