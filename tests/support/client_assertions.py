"""Client assertions as clients write them, and as nobody should (RFC 7523 §2.2)."""

import hashlib
import hmac
import json
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from jwt import get_algorithm_by_name

JWT_BEARER: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LIFETIME: Final = 60

Parts = Mapping[str, Any] | Sequence[Any] | bytes | None


class Key(Protocol):
    """What signs.

    Attributes:
        header: What it writes into a header: `alg`, and `kid` if it has one.
    """

    @property
    def header(self) -> Mapping[str, Any]: ...

    def sign(self, message: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class MacKey:
    """A shared secret, for HS256."""

    octets: bytes = field(repr=False)
    header: Mapping[str, Any] = field(default_factory=lambda: {"alg": "HS256"})

    def sign(self, message: bytes) -> bytes:
        return hmac.digest(self.octets, message, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key pair, its private half as `cryptography` has it."""

    private: Any = field(repr=False)
    algorithm: str = "ES256"
    key_id: str | None = None

    @property
    def header(self) -> Mapping[str, Any]:
        named = {} if self.key_id is None else {"kid": self.key_id}
        return {"alg": self.algorithm, **named}

    def sign(self, message: bytes) -> bytes:
        return get_algorithm_by_name(self.algorithm).sign(message, self.private)

    @property
    def jwk(self) -> dict[str, Any]:
        """The public half (RFC 7517)."""
        written = get_algorithm_by_name(self.algorithm).to_jwk(
            self.private.public_key(), as_dict=True
        )
        named = {} if self.key_id is None else {"kid": self.key_id}
        members = {name: value for name, value in written.items() if name != "key_ops"}
        return {**members, **named, "use": "sig"}


def claims_of(client_id: str, audience: object, **changes: object) -> dict[str, Any]:
    """Write claims that are in order but for *changes*; `...` leaves a claim out."""
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "iat": now,
        "exp": now + LIFETIME,
        "jti": secrets.token_urlsafe(12),
        **changes,
    }
    return {name: value for name, value in claims.items() if value is not ...}


def sign_assertion(
    client_id: str,
    audience: object,
    key: Key,
    *,
    header: Mapping[str, object] = {},
    **claims: object,
) -> str:
    """Write an assertion that is in order but for what is changed; `...` leaves a member out."""
    return sign_compact(claims_of(client_id, audience, **claims), key, header=header)


def sign_compact(payload: Parts, key: Key, *, header: Mapping[str, object] | bytes = {}) -> str:
    """Sign any payload; a header in bytes is taken as it is."""
    if not isinstance(header, bytes):
        members = {"typ": "client-authentication+jwt", **key.header, **header}
        header = encode({name: value for name, value in members.items() if value is not ...})
    else:
        header = segment(header)
    message = header + b"." + encode(payload)
    return (message + b"." + segment(key.sign(message))).decode()


def encode(part: Parts) -> bytes:
    return segment(part if isinstance(part, bytes) else json.dumps(part).encode())


def segment(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")


def assertion_form(assertion: str, **form: str) -> dict[str, str]:
    """Return the parameters that carry an assertion (RFC 7521 §4.2)."""
    return {"client_assertion_type": JWT_BEARER, "client_assertion": assertion, **form}
