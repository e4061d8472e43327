"""The core over memory adapters, a gRPC server of it, and a stock client of that."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc

from adapters.grpc.admin_clients import ClientService
from adapters.grpc.admin_keys import KeyService
from adapters.grpc.admin_resources import ResourceService
from adapters.grpc.server import Administration, GrpcServer
from adapters.grpc.token_service import TokenService
from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.readiness import Readiness
from adapters.source_addresses import SourceAddresses
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.resources import Resource
from domain.model.scopes import Scope
from domain.ports.probe import Probe
from domain.usecases.introspect_token import IntrospectToken
from domain.usecases.issue_token import IssueToken
from domain.usecases.revoke_token import RevokeToken
from grantd.v1.token_service_pb2 import IntrospectTokenRequest
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.core import HandWiredCore, build_core, data_key_rotation
from support.domain_samples import INVOICES, NOW, scope_definition
from support.doubles import FixedClock, SeededEntropy
from support.grpc_calls import Metadata, basic


@dataclass(frozen=True)
class Core:
    """The core over memory, with the clients that tests call as.

    Attributes:
        secrets: The secret of each client, by its id.
    """

    issue: IssueToken
    introspect: IntrospectToken
    revoke: RevokeToken
    audit: MemoryAuditTrail
    clock: FixedClock
    secrets: dict[str, str] = field(repr=False)

    def service(self) -> TokenService:
        return TokenService(
            issue_token=self.issue, introspect_token=self.introspect, revoke_token=self.revoke
        )

    def basic(self, client_id: str) -> Metadata:
        """Return the call metadata of a client of ours."""
        return basic(client_id, self.secrets[client_id])

    def presented(self, client_id: str) -> PresentedCredentials:
        """Return its credentials as an edge reads them."""
        secret = ClientSecret(self.secrets[client_id])
        return PresentedCredentials(ClientId(client_id), AuthMethod.CLIENT_SECRET_BASIC, secret)


@dataclass(frozen=True)
class Served:
    """A running server and a channel to it."""

    server: GrpcServer
    target: str
    channel: grpc.aio.Channel
    tokens: TokenServiceStub
    readiness: Readiness

    async def is_active(self, token: str, caller: Metadata) -> bool:
        reply = await self.tokens.IntrospectToken(
            IntrospectTokenRequest(token=token), metadata=caller
        )
        return bool(reply.active)


async def core_over_memory(**wiring: Any) -> Core:  # noqa: ANN401  (of many types)
    """Return a core with those clients; *wiring* is `build_core`'s."""
    inside = await build_core(
        resources=[Resource(resource_id=INVOICES)],
        scopes=[
            scope_definition(token, resource=INVOICES)
            for token in ("invoices.read", "invoices.write")
        ],
        **wiring,
    )
    secrets = {}
    for draft in (
        _client("ledger"),
        _client("refresher", grants=tuple(GrantType), issue_refresh_token=True),
        _client("gateway", grants=(), serves=frozenset({INVOICES})),
        _client("stranger"),
        _client("app", methods=frozenset({AuthMethod.NONE})),
    ):
        created = await inside.administer_clients.create(draft)
        secrets[draft.client_id] = created.secret.reveal() if created.secret else ""
    return Core(
        issue=inside.issue_token,
        introspect=inside.introspect_token,
        revoke=inside.revoke_token,
        audit=inside.audit,
        clock=inside.clock,
        secrets=secrets,
    )


def _client(
    client_id: str,
    *,
    grants: tuple[GrantType, ...] = (GrantType.CLIENT_CREDENTIALS,),
    methods: frozenset[AuthMethod] = frozenset(
        {AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST}
    ),
    serves: frozenset[ResourceId] = frozenset(),
    issue_refresh_token: bool = False,
) -> Client:
    return Client(
        client_id=ClientId(client_id),
        epoch=Epoch("Zm91cnRlZW5ieXRl"),
        created_at=NOW,
        auth_methods=methods,
        grant_types=frozenset(grants),
        scope=Scope.parse("invoices.read invoices.write"),
        default_scope=Scope.parse("invoices.read"),
        serves=serves,
        issue_refresh_token=issue_refresh_token,
    )


def administration_of(core: HandWiredCore) -> Administration:
    return Administration(
        authorize=core.authorize_administration,
        clients=ClientService(core.administer_clients, core.administer_secrets, clock=core.clock),
        keys=KeyService(core.administer_keys, data_key_rotation(core)),
        resources=ResourceService(core.administer_catalogue),
    )


@asynccontextmanager
async def serving(
    service: TokenService,
    administration: Administration | None = None,
    sources: SourceAddresses | None = None,
    probes: Sequence[Probe] = (),
) -> AsyncIterator[Served]:
    """Serve *service* on a loopback port, beside the administration of some core."""
    administration = administration or administration_of(await build_core())
    readiness = Readiness(probes)
    server = GrpcServer(
        service,
        administration,
        readiness=readiness,
        entropy=SeededEntropy(1),
        sources=sources or SourceAddresses(),
    )
    port = await server.start("127.0.0.1:0")
    target = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(target) as channel:
            yield Served(server, target, channel, TokenServiceStub(channel), readiness)
    finally:
        await server.drain(timedelta())


def service_of(use_case: Callable[[Any], Awaitable[Any]]) -> TokenService:
    """Return a service whose three methods all call *use_case*."""
    return TokenService(issue_token=use_case, introspect_token=use_case, revoke_token=use_case)
