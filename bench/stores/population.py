"""Made-up clients, families and revocations, each a function of its number."""

import base64
import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.families import RefreshFamily
from domain.model.identifiers import ClientId, Epoch, FamilyId, ResourceId, TokenId, bucket_of
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from entrypoints.container import Core

ORDERS: Final = ResourceId("https://orders.example.com")
RESOURCE_SERVER: Final = ClientId("orders")

_READ, _WRITE = ScopeToken("orders.read"), ScopeToken("orders.write")
_FAMILY_LIFE: Final = timedelta(days=30)
_REVOCATION_LIFE: Final = timedelta(days=1)
_TEAMS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Population:
    """Everybody that a store is filled with.

    Attributes:
        secret: The one that all clients of this population share. In the
            store each has its own record of it, as long as any other.

        now: When everything was made.
    """

    template: Client
    secret: ClientSecret
    server_secret: ClientSecret
    now: datetime

    @classmethod
    async def found(cls, core: Core, now: datetime) -> "Population":
        """Make what all of them need: scopes, a resource, and the client that serves it."""
        await core.administer_catalogue.add_resource(Resource(resource_id=ORDERS))
        for token in (_READ, _WRITE):
            await core.administer_catalogue.add_scope(ScopeDefinition(token=token, resource=ORDERS))
        draft = _client(ClientId("template"), now)
        made = await core.administer_clients.create(draft)
        serving = replace(draft, client_id=RESOURCE_SERVER, serves=frozenset({ORDERS}))
        server = await core.administer_clients.create(serving)
        assert made.secret is not None
        assert server.secret is not None
        return cls(made.client, made.secret, server.secret, now)

    def client(self, number: int) -> Client:
        return replace(
            self.template,
            client_id=client_id(number),
            epoch=_epoch(number),
            name=f"Service {number} of team {number % _TEAMS}",
        )

    def family(self, number: int, clients: int) -> RefreshFamily:
        """Return a family of one of that many clients, each of whom has its turn."""
        owner = number % clients
        return RefreshFamily(
            family_id=FamilyId(_identifier("family", number, client_id(owner))),
            owner=client_id(owner),
            epoch=_epoch(owner),
            scope=Scope.parse("orders.read"),
            audience=(ORDERS,),
            created_at=self.now,
            expires_at=self.now + _FAMILY_LIFE,
        )

    def revoked(self, number: int, clients: int) -> tuple[TokenId, datetime]:
        """Return a token of one of that many clients, and until when it is revoked."""
        owner = client_id(number % clients)
        return TokenId(_identifier("token", number, owner)), self.now + _REVOCATION_LIFE

    def credentials(self, number: int) -> PresentedCredentials:
        return PresentedCredentials(client_id(number), AuthMethod.CLIENT_SECRET_BASIC, self.secret)

    @property
    def server_credentials(self) -> PresentedCredentials:
        return PresentedCredentials(
            RESOURCE_SERVER, AuthMethod.CLIENT_SECRET_BASIC, self.server_secret
        )


def client_id(number: int) -> ClientId:
    return ClientId(f"svc-{number:07d}.team-{number % _TEAMS:03d}")


def _client(name: ClientId, now: datetime) -> Client:
    return Client(
        client_id=name,
        epoch=_epoch(0),
        created_at=now,
        auth_methods=frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST}),
        grant_types=frozenset(GrantType),
        scope=Scope.parse("orders.read orders.write"),
        default_scope=Scope.parse("orders.read"),
    )


def _epoch(number: int) -> Epoch:
    return Epoch(_text(f"epoch {number}", 12))


def _identifier(kind: str, number: int, owner: ClientId) -> str:
    return bucket_of(owner) + _text(f"{kind} {number}", 16)


def _text(seed: str, octets: int) -> str:
    digest = hashlib.blake2b(seed.encode(), digest_size=octets).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
