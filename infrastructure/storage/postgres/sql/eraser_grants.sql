-- What an application's user may do, and this: whole streams go, as retention records that they do.
GRANT INSERT, UPDATE ON flowledger_removed TO erasing_user;

-- Their events. The triggers let nothing else go.
GRANT DELETE ON flowledger_events TO erasing_user;
