-- What a worker announces for operators, as JSON; NULL if its version announces nothing.
ALTER TABLE workers ADD COLUMN facts TEXT;

-- The names of workers that take no new work.
CREATE TABLE drained (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
