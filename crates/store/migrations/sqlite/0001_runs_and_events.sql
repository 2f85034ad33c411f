-- One row a run: what a list of runs shows, who holds the run, and the next place in its journal.
CREATE TABLE runs (
    id             TEXT    NOT NULL PRIMARY KEY,
    created_ms     INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL,
    title          TEXT    NOT NULL,
    repository     TEXT    NOT NULL,
    status         TEXT    NOT NULL DEFAULT 'running',
    stage          TEXT,
    reason         TEXT,
    tier           TEXT,
    next_seq       INTEGER NOT NULL DEFAULT 0,
    -- The process that works on the run, as JSON; every claim raises the epoch, and an older epoch can't write.
    lease_owner    TEXT,
    lease_since_ms INTEGER NOT NULL DEFAULT 0,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    epoch          INTEGER NOT NULL DEFAULT 0,
    cancel_ms      INTEGER
);

CREATE INDEX runs_by_time ON runs (created_ms);

-- The journal. A small event is here as JSON; a large one is a blob beside the database, named by its SHA-256.
CREATE TABLE events (
    run    TEXT    NOT NULL REFERENCES runs (id),
    seq    INTEGER NOT NULL,
    at_ms  INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    json   TEXT,
    blob   TEXT,
    PRIMARY KEY (run, seq),
    CHECK ((json IS NULL) <> (blob IS NULL))
);
