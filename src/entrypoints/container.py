"""Composition: what everything is made of, in the one place that knows dependency-injector.

The store is chosen by its URL. Everything takes what it needs in its
constructor, so that a test can build any of it by hand.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from dependency_injector import containers, providers

from adapters.endpoints import TOKEN_PATH, url_of
from adapters.findings import Finding, Severity
from adapters.jose.assertion_verifier import JoseAssertionVerifier
from adapters.jose.introspection_signer import JoseIntrospectionSigner
from adapters.jose.jwks import JoseKeySetWriter
from adapters.jose.keys import JoseKeyMaker
from adapters.jose.pem import SigningKeyUnusable
from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from adapters.jwks_uri.key_source import HttpxClientKeySource
from adapters.request_record import RecordingWitness
from adapters.store_trips import TripObserver, Unobserved
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from adapters.system.envelope import AesGcmEnvelope
from adapters.system.foreign_hashes import KnownForeignHashes
from adapters.system.master_key import MasterKey, MasterKeyUnusable
from adapters.system.secret_folder import SecretFolder
from adapters.system.secret_hashing import PepperedSecretHasher
from adapters.telemetry.audit import AuditCounts, Uncounted
from domain.model.administration import built_in_scopes
from domain.model.keys import SigningKey
from domain.model.lifetimes import Lifetimes
from domain.model.limits import FailureLimits
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import MasterKeyMismatch
from domain.ports.probe import Probe
from domain.ports.signing import KeySetWriter
from domain.usecases.administer_catalogue import AdministerCatalogue
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.administer_keys import AdministerKeys
from domain.usecases.administer_secrets import AdministerSecrets
from domain.usecases.apply_state import ApplyState
from domain.usecases.authenticate_by_assertion import AuthenticateByAssertion
from domain.usecases.authenticate_by_secret import AuthenticateBySecret
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
from domain.usecases.introspect_token import IntrospectToken
from domain.usecases.issue_token import IssueToken
from domain.usecases.key_usage import KeyUsage
from domain.usecases.make_secret import MakeSecret
from domain.usecases.make_signing_key import MakeSigningKey
from domain.usecases.mint_access_token import MintAccessToken
from domain.usecases.note_use import NoteUse
from domain.usecases.probe_audit_trail import AuditTrailProbe
from domain.usecases.probe_catalogue import CatalogueProbe
from domain.usecases.prove_access_token import ProveAccessToken
from domain.usecases.refresh_token import RefreshTokenGrant
from domain.usecases.report_unused import ReportUnused
from domain.usecases.revoke_by_operator import RevokeByOperator
from domain.usecases.revoke_token import RevokeToken
from domain.usecases.rewrap import Rewrap
from domain.usecases.rotate_data_keys import RotateDataKeys
from domain.usecases.rotate_due_keys import RotateDueKeys
from domain.usecases.take_inventory import TakeInventory
from domain.usecases.token_policy import TokenPolicy
from domain.usecases.token_standing import TokenStanding
from domain.usecases.translate_client import TranslateClient
from entrypoints.audit_trail import audit_trail
from entrypoints.key_files import master_keys, pinned_keys
from entrypoints.refusal import RefusedToStart
from entrypoints.settings import Settings
from entrypoints.sqlite_stores import sqlite_stores
from entrypoints.stores import Stores
from entrypoints.tracing import traced_core

if TYPE_CHECKING:
    from adapters.telemetry.tracing import Tracing  # for none but who has it on


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything a process needs of the inside, ready for use.

    Attributes:
        findings: What an operator should know of the store.

        tracing: What makes spans of all this, for an edge to make its own; None if nothing does.
    """

    issue_token: IssueToken
    explain_token: ExplainToken
    introspect_token: IntrospectToken
    revoke_token: RevokeToken
    revoke_by_operator: RevokeByOperator
    administer_clients: AdministerClients
    administer_secrets: AdministerSecrets
    administer_catalogue: AdministerCatalogue
    import_clients: ImportClients
    administer_keys: AdministerKeys
    apply_state: ApplyState
    rotate_due_keys: RotateDueKeys
    take_inventory: TakeInventory
    authorize_administration: AuthorizeAdministration
    report_unused: ReportUnused
    rotate_data_keys: RotateDataKeys
    rewrap: Rewrap
    catalogue: CurrentCatalogue
    key_set: KeySetWriter
    clock: Clock
    entropy: Entropy
    probes: Sequence[Probe]
    findings: Sequence[Finding]
    tracing: "Tracing | None" = None


def _token_policy(settings: Settings) -> TokenPolicy:
    return TokenPolicy(
        issuer=settings.issuer,
        lifetimes=Lifetimes(
            access_token_ttl=settings.access_token_ttl,
            by_grant=settings.grant_access_token_ttl,
            refresh_token_ttl=settings.refresh_token_ttl,
            refresh_token_max_age=settings.refresh_token_max_age,
            refresh_grace=settings.refresh_grace,
        ),
        token_format=settings.token_format,
        signing_algorithm=settings.signing_algorithm,
        require_scope=settings.require_scope,
        revoke_access_token_on_refresh=settings.revoke_access_token_on_refresh,
        max_families_per_client=settings.max_families_per_client,
        grant_types=frozenset(settings.grants),
    )


def _switched_on(settings: Settings, grants: Mapping[str, object]) -> list[object]:
    return [grants[grant_type] for grant_type in settings.grants]


def _redis_stores(settings: Settings, clock: Clock, trips: TripObserver) -> Stores:
    # Here and not above, because its client takes longer to import than all the rest.
    from entrypoints.redis_stores import redis_stores  # noqa: PLC0415

    return redis_stores(settings, clock, trips)


class _Container(containers.DeclarativeContainer):
    settings = providers.Dependency(instance_of=Settings)
    master_keys: providers.Provider[Sequence[MasterKey]] = providers.Dependency()
    pinned_keys: providers.Provider[Sequence[SigningKey]] = providers.Dependency()
    audit_counts: providers.Provider[AuditCounts] = providers.Dependency()
    audit_stdout: providers.Provider[TextIO] = providers.Dependency()
    trips: providers.Provider[TripObserver] = providers.Dependency()

    policy = providers.Singleton(_token_policy, settings)
    limits = providers.Singleton(
        FailureLimits,
        per_client_and_source=settings.provided.failures_per_client_and_source,
        per_client=settings.provided.failures_per_client,
        per_source=settings.provided.failures_per_source,
    )

    clock = providers.Singleton(SystemClock)
    entropy = providers.Singleton(SystemEntropy)
    hasher = providers.Singleton(PepperedSecretHasher)
    envelope = providers.Singleton(AesGcmEnvelope, master_keys)
    signer = providers.Singleton(JoseTokenSigner)
    introspection_signer = providers.Singleton(JoseIntrospectionSigner)
    verifier = providers.Singleton(JoseTokenVerifier)
    key_maker = providers.Singleton(JoseKeyMaker)
    key_set = providers.Singleton(JoseKeySetWriter)

    stores = providers.Selector(
        settings.provided.store_kind,
        sqlite=providers.Singleton(sqlite_stores, settings, trips),
        redis=providers.Singleton(_redis_stores, settings, clock, trips),
    )
    audit = providers.Singleton(
        audit_trail, settings, stores, clock, counts=audit_counts, stdout=audit_stdout
    )
    clients = stores.provided.clients
    families = stores.provided.families
    revocations = stores.provided.revocations
    access_tokens = stores.provided.access_tokens

    catalogue = providers.Singleton(
        CurrentCatalogue,
        stores.provided.catalogue,
        envelope,
        pinned=pinned_keys,
        built_in=providers.Callable(built_in_scopes, settings.provided.issuer),
    )
    change_catalogue = providers.Singleton(ChangeCatalogue, stores.provided.catalogue, audit=audit)
    make_signing_key = providers.Singleton(
        MakeSigningKey, maker=key_maker, envelope=envelope, clock=clock
    )
    establish_keys = providers.Singleton(
        EstablishKeys,
        stores.provided.catalogue,
        change=change_catalogue,
        make_signing_key=make_signing_key,
        envelope=envelope,
        entropy=entropy,
        clock=clock,
        audit=audit,
        algorithm=settings.provided.signing_algorithm,
    )
    client_keys = providers.Singleton(HttpxClientKeySource, clock)
    witness = providers.Singleton(RecordingWitness)
    note_use = providers.Singleton(NoteUse, stores.provided.usage, audit=audit)
    authenticate = providers.Singleton(
        AuthenticateClient,
        clients,
        by_secret=providers.Singleton(AuthenticateBySecret, clients, hasher),
        by_assertion=providers.Singleton(
            AuthenticateByAssertion,
            verifier=providers.Singleton(JoseAssertionVerifier),
            keys=client_keys,
            replays=stores.provided.replays,
            envelope=envelope,
            issuer=settings.provided.issuer,
            token_endpoint=providers.Callable(url_of, settings.provided.issuer, TOKEN_PATH),
        ),
        limiter=stores.provided.limiter,
        limits=limits,
        note_use=note_use,
        witness=witness,
    )
    prove_access_token = providers.Singleton(
        ProveAccessToken,
        verifier=verifier,
        standing=providers.Singleton(TokenStanding, clients, families, revocations),
        access_tokens=access_tokens,
        issuer=settings.provided.issuer,
    )
    mint = providers.Singleton(
        MintAccessToken,
        settings.provided.issuer,
        signer=signer,
        access_tokens=access_tokens,
        entropy=entropy,
    )
    grants = providers.Callable(
        _switched_on,
        settings,
        providers.Dict(
            client_credentials=providers.Singleton(
                ClientCredentialsGrant, families, entropy=entropy
            ),
            refresh_token=providers.Singleton(
                RefreshTokenGrant, families, entropy=entropy, audit=audit
            ),
        ),
    )
    issue_token = providers.Singleton(
        IssueToken,
        grants,
        authenticate=authenticate,
        catalogue=catalogue,
        policy=policy,
        cover_lifetime=providers.Singleton(CoverLifetime, change_catalogue),
        mint=mint,
        note_use=note_use,
        audit=audit,
        clock=clock,
        allow_public_client_credentials=settings.provided.allow_public_client_credentials,
    )
    explain_token = providers.Singleton(
        ExplainToken,
        clients,
        catalogue=catalogue,
        policy=policy,
        clock=clock,
        allow_public_client_credentials=settings.provided.allow_public_client_credentials,
    )
    introspect_token = providers.Singleton(
        IntrospectToken,
        authenticate=authenticate,
        catalogue=catalogue,
        prove=prove_access_token,
        signer=introspection_signer,
        families=families,
        audit=audit,
        issuer=settings.provided.issuer,
        clock=clock,
    )
    authorize_administration = providers.Singleton(
        AuthorizeAdministration,
        catalogue=catalogue,
        prove=prove_access_token,
        issuer=settings.provided.issuer,
        clock=clock,
        audit=audit,
        witness=witness,
    )
    end_token = providers.Singleton(
        EndToken,
        verifier=verifier,
        revocations=revocations,
        access_tokens=access_tokens,
        families=families,
        issuer=settings.provided.issuer,
    )
    revoke_token = providers.Singleton(
        RevokeToken,
        authenticate=authenticate,
        catalogue=catalogue,
        end_token=end_token,
        audit=audit,
        clock=clock,
    )
    make_secret = providers.Singleton(
        MakeSecret, hasher=hasher, envelope=envelope, entropy=entropy, clock=clock
    )
    change_client = providers.Singleton(ChangeClient, clients, clock=clock, audit=audit)
    administer_clients = providers.Singleton(
        AdministerClients,
        clients,
        catalogue=catalogue,
        make_secret=make_secret,
        change=change_client,
        entropy=entropy,
        clock=clock,
        audit=audit,
        issuer=settings.provided.issuer,
    )
    revoke_by_operator = providers.Singleton(
        RevokeByOperator,
        catalogue=catalogue,
        end_token=end_token,
        revocations=revocations,
        families=families,
        administer=administer_clients,
        clock=clock,
        audit=audit,
    )
    administer_secrets = providers.Singleton(
        AdministerSecrets,
        clients,
        stores.provided.usage,
        catalogue=catalogue,
        make_secret=make_secret,
        change=change_client,
        clock=clock,
    )
    report_unused = providers.Singleton(ReportUnused, clients, stores.provided.usage, clock=clock)
    import_clients = providers.Singleton(
        ImportClients,
        administer_clients,
        translate=providers.Singleton(
            TranslateClient,
            administer=administer_clients,
            make_secret=make_secret,
            hasher=hasher,
            foreign_hashes=providers.Singleton(KnownForeignHashes),
            clock=clock,
        ),
        catalogue=catalogue,
        change=change_catalogue,
        clock=clock,
        audit=audit,
    )
    administer_catalogue = providers.Singleton(
        AdministerCatalogue,
        catalogue,
        change=change_catalogue,
        clock=clock,
        audit=audit,
    )
    change_keys = providers.Singleton(ChangeKeys, change_catalogue, clock=clock, audit=audit)
    key_usage = providers.Singleton(KeyUsage, clients, policy=policy)
    fenced_clients = providers.Singleton(FencedClients, clients, catalogue=catalogue)
    apply_state = providers.Singleton(
        ApplyState,
        fenced_clients,
        administer=providers.Singleton(
            AdministerClients,
            fenced_clients,
            catalogue=catalogue,
            make_secret=make_secret,
            change=providers.Singleton(ChangeClient, fenced_clients, clock=clock, audit=audit),
            entropy=entropy,
            clock=clock,
            audit=audit,
            issuer=settings.provided.issuer,
        ),
        catalogue=catalogue,
        change=change_catalogue,
        make_secret=make_secret,
        hasher=hasher,
        policy=policy,
        entropy=entropy,
        clock=clock,
        audit=audit,
    )
    administer_keys = providers.Singleton(
        AdministerKeys,
        catalogue,
        change=change_keys,
        usage=key_usage,
        make=make_signing_key,
        writer=key_set,
        clock=clock,
        announcement=settings.provided.key_announcement,
    )
    rotate_due_keys = providers.Singleton(
        RotateDueKeys,
        catalogue,
        change=change_keys,
        usage=key_usage,
        make=make_signing_key,
        clock=clock,
        announcement=settings.provided.key_announcement,
    )
    take_inventory = providers.Singleton(TakeInventory, clients, catalogue=catalogue, clock=clock)
    audit_trail_probe = providers.Singleton(AuditTrailProbe, audit)
    catalogue_probe = providers.Singleton(CatalogueProbe, catalogue)
    rotate_data_keys = providers.Singleton(
        RotateDataKeys,
        stores.provided.catalogue,
        change=change_catalogue,
        clients=clients,
        families=families,
        hasher=hasher,
        envelope=envelope,
        entropy=entropy,
        clock=clock,
        audit=audit,
    )
    rewrap = providers.Singleton(
        Rewrap,
        stores.provided.catalogue,
        clients,
        change_catalogue=change_catalogue,
        change_client=change_client,
        envelope=envelope,
        clock=clock,
        audit=audit,
    )


@asynccontextmanager
async def open_core(
    settings: Settings,
    *,
    makes_keys: bool = True,
    counts: AuditCounts | None = None,
    stdout: TextIO | None = None,
    trips: TripObserver | None = None,
    tracing: "Tracing | None" = None,
) -> AsyncIterator[Core]:
    """Open the store, establish the keys, and hand out what works on them.

    Args:
        makes_keys: Whether a store that holds none gets its first ones.

        counts: Told of every event; nobody is if left out.

        stdout: What the audit trail takes for standard output. Standard error
            if left out, since that of a command is for its data.

        trips: Told of every round trip to the store; nobody is if left out.

        tracing: Makes spans of what the core and the store do.

    Raises:
        RefusedToStart: If the master key, the signing key file or the store's
            password file does not do, or if the store may lose writes and
            `strict_store` is on.
        Unavailable: If the store is down.
    """
    container = _Container(
        settings=settings,
        audit_counts=providers.Object(counts or Uncounted()),
        audit_stdout=providers.Object(stdout or sys.stderr),
        trips=providers.Object(trips or Unobserved()),
    )
    if tracing is not None:
        _trace_ports(container, tracing)
    stores = container.stores()
    try:
        findings = await _inspect(settings, stores)
        await _unlock(settings, container, makes_keys=makes_keys)
        core = Core(
            issue_token=container.issue_token(),
            explain_token=container.explain_token(),
            introspect_token=container.introspect_token(),
            revoke_token=container.revoke_token(),
            revoke_by_operator=container.revoke_by_operator(),
            administer_clients=container.administer_clients(),
            administer_secrets=container.administer_secrets(),
            administer_catalogue=container.administer_catalogue(),
            import_clients=container.import_clients(),
            administer_keys=container.administer_keys(),
            apply_state=container.apply_state(),
            rotate_due_keys=container.rotate_due_keys(),
            take_inventory=container.take_inventory(),
            authorize_administration=container.authorize_administration(),
            report_unused=container.report_unused(),
            rotate_data_keys=container.rotate_data_keys(),
            rewrap=container.rewrap(),
            catalogue=container.catalogue(),
            key_set=container.key_set(),
            clock=container.clock(),
            entropy=container.entropy(),
            probes=(stores.probe, container.catalogue_probe(), container.audit_trail_probe()),
            findings=findings,
        )
        yield core if tracing is None else traced_core(core, tracing)
    finally:
        container.hasher().close()
        await container.client_keys().close()
        await container.audit().close()
        await stores.close()


def secret_folder(folder: Path) -> SecretFolder:
    """Return where secrets are left for an operator.

    Raises:
        SecretNotLeft: If it is no folder that its owner alone has access to.
    """
    return SecretFolder(folder)


def _trace_ports(container: _Container, tracing: "Tracing") -> None:
    from adapters.telemetry.traced_steps import traced  # noqa: PLC0415  (for who has it on)

    for port in (container.signer, container.introspection_signer, container.verifier):
        port.override(providers.Object(traced(port(), tracing)))
    container.trips.override(
        providers.Object(
            tracing.observing_trips(container.trips(), store=container.settings().store_kind)
        )
    )


async def _inspect(settings: Settings, stores: Stores) -> Sequence[Finding]:
    findings = await stores.inspect()
    risks = [
        f"{finding.sentence} ({finding.remedy})"
        for finding in findings
        if finding.severity is Severity.RISK
    ]
    if settings.strict_store and risks:
        raise RefusedToStart("; ".join(risks))
    return findings


async def _unlock(settings: Settings, container: _Container, *, makes_keys: bool) -> None:
    """Find the master key, and see that it opens the keys, which the first start makes."""
    stored = await container.stores().catalogue.load()
    try:
        container.master_keys.override(master_keys(settings, store_has_keys=bool(stored.keys)))
        container.pinned_keys.override(pinned_keys(settings))
        if stored.keys or makes_keys:
            await container.establish_keys()()
            await container.catalogue().read()
    except (MasterKeyUnusable, SigningKeyUnusable) as error:
        raise RefusedToStart(str(error)) from error
    except MasterKeyMismatch as error:
        raise RefusedToStart(
            f"a key of this store cannot be opened: {error.detail};"
            " master_key_file has to name the file of the master key that sealed it"
        ) from error
