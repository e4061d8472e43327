"""Where the endpoints are, for those who serve them and those who have to name them."""

from typing import Final

TOKEN_PATH: Final = "/access_token"  # noqa: S105  (a path)
INTROSPECTION_PATH: Final = "/introspect"
REVOCATION_PATH: Final = "/revoke"
JWKS_PATH: Final = "/.well-known/jwks.json"


def url_of(issuer: str, path: str) -> str:
    """Return the URL of an endpoint; an issuer's last slash is not doubled."""
    return issuer.rstrip("/") + path
