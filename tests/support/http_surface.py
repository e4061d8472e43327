"""The HTTP application over memory adapters, and ways to talk to it in process."""

import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import httpx

from adapters.http.app import HttpOptions, build_app
from adapters.http.application import Application
from adapters.http.request import Answers, Peer, Request
from adapters.jose.assertion_verifier import JoseAssertionVerifier
from adapters.jose.introspection_signer import JoseIntrospectionSigner
from adapters.jose.jwks import JoseKeySetWriter
from adapters.jose.keys import JoseKeyMaker
from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from adapters.memory.access_tokens import MemoryAccessTokenStore
from adapters.memory.assertion_replays import MemoryAssertionReplays
from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.memory.catalogue import MemoryCatalogueStore
from adapters.memory.clients import MemoryClientStore
from adapters.memory.families import MemoryRefreshFamilyStore
from adapters.memory.rate_limiter import MemoryRateLimiter
from adapters.memory.revocations import MemoryRevocationList
from adapters.memory.usage import MemoryUsageStore
from adapters.readiness import Readiness
from adapters.source_addresses import SourceAddresses
from domain.errors import Unavailable
from domain.model.catalogue import CatalogueVersion
from domain.model.clients import Client, GrantType
from domain.model.identifiers import ClientId
from domain.model.keys import KeyId, KeyPurpose, SealedKey, SigningAlgorithm
from domain.model.scopes import Scope
from domain.ports.probe import Probe
from domain.ports.reading import Reading
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.change_client import ChangeClient
from domain.usecases.client_credentials import ClientCredentialsGrant
from domain.usecases.cover_lifetime import CoverLifetime
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.end_token import EndToken
from domain.usecases.introspect_token import IntrospectionRequest, IntrospectToken
from domain.usecases.issue_token import IssueToken
from domain.usecases.make_secret import MakeSecret
from domain.usecases.mint_access_token import MintAccessToken
from domain.usecases.note_use import NoteUse
from domain.usecases.prove_access_token import ProveAccessToken
from domain.usecases.refresh_token import RefreshTokenGrant
from domain.usecases.revoke_token import RevokeToken
from domain.usecases.token_policy import TokenPolicy
from domain.usecases.token_standing import TokenStanding
from support.authentication import build_authentication
from support.catalogue_steps import put
from support.domain_samples import ISSUER, LEDGER, NOW, client, scope_definition
from support.doubles import FixedClock, PlainEnvelope, QuickHasher, SeededEntropy

GRANTS = (GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN)


class _Instead:
    """Something that stands in for introspection, signed or not."""

    def __init__(self, use_case: Callable[[Any], Awaitable[Any]]) -> None:
        self._use_case = use_case

    async def __call__(self, request: IntrospectionRequest, /) -> Any:  # noqa: ANN401  (what it likes)
        return await self._use_case(request)

    signed = __call__


class FragileCatalogueStore(MemoryCatalogueStore):
    """Keeps the catalogue in memory until somebody takes the store away."""

    is_away = False

    def version(self) -> Reading[CatalogueVersion]:
        if self.is_away:
            raise Unavailable("the store is away")
        return super().version()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSurface:
    """An application and what a test may want to look at behind it."""

    app: Application
    http: httpx.AsyncClient
    clock: FixedClock
    readiness: Readiness
    catalogue: FragileCatalogueStore
    audit: MemoryAuditTrail
    administer_clients: AdministerClients
    clients: MemoryClientStore

    async def register(self, draft: Client | None = None) -> tuple[ClientId, str]:
        """Register a client and return what it authenticates with; "" if it is public."""
        wanted = draft if draft is not None else client()
        created = await self.administer_clients.create(replace(wanted, secrets=()))
        secret = created.secret.reveal() if created.secret is not None else ""
        return created.client.client_id, secret

    async def access_token(self, auth: tuple[str, str], **parameters: str) -> dict[str, Any]:
        """Return the answer to a successful token request."""
        answer = await self.http.post(
            "/access_token", auth=auth, data={"grant_type": "client_credentials"} | parameters
        )
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body


@asynccontextmanager
async def http_surface(
    *,
    issuer: str = ISSUER,
    grant_types: Sequence[GrantType] = GRANTS,
    allow_credentials_in_request_body: bool = True,
    scopes: Sequence[str] = ("invoices.read", "invoices.write"),
    probes: Sequence[Probe] = (),
    instead: Callable[[Any], Awaitable[Any]] | None = None,
) -> AsyncIterator[HttpSurface]:
    """Build an application by hand.

    Args:
        instead: Stands in for all three use cases.
    """
    clock, entropy, envelope, hasher = FixedClock(), SeededEntropy(), PlainEnvelope(), QuickHasher()
    catalogue_store, audit = FragileCatalogueStore(), MemoryAuditTrail()
    await put(catalogue_store, keys=_keys(), scopes=[scope_definition(token) for token in scopes])
    catalogue = CurrentCatalogue(catalogue_store, envelope)
    clients, families = MemoryClientStore(), MemoryRefreshFamilyStore()
    access_tokens, revocations = MemoryAccessTokenStore(), MemoryRevocationList()
    verifier = JoseTokenVerifier()
    note_use = NoteUse(MemoryUsageStore(clients), audit=audit)
    authenticate = build_authentication(
        clients,
        hasher,
        note_use=note_use,
        envelope=envelope,
        limiter=MemoryRateLimiter(),
        replays=MemoryAssertionReplays(),
        verifier=JoseAssertionVerifier(),
        issuer=issuer,
    )
    policy = TokenPolicy(issuer=issuer)
    issue_token = IssueToken(
        [
            ClientCredentialsGrant(families, entropy=entropy),
            RefreshTokenGrant(families, entropy=entropy, audit=audit),
        ],
        authenticate=authenticate,
        catalogue=catalogue,
        policy=policy,
        cover_lifetime=CoverLifetime(ChangeCatalogue(catalogue_store, audit=audit)),
        mint=MintAccessToken(
            issuer, signer=JoseTokenSigner(), access_tokens=access_tokens, entropy=entropy
        ),
        note_use=note_use,
        audit=audit,
        clock=clock,
    )
    introspect_token = IntrospectToken(
        authenticate=authenticate,
        catalogue=catalogue,
        prove=ProveAccessToken(
            verifier=verifier,
            standing=TokenStanding(clients, families, revocations),
            access_tokens=access_tokens,
            issuer=issuer,
        ),
        signer=JoseIntrospectionSigner(),
        families=families,
        audit=audit,
        issuer=issuer,
        clock=clock,
    )
    revoke_token = RevokeToken(
        authenticate=authenticate,
        catalogue=catalogue,
        end_token=EndToken(
            verifier=verifier,
            revocations=revocations,
            access_tokens=access_tokens,
            families=families,
            issuer=issuer,
        ),
        audit=audit,
        clock=clock,
    )
    readiness = Readiness(probes)
    app = build_app(
        issue_token=instead or issue_token,
        introspect_token=_Instead(instead) if instead else introspect_token,
        revoke_token=instead or revoke_token,
        catalogue=catalogue,
        key_set=JoseKeySetWriter(),
        clock=clock,
        readiness=readiness,
        sources=SourceAddresses(),
        options=HttpOptions(
            issuer=issuer,
            grant_types=grant_types,
            allow_credentials_in_request_body=allow_credentials_in_request_body,
        ),
    )
    async with httpx.AsyncClient(transport=_InProcess(app), base_url="http://grantd.test") as http:
        yield HttpSurface(
            app=app,
            http=http,
            clock=clock,
            readiness=readiness,
            catalogue=catalogue_store,
            audit=audit,
            clients=clients,
            administer_clients=AdministerClients(
                clients,
                catalogue=catalogue,
                make_secret=MakeSecret(
                    hasher=hasher, envelope=envelope, entropy=entropy, clock=clock
                ),
                change=ChangeClient(clients, clock=clock, audit=audit),
                entropy=entropy,
                clock=clock,
                audit=audit,
                issuer=issuer,
            ),
        )


class _InProcess(httpx.AsyncBaseTransport):
    """Has an application answer what a client asks, with no connection between them."""

    def __init__(self, answer: Answers) -> None:
        self._answer = answer
        self._ids = map("r-{}".format, itertools.count(1))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        asked = Request(
            next(self._ids),
            request.method,
            request.url.path,
            request.url.query,
            [(name.lower(), value) for name, value in request.headers.raw],
            Peer("127.0.0.1"),
            await request.aread(),
        )
        reply = await self._answer(asked)
        head, _, body = reply.encode(
            asked.request_id, (), is_last=False, without_body=asked.method == "HEAD"
        ).partition(b"\r\n\r\n")
        fields = [line.partition(b": ")[::2] for line in head.split(b"\r\n")[1:]]
        return httpx.Response(reply.status, headers=fields, content=body)


def ledger_with(**changes: object) -> Client:
    """Return the ledger, changed."""
    return replace(client(LEDGER), **changes)  # type: ignore[arg-type]  # fields of many kinds


def refreshing_ledger() -> Client:
    return ledger_with(issue_refresh_token=True, default_scope=Scope.parse("invoices.read"))


@cache
def _keys() -> tuple[SealedKey, ...]:
    """Make one set of keys for all tests; an RSA key takes its time."""
    envelope, entropy, maker = PlainEnvelope(), SeededEntropy(1), JoseKeyMaker()
    signing = [
        maker.make(algorithm, activate_at=NOW)
        for algorithm in (SigningAlgorithm.ES256, SigningAlgorithm.RS256)
    ]
    symmetric = [
        (purpose, KeyId(entropy.token(6)), entropy.octets(32))
        for purpose in (KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER)
    ]
    return (
        *(
            SealedKey(
                purpose=KeyPurpose.SIGNING,
                key_id=key.key_id,
                created_at=NOW,
                sealed=envelope.seal(key.material, purpose=KeyPurpose.SIGNING, key_id=key.key_id),
                algorithm=key.algorithm,
                schedule=key.schedule,
            )
            for key in signing
        ),
        *(
            SealedKey(
                purpose=purpose,
                key_id=key_id,
                created_at=NOW,
                sealed=envelope.seal(material, purpose=purpose, key_id=key_id),
            )
            for purpose, key_id, material in symmetric
        ),
    )
