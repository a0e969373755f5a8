-- Who follows the log under a name, and how far it has come: behind the event at a position, and what identifies that, as others
-- may come to lie there. Its holder has it up to the end of the lease. What one update leaves behind the next one overwrites.
CREATE TABLE flowledger_subscriptions (
    name text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    last_stream text COLLATE "C",
    last_version bigint,
    last_header bytea,
    kept_at bigint NOT NULL,
    holder text COLLATE "C",
    host text COLLATE "C",
    pid bigint,
    lease_until bigint,
    CONSTRAINT flowledger_subscriptions_bounds CHECK (
        position >= 0 AND kept_at BETWEEN -62135596800000000 AND 253402300799999999
        AND coalesce(lease_until, 0) BETWEEN -62135596800000000 AND 253402300799999999
    )
) WITH (fillfactor = 50);
