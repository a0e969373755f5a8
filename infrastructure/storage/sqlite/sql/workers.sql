-- renew: Enter a worker, or renew its lease.
INSERT INTO flowledger_workers (started_at, seen_at, lease_until, lease, pid, concurrency, id, name, host, release, details)
VALUES (:started_at, :seen_at, :lease_until, :lease, :pid, :concurrency, :id, :name, :host, :release, :details)
ON CONFLICT (id) DO UPDATE SET
    seen_at = EXCLUDED.seen_at, lease_until = EXCLUDED.lease_until, concurrency = EXCLUDED.concurrency,
    details = EXCLUDED.details

-- expire: End the lease of a worker that stops.
UPDATE flowledger_workers SET lease_until = :now WHERE id = :id

-- forget: Remove workers whose leases have been over for long, and which own nothing any more.
DELETE FROM flowledger_workers
WHERE lease_until < :before
  AND NOT EXISTS (SELECT 1 FROM flowledger_index_runs AS run WHERE run.owner = flowledger_workers.id)

-- workers: All of them, those first that began first.
SELECT id, name, host, pid, release, started_at, seen_at, lease_until, lease, concurrency, details FROM flowledger_workers
ORDER BY started_at, id

-- owned: The runs that each of them executes.
SELECT owner, run_id FROM flowledger_index_runs WHERE owner IS NOT NULL ORDER BY owner, run_id

-- owned_by: The runs that one of them executes.
SELECT run_id FROM flowledger_index_runs WHERE owner = :owner

-- enter_strangers: Give those a lease that own runs and are not known here: the runs came from another store.
INSERT INTO flowledger_workers (started_at, seen_at, lease_until, lease, pid, concurrency, id, name, host, release, details)
SELECT DISTINCT :now , :now , :until , :lease , 0, NULL , run.owner, 'unknown', 'unknown', 'unknown', '{}'
FROM flowledger_index_runs AS run
WHERE run.owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = run.owner)
ON CONFLICT (id) DO NOTHING

-- give_up: Leave a run to others.
INSERT INTO flowledger_given_up (run_id, owner, handed_back) VALUES (:run_id, :owner, :handed_back)
ON CONFLICT (run_id, owner) DO UPDATE SET handed_back = EXCLUDED.handed_back

-- take_back: Forget that runs, given as JSON, were given up which their owner has claimed again.
DELETE FROM flowledger_given_up WHERE owner = :owner AND run_id IN (SELECT value FROM json_each(:runs))

-- tidy: Forget what was given up and has moved on since.
DELETE FROM flowledger_given_up
WHERE NOT EXISTS (SELECT 1 FROM flowledger_index_runs AS run
                  WHERE run.run_id = flowledger_given_up.run_id AND run.owner = flowledger_given_up.owner)

-- standing: Of runs, given as JSON, the owner, where they stand, and whether they are held.
SELECT run_id, owner, status, held FROM flowledger_index_runs WHERE run_id IN (SELECT value FROM json_each(:runs))

-- claimable: What a worker may take now, those first whose worker is gone. Of what is due the larger priority comes first, and
-- then the workflows take turns.
WITH RECURSIVE ranked (workflow_id, workflow_version, priority) AS (
    SELECT * FROM (
        SELECT workflow_id, workflow_version, priority FROM flowledger_index_runs WHERE ready_at IS NOT NULL
        ORDER BY workflow_id, workflow_version, priority LIMIT 1
    ) AS first_one
    UNION ALL
    SELECT run.workflow_id, run.workflow_version, run.priority
    FROM ranked JOIN flowledger_index_runs AS run ON run.run_id = coalesce((
        SELECT run_id FROM flowledger_index_runs AS behind
        WHERE workflow_id = ranked.workflow_id AND workflow_version = ranked.workflow_version
          AND priority > ranked.priority AND ready_at IS NOT NULL
        ORDER BY priority LIMIT 1
    ), (
        SELECT run_id FROM flowledger_index_runs AS behind
        WHERE workflow_id = ranked.workflow_id AND workflow_version > ranked.workflow_version AND ready_at IS NOT NULL
        ORDER BY workflow_version, priority LIMIT 1
    ), (
        SELECT run_id FROM flowledger_index_runs AS behind
        WHERE workflow_id > ranked.workflow_id AND ready_at IS NOT NULL
        ORDER BY workflow_id, workflow_version, priority LIMIT 1
    ))
),
due AS (
    SELECT run.run_id, run.workflow_id, run.workflow_version, run.ready_at, run.priority,
           row_number() OVER (PARTITION BY run.priority, run.workflow_id ORDER BY run.ready_at, run.run_id) AS turn
    FROM ranked JOIN flowledger_index_runs AS run ON run.run_id IN (
        SELECT next.run_id FROM flowledger_index_runs AS next
        WHERE next.workflow_id = ranked.workflow_id AND next.workflow_version = ranked.workflow_version
          AND next.priority = ranked.priority AND next.ready_at IS NOT NULL AND next.ready_at <= :now
          AND next.run_id NOT IN (SELECT value FROM json_each(:passed))
          AND next.workflow_id || '@' || next.workflow_version || '/' || coalesce(next.node_id, '') NOT IN (SELECT value FROM json_each(:full))
        ORDER BY next.ready_at, next.run_id LIMIT :most
    )
    WHERE (:workflows IS NULL OR ranked.workflow_id IN (SELECT value FROM json_each(:workflows)))
      AND ranked.workflow_id || '@' || ranked.workflow_version NOT IN (SELECT value FROM json_each(:lacking))
),
lost AS (
    SELECT run.run_id, run.workflow_id, run.workflow_version, run.owner, worker.lease_until AS ready_at, 0 AS handed_back
    FROM flowledger_workers AS worker JOIN flowledger_index_runs AS run ON run.owner = worker.id
    WHERE worker.lease_until < :now AND NOT run.held
    UNION ALL
    SELECT run.run_id, run.workflow_id, run.workflow_version, run.owner, run.started_at, gone.handed_back
    FROM flowledger_given_up AS gone JOIN flowledger_index_runs AS run ON run.run_id = gone.run_id AND run.owner = gone.owner
    WHERE NOT run.held
)
SELECT *, FALSE AS is_cut FROM (
    SELECT run_id, workflow_id, workflow_version, owner AS lost_by, max(handed_back) AS handed_back, max(ready_at) AS ready_at,
           0 AS rank, 0 AS turn
    FROM lost
    WHERE (:workflows IS NULL OR workflow_id IN (SELECT value FROM json_each(:workflows)))
      AND workflow_id || '@' || workflow_version NOT IN (SELECT value FROM json_each(:lacking))
      AND run_id NOT IN (SELECT value FROM json_each(:passed))
    GROUP BY run_id, workflow_id, workflow_version, owner
    UNION ALL
    SELECT run_id, workflow_id, workflow_version, NULL, 0, ready_at, -priority, turn FROM due
)
ORDER BY lost_by IS NULL, rank, turn, ready_at, run_id LIMIT :most

-- next_due: Behind a moment, when the next run can be taken: as it comes due, or as the lease of its worker is over. What was
-- given up counts from the beginning of time.
WITH RECURSIVE ranked (workflow_id, workflow_version, priority) AS (
    SELECT * FROM (
        SELECT workflow_id, workflow_version, priority FROM flowledger_index_runs WHERE ready_at IS NOT NULL
        ORDER BY workflow_id, workflow_version, priority LIMIT 1
    ) AS first_one
    UNION ALL
    SELECT run.workflow_id, run.workflow_version, run.priority
    FROM ranked JOIN flowledger_index_runs AS run ON run.run_id = coalesce((
        SELECT run_id FROM flowledger_index_runs AS behind
        WHERE workflow_id = ranked.workflow_id AND workflow_version = ranked.workflow_version
          AND priority > ranked.priority AND ready_at IS NOT NULL
        ORDER BY priority LIMIT 1
    ), (
        SELECT run_id FROM flowledger_index_runs AS behind
        WHERE workflow_id = ranked.workflow_id AND workflow_version > ranked.workflow_version AND ready_at IS NOT NULL
        ORDER BY workflow_version, priority LIMIT 1
    ), (
        SELECT run_id FROM flowledger_index_runs AS behind
        WHERE workflow_id > ranked.workflow_id AND ready_at IS NOT NULL
        ORDER BY workflow_id, workflow_version, priority LIMIT 1
    ))
)
SELECT min(at) FROM (
    SELECT (SELECT min(run.ready_at) FROM flowledger_index_runs AS run
            WHERE run.workflow_id = ranked.workflow_id AND run.workflow_version = ranked.workflow_version
              AND run.priority = ranked.priority AND run.ready_at IS NOT NULL AND run.ready_at > :after) AS at
    FROM ranked
    UNION ALL
    SELECT min(worker.lease_until) FROM flowledger_workers AS worker
    WHERE worker.lease_until > :after
      AND EXISTS (SELECT 1 FROM flowledger_index_runs AS run WHERE run.owner = worker.id AND NOT run.held)
    UNION ALL
    SELECT min(0) FROM flowledger_given_up AS gone JOIN flowledger_index_runs AS run
      ON run.run_id = gone.run_id AND run.owner = gone.owner
    WHERE :after < 0 AND NOT run.held
) AS moments

-- claimable_run: A run, if a worker may take it now.
SELECT run.run_id, run.workflow_id, run.workflow_version, NULL AS lost_by, 0 AS handed_back, run.ready_at
FROM flowledger_index_runs AS run WHERE run.run_id = :run_id AND run.ready_at <= :now
UNION ALL
SELECT run.run_id, run.workflow_id, run.workflow_version, run.owner, gone.run_id IS NOT NULL AND gone.handed_back,
       coalesce(worker.lease_until, run.started_at)
FROM flowledger_index_runs AS run
LEFT JOIN flowledger_workers AS worker ON worker.id = run.owner AND worker.lease_until < :now
LEFT JOIN flowledger_given_up AS gone ON gone.run_id = run.run_id AND gone.owner = run.owner
WHERE run.run_id = :run_id AND NOT run.held AND (worker.id IS NOT NULL OR gone.run_id IS NOT NULL)

-- take_slot: Take the lowest number that nobody holds who lives, where fewer steps are under way than may be, also with those
-- who have waited for longer. Who takes the same number at the same moment is refused it by its key.
INSERT INTO flowledger_slots (number, lease_until, type, owner, holder)
SELECT free.number, :lease_until, :type, :owner, :holder
FROM (
    WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < :limit)
    SELECT number FROM numbers
) AS free
WHERE NOT EXISTS (
    SELECT 1 FROM flowledger_slots AS slot
    WHERE slot.type = :type AND slot.number = free.number AND (slot.lease_until >= :now
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = slot.owner AND worker.lease_until >= :now))
) AND (
    SELECT count(*) FROM flowledger_slots AS slot WHERE slot.type = :type AND (slot.lease_until >= :now
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = slot.owner AND worker.lease_until >= :now))
) + (
    SELECT count(*) FROM flowledger_slots_wanted AS other
    WHERE other.type = :type AND other.asked_at >= :heard AND other.holder <> :holder
      AND (other.since, other.holder) < (
          coalesce((SELECT mine.since FROM flowledger_slots_wanted AS mine
                    WHERE mine.type = :type AND mine.holder = :holder), :now), :holder)
) < :limit
ORDER BY free.number LIMIT 1
ON CONFLICT (type, number) DO UPDATE SET lease_until = EXCLUDED.lease_until, owner = EXCLUDED.owner, holder = EXCLUDED.holder
WHERE NOT ((flowledger_slots.lease_until >= :now
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = flowledger_slots.owner AND worker.lease_until >= :now)))

-- has_slot: Whether a worker has one for a run.
SELECT 1 FROM flowledger_slots WHERE type = :type AND owner = :owner AND holder = :holder

-- want_slot: Wait for one, or go on waiting.
INSERT INTO flowledger_slots_wanted (since, asked_at, type, holder) VALUES (:now, :now, :type, :holder)
ON CONFLICT (type, holder) DO UPDATE SET asked_at = EXCLUDED.asked_at

-- want_no_slot: Wait for none any more.
DELETE FROM flowledger_slots_wanted WHERE type = :type AND holder = :holder

-- leave_slot: Give one back.
DELETE FROM flowledger_slots WHERE type = :type AND owner = :owner AND holder = :holder

-- slots: How many steps of each type are under way.
SELECT slot.type, count(*) FROM flowledger_slots AS slot WHERE (slot.lease_until >= :now
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = slot.owner AND worker.lease_until >= :now)) GROUP BY slot.type

-- forget_slots: Remove those whose workers are gone.
DELETE FROM flowledger_slots WHERE NOT ((flowledger_slots.lease_until >= :now
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = flowledger_slots.owner AND worker.lease_until >= :now)))

-- forget_wanted: Remove those who ask no more.
DELETE FROM flowledger_slots_wanted WHERE asked_at < :heard
