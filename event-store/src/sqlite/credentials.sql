-- Personal data and password hashes, by the account's subject.
CREATE TABLE profiles (
    subject TEXT PRIMARY KEY,
    email TEXT,
    name TEXT,
    password_hash TEXT
) STRICT, WITHOUT ROWID;

-- Tokens by the SHA-256 of their secret, in hex. A session and its refresh token have the same id.
-- Times are in microseconds since 1970.
CREATE TABLE tokens (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    subject TEXT NOT NULL,
    login TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_by_subject ON tokens (subject, created_at);
CREATE INDEX tokens_by_expiry ON tokens (expires_at) WHERE expires_at IS NOT NULL;
