-- Whoever may append may write any row; none of them may stop the others. Events: versions that JSON can hold, and positions.
ALTER TABLE flowledger_events ADD CONSTRAINT flowledger_events_bounds
CHECK (originator_version BETWEEN 0 AND 9007199254740991 AND notification_id > 0) NOT VALID;

-- Epochs: with the number of any transaction to come, a position stays a bigint.
ALTER TABLE flowledger_epochs ADD CONSTRAINT flowledger_epochs_bounds CHECK (added BETWEEN 0 AND 4398046511103) NOT VALID;

-- The same view, but rows beyond these bounds don't count: stored before there were any, they would stop all appends. And
-- last: the greatest position that counts.
CREATE OR REPLACE VIEW flowledger_numbering AS
SELECT CASE WHEN last < next THEN added END AS added,
       CASE WHEN last < next THEN oldest_running ELSE 9223372036854775807 END AS horizon,
       last
FROM (
    SELECT added,
           (added + pg_snapshot_xmin(pg_current_snapshot())::text::bigint) << 20 AS oldest_running,
           (added + pg_snapshot_xmax(pg_current_snapshot())::text::bigint) << 20 AS next,
           coalesce((SELECT max(notification_id) FROM flowledger_events WHERE notification_id < 4611686018427387904), 0)
           AS last
    FROM (SELECT max(added) AS added FROM flowledger_epochs WHERE added <= 4398046511103) AS newest
) AS numbers;

-- What the trigger below does. Without its schema's name a plan of the query can be kept, but the table must be the one beside
-- the events, whatever the search path of who appends.
CREATE FUNCTION flowledger_check_position() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    beyond bigint := (NEW.notification_id >> 20) - pg_current_xact_id()::text::bigint;
    most bigint;
BEGIN
    IF beyond > 0 THEN
        IF to_regclass('flowledger_epochs') = to_regclass(quote_ident(TG_TABLE_SCHEMA) || '.flowledger_epochs') THEN
            SELECT max(added) INTO most FROM flowledger_epochs WHERE added <= 4398046511103;
        ELSE
            EXECUTE format('SELECT max(added) FROM %I.flowledger_epochs WHERE added <= 4398046511103', TG_TABLE_SCHEMA)
            INTO most;
        END IF;
        IF beyond > most THEN
            RAISE EXCEPTION 'position % lies beyond those of this transaction', NEW.notification_id
            USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A position beyond those of its transaction would make all that follow seem to lie in the past. The function is called only
-- where something was added: in the first epoch the condition alone tells, for less.
CREATE TRIGGER flowledger_events_position BEFORE INSERT ON flowledger_events
FOR EACH ROW WHEN ((NEW.notification_id >> 20) > pg_current_xact_id()::text::bigint)
EXECUTE FUNCTION flowledger_check_position();

-- What the trigger below does.
CREATE FUNCTION flowledger_check_epoch() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    may_begin boolean;
BEGIN
    EXECUTE format('SELECT added IS NULL AND $1 <= (last >> 20) + 1 FROM %I.flowledger_numbering', TG_TABLE_SCHEMA)
    INTO may_begin USING NEW.added;
    IF NOT may_begin THEN
        RAISE EXCEPTION 'no epoch begins at %', NEW.added USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;

-- An epoch begins where it must, and only then.
CREATE TRIGGER flowledger_epochs_begin BEFORE INSERT ON flowledger_epochs
FOR EACH ROW EXECUTE FUNCTION flowledger_check_epoch();

-- The index holds rows of one revision.
CREATE UNIQUE INDEX flowledger_index_of_one_revision ON flowledger_index ((TRUE));

-- Times, in microseconds: of the years 1 to 9999, or else no list could show them.
ALTER TABLE flowledger_index_runs ADD CONSTRAINT flowledger_index_runs_bounds
CHECK (started_at BETWEEN -62135596800000000 AND 253402300799999999
       AND finished_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0 AND version > 0) NOT VALID;

-- When work orders were opened.
ALTER TABLE flowledger_index_work_orders ADD CONSTRAINT flowledger_index_work_orders_bounds
CHECK (opened_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0) NOT VALID;

-- When something was done.
ALTER TABLE flowledger_index_changes ADD CONSTRAINT flowledger_index_changes_bounds
CHECK (recorded_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0 AND version > 0) NOT VALID;

-- When workflows were saved.
ALTER TABLE flowledger_index_workflows ADD CONSTRAINT flowledger_index_workflows_bounds
CHECK (taken_at BETWEEN -62135596800000000 AND 253402300799999999 AND saved_version > 0 AND version > 0) NOT VALID;

-- And each time.
ALTER TABLE flowledger_index_saves ADD CONSTRAINT flowledger_index_saves_bounds
CHECK (taken_at BETWEEN -62135596800000000 AND 253402300799999999 AND version > 0) NOT VALID;

-- What runs look like to a search.
ALTER TABLE flowledger_search ADD CONSTRAINT flowledger_search_bounds
CHECK (started_at BETWEEN -62135596800000000 AND 253402300799999999 AND position > 0
       AND jsonb_typeof(document -> 'output') IS NOT DISTINCT FROM 'object'
       AND coalesce(jsonb_typeof(document -> 'metadata'), 'object') = 'object'
       AND coalesce(jsonb_typeof(document -> 'leftOut'), 'object') = 'object'
       AND coalesce(jsonb_typeof(document #> '{leftOut,output}'), 'object') = 'object') NOT VALID;
