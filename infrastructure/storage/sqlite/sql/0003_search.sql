-- How far the search has read the log. The generation grows when its entries are dropped.
CREATE TABLE search_progress (position INTEGER NOT NULL, generation INTEGER NOT NULL);

-- It begins before the first event.
INSERT INTO search_progress (position, generation) VALUES (0, 0);

-- Each run as it can be found: when and where in the log it began, the words of its events, the values it has (JSON). Derived
-- from the events by an indexer that follows them, so rows may come and go.
CREATE TABLE search (
    position INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL UNIQUE,
    started_at INTEGER NOT NULL,
    words TEXT NOT NULL,
    document TEXT NOT NULL
);

-- Every word that begins with what was asked for. The words come ready made: this tokenizer splits at blanks and leaves all
-- that isn't ASCII as it is. Nobody asks for phrases or ranks, so neither places nor sizes are kept.
CREATE VIRTUAL TABLE search_words USING fts5 (
    words, content = 'search', content_rowid = 'position', tokenize = "ascii tokenchars '_'", detail = none, columnsize = 0
);

-- A new entry.
CREATE TRIGGER search_added AFTER INSERT ON search
BEGIN
    INSERT INTO search_words (rowid, words) VALUES (NEW.position, NEW.words);
END;

-- An entry with other words than before.
CREATE TRIGGER search_changed AFTER UPDATE OF words ON search WHEN NEW.words <> OLD.words
BEGIN
    INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', OLD.position, OLD.words);
    INSERT INTO search_words (rowid, words) VALUES (NEW.position, NEW.words);
END;
