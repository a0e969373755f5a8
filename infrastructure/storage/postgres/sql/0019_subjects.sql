-- The keys under which what is personal is sealed: one for each subject, itself wrapped by a master key that isn't in the store.
-- A table without history: an erasure overwrites and deletes the row. Leave it out of dumps that are kept.
CREATE TABLE flowledger_subject_keys (
    id text COLLATE "C" PRIMARY KEY,
    subject text COLLATE "C" NOT NULL UNIQUE,
    wrapped bytea NOT NULL,
    made_at bigint NOT NULL,
    CONSTRAINT flowledger_subject_keys_bounds CHECK (made_at BETWEEN -62135596800000000 AND 253402300799999999)
);
