"""Resources: the services that tokens are meant for (RFC 8707, RFC 9068 §3)."""

from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from domain.errors import InvalidRegistration, InvalidTarget
from domain.model.identifiers import ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.texts import LONGEST_NAME, is_showable
from domain.model.tokens import SHORTEST_LIFETIME, TokenFormat
from domain.model.uris import NEVER_IN_A_URI


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A protected resource and what its tokens have to be like.

    Attributes:
        resource_id: Its identifier: the `resource` parameter and `aud`.
            Compared as a string, never normalised.

        token_format: None leaves it to the client, then to the server.

        signing_algorithm: Likewise.

        access_token_ttl: The longest lifetime it accepts, or None.

        disabled: Whether no token is issued for it, nor with a scope of it.
    """

    resource_id: ResourceId
    name: str = ""
    token_format: TokenFormat | None = None
    signing_algorithm: SigningAlgorithm | None = None
    access_token_ttl: timedelta | None = None
    disabled: bool = False


def require_sound_resource(resource: Resource) -> Resource:
    """Return *resource*, refusing one whose tokens could not live or whose name not be shown.

    Raises:
        InvalidRegistration: With the reason in its hint.
    """
    ttl = resource.access_token_ttl
    if ttl is not None and ttl < SHORTEST_LIFETIME:
        raise InvalidRegistration("no lifetime", hint="a lifetime has to be a second or more")
    if not is_showable(resource.name, longest=LONGEST_NAME):
        raise InvalidRegistration(
            "an unusable name", hint=f"a name has up to {LONGEST_NAME} characters, all printable"
        )
    return resource


def parse_resource_id(text: str) -> ResourceId:
    """Read a resource identifier: an absolute URI without a fragment (RFC 8707 §2).

    Raises:
        InvalidTarget: If it is anything else.
    """
    if not _is_absolute_uri(text):
        raise InvalidTarget("not an absolute URI without a fragment", hint=text)
    return ResourceId(text)


def _is_absolute_uri(text: str) -> bool:
    if "#" in text or not text.isascii() or not text.isprintable() or NEVER_IN_A_URI & set(text):
        return False
    try:
        parts = urlsplit(text)
        hierarchical = text[len(parts.scheme) :].startswith("://")
        return bool(parts.scheme) and bool(parts.hostname if hierarchical else parts.path)
    except ValueError:
        return False
