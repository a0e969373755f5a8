-- append_event: Append one event: stream, version, type, state. The primary key refuses a version that is taken; the
-- position grows with the transaction.
INSERT INTO stored_events (originator_id, originator_version, topic, state, notification_id)
VALUES ($1, $2, $3, $4, (pg_current_xact_id()::text::bigint << 20) + 1)
RETURNING notification_id

-- append_events: Append events given as arrays, all or none; %(places)b are their places among those of the transaction.
INSERT INTO stored_events (originator_id, originator_version, topic, state, notification_id)
SELECT stream, version, type, state, (pg_current_xact_id()::text::bigint << 20) + place
FROM unnest(%(streams)b::text[], %(versions)b::bigint[], %(types)b::text[], %(states)b::bytea[], %(places)b::bigint[])
    AS event (stream, version, type, state, place)
RETURNING notification_id

-- head: The version of a stream's last event, or null.
SELECT max(originator_version) FROM stored_events WHERE originator_id = %(stream)b

-- header: The first %(bytes)b bytes of one event's state, and its position.
SELECT substr(state, 1, %(bytes)b::int), notification_id FROM stored_events
WHERE originator_id = %(stream)b AND originator_version = %(version)b

-- beginning: Version, type and the first %(bytes)b bytes of the last event up to version %(upto)b.
SELECT originator_version, topic, substr(state, 1, %(bytes)b::int) FROM stored_events
WHERE originator_id = %(stream)b AND originator_version <= %(upto)b
ORDER BY originator_version DESC LIMIT 1

-- state: The whole state of one event.
SELECT state FROM stored_events WHERE originator_id = %(stream)b AND originator_version = %(version)b

-- stream_page: The next %(rows)b events of a stream behind version %(after)b, up to %(upto)b; no state over %(large)b bytes.
SELECT originator_version, topic, CASE WHEN octet_length(state) <= %(large)b THEN state END, notification_id
FROM stored_events
WHERE originator_id = %(stream)b AND originator_version > %(after)b AND originator_version <= %(upto)b
ORDER BY originator_version LIMIT %(rows)b

-- stream_page_backwards: The same from %(upto)b down.
SELECT originator_version, topic, CASE WHEN octet_length(state) <= %(large)b THEN state END, notification_id
FROM stored_events
WHERE originator_id = %(stream)b AND originator_version > %(after)b AND originator_version <= %(upto)b
ORDER BY originator_version DESC LIMIT %(rows)b

-- log_page: The next %(rows)b events of the store behind position %(after)b. A transaction that is still running may yet
-- commit events at positions from its own number on, so the page ends before the oldest one.
SELECT originator_id, originator_version, notification_id, topic,
       CASE WHEN octet_length(state) <= %(large)b THEN state END
FROM stored_events
WHERE notification_id > %(after)b
  AND notification_id < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20)
ORDER BY notification_id LIMIT %(rows)b

-- all_page: The next %(rows)b events behind version %(version)b of stream %(stream)b, stream by stream.
SELECT originator_id, originator_version, notification_id, topic,
       CASE WHEN octet_length(state) <= %(large)b THEN state END
FROM stored_events
WHERE (originator_id, originator_version) > (%(stream)b, %(version)b)
ORDER BY originator_id, originator_version LIMIT %(rows)b

-- notifications: At most %(limit)b events with %(start)b <= position <= %(stop)b, of the given types if there are any; none
-- that could be overtaken.
SELECT originator_id, originator_version, notification_id, topic, state
FROM stored_events
WHERE notification_id BETWEEN %(start)b AND %(stop)b
  AND notification_id < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint << 20)
  AND (cardinality(%(types)b::text[]) = 0 OR topic = ANY (%(types)b::text[]))
ORDER BY notification_id LIMIT %(limit)b

-- max_position: The position of the last event, or null.
SELECT max(notification_id) FROM stored_events

-- schema_exists: One row if the tables are there. It reads the catalogue itself, as looking the name up (to_regclass) may
-- still answer from before a lock was waited for.
SELECT 1 FROM pg_catalog.pg_class WHERE relname = 'flowledger_schema' AND pg_catalog.pg_table_is_visible(oid)

-- schema_version: The number of the newest migration that has been applied.
SELECT version FROM flowledger_schema

-- save_checkpoint: Keep a folded state, in place of any for the same version.
INSERT INTO checkpoints (stream, version, fold_revision, state)
VALUES (%(stream)b, %(version)b, %(fold_revision)b, %(state)b)
ON CONFLICT (stream, version) DO UPDATE SET fold_revision = EXCLUDED.fold_revision, state = EXCLUDED.state

-- latest_checkpoint: The newest checkpoint of this fold revision at or before version %(upto)b.
SELECT version, state FROM checkpoints
WHERE stream = %(stream)b AND version <= %(upto)b AND fold_revision = %(fold_revision)b
ORDER BY version DESC LIMIT 1

-- clear_checkpoints: Forget all checkpoints.
DELETE FROM checkpoints
