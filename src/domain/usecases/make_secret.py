"""Making client secrets, and giving them to clients (D5)."""

from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import InvalidRegistration
from domain.model.assertions import SHORTEST_SHARED_SECRET
from domain.model.clients import Client
from domain.model.credentials import (
    LONGEST_IMPORTED_SECRET,
    MAX_SECRETS,
    AuthMethod,
    ClientSecret,
    RegisteredSecret,
    SecretHash,
    SecretId,
    sealed_key_id,
)
from domain.model.keys import KeyPurpose, SymmetricKey
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope
from domain.ports.secret_hashing import SecretHasher

_SECRET_ID_BYTES = 4


@dataclass(frozen=True, slots=True)
class MadeSecret:
    """A secret that no client has yet, and what will be kept of it."""

    secret: ClientSecret
    kept: RegisteredSecret


class MakeSecret:
    def __init__(
        self, *, hasher: SecretHasher, envelope: Envelope, entropy: Entropy, clock: Clock
    ) -> None:
        self._hasher = hasher
        self._envelope = envelope
        self._entropy = entropy
        self._clock = clock

    async def __call__(
        self, *, pepper: SymmetricKey, label: str = "", expires_at: datetime | None = None
    ) -> MadeSecret:
        """Make a secret of 256 random bits."""
        return await self._hash_fast(
            self.compose(), pepper=pepper, label=label, expires_at=expires_at
        )

    def compose(self) -> ClientSecret:
        """Return a new secret of 256 random bits of which nothing is kept yet."""
        return ClientSecret.compose(self._new_id(), self._entropy.token())

    async def take_over(
        self,
        secret: ClientSecret,
        /,
        client: Client,
        *,
        pepper: SymmetricKey,
        expires_at: datetime | None = None,
    ) -> MadeSecret:
        """Take a secret that was made elsewhere; one that was generated here keeps its id.

        Raises:
            InvalidRegistration: If it cannot serve *client*.
        """
        require_usable(secret, client)
        if secret.is_ours:
            return await self._hash_fast(secret, pepper=pepper, expires_at=expires_at)
        kept = RegisteredSecret(
            secret_id=self._new_id(),
            hash=await self._hasher.hash_slowly(secret),
            created_at=self._clock.now(),
            imported=True,
            expires_at=expires_at,
        )
        return MadeSecret(secret, kept)

    def adopt(
        self, stored: SecretHash, /, *, expires_at: datetime | None = None
    ) -> RegisteredSecret:
        """Keep a secret that is known by its hash alone."""
        return RegisteredSecret(
            secret_id=self._new_id(),
            hash=stored,
            created_at=self._clock.now(),
            imported=True,
            expires_at=expires_at,
        )

    async def _hash_fast(
        self,
        secret: ClientSecret,
        *,
        pepper: SymmetricKey,
        label: str = "",
        expires_at: datetime | None,
    ) -> MadeSecret:
        kept = RegisteredSecret(
            secret_id=secret.secret_id or self._new_id(),
            hash=await self._hasher.hash(secret, pepper=pepper),
            created_at=self._clock.now(),
            label=label,
            expires_at=expires_at,
        )
        return MadeSecret(secret, kept)

    def give(self, made: MadeSecret, /, client: Client) -> Client:
        """Return *client* with one more secret.

        It is kept, sealed, for a client that signs with it; no other secret
        can be read again.

        Raises:
            InvalidRegistration: If no method of the client takes a secret, or
                if it has as many as it may have.
        """
        _require_a_use(client)
        if len(client.secrets) >= MAX_SECRETS:
            raise InvalidRegistration(
                "too many secrets", hint=f"it has {MAX_SECRETS} secrets already: delete one first"
            )
        kept = replace(made.kept, sealed=self._sealed(made, client))
        return replace(client, secrets=(*client.secrets, kept))

    def _sealed(self, made: MadeSecret, client: Client) -> bytes | None:
        if AuthMethod.CLIENT_SECRET_JWT not in client.auth_methods:
            return None
        return self._envelope.seal(
            made.secret.reveal().encode(),
            purpose=KeyPurpose.CLIENT_SECRET,
            key_id=sealed_key_id(client.client_id, made.kept.secret_id),
        )

    def _new_id(self) -> SecretId:
        return SecretId(self._entropy.octets(_SECRET_ID_BYTES).hex())


def _require_a_use(client: Client) -> None:
    if not client.uses_a_secret:
        raise InvalidRegistration(
            "a secret without a use", hint="no authentication method of this client takes a secret"
        )


def require_usable(secret: ClientSecret, client: Client) -> None:
    """Refuse a secret that was made elsewhere and cannot serve *client*.

    Raises:
        InvalidRegistration: With the reason in its hint.
    """
    _require_a_use(client)
    text = secret.reveal()
    if not 0 < len(text) <= LONGEST_IMPORTED_SECRET or not text.isprintable():
        raise InvalidRegistration(
            "an unusable secret",
            hint=f"a secret has 1 to {LONGEST_IMPORTED_SECRET} characters, all printable",
        )
    if (
        AuthMethod.CLIENT_SECRET_JWT in client.auth_methods
        and len(text.encode()) < SHORTEST_SHARED_SECRET
    ):
        raise InvalidRegistration(
            "a secret too short to sign with",
            hint=f"client_secret_jwt needs a secret of {SHORTEST_SHARED_SECRET} bytes or more",
        )
