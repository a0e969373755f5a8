-- Streams that were removed under a retention policy, each as the event says that records it: how many events they had, and the
-- position of the last. Made of those events, so it can be made anew.
CREATE TABLE flowledger_removed (
    events bigint NOT NULL,
    last_position bigint NOT NULL,
    removal_version bigint NOT NULL,
    stream text COLLATE "C" PRIMARY KEY,
    removal text COLLATE "C" NOT NULL
);

-- The greatest position.
CREATE INDEX flowledger_removed_by_position ON flowledger_removed (last_position);

-- Deletions come by another door.
DROP TRIGGER flowledger_events_refuse ON flowledger_events;

-- History can't be changed or replaced.
CREATE TRIGGER flowledger_events_refuse BEFORE UPDATE OR TRUNCATE ON flowledger_events
FOR EACH STATEMENT EXECUTE FUNCTION flowledger_refuse();

-- What the trigger below does: streams go whole, and only those that are recorded as removed.
CREATE FUNCTION flowledger_check_removal() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused boolean;
BEGIN
    EXECUTE format(
        'SELECT EXISTS (SELECT FROM gone LEFT JOIN %1$I.flowledger_removed ON stream = originator_id'
        '               WHERE stream IS NULL OR originator_version > events)'
        '    OR EXISTS (SELECT FROM %1$I.flowledger_events WHERE originator_id IN (SELECT originator_id FROM gone))',
        TG_TABLE_SCHEMA
    ) INTO refused;
    IF refused THEN
        RAISE EXCEPTION 'history is read-only: DELETE of events is refused' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- History can't be removed otherwise.
CREATE TRIGGER flowledger_events_removal AFTER DELETE ON flowledger_events REFERENCING OLD TABLE AS gone
FOR EACH STATEMENT EXECUTE FUNCTION flowledger_check_removal();

-- What the trigger below does. The table must be the one beside the events, whatever the search path of who appends.
CREATE FUNCTION flowledger_check_not_removed() RETURNS trigger LANGUAGE plpgsql STABLE AS $$
DECLARE
    was_removed boolean;
BEGIN
    IF to_regclass('flowledger_removed') = to_regclass(quote_ident(TG_TABLE_SCHEMA) || '.flowledger_removed') THEN
        SELECT EXISTS (SELECT FROM flowledger_removed WHERE stream = NEW.originator_id) INTO was_removed;
    ELSE
        EXECUTE format('SELECT EXISTS (SELECT FROM %I.flowledger_removed WHERE stream = $1)', TG_TABLE_SCHEMA)
        INTO was_removed USING NEW.originator_id;
    END IF;
    IF was_removed THEN
        RAISE EXCEPTION 'history is read-only: stream % was removed', NEW.originator_id USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NEW;
END $$;

-- What was removed doesn't begin anew under the same name.
CREATE TRIGGER flowledger_events_not_removed BEFORE INSERT ON flowledger_events
FOR EACH ROW WHEN (NEW.originator_version = 1) EXECUTE FUNCTION flowledger_check_not_removed();

-- What began with a run.
CREATE INDEX flowledger_index_runs_by_source ON flowledger_index_runs (source) WHERE source IS NOT NULL;
