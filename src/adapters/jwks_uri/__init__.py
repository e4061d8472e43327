"""The key sets that clients publish (RFC 7591 §2, `jwks_uri`), fetched and kept for a while."""
