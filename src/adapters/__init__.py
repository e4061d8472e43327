"""How grantd meets the world: each folder one technology, none knowing another."""
