"""What grantd does, one verb phrase a file. Everything it needs of the world is a port."""
