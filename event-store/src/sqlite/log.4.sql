-- The account whose turn the work uses; empty if it is no account's.
ALTER TABLE work ADD COLUMN account TEXT NOT NULL DEFAULT '';

-- Finds the accounts of a lane, and the oldest work of each, however much work one of them has.
CREATE INDEX work_by_account ON work (lane, account, id);
CREATE INDEX held_work ON work (lane, account) WHERE worker IS NOT NULL;

-- When a worker last took work of each account, in microseconds since 1970.
CREATE TABLE turns (
    lane TEXT NOT NULL,
    account TEXT NOT NULL,
    served_at INTEGER NOT NULL,
    PRIMARY KEY (lane, account)
) STRICT, WITHOUT ROWID;

CREATE INDEX turns_by_time ON turns (lane, served_at);
