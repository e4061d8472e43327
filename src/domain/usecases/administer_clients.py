"""Registering clients and ending them."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from domain.errors import ClientNotFound, InvalidRegistration
from domain.model.assertions import SHORTEST_SHARED_SECRET
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, require_coherent
from domain.model.credentials import (
    LONGEST_IMPORTED_SECRET,
    AuthMethod,
    ClientSecret,
    RegisteredSecret,
    SecretId,
    sealed_key_id,
)
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ClientId, Epoch
from domain.model.keys import KeyPurpose
from domain.ports.audit_trail import AuditTrail
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope
from domain.ports.secret_hashing import SecretHasher
from domain.usecases.current_catalogue import CurrentCatalogue

_EPOCH_BYTES = 12
_CLIENT_ID_BYTES = 12
_SECRET_ID_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client that is to be registered.

    Attributes:
        draft: What it is to be, without secrets.

        secret: One made elsewhere; None has one made, if a method needs it.

        secret_expires_at: When the secret ends, wherever it was made.
    """

    draft: Client
    secret: ClientSecret | None = None
    secret_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreatedClient:
    """A new client, and its secret for the one time it is shown; None if public or imported."""

    client: Client
    secret: ClientSecret | None


class AdministerClients:
    def __init__(
        self,
        clients: ClientStore,
        *,
        catalogue: CurrentCatalogue,
        hasher: SecretHasher,
        envelope: Envelope,
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
        issuer: str,
    ) -> None:
        self._clients = clients
        self._catalogue = catalogue
        self._hasher = hasher
        self._envelope = envelope
        self._entropy = entropy
        self._clock = clock
        self._audit = audit
        self._issuer = issuer

    def new_client_id(self) -> ClientId:
        return ClientId(self._entropy.token(_CLIENT_ID_BYTES))

    def new_epoch(self) -> Epoch:
        return Epoch(self._entropy.token(_EPOCH_BYTES))

    async def create(
        self, draft: Client, *, imported_secret: ClientSecret | None = None
    ) -> CreatedClient:
        """Register *draft*, with a secret made here if it needs one and brings none.

        Raises:
            InvalidRegistration: If the draft contradicts itself or names a
                scope, resource or algorithm that this server does not know.
            ClientExists: If its id or its owner's name is taken.
        """
        wanted = NewClient(draft=draft, secret=imported_secret)
        return await self._admit(await self._judge(wanted, await self._catalogue.read()))

    async def create_all(self, wanted: Sequence[NewClient]) -> AsyncIterator[CreatedClient]:
        """Register several clients, all judged before the first; yield each once it is there.

        Raises:
            InvalidRegistration: As `create` does, with the client's place in
                the hint; none is registered then.
            ClientExists: If an id or an owner's name is taken; those yielded
                before stay registered.
        """
        catalogue = await self._catalogue.read()
        judged: dict[ClientId, CreatedClient] = {}
        for place, one in enumerate(wanted, 1):
            with telling_place(place, of=len(wanted)):
                if one.draft.client_id in judged:
                    raise InvalidRegistration(
                        "one id twice", hint="its client_id is that of one before it"
                    )
                judged[one.draft.client_id] = await self._judge(one, catalogue)
        for ready in judged.values():
            yield await self._admit(ready)

    async def show(self, client_id: ClientId) -> Client:
        """Return a client.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        client = await self._clients.find(client_id)
        if client is None:
            raise ClientNotFound(client_id, hint=client_id)
        return client

    async def page(self, *, after: ClientId | None, limit: int) -> Sequence[Client]:
        """Return up to *limit* clients in the order of their ids, from behind *after*."""
        return await self._clients.page(after=after, limit=limit)

    async def delete(self, client_id: ClientId) -> None:
        """Remove a client. What it holds ends with it, and a client made anew does not get it back.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        if not await self._clients.remove(client_id):
            raise ClientNotFound(client_id, hint=client_id)
        await self._record(EventKind.CLIENT_DELETED, client_id)

    async def _judge(self, wanted: NewClient, catalogue: Catalogue) -> CreatedClient:
        """Return the client as it will be, and keep nothing yet."""
        draft = wanted.draft
        self._require_known(draft, catalogue)
        if wanted.secret is None and not draft.uses_a_secret:
            return CreatedClient(require_coherent(draft), None)
        secret_id = SecretId(self._entropy.octets(_SECRET_ID_BYTES).hex())
        if wanted.secret is None:
            secret = ClientSecret.compose(secret_id, self._entropy.token())
            hashed = await self._hasher.hash(secret, pepper=catalogue.keyring.pepper)
        else:
            secret = _require_usable(wanted.secret, draft)
            hashed = await self._hasher.hash_slowly(secret)
        registered = RegisteredSecret(
            secret_id=secret_id,
            hash=hashed,
            created_at=self._clock.now(),
            imported=wanted.secret is not None,
            expires_at=wanted.secret_expires_at,
            sealed=self._sealed(secret, secret_id, draft),
        )
        client = require_coherent(replace(draft, secrets=(registered,)))
        return CreatedClient(client, None if registered.imported else secret)

    def _sealed(self, secret: ClientSecret, secret_id: SecretId, draft: Client) -> bytes | None:
        """Wrap the secret of a client that signs with it; no other secret can be read again."""
        if AuthMethod.CLIENT_SECRET_JWT not in draft.auth_methods:
            return None
        return self._envelope.seal(
            secret.reveal().encode(),
            purpose=KeyPurpose.CLIENT_SECRET,
            key_id=sealed_key_id(draft.client_id, secret_id),
        )

    async def _admit(self, judged: CreatedClient) -> CreatedClient:
        await self._clients.add(judged.client)
        await self._record(EventKind.CLIENT_CREATED, judged.client.client_id)
        return judged

    def _require_known(self, draft: Client, catalogue: Catalogue) -> None:
        unknown_scope = draft.scope - catalogue.known(draft.scope)
        if unknown_scope:
            raise InvalidRegistration("unknown scope", hint=f"unknown scope: {unknown_scope}")
        named = draft.audiences | draft.serves | {draft.default_audience or self._issuer}
        unknown = sorted(named - catalogue.resources.keys() - {self._issuer})
        if unknown:
            raise InvalidRegistration(
                "unknown resource", hint=f"unknown resource: {' '.join(unknown)}"
            )
        for algorithm in (draft.signing_algorithm, draft.introspection_signed_response_alg):
            if algorithm is not None:
                catalogue.keyring.require_signer(algorithm, now=self._clock.now())

    async def _record(self, kind: EventKind, client_id: ClientId) -> None:
        await self._audit.record(AuditEvent(kind=kind, at=self._clock.now(), subject=client_id))


@contextmanager
def telling_place(place: int, *, of: int) -> Iterator[None]:
    """Say which of several clients is refused."""
    try:
        yield
    except InvalidRegistration as error:
        if of == 1:
            raise
        hint = f"client {place} of {of}: {error.hint}"
        raise InvalidRegistration(error.detail, hint=hint) from error


def _require_usable(secret: ClientSecret, draft: Client) -> ClientSecret:
    """Return a secret made elsewhere, refusing one that cannot serve."""
    text = secret.reveal()
    if not draft.uses_a_secret:
        raise InvalidRegistration(
            "a secret without a use", hint="no authentication method of this client takes a secret"
        )
    if not 0 < len(text) <= LONGEST_IMPORTED_SECRET or not text.isprintable():
        raise InvalidRegistration(
            "an unusable secret",
            hint=f"a secret has 1 to {LONGEST_IMPORTED_SECRET} characters, all printable",
        )
    if (
        AuthMethod.CLIENT_SECRET_JWT in draft.auth_methods
        and len(text.encode()) < SHORTEST_SHARED_SECRET
    ):
        raise InvalidRegistration(
            "a secret too short to sign with",
            hint=f"client_secret_jwt needs a secret of {SHORTEST_SHARED_SECRET} bytes or more",
        )
    return secret
