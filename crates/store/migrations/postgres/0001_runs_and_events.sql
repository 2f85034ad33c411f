-- One row a run: what a list of runs shows, who holds the run, and the next place in its journal.
CREATE TABLE runs (
    id             TEXT   NOT NULL PRIMARY KEY,
    created_ms     BIGINT NOT NULL,
    updated_ms     BIGINT NOT NULL,
    title          TEXT   NOT NULL,
    repository     TEXT   NOT NULL,
    status         TEXT   NOT NULL DEFAULT 'running',
    stage          TEXT,
    reason         TEXT,
    tier           TEXT,
    next_seq       BIGINT NOT NULL DEFAULT 0,
    -- The process that works on the run, as JSON; every claim raises the epoch, and an older epoch can't write.
    lease_owner    TEXT,
    lease_since_ms BIGINT NOT NULL DEFAULT 0,
    lease_until_ms BIGINT NOT NULL DEFAULT 0,
    epoch          BIGINT NOT NULL DEFAULT 0,
    cancel_ms      BIGINT
);

CREATE INDEX runs_by_time ON runs (created_ms);

-- The journal. JSON is kept as text: `jsonb` refuses the escaped NUL that a program's output may contain.
CREATE TABLE events (
    run    TEXT   NOT NULL REFERENCES runs (id),
    seq    BIGINT NOT NULL,
    at_ms  BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    json   TEXT,
    blob   TEXT,
    PRIMARY KEY (run, seq),
    CHECK ((json IS NULL) <> (blob IS NULL))
);

-- Large events and outputs, named by their SHA-256. They live here, not in a folder, because the workers that
-- share this database share no disk.
CREATE TABLE blobs (
    hash  TEXT  NOT NULL PRIMARY KEY,
    bytes BYTEA NOT NULL
);
