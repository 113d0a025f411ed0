-- The log's id.
CREATE TABLE log (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    log_id TEXT NOT NULL
) STRICT;

-- All events in total order (INV-5). recorded_at is in microseconds since 1970.
CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    stream TEXT NOT NULL,
    version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (stream, version)
) STRICT;

-- Waiting work and work that a worker holds. Finished work has no row; AUTOINCREMENT keeps its id
-- from being reused. Times are in microseconds since 1970.
CREATE TABLE work (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    lane TEXT NOT NULL,
    stream TEXT NOT NULL,
    enqueued_at INTEGER NOT NULL,
    -- The holder, the end of its lease and the lease's length; NULL if the work is free.
    worker TEXT,
    lease_until INTEGER,
    lease INTEGER,
    deliveries INTEGER NOT NULL DEFAULT 0,
    -- The worker that released it last, and when.
    released_by TEXT,
    released_at INTEGER
) STRICT;

CREATE INDEX work_by_lane ON work (lane, id);
