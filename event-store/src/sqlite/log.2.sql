-- The archive's manifest: which positions each segment holds, and the blob that it is.
CREATE TABLE segments (
    first INTEGER PRIMARY KEY,
    last INTEGER NOT NULL,
    digest TEXT NOT NULL,
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    sealed_at INTEGER NOT NULL
) STRICT;

-- The last event that was trimmed: everything up to it is in the archive alone.
CREATE TABLE trimmed (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    position INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL
) STRICT;

-- Where a stream's trimmed events stand, packed, 6 bytes each: their number is the last one's version.
CREATE TABLE trimmed_streams (
    stream TEXT PRIMARY KEY,
    positions BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Has a row while a restore is under way.
CREATE TABLE restoring (
    id INTEGER PRIMARY KEY CHECK (id = 1)
) STRICT;

-- A program that knows only the first schema may have had the file open when it was upgraded. It would
-- begin again what is archived; this keeps it, and everybody, from that (INV-5, INV-7).
CREATE TRIGGER events_follow_what_was_trimmed BEFORE INSERT ON events
WHEN NEW.position <= ifnull((SELECT position FROM trimmed), 0)
    OR NEW.version <= ifnull(
        (SELECT length(positions) / 6 FROM trimmed_streams WHERE stream = NEW.stream), 0)
BEGIN
    SELECT RAISE(ABORT, 'an event that is archived stands there');
END;
