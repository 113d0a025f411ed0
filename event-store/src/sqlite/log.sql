-- What the log is.
CREATE TABLE log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    log_id TEXT NOT NULL
) STRICT;

-- Every event, in the one order (INV-5). recorded_at is in microseconds since 1970.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (stream, version)
) STRICT;

-- What waits and what is in a worker's hands. A finished piece of work has no row; AUTOINCREMENT
-- keeps its id from naming another one. Times are in microseconds since 1970.
CREATE TABLE work (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    stream TEXT NOT NULL,
    enqueued_at INTEGER NOT NULL,
    -- Who holds it, until when, and for how long at a time; NULL when nobody does.
    worker TEXT,
    lease_until INTEGER,
    lease INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    -- Who gave it back last, and when.
    released_by TEXT,
    released_at INTEGER
) STRICT;

CREATE INDEX work_by_lane ON work (lane, id);
