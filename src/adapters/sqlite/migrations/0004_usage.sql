-- When what belongs to a client was first noted as used, and last.
CREATE TABLE usage (
    client_id  TEXT NOT NULL,
    kind       TEXT NOT NULL,
    name       TEXT NOT NULL,
    first_at   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    source     TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, kind, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX usage_by_expiry ON usage (expires_at);
