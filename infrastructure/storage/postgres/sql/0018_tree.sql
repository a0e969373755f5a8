-- The Merkle tree over all events (ADR 66), in tiles of 256 hashes: those of events at level 0, roots of full tiles of the level
-- below at the others. A tile grows at its end. It follows the events, and can be made from them anew.
CREATE TABLE flowledger_tree_tiles (
    level smallint NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (level, tile),
    CONSTRAINT flowledger_tree_tiles_bounds CHECK (level BETWEEN 0 AND 8 AND tile >= 0 AND octet_length(hashes) <= 8192)
);

-- Hashes can't be compressed.
ALTER TABLE flowledger_tree_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Which events the hashes of a tile are of, so that one that is gone can be named, and the position of the last.
CREATE TABLE flowledger_tree_leaves (
    tile bigint PRIMARY KEY,
    last_position bigint NOT NULL,
    leaves bytea NOT NULL
);

-- They are compressed already.
ALTER TABLE flowledger_tree_leaves ALTER COLUMN leaves SET STORAGE EXTERNAL;

-- The tile in which an event is.
CREATE INDEX flowledger_tree_leaves_by_position ON flowledger_tree_leaves (last_position);

-- How far the tree goes: so many events, the last of which is at a position; and what identifies that one.
CREATE TABLE flowledger_tree_progress (
    size bigint NOT NULL,
    position bigint NOT NULL,
    generation bigint NOT NULL,
    last_stream text COLLATE "C",
    last_version bigint,
    last_digest bytea
);

-- It has none yet.
INSERT INTO flowledger_tree_progress (size, position, generation) VALUES (0, 0, 0);

-- Checkpoints of the tree that were signed. They prove nothing here: copies are kept elsewhere.
CREATE TABLE flowledger_tree_checkpoints (
    signed_at bigint NOT NULL,
    size bigint NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (signed_at, size),
    CONSTRAINT flowledger_tree_checkpoints_bounds CHECK (signed_at BETWEEN 0 AND 253402300799999999 AND size >= 0)
);
