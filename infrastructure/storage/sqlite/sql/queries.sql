-- append_event: Append one event. The unique index refuses a version that is taken; SQLite gives the position. Where :previous
-- isn't empty, it is inserted only behind the event of this digest (see codec.py).
INSERT INTO flowledger_events (originator_id, originator_version, topic, state)
SELECT :stream, :version, :type, :state
WHERE :previous = x'' OR :previous = (
    SELECT substr(CAST(state AS BLOB), 10, 32) FROM flowledger_events
    WHERE originator_id = :stream AND originator_version = :version - 1
)

-- guard_holds: Whether the stream ends with the event of this version and digest.
SELECT EXISTS (
    SELECT 1 FROM flowledger_events
    WHERE originator_id = :stream AND originator_version = :version
      AND lower(hex(substr(CAST(state AS BLOB), 10, 32))) = :digest
) AND NOT EXISTS (
    SELECT 1 FROM flowledger_events WHERE originator_id = :stream AND originator_version = :version + 1
)

-- head: The version of a stream's last event, or null.
SELECT max(originator_version) FROM flowledger_events WHERE originator_id = :stream

-- header: The first :bytes bytes of one event's state, and its position.
SELECT substr(CAST(state AS BLOB), 1, :bytes), notification_id FROM flowledger_events
WHERE originator_id = :stream AND originator_version = :version

-- beginning: Version, type and the first :bytes bytes of the last event up to version :upto.
SELECT originator_version, topic, substr(CAST(state AS BLOB), 1, :bytes) FROM flowledger_events
WHERE originator_id = :stream AND originator_version <= :upto
ORDER BY originator_version DESC LIMIT 1

-- encoded_event: The whole state of one event.
SELECT CAST(state AS BLOB) FROM flowledger_events WHERE originator_id = :stream AND originator_version = :version

-- stream_batch: The next :rows events of a stream behind version :after, up to :upto; no state over :large bytes.
SELECT originator_version, topic, CASE WHEN length(state) <= :large THEN CAST(state AS BLOB) END, notification_id
FROM flowledger_events
WHERE originator_id = :stream AND originator_version > :after AND originator_version <= :upto
ORDER BY originator_version LIMIT :rows

-- stream_batch_backwards: The same from :upto down.
SELECT originator_version, topic, CASE WHEN length(state) <= :large THEN CAST(state AS BLOB) END, notification_id
FROM flowledger_events
WHERE originator_id = :stream AND originator_version > :after AND originator_version <= :upto
ORDER BY originator_version DESC LIMIT :rows

-- log_batch: The next :rows events of the store behind position :after. One writer commits at a time, so none is overtaken.
SELECT originator_id, originator_version, notification_id, topic, CASE WHEN length(state) <= :large THEN CAST(state AS BLOB) END
FROM flowledger_events
WHERE notification_id > :after
ORDER BY notification_id LIMIT :rows

-- indexed_batch: The next :rows events behind position :after that may move rows of the index: all but steps that lead to
-- the next. An event says "after" in its beginning. One writer commits at a time, so none is overtaken.
SELECT originator_id, originator_version, notification_id, topic, CASE WHEN length(state) <= :large THEN CAST(state AS BLOB) END
FROM flowledger_events
WHERE notification_id > :after
  AND (topic <> 'run.step_completed' OR instr(substr(CAST(state AS BLOB), 1, 8192), CAST('"after":' AS BLOB)) > 0)
ORDER BY notification_id LIMIT :rows

-- batch_by_stream: The next :rows events behind version :version of stream :stream, stream by stream.
SELECT originator_id, originator_version, notification_id, topic, CASE WHEN length(state) <= :large THEN CAST(state AS BLOB) END
FROM flowledger_events
WHERE (originator_id, originator_version) > (:stream, :version)
ORDER BY originator_id, originator_version LIMIT :rows

-- notifications: At most :limit events with :start <= position <= :stop, of the types in the JSON array :types if it is given.
SELECT originator_id, originator_version, notification_id, topic, state
FROM flowledger_events
WHERE notification_id BETWEEN :start AND :stop
  AND (:types IS NULL OR topic IN (SELECT value FROM json_each(:types)))
ORDER BY notification_id LIMIT :limit

-- save_checkpoint: Keep a page of a folded state, in place of another one for the same version.
INSERT INTO flowledger_checkpoints (stream, version, fold_revision, state)
SELECT :stream, :version, :fold_revision, :state
WHERE NOT EXISTS (SELECT 1 FROM flowledger_removed WHERE stream = :stream)
ON CONFLICT (stream, version) DO UPDATE SET fold_revision = excluded.fold_revision, state = excluded.state
WHERE flowledger_checkpoints.state <> excluded.state OR flowledger_checkpoints.fold_revision <> excluded.fold_revision

-- checkpoints: The next :rows pages of this fold revision behind version :after, large ones without their content, each
-- with the digest of the event that it was made at, as that is now.
SELECT version, CASE WHEN length(state) <= :large THEN CAST(state AS BLOB) END,
       (SELECT substr(CAST(event.state AS BLOB), 10, 32) FROM flowledger_events AS event
        WHERE originator_id = :stream AND originator_version = flowledger_checkpoints.version)
FROM flowledger_checkpoints
WHERE stream = :stream AND version > :after AND version <= :upto AND fold_revision = :fold_revision
ORDER BY version LIMIT :rows

-- large_checkpoint: The content of one page.
SELECT CAST(state AS BLOB) FROM flowledger_checkpoints
WHERE stream = :stream AND version = :version AND fold_revision = :fold_revision

-- checkpointed_streams: The next :rows streams behind :after that have pages of this fold revision.
SELECT DISTINCT stream FROM flowledger_checkpoints WHERE stream > :after AND fold_revision = :fold_revision ORDER BY stream LIMIT :rows

-- clear_checkpoints: Forget all checkpoints.
DELETE FROM flowledger_checkpoints

-- schema_version: The number of the newest migration that has been applied.
SELECT version FROM flowledger_schema

-- search_progress: How far the search has read the log, in which generation, by which rules, and the event that it read last.
SELECT position, generation, revision, last_stream, last_version FROM flowledger_search_progress

-- search_entries: What the search knows of the runs in the JSON array :runs.
SELECT run_id, started_at, position, words, document FROM flowledger_search
WHERE run_id IN (SELECT value FROM json_each(:runs))

-- search_documents: The values that the search knows of the runs in the JSON array :runs.
SELECT run_id, document FROM flowledger_search WHERE run_id IN (SELECT value FROM json_each(:runs))

-- removed_among: One row if one of the runs in the JSON array :runs was removed, and its events are gone.
SELECT 1 FROM json_each(:runs) JOIN flowledger_removed ON stream = value
WHERE NOT EXISTS (SELECT 1 FROM flowledger_events WHERE originator_id = stream) LIMIT 1

-- move_search: Move on to the event at position :position, if the search is still at :was.
UPDATE flowledger_search_progress SET position = :position, last_stream = :stream, last_version = :version
WHERE position = :was AND generation = :generation

-- save_search: Keep an entry, in place of the run's own.
INSERT INTO flowledger_search (position, run_id, started_at, words, document)
VALUES (:position, :run_id, :started_at, :words, :document)
ON CONFLICT (run_id) DO UPDATE SET words = excluded.words, document = excluded.document

-- save_steps: Keep a step; one that is there already is the same.
INSERT INTO flowledger_steps (position, started_at, took, version, workflow_version, attempt, retry_at, slowness, taken, run_id,
    workflow_id, node_id, status, error_type, message, handle)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (position) DO NOTHING

-- save_failures: Keep a failure, the same way.
INSERT INTO flowledger_failures (position, failed_at, version, workflow_version, fingerprint, ended, run_id, workflow_id, node_id,
    error_type, message)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (position) DO NOTHING

-- restart_search: Begin anew, by the rules of revision :revision.
UPDATE flowledger_search_progress
SET position = 0, generation = generation % 1000000000 + 1, revision = :revision, last_stream = NULL, last_version = NULL

-- start_search: The same where nothing says how far the search has read.
INSERT INTO flowledger_search_progress (position, generation, revision) VALUES (0, 0, :revision)

-- clear_search: Drop all entries of the search.
DELETE FROM flowledger_search

-- clear_steps: Drop all steps, which go with them.
DELETE FROM flowledger_steps

-- clear_failures: And failures.
DELETE FROM flowledger_failures

-- clear_search_words: Drop their words from the index.
INSERT INTO flowledger_search_words (flowledger_search_words) VALUES ('delete-all')

-- take_subscription: Hold a name that nobody holds any more, or a new one; where somebody does, no row comes back.
INSERT INTO flowledger_subscriptions AS kept
    (name, position, last_stream, last_version, last_header, kept_at, holder, host, pid, lease_until)
VALUES (:name, :position, :last_stream, :last_version, :last_header, :now, :id, :host, :pid, :lease_until)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, host = excluded.host, pid = excluded.pid,
    lease_until = excluded.lease_until
WHERE kept.holder IS NULL OR kept.lease_until <= :now
RETURNING position, last_stream, last_version, last_header

-- keep_subscription: Keep how far its holder has come.
UPDATE flowledger_subscriptions SET position = :position, last_stream = :last_stream, last_version = :last_version,
    last_header = :last_header, kept_at = :now, lease_until = :lease_until
WHERE name = :name AND holder = :id
RETURNING 1

-- renew_subscription: Its holder is alive.
UPDATE flowledger_subscriptions SET lease_until = :lease_until WHERE name = :name AND holder = :id
RETURNING 1

-- give_back_subscription: Nobody holds it any more.
UPDATE flowledger_subscriptions SET holder = NULL, host = NULL, pid = NULL, lease_until = NULL
WHERE name = :name AND holder = :id

-- move_subscription: The next who follows under this name begins there; where somebody does now, no row comes back.
UPDATE flowledger_subscriptions SET position = :position, last_stream = :last_stream, last_version = :last_version,
    last_header = :last_header, kept_at = :now, holder = NULL, host = NULL, pid = NULL, lease_until = NULL
WHERE name = :name AND (holder IS NULL OR lease_until <= :now)
RETURNING 1

-- forget_subscription: Forget a name that nobody holds.
DELETE FROM flowledger_subscriptions WHERE name = :name AND (holder IS NULL OR lease_until <= :now)
RETURNING 1

-- subscriptions: All names, and how far each has come.
SELECT name, position, last_stream, last_version, last_header, kept_at, holder, host, pid, lease_until
FROM flowledger_subscriptions ORDER BY name

-- events_behind: How many events lie behind a position.
SELECT count(*) FROM flowledger_events WHERE notification_id > :position

-- digest_batch: The next :rows events behind position :after, with their first 41 bytes, as log_batch has them.
SELECT originator_id, originator_version, notification_id, topic, substr(CAST(state AS BLOB), 1, 41)
FROM flowledger_events
WHERE notification_id > :after
ORDER BY notification_id LIMIT :rows

-- tree_progress: How far the tree goes.
SELECT size, position, generation, last_stream, last_version, last_digest FROM flowledger_tree_progress

-- move_tree: Go on from :was events in generation :generation, unless somebody else has.
UPDATE flowledger_tree_progress
SET size = :size, position = :position, last_stream = :last_stream, last_version = :last_version, last_digest = :last_digest
WHERE size = :was AND generation = :generation RETURNING size

-- save_tile: Keep the hashes of a tile.
INSERT INTO flowledger_tree_tiles (level, tile, hashes) VALUES (:level, :tile, :hashes)
ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes

-- save_leaves: Keep which events a tile is of.
INSERT INTO flowledger_tree_leaves (tile, last_position, leaves) VALUES (:tile, :last_position, :leaves)
ON CONFLICT (tile) DO UPDATE SET last_position = excluded.last_position, leaves = excluded.leaves

-- tree_tiles: Tiles, given as two arrays of the same length.
SELECT level, tile, hashes FROM json_each(:levels) AS at_level JOIN json_each(:tiles) AS at_tile ON at_tile.key = at_level.key
JOIN flowledger_tree_tiles ON level = at_level.value AND tile = at_tile.value

-- tree_leaves: Which events tiles are of, given as an array.
SELECT tile, leaves FROM flowledger_tree_leaves WHERE tile IN (SELECT value FROM json_each(:tiles))

-- tiles_at: The tile in which the event at each of some positions is, if it is in one.
SELECT DISTINCT tile FROM (
    SELECT (
        SELECT tile FROM flowledger_tree_leaves WHERE last_position >= value ORDER BY last_position LIMIT 1
    ) AS tile FROM json_each(:positions)
) WHERE tile IS NOT NULL

-- restart_tree: The tree has nothing any more.
UPDATE flowledger_tree_progress
SET size = 0, position = 0, generation = generation % 1000000000 + 1, last_stream = NULL, last_version = NULL, last_digest = NULL

-- clear_tiles: Forget all tiles.
DELETE FROM flowledger_tree_tiles

-- clear_leaves: And which events they were of.
DELETE FROM flowledger_tree_leaves

-- keep_checkpoint: Keep one that was signed.
INSERT INTO flowledger_tree_checkpoints (signed_at, size, note) VALUES (:signed_at, :size, :note) ON CONFLICT DO NOTHING

-- last_checkpoint: The one that was signed last.
SELECT note FROM flowledger_tree_checkpoints ORDER BY signed_at DESC, size DESC LIMIT 1
