-- How far the search has read the log. The generation grows when its entries are dropped.
CREATE TABLE search_progress (position bigint NOT NULL, generation bigint NOT NULL);

-- It begins before the first event.
INSERT INTO search_progress (position, generation) VALUES (0, 0);

-- Each run as it can be found: when and where in the log it began, the words of its events, the values it has. Derived
-- from the events by an indexer that follows them, so rows may come and go. Half-full pages leave room for what a run adds.
CREATE TABLE search (
    started_at bigint NOT NULL,
    position bigint NOT NULL,
    run_id text COLLATE "C" PRIMARY KEY,
    words tsvector NOT NULL,
    document jsonb NOT NULL
);

-- The newest of them.
CREATE INDEX search_by_time ON search (started_at, position);

-- Every lexeme that begins with what was asked for.
CREATE INDEX search_words_idx ON search USING gin (words);

-- Values that equal what was asked for.
CREATE INDEX search_document_idx ON search USING gin (document jsonb_path_ops);
