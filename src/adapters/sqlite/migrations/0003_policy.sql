-- One row, or none: what was declared of the server's policy.
CREATE TABLE policy (
    name   TEXT PRIMARY KEY,
    record BLOB NOT NULL
) STRICT;
