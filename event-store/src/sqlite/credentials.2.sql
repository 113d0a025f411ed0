-- Secrets that are needed as they are, such as those that sign what webhooks send, by what they are for.
CREATE TABLE secrets (
    name TEXT PRIMARY KEY,
    secret TEXT NOT NULL
) STRICT, WITHOUT ROWID;
