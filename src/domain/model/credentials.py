"""Client secrets: how they look, and what is kept of them (D5)."""

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from domain.errors import InvalidClient, InvalidRequest
from domain.model.identifiers import ClientId
from domain.model.keys import KeyId
from domain.model.values import value

SecretId = NewType("SecretId", str)
SecretHash = NewType("SecretHash", str)

MAX_SECRETS = 10
LONGEST_IMPORTED_SECRET = 512

_PREFIX = "gds"
_GENERATED = re.compile(rf"{_PREFIX}_([0-9a-f]{{8}})_[A-Za-z0-9_-]{{43}}_[0-9a-f]{{8}}")

# Secrets, refresh tokens and opaque access tokens of ours, whole or cut off, and any JWT.
_SENSITIVE = re.compile(
    rf"({_PREFIX}_[0-9a-f]{{8}}_|gd[ar]_)[A-Za-z0-9_.-]{{16,}}"
    r"|(?<![A-Za-z0-9_-])(eyJ)[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]*"
)


class AuthMethod(StrEnum):
    """How a client proves who it is (RFC 7591 §2, `token_endpoint_auth_method`)."""

    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105  (the registered name of a method)
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105  (likewise)
    CLIENT_SECRET_JWT = "client_secret_jwt"  # noqa: S105  (likewise)
    PRIVATE_KEY_JWT = "private_key_jwt"
    NONE = "none"


class ClientSecret:
    """A secret in the clear; it shows itself only to who asks by name."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "ClientSecret(…)"

    def reveal(self) -> str:
        return self._text

    @property
    def secret_id(self) -> SecretId | None:
        """The id that a generated secret carries; None for any other text.

        The checksum is not looked at: neither reply nor time may depend on it.
        """
        generated = _GENERATED.fullmatch(self._text)
        return SecretId(generated[1]) if generated else None

    @property
    def is_ours(self) -> bool:
        """Whether it was generated here and is whole, by its checksum.

        For who takes a secret over, never for who authenticates by it.
        """
        body, _, checksum = self._text.rpartition("_")
        return self.secret_id is not None and checksum == _checksum(body)

    @classmethod
    def compose(cls, secret_id: SecretId, random: str) -> "ClientSecret":
        """Write a generated secret: prefix, its own id, 256 bits, a checksum.

        All of it is `A-Za-z0-9_-`, so that scanners find leaks and clients
        that do not form-encode Basic credentials still work.
        """
        body = f"{_PREFIX}_{secret_id}_{random}"
        return cls(f"{body}_{_checksum(body)}")


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredSecret:
    """One of a client's secrets, as kept: a hash and a life of its own.

    Attributes:
        imported: It was made elsewhere, so its text does not carry its id.

        sealed: The secret itself, wrapped by the master key, for a client
            that signs assertions with it; None for any other.
    """

    secret_id: SecretId
    hash: SecretHash = field(repr=False)
    created_at: datetime
    label: str = ""
    imported: bool = False
    expires_at: datetime | None = None
    sealed: bytes | None = field(default=None, repr=False)

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at


def matching(
    kept: Sequence[RegisteredSecret], presented: ClientSecret
) -> tuple[RegisteredSecret, ...]:
    """Return the secrets that *presented* could be, at most one if it carries an id."""
    secret_id = presented.secret_id
    for secret in kept:
        if secret.secret_id == secret_id:
            return (secret,)
    return tuple([secret for secret in kept if secret.imported])


@value
class PresentedCredentials:
    """A name, and a secret or none, read by one method only.

    Attributes:
        secret: In HTTP Basic it is None if what was sent is not form-encoded.

        raw_secret: In HTTP Basic, what was sent as it stands, where that is
            not the secret: only a client that is excused from form-encoding
            may mean it.
    """

    client_id: ClientId
    method: AuthMethod
    secret: ClientSecret | None = None
    raw_secret: ClientSecret | None = None


@value
class PresentedAssertion:
    """A JWT that says who sends a request (RFC 7523 §2.2).

    Attributes:
        client_id: The parameter of that name, which need not be given: the
            assertion's `sub` names the client.
    """

    assertion: str = field(repr=False)
    client_id: ClientId | None = None


@dataclass(frozen=True, slots=True)
class UnreadableCredentials:
    """What cannot prove anything: none at all, several at once, or broken ones.

    Attributes:
        refusal: How the request is refused, where it is judged.
    """

    refusal: InvalidClient | InvalidRequest


Proof = PresentedCredentials | PresentedAssertion
"""What can prove who sends a request."""

Presented = Proof | UnreadableCredentials
"""What a request offers to prove who sends it."""


def mask_secrets(text: str) -> str:
    """Hide what has the form of a secret or token of ours, or of a JWT, wherever it stands.

    A client that swaps its id and its secret sends the secret as its name.
    The secret's own id stays, so that whoever reads of it can have it replaced.
    """
    if "gd" not in text and "eyJ" not in text:  # to look for the forms takes twenty times as long
        return text
    return _SENSITIVE.sub(r"\1\2***", text)


def sealed_key_id(client_id: ClientId, secret_id: SecretId) -> KeyId:
    """Return the id a kept secret is sealed under, so that no client's fits another's place."""
    return KeyId(f"{client_id}\0{secret_id}")
