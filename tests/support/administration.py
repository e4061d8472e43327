"""A core over memory whose administration is served, and callers with every kind of token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import grpc

from domain.model.administration import ADMIN_READ, ADMIN_WRITE
from domain.model.clients import Client
from domain.model.credentials import PresentedCredentials
from domain.model.identifiers import ClientId
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from grantd.admin.v1.client_service_pb2_grpc import ClientServiceStub
from grantd.admin.v1.key_service_pb2_grpc import KeyServiceStub
from grantd.admin.v1.resource_service_pb2_grpc import ResourceServiceStub
from support.core import HandWiredCore, build_core, draft
from support.grpc_calls import Metadata
from support.grpc_service import administration_of, service_of, serving

OPERATOR, AUDITOR, WRITER = ClientId("operator"), ClientId("auditor"), ClientId("writer")
OPAQUE, BYSTANDER = ClientId("opaque-operator"), ClientId("bystander")

_SCOPES = {
    OPERATOR: f"{ADMIN_READ} {ADMIN_WRITE}",
    OPAQUE: f"{ADMIN_READ} {ADMIN_WRITE}",
    AUDITOR: ADMIN_READ,
    WRITER: ADMIN_WRITE,
    BYSTANDER: "profile",
}


def bearer(token: str) -> Metadata:
    return (("authorization", f"Bearer {token}"),)


@dataclass(frozen=True)
class Administered:
    """A server and its core.

    Attributes:
        credentials: `operator` may read and write, `auditor` read, `writer`
            write; `opaque-operator` is an operator whose tokens are opaque;
            `ledger` and `bystander` may neither, and `ledger` has tokens for
            another audience alone.
    """

    core: HandWiredCore
    channel: grpc.aio.Channel
    clients: ClientServiceStub
    keys: KeyServiceStub
    resources: ResourceServiceStub
    credentials: dict[ClientId, PresentedCredentials] = field(repr=False)

    async def token(self, name: ClientId = OPERATOR) -> str:
        issued = await self.core.issue(self.credentials[name], scope=_SCOPES.get(name))
        return issued.access_token

    async def caller(self, name: ClientId = OPERATOR) -> Metadata:
        return bearer(await self.token(name))


def _administrator(client_id: str, *scopes: str, token_format: TokenFormat | None = None) -> Client:
    return draft(
        client_id, scope=Scope.of(scopes), default_scope=Scope(), token_format=token_format
    )


@asynccontextmanager
async def administered() -> AsyncIterator[Administered]:
    core = await build_core()
    credentials = {
        one.client_id: await core.register(one)
        for one in (
            draft(),
            _administrator(OPERATOR, ADMIN_READ, ADMIN_WRITE),
            _administrator(AUDITOR, ADMIN_READ),
            _administrator(WRITER, ADMIN_WRITE),
            _administrator(OPAQUE, ADMIN_READ, ADMIN_WRITE, token_format=TokenFormat.OPAQUE),
            _administrator(BYSTANDER, "profile"),
        )
    }
    core.audit.events.clear()
    service = service_of(core.issue_token)
    async with serving(service, administration_of(core)) as served:
        yield Administered(
            core,
            served.channel,
            ClientServiceStub(served.channel),
            KeyServiceStub(served.channel),
            ResourceServiceStub(served.channel),
            credentials,
        )
