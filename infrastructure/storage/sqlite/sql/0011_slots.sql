-- Steps of limited types that are under way, one row a slot: held while its worker lives. Nobody else has that number.
CREATE TABLE flowledger_slots (
    number INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    type TEXT NOT NULL,
    owner TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (type, number)
);

-- Runs that wait for one, those first that came first. Who asks no more is forgotten.
CREATE TABLE flowledger_slots_wanted (
    since INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    type TEXT NOT NULL,
    holder TEXT NOT NULL,
    PRIMARY KEY (type, holder)
);
