-- find_removed: What is known of streams that were removed.
SELECT stream, events, last_position, removal, removal_version FROM flowledger_removed
WHERE stream = ANY (:streams)

-- removed_upto: The greatest position of an event that was removed; 0 where none was.
SELECT coalesce(max(last_position), 0) FROM flowledger_removed

-- removed_batch: All of them, by name.
SELECT stream, events, last_position, removal, removal_version FROM flowledger_removed
WHERE stream > :after ORDER BY stream LIMIT :rows

-- removal_streams: The streams that record removals, and their heads, from the events alone.
SELECT originator_id, max(originator_version) FROM flowledger_events
WHERE originator_id >= 'retention:' AND originator_id < 'retention;' GROUP BY originator_id ORDER BY originator_id

-- removal_count: How many records of removals there are: none ever goes.
SELECT count(*) FROM flowledger_events WHERE originator_id >= 'retention:' AND originator_id < 'retention;'

-- first_behind: The first event behind a position.
SELECT originator_id, originator_version, notification_id FROM flowledger_events
WHERE notification_id > :position ORDER BY notification_id LIMIT 1

-- removal_records: What records of removals begin with, each its first :bytes bytes, in the order of their versions.
SELECT originator_id, originator_version, topic, substr(state, 1, :bytes) FROM flowledger_events
WHERE originator_id >= 'retention:' AND originator_id < 'retention;' ORDER BY originator_id, originator_version

-- digests_of: The events of streams in the order of their positions, each with what is hashed of it, and its size.
SELECT originator_id, originator_version, notification_id, topic, substr(state, 1, 41), octet_length(state) FROM flowledger_events
WHERE originator_id = ANY (:streams) ORDER BY notification_id

-- sizes_of: How many events streams have, and how many bytes those, by stream.
SELECT originator_id, count(*), sum(octet_length(state))::bigint FROM flowledger_events
WHERE originator_id = ANY (:streams) GROUP BY originator_id

-- sealed_among: Those of the streams that have an event of which a part is sealed.
SELECT DISTINCT originator_id FROM flowledger_events WHERE substr(state, 1, 1) = '\x02'::bytea AND originator_id = ANY (:streams)

-- heads_of: How many events streams have, by stream; of each one entry of the index is read.
SELECT stream, version FROM unnest(CAST(:streams AS text[])) AS wanted (stream) CROSS JOIN LATERAL (
    SELECT originator_version FROM flowledger_events WHERE originator_id = stream ORDER BY originator_version DESC LIMIT 1
) AS last (version)

-- sources_among: Which of these runs others outside of these streams began with; :streams are all that go.
SELECT source FROM flowledger_index_runs
WHERE source = ANY (:streams) AND NOT run_id = ANY (:streams)

-- used_among: Which of these workflows have work orders.
SELECT DISTINCT workflow_id FROM flowledger_index_work_orders WHERE workflow_id = ANY (:workflows)

-- keep_removed: Streams were removed; :rows is a JSON array of objects.
INSERT INTO flowledger_removed (stream, events, last_position, removal, removal_version)
SELECT stream, events, last_position, removal, removal_version
FROM jsonb_to_recordset(CAST(:rows AS text)::jsonb) AS removed (
    stream text, events bigint, last_position bigint, removal text, removal_version bigint)
ON CONFLICT (stream) DO UPDATE SET events = excluded.events, last_position = excluded.last_position,
    removal = excluded.removal, removal_version = excluded.removal_version

-- delete_events: They go.
DELETE FROM flowledger_events WHERE originator_id = ANY (:streams)

-- delete_runs: And what lists know of them.
DELETE FROM flowledger_index_runs WHERE run_id = ANY (:streams)

-- delete_work_orders: The same of work orders.
DELETE FROM flowledger_index_work_orders WHERE work_order_id = ANY (:streams)

-- delete_changes: What was done.
DELETE FROM flowledger_index_changes WHERE stream = ANY (:streams)

-- delete_workflows: Workflows among them.
DELETE FROM flowledger_index_workflows WHERE workflow_id = ANY (:workflows)

-- delete_saves: And their versions.
DELETE FROM flowledger_index_saves WHERE workflow_id = ANY (:workflows)

-- delete_given_up: Who executes them no more.
DELETE FROM flowledger_given_up WHERE run_id = ANY (:streams)

-- stop_search: From here to the end of the transaction the search, and the lists of its commits, take in nothing.
SELECT position FROM flowledger_search_progress FOR UPDATE

-- delete_search: Its entries.
DELETE FROM flowledger_search WHERE run_id = ANY (:streams)

-- delete_steps: The list of steps, by the positions of their events.
DELETE FROM flowledger_steps WHERE position = ANY (:positions)

-- delete_failures: And that of failures.
DELETE FROM flowledger_failures WHERE position = ANY (:positions)

-- delete_checkpoints: Folded states.
DELETE FROM flowledger_checkpoints WHERE stream = ANY (:streams)

-- stop_writers: From here to the end of the transaction nobody appends, or keeps what he has folded; who is at it is waited for.
LOCK TABLE flowledger_events, flowledger_checkpoints IN SHARE MODE

-- forget_removed_runs: What a list took in again of runs that were removed meanwhile.
DELETE FROM flowledger_index_runs WHERE run_id IN (SELECT stream FROM flowledger_removed)

-- forget_removed_orders: The same of work orders.
DELETE FROM flowledger_index_work_orders WHERE work_order_id IN (SELECT stream FROM flowledger_removed)

-- forget_removed_changes: And of what was done.
DELETE FROM flowledger_index_changes WHERE stream IN (SELECT stream FROM flowledger_removed)

-- forget_removed_workflows: And of workflows.
DELETE FROM flowledger_index_workflows WHERE 'workflow:' || workflow_id IN (SELECT stream FROM flowledger_removed)

-- forget_removed_saves: And of their versions.
DELETE FROM flowledger_index_saves WHERE 'workflow:' || workflow_id IN (SELECT stream FROM flowledger_removed)
