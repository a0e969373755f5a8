-- append_event: Append one event: $1 is added to the transaction's number, then stream, version, type, state. The primary
-- key refuses a version that is taken; the position grows with the transaction. Where $6 isn't empty, it is inserted only
-- behind the event of this digest (see codec.py); else no row comes back.
INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id)
SELECT $2, $3, $4, $5, ((pg_current_xact_id()::text::bigint + $1) << 20) + 1
WHERE $6 = ''::bytea OR $6 = (
    SELECT substr(state, 10, 32) FROM flowledger_events WHERE originator_id = $2 AND originator_version = $3 - 1)
RETURNING notification_id - 1

-- append_events: The same for arrays, all or none. Positions count in the order of the arrays; rows go in by stream, as
-- writers that meet on several streams would otherwise wait for each other for ever.
WITH base AS MATERIALIZED (
    SELECT (pg_current_xact_id()::text::bigint + $1) << 20 AS base
    WHERE NOT EXISTS (
        SELECT FROM unnest($2::text[], $3::bigint[], $6::bytea[]) AS event (stream, version, previous)
        WHERE previous <> '' AND previous IS DISTINCT FROM (
            SELECT substr(state, 10, 32) FROM flowledger_events
            WHERE originator_id = stream AND originator_version = version - 1))
), stored AS (
    INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id)
    SELECT stream, version, type, state, base + place
    FROM base, unnest($2::text[], $3::bigint[], $4::text[], $5::bytea[])
        WITH ORDINALITY AS event (stream, version, type, state, place)
    ORDER BY stream COLLATE "C", version
)
SELECT base FROM base

-- indexed_base: What the statements below begin from: the position before the first, and the rows of the index. No row, and
-- so nothing at all happens, where an event doesn't follow the one that it must.
SELECT (pg_current_xact_id()::text::bigint + $1) << 20 AS base, $7::jsonb AS rows
WHERE NOT EXISTS (
    SELECT FROM unnest($2::text[], $3::bigint[], $6::bytea[]) AS event (stream, version, previous)
    WHERE previous <> '' AND previous IS DISTINCT FROM (
        SELECT substr(state, 10, 32) FROM flowledger_events
        WHERE originator_id = stream AND originator_version = version - 1))

-- indexed_events: The same as append_events for an append that also changes the index (see index.sql).
INSERT INTO flowledger_events (originator_id, originator_version, topic, state, notification_id)
SELECT stream, version, type, state, base + place
FROM base, unnest($2::text[], $3::bigint[], $4::text[], $5::bytea[]) WITH ORDINALITY AS event (stream, version, type, state, place)
ORDER BY stream COLLATE "C", version

-- guarded: What else must be true where other streams must still end with certain events: none that doesn't. (A subquery
-- that may be hashed would be, from all events.)
AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset($7::jsonb -> 'guards') AS guard (stream text, version bigint, digest text)
    WHERE ((version, digest) = (
        SELECT originator_version, encode(substr(state, 10, 32), 'hex') FROM flowledger_events
        WHERE originator_id = stream ORDER BY originator_version DESC LIMIT 1)) IS NOT TRUE)

-- index_base: For changing the index alone.
SELECT $1::bigint AS base, $2::jsonb AS rows

-- copy_base: The position before the first of this transaction, or null when an epoch must begin. No row where an event doesn't
-- follow the one that it must.
SELECT (pg_current_xact_id()::text::bigint + added) << 20 FROM flowledger_numbering
WHERE NOT EXISTS (
    SELECT FROM unnest(%(streams)s::text[], %(versions)s::bigint[], %(previous)s::bytea[]) AS event (stream, version, previous)
    WHERE previous IS DISTINCT FROM (
        SELECT substr(state, 10, 32) FROM flowledger_events
        WHERE originator_id = stream AND originator_version = version - 1))

-- copy_events: Append the rows that follow.
COPY flowledger_events (originator_id, originator_version, topic, state, notification_id) FROM STDIN (FORMAT BINARY)

-- added: What to add to the number of a transaction, or null when an epoch must begin.
SELECT added FROM flowledger_numbering

-- own_base: The position behind which a transaction goes on that may have appended before, and may have taken that back to a
-- savepoint. Null when an epoch must begin: its own events don't tell that, nor that another transaction was faster.
SELECT greatest(first, (SELECT max(notification_id) FROM flowledger_events
                        WHERE notification_id BETWEEN first AND first + 1048575))
FROM (
    SELECT (own + added) << 20 AS first
    FROM (SELECT max(added) AS added FROM flowledger_epochs WHERE added <= 4398046511103) AS newest,
         (SELECT pg_current_xact_id()::text::bigint AS own) AS this
    WHERE (added + greatest(own + 1, pg_snapshot_xmax(pg_current_snapshot())::text::bigint)) << 20 > coalesce(
        (SELECT max(notification_id) FROM flowledger_events WHERE notification_id < 4611686018427387904), 0)
) AS numbers

-- server_and_database: What tells this database from every other.
SELECT (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint,
       (SELECT oid::bigint FROM pg_catalog.pg_database WHERE datname = current_database())

-- ended_transactions: Those of the transactions that are committed or rolled back.
SELECT number FROM unnest(%(transactions)b::bigint[]) AS watched (number)
WHERE pg_xact_status(number::text::xid8) IS DISTINCT FROM 'in progress'

-- begin_epoch: Begin one if it must. No transaction to come has a number below the oldest that runs now, so both new
-- positions and the horizon will be above all that is stored.
INSERT INTO flowledger_epochs (added)
SELECT greatest(0, (last >> 20) + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
FROM flowledger_numbering WHERE added IS NULL

-- head: The version of a stream's last event, or null.
SELECT max(originator_version) FROM flowledger_events WHERE originator_id = %(stream)b

-- header: The first %(bytes)b bytes of one event's state, and its position.
SELECT substr(state, 1, %(bytes)b::int), notification_id FROM flowledger_events
WHERE originator_id = %(stream)b AND originator_version = %(version)b

-- beginning: Version, type and the first %(bytes)b bytes of the last event up to version %(upto)b.
SELECT originator_version, topic, substr(state, 1, %(bytes)b::int) FROM flowledger_events
WHERE originator_id = %(stream)b AND originator_version <= %(upto)b
ORDER BY originator_version DESC LIMIT 1

-- encoded_event: The whole state of one event.
SELECT state FROM flowledger_events WHERE originator_id = %(stream)b AND originator_version = %(version)b

-- rows_at: The events at these versions of these streams; no state over %(large)b bytes. Each by its key, whatever the server
-- believes of their number. It doesn't see how many there are, or else it would plan anew each time.
SELECT event.*
FROM unnest((SELECT %(streams)s::text[]), (SELECT %(versions)s::bigint[])) AS place (stream, version)
CROSS JOIN LATERAL (
    SELECT originator_id, originator_version, notification_id, topic,
           CASE WHEN octet_length(state) <= %(large)b THEN state END
    FROM flowledger_events
    WHERE originator_id = place.stream AND originator_version = place.version LIMIT 1
) AS event

-- stream_batch: The next %(rows)b events of a stream behind version %(after)b, up to %(upto)b; no state over %(large)b bytes.
SELECT originator_version, topic, CASE WHEN octet_length(state) <= %(large)b THEN state END, notification_id
FROM flowledger_events
WHERE originator_id = %(stream)b AND originator_version > %(after)b AND originator_version <= %(upto)b
ORDER BY originator_version LIMIT %(rows)b

-- stream_batch_backwards: The same from %(upto)b down.
SELECT originator_version, topic, CASE WHEN octet_length(state) <= %(large)b THEN state END, notification_id
FROM flowledger_events
WHERE originator_id = %(stream)b AND originator_version > %(after)b AND originator_version <= %(upto)b
ORDER BY originator_version DESC LIMIT %(rows)b

-- log_batch: The next %(rows)b events of the store behind position %(after)b. Where %(settled)b, none that could be overtaken.
SELECT originator_id, originator_version, notification_id, topic,
       CASE WHEN octet_length(state) <= %(large)b THEN state END
FROM flowledger_events
WHERE notification_id > %(after)b
  AND (NOT %(settled)b OR notification_id < (SELECT horizon FROM flowledger_numbering))
ORDER BY notification_id LIMIT %(rows)b

-- indexed_batch: The next %(rows)b events behind position %(after)b that may move rows of the index: all but steps that
-- lead to the next. Where %(settled)b, none that could be overtaken. An event says "after" in its beginning.
SELECT originator_id, originator_version, notification_id, topic,
       CASE WHEN octet_length(state) <= %(large)b THEN state END
FROM flowledger_events
WHERE notification_id > %(after)b
  AND (NOT %(settled)b OR notification_id < (SELECT horizon FROM flowledger_numbering))
  AND (topic <> 'run.step_completed' OR position('\x226166746572223a'::bytea IN substr(state, 1, 8192)) > 0)
ORDER BY notification_id LIMIT %(rows)b

-- batch_by_stream: The next %(rows)b events behind version %(version)b of stream %(stream)b, stream by stream.
SELECT originator_id, originator_version, notification_id, topic,
       CASE WHEN octet_length(state) <= %(large)b THEN state END
FROM flowledger_events
WHERE (originator_id, originator_version) > (%(stream)b, %(version)b)
ORDER BY originator_id, originator_version LIMIT %(rows)b

-- notifications: At most %(limit)b events with %(start)b <= position <= %(stop)b, of the given types if there are any; none
-- that could be overtaken.
SELECT originator_id, originator_version, notification_id, topic, state
FROM flowledger_events
WHERE notification_id BETWEEN %(start)b AND %(stop)b
  AND notification_id < (SELECT horizon FROM flowledger_numbering)
  AND (cardinality(%(types)b::text[]) = 0 OR topic = ANY (%(types)b::text[]))
ORDER BY notification_id LIMIT %(limit)b

-- max_position: The position of the last event, or null.
SELECT max(notification_id) FROM flowledger_events

-- settled_position: The position of the last event, or one behind which all lies that could still be overtaken.
SELECT least(last, horizon - 1) FROM flowledger_numbering

-- place: The schema in which the session makes tables, its search path, its user, and the schemas of the path with a store.
SELECT current_schema()::text, current_setting('search_path'), current_user::text,
       ARRAY(SELECT nspname::text FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace AS place ON place.oid = relnamespace
             WHERE relname = 'flowledger_schema' AND nspname = ANY (current_schemas(false)))

-- any_schema: One row if the schema is there.
SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = %(schema)s

-- schema_exists: One row if there is a store in the schema. It reads the catalogue itself, as looking the name up
-- (to_regclass) may still answer from before a lock was waited for.
SELECT 1 FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace AS place ON place.oid = relnamespace
WHERE relname = 'flowledger_schema' AND nspname = %(schema)s

-- schema_version: The number of the newest migration that has been applied.
SELECT version FROM flowledger_schema

-- save_checkpoints: Keep pages of a folded state, given as arrays, in place of others for the same versions; in one order, as
-- two readers that save the same ones would otherwise wait for each other for ever.
INSERT INTO flowledger_checkpoints (stream, version, fold_revision, state)
SELECT %(stream)b, version, %(fold_revision)b, state
FROM unnest(%(versions)b::bigint[], %(states)b::bytea[]) AS page (version, state)
WHERE NOT EXISTS (SELECT FROM flowledger_removed WHERE stream = %(stream)b)
ORDER BY version
ON CONFLICT (stream, version) DO UPDATE SET fold_revision = EXCLUDED.fold_revision, state = EXCLUDED.state
WHERE flowledger_checkpoints.state <> EXCLUDED.state OR flowledger_checkpoints.fold_revision <> EXCLUDED.fold_revision

-- checkpoints: The next %(rows)b pages of this fold revision behind version %(after)b, large ones without their content,
-- each with the digest of the event that it was made at, as that is now.
SELECT version, CASE WHEN octet_length(state) <= %(large)b THEN state END,
       (SELECT substr(event.state, 10, 32) FROM flowledger_events AS event
        WHERE originator_id = %(stream)b AND originator_version = flowledger_checkpoints.version)
FROM flowledger_checkpoints
WHERE stream = %(stream)b AND version > %(after)b AND version <= %(upto)b AND fold_revision = %(fold_revision)b
ORDER BY version LIMIT %(rows)b

-- large_checkpoint: The content of one page.
SELECT state FROM flowledger_checkpoints
WHERE stream = %(stream)b AND version = %(version)b AND fold_revision = %(fold_revision)b

-- checkpointed_streams: The next %(rows)b streams behind %(after)b that have pages of this fold revision.
SELECT DISTINCT stream FROM flowledger_checkpoints
WHERE stream > %(after)b AND fold_revision = %(fold_revision)b ORDER BY stream LIMIT %(rows)b

-- clear_checkpoints: Forget all checkpoints.
DELETE FROM flowledger_checkpoints

-- search_progress: How far the search has read the log, in which generation, by which rules, and the event that it read last.
SELECT position, generation, revision, last_stream, last_version FROM flowledger_search_progress

-- search_entries: What the search knows of the runs %(runs)b.
SELECT run_id, started_at, position, tsvector_to_array(words), document::text FROM flowledger_search
WHERE run_id = ANY (%(runs)b)

-- search_documents: The values that the search knows of the runs %(runs)b.
SELECT run_id, document::text FROM flowledger_search WHERE run_id = ANY (%(runs)b)

-- lock_search: One row if the search is still at position %(position)b in generation %(generation)b, where it then stays.
SELECT position FROM flowledger_search_progress WHERE position = %(position)b AND generation = %(generation)b FOR UPDATE

-- count_events: How many events there are behind position %(after)b up to %(upto)b.
SELECT count(*) FROM flowledger_events WHERE notification_id > %(after)b AND notification_id <= %(upto)b

-- save_search: Keep entries, given as arrays, in place of those of the same runs, and move on to position %(position)b.
WITH moved AS (
    UPDATE flowledger_search_progress SET position = %(position)b, last_stream = %(stream)b, last_version = %(version)b
)
INSERT INTO flowledger_search (run_id, started_at, position, words, document)
SELECT run_id, started_at, entry.position, array_to_tsvector(string_to_array(words, ' ')), document::jsonb
FROM unnest(%(runs)b::text[], %(starts)b::bigint[], %(positions)b::bigint[], %(words)b::text[],
            %(documents)b::text[]) AS entry (run_id, started_at, position, words, document)
ON CONFLICT (run_id) DO UPDATE SET words = EXCLUDED.words, document = EXCLUDED.document

-- save_steps: Keep steps, given as arrays; one that is there already is the same.
INSERT INTO flowledger_steps (position, started_at, took, version, workflow_version, attempt, retry_at, slowness, taken, run_id,
    workflow_id, node_id, status, error_type, message, handle)
SELECT * FROM unnest(%(position)b::bigint[], %(started_at)b::bigint[], %(took)b::bigint[], %(version)b::bigint[],
    %(workflow_version)b::bigint[], %(attempt)b::bigint[], %(retry_at)b::bigint[], %(slowness)b::bigint[], %(taken)b::boolean[],
    %(run_id)b::text[], %(workflow_id)b::text[], %(node_id)b::text[], %(status)b::text[], %(error_type)b::text[],
    %(message)b::text[], %(handle)b::text[])
ON CONFLICT (position) DO NOTHING

-- save_failures: Keep failures, the same way.
INSERT INTO flowledger_failures (position, failed_at, version, workflow_version, fingerprint, ended, run_id, workflow_id, node_id,
    error_type, message)
SELECT * FROM unnest(%(position)b::bigint[], %(failed_at)b::bigint[], %(version)b::bigint[], %(workflow_version)b::bigint[],
    %(fingerprint)b::bigint[], %(ended)b::boolean[], %(run_id)b::text[], %(workflow_id)b::text[], %(node_id)b::text[],
    %(error_type)b::text[], %(message)b::text[])
ON CONFLICT (position) DO NOTHING

-- restart_search: Begin anew, by the rules of revision %(revision)b; no row where nothing says how far the search has read.
UPDATE flowledger_search_progress
SET position = 0, generation = mod(generation, 1000000000) + 1, revision = %(revision)b, last_stream = NULL, last_version = NULL
RETURNING generation

-- start_search: The same where that row is missing.
INSERT INTO flowledger_search_progress (position, generation, revision) VALUES (0, 0, %(revision)b)

-- clear_search: Drop all entries of the search, steps and failures.
WITH steps AS (DELETE FROM flowledger_steps), failures AS (DELETE FROM flowledger_failures) DELETE FROM flowledger_search

-- notify: Wake who listens on the channel. All who do share the lock, so where it is free there is nobody, and nothing is
-- written. A notification that a crash of the server loses isn't missed, so none waits for the disk.
SELECT set_config('synchronous_commit', 'off', true),
    CASE WHEN NOT pg_try_advisory_xact_lock(%(lock)s) THEN pg_notify(%(channel)s, %(sender)s) END

-- take_subscription: Hold a name that nobody holds any more, or a new one; where somebody does, no row comes back.
INSERT INTO flowledger_subscriptions AS kept
    (name, position, last_stream, last_version, last_header, kept_at, holder, host, pid, lease_until)
VALUES (%(name)s, %(position)s, %(last_stream)s, %(last_version)s, %(last_header)s, %(now)s, %(id)s, %(host)s, %(pid)s, %(lease_until)s)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, host = excluded.host, pid = excluded.pid,
    lease_until = excluded.lease_until
WHERE kept.holder IS NULL OR kept.lease_until <= %(now)s
RETURNING position, last_stream, last_version, last_header

-- keep_subscription: Keep how far its holder has come. What a crash of the server takes back is delivered once more, so
-- this waits for no disk.
UPDATE flowledger_subscriptions SET position = %(position)s, last_stream = %(last_stream)s, last_version = %(last_version)s,
    last_header = %(last_header)s, kept_at = %(now)s, lease_until = %(lease_until)s
FROM (SELECT set_config('synchronous_commit', 'off', true)) AS setting
WHERE name = %(name)s AND holder = %(id)s
RETURNING 1

-- renew_subscription: Its holder is alive.
UPDATE flowledger_subscriptions SET lease_until = %(lease_until)s WHERE name = %(name)s AND holder = %(id)s
RETURNING 1

-- give_back_subscription: Nobody holds it any more.
UPDATE flowledger_subscriptions SET holder = NULL, host = NULL, pid = NULL, lease_until = NULL
WHERE name = %(name)s AND holder = %(id)s

-- move_subscription: The next who follows under this name begins there; where somebody does now, no row comes back.
UPDATE flowledger_subscriptions SET position = %(position)s, last_stream = %(last_stream)s, last_version = %(last_version)s,
    last_header = %(last_header)s, kept_at = %(now)s, holder = NULL, host = NULL, pid = NULL, lease_until = NULL
WHERE name = %(name)s AND (holder IS NULL OR lease_until <= %(now)s)
RETURNING 1

-- forget_subscription: Forget a name that nobody holds.
DELETE FROM flowledger_subscriptions WHERE name = %(name)s AND (holder IS NULL OR lease_until <= %(now)s)
RETURNING 1

-- subscriptions: All names, and how far each has come.
SELECT name, position, last_stream, last_version, last_header, kept_at, holder, host, pid, lease_until
FROM flowledger_subscriptions ORDER BY name

-- events_behind: How many events lie behind a position.
SELECT count(*) FROM flowledger_events WHERE notification_id > %(position)s

-- digest_batch: The next %(rows)b events behind position %(after)b, with their first 41 bytes, as log_batch has them.
SELECT originator_id, originator_version, notification_id, topic, substring(state FOR 41)
FROM flowledger_events
WHERE notification_id > %(after)b
  AND (NOT %(settled)b OR notification_id < (SELECT horizon FROM flowledger_numbering))
ORDER BY notification_id LIMIT %(rows)b

-- tree_progress: How far the tree goes.
SELECT size, position, generation, last_stream, last_version, last_digest FROM flowledger_tree_progress

-- move_tree: Go on from %(was)b events in generation %(generation)b, unless somebody else has.
UPDATE flowledger_tree_progress
SET size = %(size)b, position = %(position)b, last_stream = %(last_stream)b, last_version = %(last_version)b, last_digest = %(last_digest)b
WHERE size = %(was)b AND generation = %(generation)b RETURNING size

-- save_tile: Keep the hashes of a tile.
INSERT INTO flowledger_tree_tiles (level, tile, hashes) VALUES (%(level)b, %(tile)b, %(hashes)b)
ON CONFLICT (level, tile) DO UPDATE SET hashes = EXCLUDED.hashes

-- save_leaves: Keep which events a tile is of.
INSERT INTO flowledger_tree_leaves (tile, last_position, leaves) VALUES (%(tile)b, %(last_position)b, %(leaves)b)
ON CONFLICT (tile) DO UPDATE SET last_position = EXCLUDED.last_position, leaves = EXCLUDED.leaves

-- tree_tiles: Tiles, given as two arrays of the same length.
SELECT level, tile, hashes FROM flowledger_tree_tiles
JOIN unnest(%(levels)b::bigint[], %(tiles)b::bigint[]) AS wanted (at_level, at_tile) ON (level, tile) = (at_level, at_tile)

-- tree_leaves: Which events tiles are of, given as an array.
SELECT tile, leaves FROM flowledger_tree_leaves WHERE tile = ANY (%(tiles)b::bigint[])

-- tiles_at: The tile in which the event at each of some positions is, if it is in one.
SELECT DISTINCT tile FROM unnest(%(positions)b::bigint[]) AS wanted (position) CROSS JOIN LATERAL (
    SELECT tile FROM flowledger_tree_leaves WHERE last_position >= position ORDER BY last_position LIMIT 1
) AS found

-- restart_tree: The tree has nothing any more.
UPDATE flowledger_tree_progress
SET size = 0, position = 0, generation = mod(generation, 1000000000) + 1, last_stream = NULL, last_version = NULL, last_digest = NULL

-- clear_tiles: Forget all tiles.
DELETE FROM flowledger_tree_tiles

-- clear_leaves: And which events they were of.
DELETE FROM flowledger_tree_leaves

-- keep_checkpoint: Keep one that was signed.
INSERT INTO flowledger_tree_checkpoints (signed_at, size, note) VALUES (%(signed_at)b, %(size)b, %(note)b) ON CONFLICT DO NOTHING

-- last_checkpoint: The one that was signed last.
SELECT note FROM flowledger_tree_checkpoints ORDER BY signed_at DESC, size DESC LIMIT 1
