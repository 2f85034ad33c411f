-- Who asked for a run over HTTP, and whether a server has it in its hands: one that starts again goes on with those.
ALTER TABLE runs ADD COLUMN caller TEXT;
ALTER TABLE runs ADD COLUMN is_served BIGINT NOT NULL DEFAULT 0;

CREATE INDEX runs_by_service ON runs (is_served);

-- Who may ask: the name, and the SHA-256 of the token. The token itself is nowhere.
CREATE TABLE tokens (
    name       TEXT   NOT NULL PRIMARY KEY,
    sha256     TEXT   NOT NULL UNIQUE,
    is_admin   BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT
);

-- What was asked under a key of the caller's: asked again, it is the same run.
CREATE TABLE requests (
    caller      TEXT   NOT NULL,
    name        TEXT   NOT NULL,
    body_sha256 TEXT   NOT NULL,
    run         TEXT,
    received_ms BIGINT NOT NULL,
    PRIMARY KEY (caller, name)
);
