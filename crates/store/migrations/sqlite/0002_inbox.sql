-- One row a wish that somebody uttered in a tracker: who, what, and what became of it.
CREATE TABLE inbox (
    -- What was uttered, the same however we heard of it.
    id             TEXT    NOT NULL PRIMARY KEY,
    -- The issue; its wishes are worked on one after another.
    lane           TEXT    NOT NULL,
    repository     TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    command        TEXT    NOT NULL,
    -- The task as it was then, as JSON.
    task           TEXT,
    state          TEXT    NOT NULL,
    run            TEXT,
    said           TEXT    NOT NULL DEFAULT '',
    spent_microusd INTEGER NOT NULL DEFAULT 0,
    received_ms    INTEGER NOT NULL,
    updated_ms     INTEGER NOT NULL
);

CREATE INDEX inbox_by_state ON inbox (state, received_ms);
CREATE INDEX inbox_by_lane ON inbox (lane, state);

-- One row a delivery of a webhook: where to look. What it says beside that isn't believed.
CREATE TABLE hints (
    delivery    TEXT    NOT NULL PRIMARY KEY,
    lane        TEXT    NOT NULL,
    is_taken    INTEGER NOT NULL DEFAULT 0,
    received_ms INTEGER NOT NULL
);

CREATE INDEX hints_by_taken ON hints (is_taken, received_ms);
