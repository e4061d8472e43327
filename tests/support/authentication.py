"""Client authentication wired by hand, and what clients prove themselves with."""

import json
from datetime import timedelta
from typing import Any

from adapters.request_record import RecordingWitness
from domain.model.assertions import AssertionAlgorithm, AssertionClaims
from domain.model.clients import Client
from domain.model.credentials import ClientSecret, PresentedAssertion
from domain.model.identifiers import ClientId
from domain.model.limits import FailureLimits
from domain.ports.assertions import (
    AssertionRejected,
    AssertionReplays,
    AssertionVerifier,
    ClientKeySource,
    ForeseenAssertion,
)
from domain.ports.clients import ClientStore
from domain.ports.envelope import Envelope
from domain.ports.rate_limiter import RateLimiter
from domain.ports.secret_hashing import SecretHasher
from domain.usecases.authenticate_by_assertion import AuthenticateByAssertion
from domain.usecases.authenticate_by_secret import AuthenticateBySecret
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.note_use import NoteUse
from support.domain_samples import ISSUER, LEDGER, NOW

_CLAIMS = AssertionClaims(
    issuer=LEDGER,
    subject=LEDGER,
    audience=(ISSUER,),
    jti="assertion-1",
    expires_at=NOW + timedelta(minutes=5),
)


class PlainAssertionVerifier:
    """Reads what `plain_assertion` writes: who signed it stands in the text."""

    def peek(self, assertion: str, /) -> ForeseenAssertion | None:
        try:
            members = json.loads(assertion)
            algorithm = AssertionAlgorithm(members["alg"])
        except (ValueError, TypeError, KeyError):
            return None
        return ForeseenAssertion(ClientId(members["sub"]), algorithm, members.get("kid"))

    async def verify_by_keys(self, assertion: str, /, *, jwks: str) -> AssertionClaims:
        return self._claims(assertion, signer=jwks)

    async def verify_by_secret(self, assertion: str, /, *, secret: ClientSecret) -> AssertionClaims:
        return self._claims(assertion, signer=secret.reveal())

    def _claims(self, assertion: str, *, signer: str) -> AssertionClaims:
        members = json.loads(assertion)
        if members["signer"] != signer:
            raise AssertionRejected("the signature is wrong")
        return AssertionClaims(
            issuer=members["iss"],
            subject=ClientId(members["sub"]),
            audience=tuple(members["aud"]),
            jti=members["jti"],
            expires_at=NOW + timedelta(seconds=members["exp"]),
        )


class InlineKeySource:
    """Knows the keys that clients are registered with, and fetches none.

    Attributes:
        asked: The key id of each call.
    """

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def jwks(self, client: Client, /, *, key_id: str | None) -> str:
        self.asked.append(key_id)
        if client.jwks is None:
            raise AssertionRejected("the client has no keys")
        return client.jwks


def plain_assertion(
    *,
    signer: str,
    claims: AssertionClaims = _CLAIMS,
    algorithm: AssertionAlgorithm = AssertionAlgorithm.ES256,
    key_id: str | None = None,
) -> PresentedAssertion:
    """Return what `PlainAssertionVerifier` takes for an assertion signed by *signer*."""
    members: dict[str, Any] = {
        "alg": algorithm,
        "kid": key_id,
        "signer": signer,
        "iss": claims.issuer,
        "sub": claims.subject,
        "aud": claims.audience,
        "jti": claims.jti,
        "exp": (claims.expires_at - NOW).total_seconds(),
    }
    return PresentedAssertion(json.dumps(members))


def build_authentication(
    clients: ClientStore,
    hasher: SecretHasher,
    *,
    envelope: Envelope,
    limiter: RateLimiter,
    replays: AssertionReplays,
    verifier: AssertionVerifier | None = None,
    keys: ClientKeySource | None = None,
    limits: FailureLimits | None = None,
    note_use: NoteUse,
    issuer: str = ISSUER,
) -> AuthenticateClient:
    """Wire the authentication of clients, with plain assertions and inline keys by default."""
    return AuthenticateClient(
        clients,
        by_secret=AuthenticateBySecret(clients, hasher),
        by_assertion=AuthenticateByAssertion(
            verifier=verifier or PlainAssertionVerifier(),
            keys=keys or InlineKeySource(),
            replays=replays,
            envelope=envelope,
            issuer=issuer,
            token_endpoint=f"{issuer}/access_token",
        ),
        limiter=limiter,
        limits=limits or FailureLimits(),
        note_use=note_use,
        witness=RecordingWitness(),
    )


_verifier: type[AssertionVerifier] = PlainAssertionVerifier
_keys: type[ClientKeySource] = InlineKeySource
