"""`grantd.admin.v1` in the words of the core, for both ends of a call."""
