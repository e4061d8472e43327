"""What both edges do alike when they read how a client presents itself (RFC 6749 §2.3)."""

from collections.abc import Callable

from domain.errors import InvalidClient, InvalidRequest
from domain.model.credentials import Presented, Proof, UnreadableCredentials


def or_refusal(read: Callable[[], Proof]) -> Presented:
    """Read credentials, or hand on why they are refused: that is for the core to do and to tell."""
    try:
        return read()
    except (InvalidClient, InvalidRequest) as refusal:
        return UnreadableCredentials(refusal)


def require_one(count: int) -> None:
    """Refuse more than one method in one request.

    Raises:
        InvalidRequest: If *count* methods are more than one.
    """
    if count > 1:
        raise InvalidRequest(
            "two authentication methods", hint="authenticate by one method, and once"
        )
