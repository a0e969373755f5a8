-- Who may use the pages and the API: a row for each token that was made, also for those that were taken back. Of the token
-- itself its SHA-256 is kept, in hex. Times are microseconds since 1970.
CREATE TABLE flowledger_tokens (
    digest text COLLATE "C" PRIMARY KEY,
    name text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    made_by text COLLATE "C" NOT NULL,
    made_at bigint NOT NULL,
    expires_at bigint,
    used_at bigint,
    revoked_by text COLLATE "C",
    revoked_at bigint,
    CONSTRAINT flowledger_tokens_bounds CHECK (
        made_at BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(expires_at, 0) BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(used_at, 0) BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(revoked_at, 0) BETWEEN -62135596800000000 AND 253402300799999999
        AND role IN ('viewer', 'operator', 'editor', 'admin')
    )
);

-- Of one name there is one at a time.
CREATE UNIQUE INDEX flowledger_tokens_by_name ON flowledger_tokens (name) WHERE revoked_at IS NULL;

-- Who has signed in in a browser with one of them. Of what the browser keeps the SHA-256 is kept.
CREATE TABLE flowledger_sessions (
    digest text COLLATE "C" PRIMARY KEY,
    token_digest text COLLATE "C" NOT NULL,
    begun_at bigint NOT NULL,
    ends_at bigint NOT NULL
);
