"""Registering clients and ending them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.errors import ClientNotFound, InvalidRegistration
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, require_coherent
from domain.model.credentials import (
    LONGEST_IMPORTED_SECRET,
    ClientSecret,
    RegisteredSecret,
    SecretId,
)
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ClientId, Epoch
from domain.model.keys import SigningAlgorithm
from domain.ports.audit_trail import AuditTrail
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.secret_hashing import SecretHasher
from domain.usecases.current_catalogue import CurrentCatalogue

_EPOCH_BYTES = 12
_CLIENT_ID_BYTES = 12
_SECRET_ID_BYTES = 4


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
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
        issuer: str,
    ) -> None:
        self._clients = clients
        self._catalogue = catalogue
        self._hasher = hasher
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
        """Register *draft*, with a secret made here unless it is public or brings one.

        Raises:
            InvalidRegistration: If the draft contradicts itself or names a
                scope, resource or algorithm that this server does not know.
            ClientExists: If its id or its owner's name is taken.
        """
        catalogue = await self._catalogue.read()
        self._require_known(draft, catalogue)
        if draft.is_public and imported_secret is not None:
            raise InvalidRegistration("public with a secret", hint="a public client has no secret")
        secret: ClientSecret | None = None
        if imported_secret is not None:
            draft = replace(draft, secrets=(await self._imported(imported_secret),))
        elif not draft.is_public:
            secret, registered = await self._generate(catalogue)
            draft = replace(draft, secrets=(registered,))
        client = require_coherent(draft)
        await self._clients.add(client)
        await self._record(EventKind.CLIENT_CREATED, client.client_id)
        return CreatedClient(client, secret)

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
        self._require_signable(draft.signing_algorithm, catalogue)

    def _require_signable(self, algorithm: SigningAlgorithm | None, catalogue: Catalogue) -> None:
        now = self._clock.now()
        if algorithm is not None and catalogue.keyring.signer(algorithm, now=now) is None:
            raise InvalidRegistration(
                "no key", hint=f"there is no active key for {algorithm}: see grantd keys list"
            )

    async def _generate(self, catalogue: Catalogue) -> tuple[ClientSecret, RegisteredSecret]:
        secret_id = SecretId(self._entropy.octets(_SECRET_ID_BYTES).hex())
        secret = ClientSecret.compose(secret_id, self._entropy.token())
        hashed = await self._hasher.hash(secret, pepper=catalogue.keyring.pepper)
        return secret, RegisteredSecret(
            secret_id=secret_id, hash=hashed, created_at=self._clock.now()
        )

    async def _imported(self, secret: ClientSecret) -> RegisteredSecret:
        text = secret.reveal()
        if not 0 < len(text) <= LONGEST_IMPORTED_SECRET or not text.isprintable():
            raise InvalidRegistration(
                "an unusable secret",
                hint=f"a secret has 1 to {LONGEST_IMPORTED_SECRET} characters, all printable",
            )
        return RegisteredSecret(
            secret_id=SecretId(self._entropy.octets(_SECRET_ID_BYTES).hex()),
            hash=await self._hasher.hash_slowly(secret),
            created_at=self._clock.now(),
            imported=True,
        )

    async def _record(self, kind: EventKind, client_id: ClientId) -> None:
        await self._audit.record(AuditEvent(kind=kind, at=self._clock.now(), subject=client_id))
