"""Values of the core for tests, all well-formed.

`NOW` is near the real time, because Redis lets things expire by its own
clock; what a test calls expired it tells by the `now` it passes.
"""

import time
from datetime import UTC, datetime, timedelta

from domain.model.assertions import AssertionId
from domain.model.clients import Client, GrantType
from domain.model.credentials import AuthMethod, RegisteredSecret, SecretHash, SecretId
from domain.model.families import RefreshFamily
from domain.model.identifiers import (
    ClientId,
    Epoch,
    FamilyId,
    Owner,
    ResourceId,
    TokenId,
    bucket_of,
)
from domain.model.keys import KeyId, KeyPurpose, KeySchedule, SealedKey, SigningAlgorithm
from domain.model.limits import LimitKey
from domain.model.resources import Resource
from domain.model.scopes import Scope, ScopeDefinition, ScopeToken
from domain.model.tokens import AccessTokenClaims, TokenDigest, digest_opaque

NOW = datetime.fromtimestamp(int(time.time()), UTC)
MOMENT = timedelta(milliseconds=1)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

ISSUER = "https://id.example"
LEDGER = ClientId("ledger")
PAYROLL = ClientId("payroll")
INVOICES = ResourceId("https://invoices.example")


def client(client_id: str = LEDGER, *, owner: str | None = None) -> Client:
    """Return a confidential client with one secret."""
    return Client(
        client_id=ClientId(client_id),
        epoch=Epoch("Zm91cnRlZW5ieXRl"),
        created_at=NOW,
        auth_methods=frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST}),
        secrets=(
            RegisteredSecret(
                secret_id=SecretId("0badcafe"),
                hash=SecretHash("v1$pepper$0f0f"),
                created_at=NOW,
            ),
        ),
        grant_types=frozenset({GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN}),
        scope=Scope.parse("invoices.read invoices.write"),
        default_scope=Scope.parse("invoices.read"),
        owner=Owner(owner) if owner is not None else None,
    )


def family(
    number: int = 1,
    *,
    owner: str = LEDGER,
    created_at: datetime = NOW,
    expires_at: datetime = NOW + DAY,
) -> RefreshFamily:
    """Return a live family of *owner*, one for each *number*."""
    return RefreshFamily(
        family_id=family_id(number, owner=owner),
        owner=ClientId(owner),
        epoch=Epoch("Zm91cnRlZW5ieXRl"),
        scope=Scope.parse("invoices.read invoices.write"),
        audience=(INVOICES,),
        created_at=created_at,
        expires_at=expires_at,
    )


def family_id(number: int = 1, *, owner: str = LEDGER) -> FamilyId:
    return FamilyId(f"{bucket_of(owner)}{number:022d}")


def token_id(number: int = 1, *, client_id: str = LEDGER) -> TokenId:
    return TokenId(f"{bucket_of(client_id)}{number:022d}")


def assertion_id(number: int = 1, *, client_id: str = LEDGER) -> AssertionId:
    return AssertionId(f"{bucket_of(client_id)}{number:064x}")


def limit_key(number: int = 1, *, client_id: str = LEDGER) -> LimitKey:
    return LimitKey(f"{bucket_of(client_id)}c{number:032x}")


def digest(number: int = 1, *, client_id: str = LEDGER) -> TokenDigest:
    """Return the digest of an opaque token, one for each *number*."""
    return digest_opaque(f"gda_{bucket_of(client_id)}{number:043d}")


def claims(number: int = 1, *, expires_at: datetime = NOW + HOUR) -> AccessTokenClaims:
    """Return what a token of the ledger claims, one for each *number*."""
    return AccessTokenClaims(
        issuer=ISSUER,
        subject=LEDGER,
        audience=(INVOICES,),
        client_id=LEDGER,
        scope=Scope.parse("invoices.read"),
        issued_at=NOW,
        expires_at=expires_at,
        token_id=token_id(number),
        epoch=Epoch("Zm91cnRlZW5ieXRl"),
    )


def scope_definition(token: str, *, resource: ResourceId | None = None) -> ScopeDefinition:
    return ScopeDefinition(
        token=ScopeToken(token), description=f"Whatever {token} is for", resource=resource
    )


def resource(resource_id: str = INVOICES) -> Resource:
    return Resource(resource_id=ResourceId(resource_id), name="Invoices", access_token_ttl=HOUR)


def sealed_keys(batch: str = "first") -> tuple[SealedKey, ...]:
    """Return one set of keys as a first start makes it, each batch with other keys."""
    signing = SealedKey(
        purpose=KeyPurpose.SIGNING,
        key_id=KeyId(f"{batch}-es256"),
        created_at=NOW,
        sealed=bytes(range(256)),
        algorithm=SigningAlgorithm.ES256,
        schedule=KeySchedule(activate_at=NOW, retire_at=NOW + DAY, remove_at=NOW + 2 * DAY),
    )
    symmetric = (
        SealedKey(
            purpose=purpose,
            key_id=KeyId(f"{batch}-{purpose}"),
            created_at=NOW + MOMENT,
            sealed=f"sealed {batch} {purpose}".encode(),
        )
        for purpose in (KeyPurpose.REFRESH_MAC, KeyPurpose.SECRET_PEPPER)
    )
    return signing, *symmetric
