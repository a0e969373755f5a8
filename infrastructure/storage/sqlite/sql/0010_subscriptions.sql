-- Who follows the log under a name, and how far it has come: behind the event at a position, and what identifies that, as
-- others may come to lie there. Its holder has it up to the end of the lease.
CREATE TABLE flowledger_subscriptions (
    name TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    last_stream TEXT,
    last_version INTEGER,
    last_header BLOB,
    kept_at INTEGER NOT NULL,
    holder TEXT,
    host TEXT,
    pid INTEGER,
    lease_until INTEGER
) WITHOUT ROWID;
