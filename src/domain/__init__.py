"""The core: what grantd decides. It knows no protocol, no store and no clock."""
