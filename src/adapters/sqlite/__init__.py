"""The embedded store: one SQLite file, shared by all processes of one machine (D7)."""
