from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any, Protocol

from domain.model.identifiers import ClientId
from domain.model.introspection import Introspection
from domain.model.keys import KeyId, SigningAlgorithm, SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.model.values import value


@value
class UnprovedToken:
    """A JWT as it was read; nothing of it is proved.

    Attributes:
        digest: The SHA-256 of *text*.

        claims: What it claims: good for foreseeing reads, for nothing else.

        signed_by: The key whose signature under it was found good before.
    """

    text: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    claims: AccessTokenClaims
    signed_by: KeyId | None = None


class TokenRejected(Exception):
    """A text is not a JWT access token of this issuer. Never rendered."""


class TokenSigner(Protocol):
    async def sign(self, claims: AccessTokenClaims, /, *, key: SigningKey) -> str:
        """Write and sign a JWT access token (RFC 9068 §2)."""
        ...


class IntrospectionSigner(Protocol):
    async def sign_introspection(
        self,
        introspection: Introspection,
        /,
        *,
        issuer: str,
        audience: ClientId,
        issued_at: datetime,
        key: SigningKey,
    ) -> str:
        """Write and sign an introspection reply for *audience* alone (RFC 9701 §5)."""
        ...


class TokenVerifier(Protocol):
    """Reads JWT access tokens. Signatures may be remembered, verdicts may not."""

    def peek(self, token: str, /) -> UnprovedToken | None:
        """Read a JWT; None if it has not the shape of one of ours (RFC 9068 §4)."""
        ...

    async def verify(
        self, unproved: UnprovedToken, /, *, keys: Sequence[SigningKey], issuer: str
    ) -> AccessTokenClaims:
        """Return the claims of a JWT that one of *keys* signed for *issuer*.

        It holds `alg`, `kid`, the signature and the issuer to RFC 9068 §4;
        `typ` and the shape of every claim were, when it was read. Time,
        revocation and audience are the caller's to judge.

        Raises:
            TokenRejected: If any of it does not hold.
        """
        ...


class KeyMaker(Protocol):
    def make(self, algorithm: SigningAlgorithm, /, *, activate_at: datetime) -> SigningKey:
        """Make a signing key, its id the RFC 7638 thumbprint of its public half."""
        ...


class KeySetWriter(Protocol):
    def jwk(self, key: SigningKey, /) -> Mapping[str, Any]:
        """Return the public half as a JWK with `kid`, `use` and `alg` (RFC 7517 §4)."""
        ...

    def pem(self, key: SigningKey, /) -> str:
        """Return the public half as a SubjectPublicKeyInfo in PEM (RFC 7468 §13)."""
        ...
