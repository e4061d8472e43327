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
from domain.model.keys import Keyring, SymmetricKey
from domain.ports.clients import ClientStore
from domain.ports.secret_hashing import SecretHasher, SecretMismatch


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
    ) -> Client:
        """Return the client, proved to be the caller.

        The secret is compared before anything else is judged, and compared
        with nothing for an unknown client, so that a disabled client, an
        expired secret, a wrong one and an unknown client take one time.

        Raises:
            InvalidClient: If it is not proved, whatever the reason.
        """
        matched = await self._match(presented.secret, found, keyring.peppers)
        if found is None:
            raise InvalidClient("unknown client")
        if found.disabled:
            raise InvalidClient("the client is disabled")
        if presented.method not in found.auth_methods:
            raise InvalidClient(f"the client is not registered for {presented.method}")
        if presented.method is AuthMethod.NONE:
            return found
        if matched is None:
            raise InvalidClient("wrong secret")
        if matched.is_expired(now):
            raise InvalidClient("the secret has expired")
        if presented.secret is not None and self._hasher.is_slow(matched.hash):
            await self._rehash(found, matched, presented.secret, keyring.pepper)
        return found

    async def _match(
        self, secret: ClientSecret | None, client: Client | None, peppers: Sequence[SymmetricKey]
    ) -> RegisteredSecret | None:
        if secret is None:
            return None
        candidates = matching(client.secrets if client is not None else (), secret)
        for candidate in candidates:
            with suppress(SecretMismatch):
                await self._hasher.verify(secret, against=candidate.hash, peppers=peppers)
                return candidate
        if not candidates:
            with suppress(SecretMismatch):
                await self._hasher.verify(secret, against=None, peppers=peppers)
        return None

    async def _rehash(
        self, client: Client, slow: RegisteredSecret, secret: ClientSecret, pepper: SymmetricKey
    ) -> None:
        """Replace a slow hash on first use; whoever changed the client meanwhile goes first.

        That decides nothing, so a store that takes no writes may wait for the next time.
        """
        fast = replace(slow, hash=await self._hasher.hash(secret, pepper=pepper))
        secrets = tuple(fast if kept is slow else kept for kept in client.secrets)
        with suppress(ClientNotFound, Conflict, Unavailable):
            await self._clients.replace(
                replace(client, secrets=secrets, version=client.version + 1), seen=client.version
            )
