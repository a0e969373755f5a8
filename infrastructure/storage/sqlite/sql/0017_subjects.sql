-- The keys under which what is personal is sealed: one for each subject, itself wrapped by a master key that isn't in the store.
-- A table without history: an erasure overwrites and deletes the row. Leave it out of dumps that are kept.
CREATE TABLE flowledger_subject_keys (
    id TEXT PRIMARY KEY,
    subject TEXT NOT NULL UNIQUE,
    wrapped BLOB NOT NULL,
    made_at INTEGER NOT NULL
) WITHOUT ROWID;
