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
SELECT DISTINCT :now ::bigint, :now ::bigint, :until ::bigint, :lease ::bigint, 0, NULL ::bigint, run.owner, 'unknown', 'unknown', 'unknown', '{}'
FROM flowledger_index_runs AS run
WHERE run.owner IS NOT NULL AND NOT EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = run.owner)
ON CONFLICT (id) DO NOTHING

-- give_up: Leave a run to others.
INSERT INTO flowledger_given_up (run_id, owner, handed_back) VALUES (:run_id, :owner, :handed_back)
ON CONFLICT (run_id, owner) DO UPDATE SET handed_back = EXCLUDED.handed_back

-- take_back: Forget that runs were given up which their owner has claimed again.
DELETE FROM flowledger_given_up WHERE owner = :owner AND run_id = ANY (:runs::text[])

-- tidy: Forget what was given up and has moved on since.
DELETE FROM flowledger_given_up
WHERE NOT EXISTS (SELECT 1 FROM flowledger_index_runs AS run
                  WHERE run.run_id = flowledger_given_up.run_id AND run.owner = flowledger_given_up.owner)

-- standing: Of runs the owner, where they stand, and whether they are held.
SELECT run_id, owner, status, held FROM flowledger_index_runs WHERE run_id = ANY (:runs::text[])

-- claimable: What a worker may take now, those first whose worker is gone. Of what is due the larger priority comes first, and
-- then the workflows take turns. Each is locked until the transaction ends, and passed over where another worker has locked it;
-- is_cut: there may be more than was looked at.
WITH RECURSIVE ranked (workflow_id, workflow_version, priority) AS (
    SELECT * FROM (
        SELECT workflow_id, workflow_version, priority FROM flowledger_index_runs WHERE ready_at IS NOT NULL
        ORDER BY workflow_id, workflow_version, priority LIMIT 1
    ) AS first_one
    UNION ALL
    SELECT run.workflow_id, run.workflow_version, run.priority
    FROM ranked JOIN flowledger_index_runs AS run ON run.run_id = (
        SELECT behind.run_id FROM flowledger_index_runs AS behind
        WHERE behind.ready_at IS NOT NULL AND (behind.workflow_id, behind.workflow_version, behind.priority)
            > (ranked.workflow_id, ranked.workflow_version, ranked.priority)
        ORDER BY behind.workflow_id, behind.workflow_version, behind.priority LIMIT 1
    )
),
due AS (
    SELECT next.*, ranked.workflow_id, ranked.workflow_version, ranked.priority,
           row_number() OVER (PARTITION BY ranked.priority, ranked.workflow_id ORDER BY next.ready_at, next.run_id) AS turn
    FROM ranked CROSS JOIN LATERAL (
        SELECT run.run_id, run.ready_at FROM flowledger_index_runs AS run
        WHERE run.workflow_id = ranked.workflow_id AND run.workflow_version = ranked.workflow_version
          AND run.priority = ranked.priority AND run.ready_at IS NOT NULL AND run.ready_at <= :now::bigint
          AND run.run_id <> ALL (:passed::text[])
          AND run.workflow_id || '@' || run.workflow_version || '/' || coalesce(run.node_id, '') <> ALL (:full::text[])
        ORDER BY run.ready_at, run.run_id LIMIT :lot::bigint + (:most::bigint - :lot::bigint) / (SELECT count(*) FROM ranked)
    ) AS next
    WHERE (:workflows::text[] IS NULL OR ranked.workflow_id = ANY (:workflows::text[]))
      AND ranked.workflow_id || '@' || ranked.workflow_version <> ALL (:lacking::text[])
),
lost AS (
    SELECT run.*, worker.lease_until AS ready_at, FALSE AS handed_back
    FROM flowledger_workers AS worker CROSS JOIN LATERAL (
        SELECT run_id, workflow_id, workflow_version, owner FROM flowledger_index_runs
        WHERE owner = worker.id AND NOT held LIMIT :most::bigint
    ) AS run
    WHERE worker.lease_until < :now::bigint
    UNION ALL
    SELECT run.*, :now::bigint, gone.handed_back
    FROM flowledger_given_up AS gone CROSS JOIN LATERAL (
        SELECT run_id, workflow_id, workflow_version, owner FROM flowledger_index_runs
        WHERE run_id = gone.run_id AND owner = gone.owner AND NOT held LIMIT 1
    ) AS run
),
candidates AS MATERIALIZED (
    SELECT * FROM (
        SELECT run_id, workflow_id, workflow_version, owner AS lost_by, bool_or(handed_back) AS handed_back,
               max(ready_at) AS ready_at, 0 AS rank, 0 AS turn
        FROM lost
        WHERE (:workflows::text[] IS NULL OR workflow_id = ANY (:workflows::text[]))
          AND workflow_id || '@' || workflow_version <> ALL (:lacking::text[]) AND run_id <> ALL (:passed::text[])
        GROUP BY run_id, workflow_id, workflow_version, owner
        UNION ALL
        SELECT run_id, workflow_id, workflow_version, NULL, FALSE, ready_at, -priority, turn FROM due
    ) AS found
    ORDER BY lost_by IS NULL, rank, turn, ready_at, run_id LIMIT :most::bigint
)
SELECT *, (SELECT count(*) FROM candidates) >= :most::bigint AS is_cut FROM candidates
WHERE pg_try_advisory_xact_lock(hashtextextended((SELECT tableoid FROM flowledger_index)::text || run_id, 0))
LIMIT :lot::bigint

-- next_due: Behind a moment, when the next run can be taken: as it comes due, or as the lease of its worker is over. What was
-- given up counts from the beginning of time.
WITH RECURSIVE ranked (workflow_id, workflow_version, priority) AS (
    SELECT * FROM (
        SELECT workflow_id, workflow_version, priority FROM flowledger_index_runs WHERE ready_at IS NOT NULL
        ORDER BY workflow_id, workflow_version, priority LIMIT 1
    ) AS first_one
    UNION ALL
    SELECT run.workflow_id, run.workflow_version, run.priority
    FROM ranked JOIN flowledger_index_runs AS run ON run.run_id = (
        SELECT behind.run_id FROM flowledger_index_runs AS behind
        WHERE behind.ready_at IS NOT NULL AND (behind.workflow_id, behind.workflow_version, behind.priority)
            > (ranked.workflow_id, ranked.workflow_version, ranked.priority)
        ORDER BY behind.workflow_id, behind.workflow_version, behind.priority LIMIT 1
    )
)
SELECT min(at) FROM (
    SELECT (SELECT min(run.ready_at) FROM flowledger_index_runs AS run
            WHERE run.workflow_id = ranked.workflow_id AND run.workflow_version = ranked.workflow_version
              AND run.priority = ranked.priority AND run.ready_at IS NOT NULL AND run.ready_at > :after::bigint) AS at
    FROM ranked
    UNION ALL
    SELECT min(worker.lease_until) FROM flowledger_workers AS worker
    WHERE worker.lease_until > :after::bigint
      AND EXISTS (SELECT 1 FROM flowledger_index_runs AS run WHERE run.owner = worker.id AND NOT run.held)
    UNION ALL
    SELECT min(0) FROM flowledger_given_up AS gone JOIN flowledger_index_runs AS run
      ON run.run_id = gone.run_id AND run.owner = gone.owner
    WHERE :after::bigint < 0 AND NOT run.held
) AS moments

-- claimable_run: A run, if a worker may take it now.
SELECT run.run_id, run.workflow_id, run.workflow_version, NULL AS lost_by, FALSE AS handed_back, run.ready_at
FROM flowledger_index_runs AS run WHERE run.run_id = :run_id AND run.ready_at <= :now ::bigint
UNION ALL
SELECT run.run_id, run.workflow_id, run.workflow_version, run.owner, gone.run_id IS NOT NULL AND gone.handed_back,
       coalesce(worker.lease_until, run.started_at)
FROM flowledger_index_runs AS run
LEFT JOIN flowledger_workers AS worker ON worker.id = run.owner AND worker.lease_until < :now ::bigint
LEFT JOIN flowledger_given_up AS gone ON gone.run_id = run.run_id AND gone.owner = run.owner
WHERE run.run_id = :run_id AND NOT run.held AND (worker.id IS NOT NULL OR gone.run_id IS NOT NULL)

-- take_slot: Take the lowest number that nobody holds who lives, where fewer steps are under way than may be, also with those
-- who have waited for longer. Who takes the same number at the same moment is refused it by its key.
INSERT INTO flowledger_slots (number, lease_until, type, owner, holder)
SELECT free.number, :lease_until::bigint, :type::text, :owner::text, :holder::text
FROM generate_series(1, :limit::bigint) AS free (number)
WHERE NOT EXISTS (
    SELECT 1 FROM flowledger_slots AS slot
    WHERE slot.type = :type::text AND slot.number = free.number AND (slot.lease_until >= :now::bigint
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = slot.owner AND worker.lease_until >= :now::bigint))
) AND (
    SELECT count(*) FROM flowledger_slots AS slot WHERE slot.type = :type::text AND (slot.lease_until >= :now::bigint
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = slot.owner AND worker.lease_until >= :now::bigint))
) + (
    SELECT count(*) FROM flowledger_slots_wanted AS other
    WHERE other.type = :type::text AND other.asked_at >= :heard::bigint AND other.holder <> :holder::text
      AND (other.since, other.holder) < (
          coalesce((SELECT mine.since FROM flowledger_slots_wanted AS mine
                    WHERE mine.type = :type::text AND mine.holder = :holder::text), :now::bigint), :holder::text)
) < :limit::bigint
ORDER BY free.number LIMIT 1
ON CONFLICT (type, number) DO UPDATE SET lease_until = EXCLUDED.lease_until, owner = EXCLUDED.owner, holder = EXCLUDED.holder
WHERE NOT ((flowledger_slots.lease_until >= :now::bigint
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = flowledger_slots.owner AND worker.lease_until >= :now::bigint)))

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
SELECT slot.type, count(*) FROM flowledger_slots AS slot WHERE (slot.lease_until >= :now::bigint
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = slot.owner AND worker.lease_until >= :now::bigint)) GROUP BY slot.type

-- forget_slots: Remove those whose workers are gone.
DELETE FROM flowledger_slots WHERE NOT ((flowledger_slots.lease_until >= :now::bigint
           OR EXISTS (SELECT 1 FROM flowledger_workers AS worker WHERE worker.id = flowledger_slots.owner AND worker.lease_until >= :now::bigint)))

-- forget_wanted: Remove those who ask no more.
DELETE FROM flowledger_slots_wanted WHERE asked_at < :heard
