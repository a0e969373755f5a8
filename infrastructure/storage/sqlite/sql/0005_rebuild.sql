-- The rebuild of the index that is under way, or was the last one: what names it, how far it has taken in the log, how many
-- events moved rows so far, and whether it ended. Whoever rebuilds at the same time takes part in it.
CREATE TABLE flowledger_rebuild (token TEXT NOT NULL, position INTEGER NOT NULL, events INTEGER NOT NULL, ended INTEGER NOT NULL);

-- None was begun yet.
INSERT INTO flowledger_rebuild (token, position, events, ended) VALUES ('', 0, 0, 0);
