-- The sign-in that a token descends from; for older tokens their own id. Refresh tokens that were
-- exchanged stay until they would expire, with the time of the exchange.
ALTER TABLE tokens ADD COLUMN family TEXT;
ALTER TABLE tokens ADD COLUMN rotated_at INTEGER;
UPDATE tokens SET family = id;

CREATE INDEX profiles_by_email ON profiles (email) WHERE email IS NOT NULL;

-- Secrets that work once, by the SHA-256 of the secret, in hex.
CREATE TABLE tickets (
    hash TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT,
    data TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tickets_by_kind ON tickets (kind, created_at);
CREATE INDEX tickets_by_subject ON tickets (subject) WHERE subject IS NOT NULL;
CREATE INDEX tickets_by_expiry ON tickets (expires_at);

-- Accounts of identity providers that sign in to an account of ours.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    external_id TEXT NOT NULL,
    id TEXT NOT NULL,
    provider TEXT NOT NULL,
    subject TEXT NOT NULL,
    login TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, external_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_subject ON identities (subject, created_at);
