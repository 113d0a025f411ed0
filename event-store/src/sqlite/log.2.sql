-- The archive's manifest: the positions and the blob of each segment.
CREATE TABLE segments (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    digest TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sealed_at INTEGER NOT NULL
) STRICT;

-- The last trimmed event. Events up to it are in the archive only.
CREATE TABLE trimmed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

-- The positions of a stream's trimmed events, packed, 6 bytes each. Their count is the last event's
-- version.
CREATE TABLE trimmed_streams (
    stream TEXT PRIMARY KEY,
    positions BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Has a row while a restore is unfinished.
CREATE TABLE restoring (
    id INTEGER PRIMARY KEY CHECK (id = 1)
) STRICT;

-- A program that knows only schema 1 may have the file open during the upgrade. It would reuse
-- positions and versions of archived events; this trigger prevents that (INV-5, INV-7).
CREATE TRIGGER events_follow_what_was_trimmed BEFORE INSERT ON events
WHEN NEW.position <= ifnull((SELECT position FROM trimmed), 0)
    OR NEW.version <= ifnull(
        (SELECT length(positions) / 6 FROM trimmed_streams WHERE stream = NEW.stream), 0)
BEGIN
    SELECT RAISE(ABORT, 'an event that is archived stands there');
END;
