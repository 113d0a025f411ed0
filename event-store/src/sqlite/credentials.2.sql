-- Secrets stored in plain text, such as webhook signing keys, by purpose.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    secret TEXT NOT NULL
) STRICT, WITHOUT ROWID;
