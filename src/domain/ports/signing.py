from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from domain.model.identifiers import ClientId
from domain.model.introspection import Introspection
from domain.model.keys import SigningAlgorithm, SigningKey
from domain.model.tokens import AccessTokenClaims


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

    def peek(self, token: str, /) -> AccessTokenClaims | None:
        """Read what a JWT claims, unproved: good for foreseeing reads, for nothing else."""
        ...

    async def verify(
        self, token: str, /, *, keys: Sequence[SigningKey], issuer: str
    ) -> AccessTokenClaims:
        """Return the claims of a JWT that one of *keys* signed for *issuer*.

        It holds `typ`, `alg`, `kid`, the signature, the issuer and the shape
        of every claim to RFC 9068 §4. Time, revocation and audience are the
        caller's to judge.

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
