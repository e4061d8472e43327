"""Proof by a client secret, or by the bare name of a public client (RFC 6749 §2.3.1)."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from domain.errors import ClientNotFound, Conflict, InvalidClient, Unavailable
from domain.model.clients import Client
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    PresentedCredentials,
    RegisteredSecret,
    matching,
)
from domain.model.keys import KeyId, Keyring, SymmetricKey
from domain.model.values import value
from domain.ports.clients import ClientStore
from domain.ports.secret_hashing import SecretHasher, SecretMismatch
from domain.usecases.proved_client import ProvedClient


@value
class _Match:
    """What is kept of a secret, the secret as it was meant, and what peppers its hash."""

    kept: RegisteredSecret
    secret: ClientSecret
    pepper_id: KeyId | None


class AuthenticateBySecret:
    def __init__(self, clients: ClientStore, hasher: SecretHasher) -> None:
        self._clients = clients
        self._hasher = hasher

    async def __call__(
        self,
        presented: PresentedCredentials,
        found: Client | None,
        /,
        *,
        keyring: Keyring,
        now: datetime,
    ) -> ProvedClient:
        """Return the client, proved to be the caller.

        The secret is compared before anything else is judged, and compared
        with nothing for an unknown client, so that a disabled client, an
        expired secret, a wrong one and an unknown client take one time.

        Raises:
            InvalidClient: If it is not proved, whatever the reason.
        """
        match = await self._match(presented, found, keyring.peppers)
        if found is None:
            raise InvalidClient("unknown client")
        if found.disabled:
            raise InvalidClient("the client is disabled")
        if presented.method not in found.auth_methods:
            raise InvalidClient(f"the client is not registered for {presented.method}")
        if presented.method is AuthMethod.NONE:
            return ProvedClient(found)
        if match is None:
            raise InvalidClient(_why_none_matched(presented, found))
        if match.kept.is_expired(now):
            raise InvalidClient("the secret has expired")
        if match.pepper_id != keyring.pepper.key_id:
            await self._rehash(found, match, keyring.pepper)
        return ProvedClient(found, match.kept)

    async def _match(
        self,
        presented: PresentedCredentials,
        client: Client | None,
        peppers: Sequence[SymmetricKey],
    ) -> "_Match | None":
        compared = False
        secrets = client.secrets if client is not None else ()
        for secret in _readings(presented, client):
            for kept in matching(secrets, secret):
                compared = True
                try:
                    pepper_id = await self._hasher.verify(
                        secret, against=kept.hash, peppers=peppers
                    )
                except SecretMismatch:
                    continue
                return _Match(kept, secret, pepper_id)
        sent = presented.secret if presented.secret is not None else presented.raw_secret
        if sent is not None and not compared:
            with suppress(SecretMismatch):
                await self._hasher.verify(sent, against=None, peppers=peppers)
        return None

    async def _rehash(self, client: Client, match: "_Match", pepper: SymmetricKey) -> None:
        """Replace a slow hash, or one of an older pepper, on its next use.

        Whoever changed the client meanwhile goes first.

        That decides nothing, so a store that takes no writes may wait for the next time.
        """
        fast = replace(match.kept, hash=await self._hasher.hash(match.secret, pepper=pepper))
        secrets = tuple(fast if kept is match.kept else kept for kept in client.secrets)
        with suppress(ClientNotFound, Conflict, Unavailable):
            await self._clients.replace(
                replace(client, secrets=secrets, version=client.version + 1), seen=client.version
            )


def _readings(presented: PresentedCredentials, client: Client | None) -> tuple[ClientSecret, ...]:
    """Return the secrets that may be meant, the form-encoded one (RFC 6749 §2.3.1) first."""
    read = (presented.secret,) if presented.secret is not None else ()
    if presented.raw_secret is None or client is None or not client.accept_raw_basic_credentials:
        return read
    return (*read, presented.raw_secret)


def _why_none_matched(presented: PresentedCredentials, client: Client) -> str:
    if _readings(presented, client) or presented.raw_secret is None:
        return "wrong secret"
    return "malformed Basic credentials"
