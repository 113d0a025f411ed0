-- Hashes of the Merkle tree, concatenated, 32 bytes each.
CREATE TABLE tiles (
    level INTEGER NOT NULL,
    number INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, number)
) STRICT, WITHOUT ROWID;

-- All signed heads, by the number of events they cover. signed_at is in microseconds since 1970.
CREATE TABLE heads (
    size INTEGER PRIMARY KEY,
    signed_at INTEGER NOT NULL,
    note TEXT NOT NULL
) STRICT;
