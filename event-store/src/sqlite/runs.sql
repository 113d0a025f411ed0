-- Programs that run on their author's own inputs. They are not part of the log and expire. Times are
-- in microseconds since 1970.
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    author TEXT NOT NULL,
    -- Whether it has not ended yet.
    is_open INTEGER NOT NULL DEFAULT 1,
    requested_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    request TEXT NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS runs_by_expiry ON runs (expires_at);
CREATE INDEX IF NOT EXISTS open_runs ON runs (author, expires_at) WHERE is_open = 1;
CREATE INDEX IF NOT EXISTS ended_runs ON runs (author, requested_at) WHERE is_open = 0;

-- The number only grows, so that other processes notice new events.
CREATE TABLE IF NOT EXISTS run_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL REFERENCES runs (id),
    version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (run, version)
) STRICT;
