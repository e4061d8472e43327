"""JWT access tokens and the keys that sign them, on PyJWT and cryptography."""
