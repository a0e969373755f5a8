-- What is added to the number of a transaction before it becomes a position; the greatest counts. A restored dump may find
-- itself in a cluster whose transactions count from far below its positions. Then a new epoch begins: a row is added.
CREATE TABLE flowledger_epochs (
    added bigint PRIMARY KEY,
    began_at timestamptz NOT NULL DEFAULT now()
);

-- Until then, transactions count as they are.
INSERT INTO flowledger_epochs (added) VALUES (0);

-- added: what writers add, or null if new positions would not lie above all stored ones, so that an epoch must begin.
-- horizon: readers of the log stop before it. A transaction that is still running may yet commit events at positions from
-- its own number on; but nobody has written in this cluster yet where an epoch must begin.
-- Both hold in the one snapshot of the statement that reads them.
CREATE VIEW flowledger_numbering AS
SELECT CASE WHEN last < next THEN added END AS added,
       CASE WHEN last < next THEN oldest_running ELSE 9223372036854775807 END AS horizon
FROM (
    SELECT added,
           (added + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20 AS oldest_running,
           (added + pg_snapshot_xmax(pg_current_snapshot())::text::bigint) << 20 AS next,
           coalesce((SELECT max(notification_id) FROM stored_events), 0) AS last
    FROM (SELECT max(added) AS added FROM flowledger_epochs) AS newest
) AS numbers;
