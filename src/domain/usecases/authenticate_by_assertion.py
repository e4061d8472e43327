"""Proof by a JWT that the client signed, with its key or its secret (RFC 7523 §2.2)."""

from collections.abc import Collection
from contextlib import suppress
from datetime import datetime

from domain.errors import InvalidClient
from domain.model.assertions import AssertionClaims, require_acceptable
from domain.model.clients import Client
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    PresentedAssertion,
    RegisteredSecret,
    sealed_key_id,
)
from domain.model.keys import KeyPurpose
from domain.ports.assertions import (
    AssertionRejected,
    AssertionReplays,
    AssertionVerifier,
    ClientKeySource,
    ForeseenAssertion,
)
from domain.ports.envelope import Envelope
from domain.usecases.proved_client import ProvedClient


class AuthenticateByAssertion:
    """Takes an assertion once, for this server alone.

    Args:
        issuer: The only audience an assertion may have (RFC 10070 §4).

        token_endpoint: Its URL, an audience for clients that are excused.
    """

    def __init__(
        self,
        *,
        verifier: AssertionVerifier,
        keys: ClientKeySource,
        replays: AssertionReplays,
        envelope: Envelope,
        issuer: str,
        token_endpoint: str,
    ) -> None:
        self._verifier = verifier
        self._keys = keys
        self._replays = replays
        self._envelope = envelope
        self._issuer = issuer
        self._token_endpoint = token_endpoint

    def foresee(self, presented: PresentedAssertion) -> ForeseenAssertion | None:
        """Read whose an assertion claims to be; None if it is none."""
        return self._verifier.peek(presented.assertion)

    async def __call__(
        self,
        presented: PresentedAssertion,
        foreseen: ForeseenAssertion,
        found: Client | None,
        /,
        *,
        now: datetime,
    ) -> ProvedClient:
        """Return the client, proved to be the caller, and spend the assertion.

        Raises:
            InvalidClient: If it is not proved, whatever the reason.
            Unavailable: If the client's keys cannot be fetched.
        """
        method = (
            AuthMethod.CLIENT_SECRET_JWT
            if foreseen.algorithm.is_symmetric
            else AuthMethod.PRIVATE_KEY_JWT
        )
        if found is None:
            raise InvalidClient("unknown client")
        if found.disabled:
            raise InvalidClient("the client is disabled")
        if method not in found.auth_methods:
            raise InvalidClient(f"the client is not registered for {method}")
        if found.assertion_algorithm not in (None, foreseen.algorithm):
            raise InvalidClient("the client is registered for another algorithm")
        claims, secret = await self._verify(presented.assertion, foreseen, found, now)
        require_acceptable(
            claims, client_id=found.client_id, audiences=self._audiences(found), now=now
        )
        unspent = await self._replays.spend(
            claims.assertion_id, until=claims.remembered_until, now=now
        )
        if not unspent:
            raise InvalidClient("the assertion was spent before")
        return ProvedClient(found, secret)

    async def _verify(
        self, assertion: str, foreseen: ForeseenAssertion, client: Client, now: datetime
    ) -> tuple[AssertionClaims, RegisteredSecret | None]:
        try:
            if foreseen.algorithm.is_symmetric:
                return await self._verify_by_secrets(assertion, client, now)
            jwks = await self._keys.jwks(client, key_id=foreseen.key_id)
            return await self._verifier.verify_by_keys(assertion, jwks=jwks), None
        except AssertionRejected as error:
            raise InvalidClient(f"the assertion is rejected: {error}") from error

    async def _verify_by_secrets(
        self, assertion: str, client: Client, now: datetime
    ) -> tuple[AssertionClaims, RegisteredSecret]:
        for kept in client.secrets:
            if kept.sealed is None or kept.is_expired(now):
                continue
            with suppress(AssertionRejected):
                secret = self._unseal(client, kept, kept.sealed)
                return await self._verifier.verify_by_secret(assertion, secret=secret), kept
        raise AssertionRejected("no secret of the client signed it")

    def _unseal(self, client: Client, kept: RegisteredSecret, sealed: bytes) -> ClientSecret:
        key_id = sealed_key_id(client.client_id, kept.secret_id)
        material = self._envelope.unseal(sealed, purpose=KeyPurpose.CLIENT_SECRET, key_id=key_id)
        return ClientSecret(material.decode())

    def _audiences(self, client: Client) -> Collection[str]:
        if client.accept_token_endpoint_audience:
            return (self._issuer, self._token_endpoint)
        return (self._issuer,)
