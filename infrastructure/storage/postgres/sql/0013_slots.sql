-- Steps of limited types that are under way, one row a slot: held while its worker lives. Nobody else has that number.
CREATE TABLE flowledger_slots (
    number bigint NOT NULL,
    lease_until bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    owner text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (type, number)
);

-- Runs that wait for one, those first that came first. Who asks no more is forgotten.
CREATE TABLE flowledger_slots_wanted (
    since bigint NOT NULL,
    asked_at bigint NOT NULL,
    type text COLLATE "C" NOT NULL,
    holder text COLLATE "C" NOT NULL,
    PRIMARY KEY (type, holder)
);
