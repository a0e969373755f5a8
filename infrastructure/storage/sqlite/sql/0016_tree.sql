-- The Merkle tree over all events (ADR 66), in tiles of 256 hashes: those of events at level 0, roots of full tiles of the level
-- below at the others. A tile grows at its end. It follows the events, and can be made from them anew.
CREATE TABLE flowledger_tree_tiles (level INTEGER NOT NULL, tile INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, tile));

-- Which events the hashes of a tile are of, so that one that is gone can be named, and the position of the last.
CREATE TABLE flowledger_tree_leaves (tile INTEGER PRIMARY KEY, last_position INTEGER NOT NULL, leaves BLOB NOT NULL);

-- The tile in which an event is.
CREATE INDEX flowledger_tree_leaves_by_position ON flowledger_tree_leaves (last_position);

-- How far the tree goes: so many events, the last of which is at a position; and what identifies that one.
CREATE TABLE flowledger_tree_progress (
    size INTEGER NOT NULL,
    position INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    last_stream TEXT,
    last_version INTEGER,
    last_digest BLOB
);

-- It has none yet.
INSERT INTO flowledger_tree_progress (size, position, generation) VALUES (0, 0, 0);

-- Checkpoints of the tree that were signed. They prove nothing here: copies are kept elsewhere.
CREATE TABLE flowledger_tree_checkpoints (
    signed_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    note TEXT NOT NULL,
    PRIMARY KEY (signed_at, size)
) WITHOUT ROWID;
