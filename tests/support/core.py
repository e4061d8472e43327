"""The core wired by hand on doubles, as the container wires it on adapters."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from adapters.memory.audit_trail import MemoryAuditTrail
from adapters.request_record import RecordingWitness
from domain.model.administration import built_in_scopes
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, ClientSecret, PresentedCredentials
from domain.model.events import EventKind, Origin
from domain.model.identifiers import ResourceId
from domain.model.introspection import Introspection
from domain.model.keys import SigningKey
from domain.model.limits import FailureLimits
from domain.model.resources import Resource
from domain.model.scopes import ScopeDefinition
from domain.model.tokens import IssuedToken
from domain.ports.envelope import Envelope
from domain.ports.signing import KeyMaker, TokenSigner, TokenVerifier
from domain.usecases.administer_catalogue import AdministerCatalogue
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.administer_keys import AdministerKeys
from domain.usecases.administer_secrets import AdministerSecrets
from domain.usecases.apply_state import ApplyState
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.authorize_administration import AuthorizeAdministration
from domain.usecases.change_catalogue import ChangeCatalogue
from domain.usecases.change_client import ChangeClient
from domain.usecases.change_keys import ChangeKeys
from domain.usecases.client_credentials import ClientCredentialsGrant
from domain.usecases.cover_lifetime import CoverLifetime
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.end_token import EndToken
from domain.usecases.establish_keys import EstablishKeys
from domain.usecases.explain_token import ExplainToken
from domain.usecases.fenced_clients import FencedClients
from domain.usecases.import_clients import ImportClients
from domain.usecases.introspect_token import IntrospectionRequest, IntrospectToken
from domain.usecases.issue_token import Grant, IssueToken, TokenRequest
from domain.usecases.key_usage import KeyUsage
from domain.usecases.make_secret import MakeSecret
from domain.usecases.make_signing_key import MakeSigningKey
from domain.usecases.mint_access_token import MintAccessToken
from domain.usecases.note_use import NoteUse
from domain.usecases.prove_access_token import ProveAccessToken
from domain.usecases.refresh_token import RefreshTokenGrant
from domain.usecases.report_unused import ReportUnused
from domain.usecases.revoke_by_operator import RevokeByOperator
from domain.usecases.revoke_token import RevocationRequest, RevokeToken
from domain.usecases.rotate_data_keys import RotateDataKeys
from domain.usecases.rotate_due_keys import RotateDueKeys
from domain.usecases.token_policy import TokenPolicy
from domain.usecases.token_standing import TokenStanding
from domain.usecases.translate_client import TranslateClient
from support.authentication import InlineKeySource, build_authentication
from support.domain_samples import INVOICES, ISSUER, LEDGER, client, scope_definition
from support.doubles import (
    FixedClock,
    PlainEnvelope,
    PlainForeignHashes,
    PlainIntrospectionSigner,
    PlainKeySetWriter,
    PlainTokenSigner,
    PlainTokenVerifier,
    QuickHasher,
    RandomKeyMaker,
    SeededEntropy,
)
from support.stores import Stores, memory_stores

SALARIES = ResourceId("https://salaries.example")
RESOURCES = (Resource(resource_id=INVOICES), Resource(resource_id=SALARIES))
SCOPES = (
    scope_definition("invoices.read", resource=INVOICES),
    scope_definition("invoices.write", resource=INVOICES),
    scope_definition("salaries.read", resource=SALARIES),
    scope_definition("profile"),
)
POLICY = TokenPolicy(issuer=ISSUER)
ANNOUNCEMENT = timedelta(hours=24)
ORIGIN = Origin(request_id="request-1", protocol="http", address="192.0.2.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class HandWiredCore:
    """Every use case, what it stands on, and the shortest way to speak to it."""

    issue_token: IssueToken
    explain_token: ExplainToken
    introspect_token: IntrospectToken
    revoke_token: RevokeToken
    revoke_by_operator: RevokeByOperator
    administer_clients: AdministerClients
    administer_secrets: AdministerSecrets
    administer_catalogue: AdministerCatalogue
    import_clients: ImportClients
    apply_state: ApplyState
    administer_keys: AdministerKeys
    rotate_due_keys: RotateDueKeys
    authorize_administration: AuthorizeAdministration
    report_unused: ReportUnused
    establish_keys: EstablishKeys
    authenticate_client: AuthenticateClient
    client_keys: InlineKeySource
    envelope: Envelope
    catalogue: CurrentCatalogue
    stores: Stores
    clock: FixedClock
    entropy: SeededEntropy
    hasher: QuickHasher
    audit: MemoryAuditTrail

    async def register(
        self, draft: Client, *, imported_secret: str | None = None
    ) -> PresentedCredentials:
        """Register *draft* and return what proves it."""
        imported = ClientSecret(imported_secret) if imported_secret is not None else None
        created = await self.administer_clients.create(draft, imported_secret=imported)
        method = AuthMethod.NONE if draft.is_public else AuthMethod.CLIENT_SECRET_BASIC
        return PresentedCredentials(draft.client_id, method, imported or created.secret)

    async def issue(
        self,
        credentials: PresentedCredentials,
        grant_type: str | None = GrantType.CLIENT_CREDENTIALS,
        *,
        scope: str | None = None,
        resources: Iterable[str] = (),
        refresh_token: str | None = None,
    ) -> IssuedToken:
        request = TokenRequest(
            credentials=credentials,
            grant_type=grant_type,
            scope=tuple(scope.split(" ")) if scope is not None else None,
            resources=tuple(resources),
            refresh_token=refresh_token,
            origin=ORIGIN,
        )
        return await self.issue_token(request)

    async def refresh(
        self,
        credentials: PresentedCredentials,
        refresh_token: str | None,
        *,
        scope: str | None = None,
        resources: Iterable[str] = (),
    ) -> IssuedToken:
        return await self.issue(
            credentials,
            GrantType.REFRESH_TOKEN,
            scope=scope,
            resources=resources,
            refresh_token=refresh_token,
        )

    async def introspect(
        self, credentials: PresentedCredentials, token: str | None
    ) -> Introspection:
        return await self.introspect_token(
            IntrospectionRequest(credentials=credentials, token=token, origin=ORIGIN)
        )

    async def revoke(self, credentials: PresentedCredentials, token: str | None) -> None:
        await self.revoke_token(
            RevocationRequest(credentials=credentials, token=token, origin=ORIGIN)
        )

    async def change_client(self, client_id: str, **changes: Any) -> None:  # noqa: ANN401  (as `replace` takes them)
        """Change a registered client as an administrator does."""
        found = await self.administer_clients.show(client(client_id).client_id)
        await self.stores.clients.replace(
            replace(found, version=found.version + 1, **changes), seen=found.version
        )

    def audited(self) -> list[EventKind]:
        """Return what kinds of events there were, in order."""
        return [event.kind for event in self.audit.events]


def draft(client_id: str = LEDGER, **changes: Any) -> Client:  # noqa: ANN401  (likewise)
    """Return a client to be registered, with *changes*."""
    return replace(client(client_id), secrets=(), **changes)


def refreshing(client_id: str = LEDGER, **changes: Any) -> Client:  # noqa: ANN401  (likewise)
    """Return a client to be registered that gets refresh tokens."""
    return draft(client_id, issue_refresh_token=True, **changes)


def public(client_id: str = LEDGER, **changes: Any) -> Client:  # noqa: ANN401  (likewise)
    """Return a public client to be registered."""
    return draft(client_id, auth_methods=frozenset({AuthMethod.NONE}), **changes)


async def build_core(
    *,
    stores: Stores | None = None,
    policy: TokenPolicy = POLICY,
    grants: Collection[GrantType] = tuple(GrantType),
    allow_public_client_credentials: bool = False,
    scopes: Iterable[ScopeDefinition] = SCOPES,
    resources: Iterable[Resource] = RESOURCES,
    pinned: Iterable[SigningKey] = (),
    envelope: Envelope | None = None,
    signer: TokenSigner | None = None,
    verifier: TokenVerifier | None = None,
    key_maker: KeyMaker | None = None,
    limits: FailureLimits | None = None,
) -> HandWiredCore:
    """Wire every use case, make the first keys, and fill the catalogue.

    Args:
        stores: Empty ones; memory stores by default.
    """
    stores = stores or await _memory_stores()
    clock, entropy, hasher, audit = FixedClock(), SeededEntropy(), QuickHasher(), MemoryAuditTrail()
    envelope = envelope or PlainEnvelope()
    verifier = verifier or PlainTokenVerifier()
    issuer = policy.issuer
    catalogue = CurrentCatalogue(
        stores.catalogue, envelope, pinned=tuple(pinned), built_in=built_in_scopes(issuer)
    )
    client_keys = InlineKeySource()
    note_use = NoteUse(stores.usage, audit=audit)
    authenticate = build_authentication(
        stores.clients,
        hasher,
        envelope=envelope,
        limiter=stores.rate_limiter,
        replays=stores.assertion_replays,
        keys=client_keys,
        limits=limits,
        issuer=issuer,
        note_use=note_use,
    )
    offered: tuple[Grant, ...] = (
        ClientCredentialsGrant(stores.families, entropy=entropy),
        RefreshTokenGrant(stores.families, entropy=entropy, audit=audit),
    )
    make_secret = MakeSecret(hasher=hasher, envelope=envelope, entropy=entropy, clock=clock)
    change_catalogue = ChangeCatalogue(stores.catalogue, audit=audit)
    change_keys = ChangeKeys(change_catalogue, clock=clock, audit=audit)
    key_usage = KeyUsage(stores.clients, policy=policy)
    key_maker = key_maker or RandomKeyMaker(entropy)
    make_signing_key = MakeSigningKey(maker=key_maker, envelope=envelope, clock=clock)
    change_client = ChangeClient(stores.clients, clock=clock, audit=audit)
    prove = ProveAccessToken(
        verifier=verifier,
        standing=TokenStanding(stores.clients, stores.families, stores.revocations),
        access_tokens=stores.access_tokens,
        issuer=issuer,
    )
    end_token = EndToken(
        verifier=verifier,
        revocations=stores.revocations,
        access_tokens=stores.access_tokens,
        families=stores.families,
        issuer=issuer,
    )
    administer_clients = AdministerClients(
        stores.clients,
        catalogue=catalogue,
        make_secret=make_secret,
        change=change_client,
        entropy=entropy,
        clock=clock,
        audit=audit,
        issuer=issuer,
    )
    fenced_clients = FencedClients(stores.clients, catalogue=catalogue)
    core = HandWiredCore(
        issue_token=IssueToken(
            [grant for grant in offered if grant.grant_type in grants],
            authenticate=authenticate,
            catalogue=catalogue,
            policy=policy,
            cover_lifetime=CoverLifetime(change_catalogue),
            mint=MintAccessToken(
                issuer,
                signer=signer or PlainTokenSigner(),
                access_tokens=stores.access_tokens,
                entropy=entropy,
            ),
            note_use=note_use,
            audit=audit,
            clock=clock,
            allow_public_client_credentials=allow_public_client_credentials,
        ),
        explain_token=ExplainToken(
            stores.clients,
            catalogue=catalogue,
            policy=policy,
            clock=clock,
            allow_public_client_credentials=allow_public_client_credentials,
        ),
        introspect_token=IntrospectToken(
            authenticate=authenticate,
            catalogue=catalogue,
            prove=prove,
            signer=PlainIntrospectionSigner(),
            families=stores.families,
            audit=audit,
            issuer=issuer,
            clock=clock,
        ),
        revoke_token=RevokeToken(
            authenticate=authenticate,
            catalogue=catalogue,
            end_token=end_token,
            audit=audit,
            clock=clock,
        ),
        revoke_by_operator=RevokeByOperator(
            catalogue=catalogue,
            end_token=end_token,
            revocations=stores.revocations,
            families=stores.families,
            administer=administer_clients,
            clock=clock,
            audit=audit,
        ),
        administer_clients=administer_clients,
        administer_secrets=AdministerSecrets(
            stores.clients,
            stores.usage,
            catalogue=catalogue,
            make_secret=make_secret,
            change=change_client,
            clock=clock,
        ),
        import_clients=ImportClients(
            administer_clients,
            translate=TranslateClient(
                administer=administer_clients,
                make_secret=make_secret,
                hasher=hasher,
                foreign_hashes=PlainForeignHashes(),
                clock=clock,
            ),
            catalogue=catalogue,
            change=change_catalogue,
            clock=clock,
            audit=audit,
        ),
        administer_catalogue=AdministerCatalogue(
            catalogue,
            change=change_catalogue,
            clock=clock,
            audit=audit,
        ),
        apply_state=ApplyState(
            fenced_clients,
            administer=AdministerClients(
                fenced_clients,
                catalogue=catalogue,
                make_secret=make_secret,
                change=ChangeClient(fenced_clients, clock=clock, audit=audit),
                entropy=entropy,
                clock=clock,
                audit=audit,
                issuer=issuer,
            ),
            catalogue=catalogue,
            change=change_catalogue,
            make_secret=make_secret,
            hasher=hasher,
            policy=policy,
            entropy=entropy,
            clock=clock,
            audit=audit,
        ),
        report_unused=ReportUnused(stores.clients, stores.usage, clock=clock),
        authorize_administration=AuthorizeAdministration(
            catalogue=catalogue,
            prove=prove,
            issuer=issuer,
            clock=clock,
            audit=audit,
            witness=RecordingWitness(),
        ),
        administer_keys=AdministerKeys(
            catalogue,
            change=change_keys,
            usage=key_usage,
            make=make_signing_key,
            writer=PlainKeySetWriter(),
            clock=clock,
            announcement=ANNOUNCEMENT,
        ),
        rotate_due_keys=RotateDueKeys(
            catalogue,
            change=change_keys,
            usage=key_usage,
            make=make_signing_key,
            clock=clock,
            announcement=ANNOUNCEMENT,
        ),
        establish_keys=EstablishKeys(
            stores.catalogue,
            change=change_catalogue,
            make_signing_key=make_signing_key,
            envelope=envelope,
            entropy=entropy,
            clock=clock,
            audit=audit,
        ),
        authenticate_client=authenticate,
        client_keys=client_keys,
        catalogue=catalogue,
        stores=stores,
        clock=clock,
        entropy=entropy,
        hasher=hasher,
        envelope=envelope,
        audit=audit,
    )
    await core.establish_keys()
    for resource in resources:
        await core.administer_catalogue.add_resource(resource)
    for definition in scopes:
        await core.administer_catalogue.add_scope(definition)
    audit.events.clear()
    return core


def data_key_rotation(core: HandWiredCore) -> RotateDataKeys:
    return RotateDataKeys(
        core.stores.catalogue,
        change=ChangeCatalogue(core.stores.catalogue, audit=core.audit),
        clients=core.stores.clients,
        families=core.stores.families,
        hasher=core.hasher,
        envelope=core.envelope,
        entropy=core.entropy,
        clock=core.clock,
        audit=core.audit,
    )


async def _memory_stores() -> Stores:
    async with memory_stores() as stores:
        return stores  # they live as long as somebody holds them
