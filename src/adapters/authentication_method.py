"""What both edges do alike when they read how a client presents itself (RFC 6749 §2.3)."""

from domain.errors import InvalidRequest


def require_one(count: int) -> None:
    """Refuse more than one method in one request.

    Raises:
        InvalidRequest: If *count* methods are more than one.
    """
    if count > 1:
        raise InvalidRequest(
            "two authentication methods", hint="authenticate by one method, and once"
        )
