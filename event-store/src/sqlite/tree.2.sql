-- The exports that auditors have asked for, as one document. revision counts its changes.
CREATE TABLE exports (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
