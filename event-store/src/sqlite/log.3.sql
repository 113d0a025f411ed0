-- The abilities that declined work needs, as a JSON array; NULL if no worker declined it.
ALTER TABLE work ADD COLUMN needs TEXT;

-- The workers that announced themselves, with their abilities as a JSON array. Times are in
-- microseconds since 1970.
CREATE TABLE workers (
    name TEXT PRIMARY KEY,
    abilities TEXT NOT NULL,
    announced_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
