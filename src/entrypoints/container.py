"""Composition: the one place that names driven adapters and knows dependency-injector.

The store is chosen by its URL. Everything takes what it needs in its
constructor, so that a test can build any of it by hand.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from dependency_injector import containers, providers

from adapters.endpoints import TOKEN_PATH, url_of
from adapters.jose.assertion_verifier import JoseAssertionVerifier
from adapters.jose.introspection_signer import JoseIntrospectionSigner
from adapters.jose.jwks import JoseKeySetWriter
from adapters.jose.keys import JoseKeyMaker
from adapters.jose.pem import SigningKeyUnusable, load_signing_key
from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from adapters.jwks_uri.key_source import HttpxClientKeySource
from adapters.redis.access_tokens import RedisAccessTokenStore
from adapters.redis.assertion_replays import RedisAssertionReplays
from adapters.redis.catalogue import (
    RedisCatalogueReader,
    RedisKeyStore,
    RedisResourceStore,
    RedisScopeStore,
)
from adapters.redis.clients import RedisClientStore
from adapters.redis.connection import RedisConnection
from adapters.redis.families import RedisRefreshFamilyStore
from adapters.redis.inspection import Finding, Severity, inspect
from adapters.redis.probe import RedisProbe
from adapters.redis.rate_limiter import RedisRateLimiter
from adapters.redis.revocations import RedisRevocationList
from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.assertion_replays import SqliteAssertionReplays
from adapters.sqlite.catalogue import (
    SqliteCatalogueReader,
    SqliteKeyStore,
    SqliteResourceStore,
    SqliteScopeStore,
)
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.probe import SqliteProbe
from adapters.sqlite.rate_limiter import SqliteRateLimiter
from adapters.sqlite.revocations import SqliteRevocationList
from adapters.system.clock import SystemClock
from adapters.system.entropy import SystemEntropy
from adapters.system.envelope import AesGcmEnvelope
from adapters.system.master_key import (
    MasterKey,
    MasterKeyUnusable,
    find_or_make_master_key,
    read_master_key,
)
from adapters.system.secret_hashing import PepperedSecretHasher
from adapters.telemetry.audit import LogAuditTrail
from domain.model.keys import SigningKey
from domain.model.lifetimes import Lifetimes
from domain.model.limits import FailureLimits
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.assertions import AssertionReplays
from domain.ports.catalogue import CatalogueReader, KeyStore, ResourceStore, ScopeStore
from domain.ports.clients import ClientStore
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import MasterKeyMismatch
from domain.ports.families import RefreshFamilyStore
from domain.ports.probe import Probe
from domain.ports.rate_limiter import RateLimiter
from domain.ports.revocations import RevocationList
from domain.ports.signing import KeySetWriter
from domain.usecases.administer_catalogue import AdministerCatalogue
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.administer_secrets import AdministerSecrets
from domain.usecases.authenticate_by_assertion import AuthenticateByAssertion
from domain.usecases.authenticate_by_secret import AuthenticateBySecret
from domain.usecases.authenticate_client import AuthenticateClient
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
from entrypoints.settings import Settings

_SINCE_EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class RefusedToStart(Exception):
    """The configuration and what is there do not fit; one line says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything a process needs of the inside, ready for use."""

    issue_token: IssueToken
    introspect_token: IntrospectToken
    revoke_token: RevokeToken
    administer_clients: AdministerClients
    administer_secrets: AdministerSecrets
    administer_catalogue: AdministerCatalogue
    catalogue: CurrentCatalogue
    key_set: KeySetWriter
    clock: Clock
    entropy: Entropy
    probes: Sequence[Probe]
    findings: Sequence[Finding]


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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stores:
    """One store behind all of its ports."""

    clients: ClientStore
    catalogue: CatalogueReader
    scopes: ScopeStore
    resources: ResourceStore
    keys: KeyStore
    families: RefreshFamilyStore
    revocations: RevocationList
    access_tokens: AccessTokenStore
    replays: AssertionReplays
    limiter: RateLimiter
    probe: Probe
    inspect: Callable[[], Awaitable[Sequence[Finding]]]
    close: Callable[[], Awaitable[None]]


def _sqlite_stores(settings: Settings) -> _Stores:
    database = SqliteDatabase.open(settings.sqlite_path)

    async def nothing_to_find() -> Sequence[Finding]:
        return ()

    return _Stores(
        clients=SqliteClientStore(database),
        catalogue=SqliteCatalogueReader(database),
        scopes=SqliteScopeStore(database),
        resources=SqliteResourceStore(database),
        keys=SqliteKeyStore(database),
        families=SqliteRefreshFamilyStore(database),
        revocations=SqliteRevocationList(database),
        access_tokens=SqliteAccessTokenStore(database),
        replays=SqliteAssertionReplays(database),
        limiter=SqliteRateLimiter(database),
        probe=SqliteProbe(database),
        inspect=nothing_to_find,
        close=database.close,
    )


def _redis_stores(settings: Settings, clock: Clock) -> _Stores:
    try:
        redis = RedisConnection.from_url(settings.store, password_file=settings.store_password_file)
    except ValueError as error:
        raise RefusedToStart(str(error)) from error
    return _Stores(
        clients=RedisClientStore(redis),
        catalogue=RedisCatalogueReader(redis),
        scopes=RedisScopeStore(redis),
        resources=RedisResourceStore(redis),
        keys=RedisKeyStore(redis),
        families=RedisRefreshFamilyStore(redis),
        revocations=RedisRevocationList(redis),
        access_tokens=RedisAccessTokenStore(redis),
        replays=RedisAssertionReplays(redis),
        limiter=RedisRateLimiter(redis),
        probe=RedisProbe(redis, clock),
        inspect=partial(inspect, redis),
        close=redis.close,
    )


class _Container(containers.DeclarativeContainer):
    settings = providers.Dependency(instance_of=Settings)
    master_keys: providers.Provider[Sequence[MasterKey]] = providers.Dependency()
    pinned_keys: providers.Provider[Sequence[SigningKey]] = providers.Dependency()

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
    audit = providers.Singleton(LogAuditTrail, log_format=settings.provided.log_format)
    envelope = providers.Singleton(AesGcmEnvelope, master_keys)
    signer = providers.Singleton(JoseTokenSigner)
    introspection_signer = providers.Singleton(JoseIntrospectionSigner)
    verifier = providers.Singleton(JoseTokenVerifier)
    key_maker = providers.Singleton(JoseKeyMaker)
    key_set = providers.Singleton(JoseKeySetWriter)

    stores = providers.Selector(
        settings.provided.store_kind,
        sqlite=providers.Singleton(_sqlite_stores, settings),
        redis=providers.Singleton(_redis_stores, settings, clock),
    )
    clients = stores.provided.clients
    families = stores.provided.families
    revocations = stores.provided.revocations
    access_tokens = stores.provided.access_tokens

    catalogue = providers.Singleton(
        CurrentCatalogue, stores.provided.catalogue, envelope, pinned=pinned_keys
    )
    establish_keys = providers.Singleton(
        EstablishKeys,
        stores.provided.catalogue,
        stores.provided.keys,
        maker=key_maker,
        envelope=envelope,
        entropy=entropy,
        clock=clock,
        audit=audit,
        algorithm=settings.provided.signing_algorithm,
    )
    client_keys = providers.Singleton(HttpxClientKeySource, clock)
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
    )
    standing = providers.Singleton(TokenStanding, clients, families, revocations)
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
                ClientCredentialsGrant, families, policy=policy, entropy=entropy
            ),
            refresh_token=providers.Singleton(
                RefreshTokenGrant, families, policy=policy, entropy=entropy, audit=audit
            ),
        ),
    )
    issue_token = providers.Singleton(
        IssueToken,
        grants,
        authenticate=authenticate,
        catalogue=catalogue,
        policy=policy,
        mint=mint,
        audit=audit,
        clock=clock,
        allow_public_client_credentials=settings.provided.allow_public_client_credentials,
    )
    introspect_token = providers.Singleton(
        IntrospectToken,
        authenticate=authenticate,
        catalogue=catalogue,
        verifier=verifier,
        signer=introspection_signer,
        standing=standing,
        access_tokens=access_tokens,
        families=families,
        issuer=settings.provided.issuer,
        clock=clock,
    )
    revoke_token = providers.Singleton(
        RevokeToken,
        authenticate=authenticate,
        catalogue=catalogue,
        verifier=verifier,
        revocations=revocations,
        access_tokens=access_tokens,
        families=families,
        audit=audit,
        issuer=settings.provided.issuer,
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
    administer_secrets = providers.Singleton(
        AdministerSecrets,
        catalogue=catalogue,
        make_secret=make_secret,
        change=change_client,
        clock=clock,
    )
    administer_catalogue = providers.Singleton(
        AdministerCatalogue,
        catalogue,
        scopes=stores.provided.scopes,
        resources=stores.provided.resources,
        clock=clock,
        audit=audit,
    )


@asynccontextmanager
async def open_core(settings: Settings) -> AsyncIterator[Core]:
    """Open the store, establish the keys, and hand out what works on them.

    Raises:
        RefusedToStart: If the master key, the signing key file or the store's
            password file does not do, or if the store may lose writes and
            `strict_store` is on.
        Unavailable: If the store is down.
    """
    container = _Container(settings=settings)
    stores = container.stores()
    try:
        findings = await _inspect(settings, stores)
        await _unlock(settings, container)
        yield Core(
            issue_token=container.issue_token(),
            introspect_token=container.introspect_token(),
            revoke_token=container.revoke_token(),
            administer_clients=container.administer_clients(),
            administer_secrets=container.administer_secrets(),
            administer_catalogue=container.administer_catalogue(),
            catalogue=container.catalogue(),
            key_set=container.key_set(),
            clock=container.clock(),
            entropy=container.entropy(),
            probes=(stores.probe,),
            findings=findings,
        )
    finally:
        container.hasher().close()
        await container.client_keys().close()
        await stores.close()


async def _inspect(settings: Settings, stores: _Stores) -> Sequence[Finding]:
    findings = await stores.inspect()
    risks = [finding.sentence for finding in findings if finding.severity is Severity.RISK]
    if settings.strict_store and risks:
        raise RefusedToStart(" ".join(risks))
    return findings


async def _unlock(settings: Settings, container: _Container) -> None:
    """Find the master key, and see that it opens the keys, which the first start makes."""
    stored = await container.stores().catalogue.load()
    try:
        container.master_keys.override(_master_keys(settings, store_has_keys=bool(stored.keys)))
        container.pinned_keys.override(_pinned_keys(settings))
        await container.establish_keys()()
        keyring = (await container.catalogue().read()).keyring
    except (MasterKeyUnusable, SigningKeyUnusable) as error:
        raise RefusedToStart(str(error)) from error
    except MasterKeyMismatch as error:
        raise RefusedToStart(
            "the master key does not open this store's keys: give the one that sealed them"
        ) from error
    if keyring.signer(settings.signing_algorithm, now=container.clock().now()) is None:
        raise RefusedToStart(f"there is no active {settings.signing_algorithm} key in this store")


def _master_keys(settings: Settings, *, store_has_keys: bool) -> Sequence[MasterKey]:
    if settings.master_key_file:
        return [read_master_key(path) for path in settings.master_key_file]
    if settings.store_kind != "sqlite":
        raise RefusedToStart(
            "a master key is needed with this store: make one with"
            " `openssl rand -base64 32 > master.key && chmod 600 master.key`"
            " and name it with --master-key-file"
        )
    beside = settings.sqlite_key_path
    if store_has_keys and not beside.exists():
        raise RefusedToStart(
            f"{beside} is missing, and the keys in {settings.sqlite_path} cannot be opened"
            " without it: put it back"
        )
    return [find_or_make_master_key(beside)]


def _pinned_keys(settings: Settings) -> Sequence[SigningKey]:
    if settings.signing_key_file is None:
        return ()
    passphrase_file = settings.signing_key_passphrase_file
    passphrase = _first_line(passphrase_file) if passphrase_file is not None else None
    return [load_signing_key(settings.signing_key_file, passphrase, activate_at=_SINCE_EVER)]


def _first_line(path: Path) -> bytes:
    try:
        return path.read_bytes().split(b"\n", 1)[0].rstrip(b"\r")
    except OSError as error:
        raise RefusedToStart(f"{path} cannot be read: {error.strerror}") from error
