-- One row: how much of the schema a release has to know to work here. A migration
-- that takes away or changes what an earlier release uses raises it.
CREATE TABLE compatibility (
    least_schema INTEGER NOT NULL
) STRICT;

INSERT INTO compatibility (least_schema) VALUES (0);
