"""The core over memory adapters, a gRPC server of it, and a stock client of that."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import grpc

from adapters.grpc.server import GrpcServer
from adapters.grpc.token_service import TokenService
from adapters.memory.access_tokens import MemoryAccessTokenStore
from adapters.memory.assertion_replays import MemoryAssertionReplays
from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.catalogue import (
    MemoryCatalogueReader,
    MemoryCatalogueState,
    MemoryKeyStore,
    MemoryResourceStore,
    MemoryScopeStore,
)
from adapters.memory.clients import MemoryClientStore
from adapters.memory.families import MemoryRefreshFamilyStore
from adapters.memory.rate_limiter import MemoryRateLimiter
from adapters.memory.revocations import MemoryRevocationList
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.change_client import ChangeClient
from domain.usecases.client_credentials import ClientCredentialsGrant
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.establish_keys import EstablishKeys
from domain.usecases.introspect_token import IntrospectToken
from domain.usecases.issue_token import IssueToken
from domain.usecases.make_secret import MakeSecret
from domain.usecases.mint_access_token import MintAccessToken
from domain.usecases.refresh_token import RefreshTokenGrant
from domain.usecases.revoke_token import RevokeToken
from domain.usecases.token_policy import TokenPolicy
from domain.usecases.token_standing import TokenStanding
from grantd.v1.token_service_pb2 import IntrospectTokenRequest
from grantd.v1.token_service_pb2_grpc import TokenServiceStub
from support.authentication import build_authentication
from support.domain_samples import INVOICES, ISSUER, NOW
from support.doubles import (
    FixedClock,
    PlainEnvelope,
    PlainIntrospectionSigner,
    PlainTokenSigner,
    PlainTokenVerifier,
    QuickHasher,
    RandomKeyMaker,
    SeededEntropy,
)
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

    async def is_active(self, token: str, caller: Metadata) -> bool:
        reply = await self.tokens.IntrospectToken(
            IntrospectTokenRequest(token=token), metadata=caller
        )
        return bool(reply.active)


async def core_over_memory() -> Core:
    clock, entropy, audit = FixedClock(), SeededEntropy(), MemoryAuditTrail()
    envelope, hasher = PlainEnvelope(), QuickHasher()
    clients, families = MemoryClientStore(), MemoryRefreshFamilyStore()
    revocations, access_tokens = MemoryRevocationList(), MemoryAccessTokenStore()
    state = MemoryCatalogueState()
    reader = MemoryCatalogueReader(state)
    catalogue = CurrentCatalogue(reader, envelope)
    policy = TokenPolicy(issuer=ISSUER)
    authenticate = build_authentication(
        clients,
        hasher,
        envelope=envelope,
        limiter=MemoryRateLimiter(),
        replays=MemoryAssertionReplays(),
    )
    await EstablishKeys(
        reader,
        MemoryKeyStore(state),
        maker=RandomKeyMaker(entropy),
        envelope=envelope,
        entropy=entropy,
        clock=clock,
        audit=audit,
    )()
    await MemoryResourceStore(state).add(Resource(resource_id=INVOICES))
    for token in ("invoices.read", "invoices.write"):
        await MemoryScopeStore(state).add(
            ScopeDefinition(token=ScopeToken(token), resource=INVOICES)
        )
    administer = AdministerClients(
        clients,
        catalogue=catalogue,
        make_secret=MakeSecret(hasher=hasher, envelope=envelope, entropy=entropy, clock=clock),
        change=ChangeClient(clients, clock=clock, audit=audit),
        entropy=entropy,
        clock=clock,
        audit=audit,
        issuer=ISSUER,
    )
    secrets = {}
    for draft in (
        _client("ledger"),
        _client("refresher", grants=tuple(GrantType), issue_refresh_token=True),
        _client("gateway", grants=(), serves=frozenset({INVOICES})),
        _client("stranger"),
        _client("app", methods=frozenset({AuthMethod.NONE})),
    ):
        created = await administer.create(draft)
        secrets[draft.client_id] = created.secret.reveal() if created.secret else ""
    return Core(
        issue=IssueToken(
            (
                ClientCredentialsGrant(families, policy=policy, entropy=entropy),
                RefreshTokenGrant(families, policy=policy, entropy=entropy, audit=audit),
            ),
            authenticate=authenticate,
            catalogue=catalogue,
            policy=policy,
            mint=MintAccessToken(
                ISSUER, signer=PlainTokenSigner(), access_tokens=access_tokens, entropy=entropy
            ),
            audit=audit,
            clock=clock,
        ),
        introspect=IntrospectToken(
            authenticate=authenticate,
            catalogue=catalogue,
            verifier=PlainTokenVerifier(),
            signer=PlainIntrospectionSigner(),
            standing=TokenStanding(clients, families, revocations),
            access_tokens=access_tokens,
            families=families,
            issuer=ISSUER,
            clock=clock,
        ),
        revoke=RevokeToken(
            authenticate=authenticate,
            catalogue=catalogue,
            verifier=PlainTokenVerifier(),
            revocations=revocations,
            access_tokens=access_tokens,
            families=families,
            audit=audit,
            issuer=ISSUER,
            clock=clock,
        ),
        audit=audit,
        clock=clock,
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


@asynccontextmanager
async def serving(service: TokenService) -> AsyncIterator[Served]:
    """Serve *service* on a loopback port."""
    server = GrpcServer(service, entropy=SeededEntropy(1))
    port = await server.start("127.0.0.1:0")
    target = f"127.0.0.1:{port}"
    try:
        async with grpc.aio.insecure_channel(target) as channel:
            yield Served(server, target, channel, TokenServiceStub(channel))
    finally:
        await server.drain(timedelta())


def service_of(use_case: Callable[[Any], Awaitable[Any]]) -> TokenService:
    """Return a service whose three methods all call *use_case*."""
    return TokenService(issue_token=use_case, introspect_token=use_case, revoke_token=use_case)
