"""Resources: the services that tokens are meant for (RFC 8707, RFC 9068 §3)."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from domain.errors import InvalidTarget
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.tokens import TokenFormat

_NEVER_IN_A_URI = frozenset('\\"<>^`{|} ')


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A protected resource and what its tokens have to be like.

    Attributes:
        resource_id: Its identifier: the `resource` parameter and `aud`.
            Compared as a string, never normalised.

        token_format: None leaves it to the client, then to the server.

        signing_algorithm: Likewise.

        access_token_ttl: The longest lifetime it accepts, or None.
    """

    resource_id: ResourceId
    name: str = ""
    token_format: TokenFormat | None = None
    signing_algorithm: SigningAlgorithm | None = None
    access_token_ttl: timedelta | None = None


def parse_resource_id(text: str) -> ResourceId:
    """Read a resource identifier: an absolute URI without a fragment (RFC 8707 §2).

    Raises:
        InvalidTarget: If it is anything else.
    """
    malformed = InvalidTarget("not an absolute URI without a fragment", hint=text)
    if "#" in text or not text.isascii() or not text.isprintable() or _NEVER_IN_A_URI & set(text):
        raise malformed
    try:
        parts = urlsplit(text)
        hierarchical = text[len(parts.scheme) :].startswith("://")
        complete = bool(parts.scheme) and bool(parts.hostname if hierarchical else parts.path)
    except ValueError as error:
        raise malformed from error
    if not complete:
        raise malformed
    return ResourceId(text)
