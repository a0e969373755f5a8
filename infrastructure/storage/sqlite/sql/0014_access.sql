-- Who may use the pages and the API: a row for each token that was made, also for those that were taken back. Of the token
-- itself its SHA-256 is kept, in hex. Times are microseconds since 1970.
CREATE TABLE flowledger_tokens (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    used_at INTEGER,
    revoked_by TEXT,
    revoked_at INTEGER,
    CONSTRAINT flowledger_tokens_bounds CHECK (role IN ('viewer', 'operator', 'editor', 'admin'))
) WITHOUT ROWID;

-- Of one name there is one at a time.
CREATE UNIQUE INDEX flowledger_tokens_by_name ON flowledger_tokens (name) WHERE revoked_at IS NULL;

-- Who has signed in in a browser with one of them. Of what the browser keeps the SHA-256 is kept.
CREATE TABLE flowledger_sessions (
    digest TEXT PRIMARY KEY,
    token_digest TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL
) WITHOUT ROWID;
