CREATE TABLE spent_assertions (
    assertion_id TEXT PRIMARY KEY,
    expires_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_assertions_by_expiry ON spent_assertions (expires_at);

-- A row is one window of a budget, from its first failure until it resets.
CREATE TABLE spent_budgets (
    limit_key TEXT PRIMARY KEY,
    failures  INTEGER NOT NULL,
    resets_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX spent_budgets_by_reset ON spent_budgets (resets_at);

CREATE TABLE vouchers (
    limit_key  TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX vouchers_by_expiry ON vouchers (expires_at);
