"""Registering clients, changing them and ending them."""

import json
from collections.abc import AsyncIterator, Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypedDict

from domain.errors import ClientNotFound, InvalidRegistration
from domain.model.assertions import AssertionAlgorithm
from domain.model.catalogue import Catalogue
from domain.model.client_keys import read_client_keys
from domain.model.clients import Client, GrantType, Subject, require_coherent
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.ports.audit_trail import AuditTrail
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.usecases.change_client import ChangeClient
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.make_secret import MakeSecret

_EPOCH_BYTES = 12
_CLIENT_ID_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClient:
    """A client that is to be registered.

    Attributes:
        draft: What it is to be. It has a secret only where that is known by
            its hash alone.

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


class ClientChanges(TypedDict, total=False):
    """What a client is to become; what is left out stays. Its id and its owner always stay."""

    name: str
    auth_methods: frozenset[AuthMethod]
    grant_types: frozenset[GrantType]
    scope: Scope
    default_scope: Scope
    audiences: frozenset[ResourceId]
    default_audience: ResourceId | None
    serves: frozenset[ResourceId]
    introspect_any: bool
    accept_raw_basic_credentials: bool
    subject: Subject
    issue_refresh_token: bool
    token_format: TokenFormat | None
    signing_algorithm: SigningAlgorithm | None
    jwks: str | None
    jwks_uri: str | None
    assertion_algorithm: AssertionAlgorithm | None
    accept_token_endpoint_audience: bool
    introspection_signed_response_alg: SigningAlgorithm
    access_token_ttl: timedelta | None
    refresh_token_ttl: timedelta | None
    refresh_token_max_age: timedelta | None
    refresh_grace: timedelta | None


@dataclass(frozen=True, slots=True)
class UpdatedClient:
    """A client as it is now, and a secret for the one time it is shown, if one was made."""

    client: Client
    secret: ClientSecret | None


class AdministerClients:
    def __init__(
        self,
        clients: ClientStore,
        *,
        catalogue: CurrentCatalogue,
        make_secret: MakeSecret,
        change: ChangeClient,
        entropy: Entropy,
        clock: Clock,
        audit: AuditTrail,
        issuer: str,
    ) -> None:
        self._clients = clients
        self._catalogue = catalogue
        self._make_secret = make_secret
        self._change = change
        self._entropy = entropy
        self._clock = clock
        self._audit = audit
        self._issuer = issuer

    def new_client_id(self) -> ClientId:
        return make_client_id(self._entropy)

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
        return await self.admit(await self.judge_against(wanted, await self._catalogue.read()))

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
                require_another_id(one.draft.client_id, judged)
                judged[one.draft.client_id] = await self.judge_against(one, catalogue)
        for ready in judged.values():
            yield await self.admit(ready)

    async def judge(self, wanted: NewClient) -> Client:
        """Return the client that would be registered, and register nothing.

        Whether its names are taken is not judged.

        Raises:
            InvalidRegistration: As `create` does.
        """
        return (await self.judge_against(wanted, await self._catalogue.read())).client

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

    async def update(
        self,
        client_id: ClientId,
        changes: ClientChanges,
        /,
        *,
        if_version: int | None = None,
        new_secret: bool = False,
        imported_secret: ClientSecret | None = None,
    ) -> UpdatedClient:
        """Change what is given of a client.

        What only a dropped authentication method used goes with it: secrets,
        kept secrets, keys. Of `jwks` and `jwks_uri` one replaces the other.

        Args:
            if_version: The only version that may be changed.

            new_secret: Makes one more secret in the same step, which a client
                needs that had none for a method it gets.

            imported_secret: Gives it one more that was made elsewhere.

        Raises:
            ClientNotFound: If there is none of that id.
            Conflict: If it is not of that version.
            InvalidRegistration: If the client would contradict itself or name
                anew what this server does not know.
        """
        catalogue = await self._catalogue.read()
        pepper = catalogue.keyring.pepper
        made = await self._make_secret(pepper=pepper) if new_secret else None
        taken = None
        if imported_secret is not None:
            wanted = replace(await self.show(client_id), **changes)
            taken = await self._make_secret.take_over(imported_secret, wanted, pepper=pepper)

        def change(client: Client) -> Client:
            changed = replace(_without_what_goes(client, changes), **changes)
            self._require_known(changed, catalogue, was=client)
            for one in (made, taken):
                if one is not None:
                    changed = self._make_secret.give(one, changed)
            _require_proof(changed)
            return require_coherent(changed)

        client = await self._change(client_id, change, if_version=if_version)
        return UpdatedClient(client, made.secret if made is not None else None)

    async def disable(self, client_id: ClientId, /, *, if_version: int | None = None) -> Client:
        """Refuse a client from now on. What it holds ends, and enabling does not bring it back.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        epoch = self.new_epoch()
        return await self._change(
            client_id,
            lambda client: (
                client if client.disabled else replace(client, disabled=True, epoch=epoch)
            ),
            if_version=if_version,
        )

    async def enable(self, client_id: ClientId, /, *, if_version: int | None = None) -> Client:
        """Let a disabled client in again.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        return await self._change(
            client_id, lambda client: replace(client, disabled=False), if_version=if_version
        )

    async def revoke_all(self, client_id: ClientId) -> Client:
        """End everything that a client holds (D11); it may ask anew at once.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        epoch = self.new_epoch()
        return await self._change(client_id, lambda client: replace(client, epoch=epoch))

    async def delete(self, client_id: ClientId) -> None:
        """Remove a client. What it holds ends with it, and a client made anew does not get it back.

        Raises:
            ClientNotFound: If there is none of that id.
        """
        await self._audit.require()
        if not await self._clients.remove(client_id):
            raise ClientNotFound(client_id, hint=client_id)
        await self._record(EventKind.CLIENT_DELETED, client_id)

    async def judge_against(self, wanted: NewClient, catalogue: Catalogue) -> CreatedClient:
        """Return the client as it will be under *catalogue*, and keep nothing yet.

        Raises:
            InvalidRegistration: As `create` does.
        """
        draft = wanted.draft
        self._require_known(draft, catalogue)
        self._require_signable(draft.signing_algorithm, catalogue)
        self._require_signable(draft.introspection_signed_response_alg, catalogue)
        self._require_a_future(wanted)
        if wanted.secret is None and (draft.secrets or not draft.uses_a_secret):
            return CreatedClient(require_coherent(draft), None)
        if wanted.secret is None:
            made = await self._make_secret(
                pepper=catalogue.keyring.pepper, expires_at=wanted.secret_expires_at
            )
        else:
            made = await self._make_secret.take_over(
                wanted.secret,
                draft,
                pepper=catalogue.keyring.pepper,
                expires_at=wanted.secret_expires_at,
            )
        client = require_coherent(self._make_secret.give(made, draft))
        return CreatedClient(client, made.secret if wanted.secret is None else None)

    def _require_a_future(self, wanted: NewClient) -> None:
        ends = wanted.secret_expires_at
        if ends is not None and not wanted.draft.uses_a_secret:
            raise InvalidRegistration(
                "an end of nothing", hint="it has no secret that could expire"
            )
        if ends is not None and ends <= self._clock.now():
            raise InvalidRegistration("an end in the past", hint="the secret would have expired")

    async def admit(self, judged: CreatedClient) -> CreatedClient:
        """Keep a client that was judged.

        Raises:
            ClientExists: If its id or its owner's name is taken.
        """
        await self._audit.require()
        await self._clients.add(judged.client)
        await self._record(EventKind.CLIENT_CREATED, judged.client.client_id)
        return judged

    def _require_known(
        self, draft: Client, catalogue: Catalogue, *, was: Client | None = None
    ) -> None:
        """Refuse what this server does not know; what the client had before may stay."""
        unknown_scope = Scope(tuple(one for one in draft.scope if one not in catalogue.scopes))
        named = _resources(draft)
        if was is not None:
            unknown_scope -= was.scope
            named -= _resources(was)
        if unknown_scope:
            raise InvalidRegistration("unknown scope", hint=f"unknown scope: {unknown_scope}")
        unknown = sorted(named - catalogue.resources.keys() - {self._issuer})
        if unknown:
            raise InvalidRegistration(
                "unknown resource", hint=f"unknown resource: {' '.join(unknown)}"
            )

    def _require_signable(self, algorithm: SigningAlgorithm | None, catalogue: Catalogue) -> None:
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


def make_client_id(entropy: Entropy) -> ClientId:
    return ClientId(entropy.token(_CLIENT_ID_BYTES))


def require_another_id(client_id: ClientId, before: Container[ClientId]) -> None:
    """Refuse a client that bears the id of one before it."""
    if client_id in before:
        raise InvalidRegistration("one id twice", hint="its client_id is that of one before it")


def _resources(client: Client) -> frozenset[ResourceId]:
    default = {client.default_audience} if client.default_audience is not None else set()
    return client.audiences | client.serves | default


def _without_what_goes(client: Client, changes: ClientChanges) -> Client:
    """Return the client without what *changes* makes useless."""
    methods = changes.get("auth_methods", client.auth_methods)
    dropped = client.auth_methods - methods
    if AuthMethod.PRIVATE_KEY_JWT in dropped:
        client = replace(client, jwks=None, jwks_uri=None)
        client = _without_algorithm(client, symmetric=False)
    if AuthMethod.CLIENT_SECRET_JWT in dropped:
        secrets = tuple(replace(secret, sealed=None) for secret in client.secrets)
        client = _without_algorithm(replace(client, secrets=secrets), symmetric=True)
    if dropped and not replace(client, auth_methods=methods).uses_a_secret:
        client = replace(client, secrets=())
    if "jwks" in changes:
        client = replace(client, jwks_uri=None)
    if "jwks_uri" in changes:
        client = replace(client, jwks=None)
    return client


def _without_algorithm(client: Client, *, symmetric: bool) -> Client:
    algorithm = client.assertion_algorithm
    if algorithm is None or algorithm.is_symmetric is not symmetric:
        return client
    return replace(client, assertion_algorithm=None)


def _require_proof(client: Client) -> None:
    """Refuse a client that could not prove itself by a method it is registered for."""
    remedy = "have one made in the same step (--new-secret)"
    if client.uses_a_secret and not client.secrets:
        raise InvalidRegistration("no secret", hint=f"the client needs a secret: {remedy}")
    kept = any(secret.sealed is not None for secret in client.secrets)
    if AuthMethod.CLIENT_SECRET_JWT in client.auth_methods and not kept:
        raise InvalidRegistration(
            "no kept secret", hint=f"client_secret_jwt needs a secret that is kept: {remedy}"
        )
    algorithm = client.assertion_algorithm
    if client.jwks is None or algorithm is None or algorithm.is_symmetric:
        return
    if algorithm not in read_client_keys(json.loads(client.jwks)).algorithms:
        raise InvalidRegistration(
            "no key for the algorithm", hint=f"no key in jwks signs with {algorithm}"
        )
