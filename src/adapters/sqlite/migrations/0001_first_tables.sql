-- Times are milliseconds since 1970, UTC. Records are written by adapters/records.py.

CREATE TABLE clients (
    client_id TEXT PRIMARY KEY,
    version   INTEGER NOT NULL,
    owner     TEXT,
    record    BLOB NOT NULL
) STRICT;

CREATE INDEX clients_by_owner ON clients (owner) WHERE owner IS NOT NULL;

-- One row: the version of everything in scopes, resources and keys.
CREATE TABLE catalogue (
    version INTEGER NOT NULL
) STRICT;

INSERT INTO catalogue (version) VALUES (0);

CREATE TABLE resources (
    resource_id TEXT PRIMARY KEY,
    record      BLOB NOT NULL
) STRICT;

CREATE TABLE scopes (
    token       TEXT PRIMARY KEY,
    resource_id TEXT,
    record      BLOB NOT NULL
) STRICT;

CREATE TABLE keys (
    purpose TEXT NOT NULL,
    key_id  TEXT NOT NULL,
    record  BLOB NOT NULL,
    PRIMARY KEY (purpose, key_id)
) STRICT;

-- The record is the family as it was opened; the columns behind it are what changed since.
CREATE TABLE families (
    family_id               TEXT PRIMARY KEY,
    owner                   TEXT NOT NULL,
    created_at              INTEGER NOT NULL,
    record                  BLOB NOT NULL,
    generation              INTEGER NOT NULL,
    least_access_generation INTEGER NOT NULL,
    attempt                 TEXT,
    rotated_at              INTEGER,
    expires_at              INTEGER NOT NULL,
    ended                   INTEGER NOT NULL
) STRICT;

CREATE INDEX families_not_ended ON families (owner, created_at) WHERE ended = 0;
CREATE INDEX families_by_expiry ON families (expires_at);

CREATE TABLE revocations (
    token_id   TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX revocations_by_expiry ON revocations (expires_at);

CREATE TABLE access_tokens (
    digest     TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    record     BLOB NOT NULL
) STRICT;

CREATE INDEX access_tokens_by_expiry ON access_tokens (expires_at);
