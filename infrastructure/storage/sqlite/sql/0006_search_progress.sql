-- Entries of a search are believed only while they are of the revision that the code makes. Those from before this file are
-- of revision 0, and made anew.
ALTER TABLE flowledger_search_progress ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- And while the event that it read last lies at its position: the stream of that event.
ALTER TABLE flowledger_search_progress ADD COLUMN last_stream TEXT;

-- Its version.
ALTER TABLE flowledger_search_progress ADD COLUMN last_version INTEGER;
