"""Clients: the programs that grantd knows (RFC 6749 §2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.errors import InvalidRegistration
from domain.model.administration import RESERVED
from domain.model.assertions import AssertionAlgorithm
from domain.model.credentials import MAX_SECRETS, AuthMethod, RegisteredSecret
from domain.model.identifiers import LONGEST_ID, ClientId, Epoch, Owner, ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.scopes import Scope
from domain.model.texts import LONGEST_NAME, is_showable
from domain.model.tokens import SHORTEST_LIFETIME, TokenFormat

_BY_SECRET = frozenset(
    {AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST, AuthMethod.CLIENT_SECRET_JWT}
)
_PUBLIC = frozenset({AuthMethod.NONE})


class GrantType(StrEnum):
    """Grants grantd implements; settings switch each of them on."""

    CLIENT_CREDENTIALS = "client_credentials"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105  (the registered name of a grant)


class Subject(StrEnum):
    """Whose name a client's tokens bear as `sub`."""

    CLIENT = "client"
    OWNER = "owner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client.

    Attributes:
        epoch: Carried by all that is issued to the client and compared on
            use; changing it ends everything the client holds (D11).

        version: Counts replacements, for whoever changes what it read.

        audiences: Resources the client may ask for, besides its default
            audience and those that own its scopes.

        serves: Resources whose tokens it may introspect.

        owner: The user who created the client. Owners and client ids share
            one namespace (RFC 9068 §5).

        issue_refresh_token: Gives it a refresh token with client credentials,
            which RFC 6749 §4.4.3 advises against.

        refresh_token_max_age: The absolute cap of its refresh families.

        jwks: The public keys it signs assertions with, as a JWK set in JSON.

        jwks_uri: Where it publishes them instead.

        assertion_algorithm: The only `alg` its assertions may have; None
            leaves it to the key (`token_endpoint_auth_signing_alg`).

        accept_token_endpoint_audience: Takes assertions whose `aud` is the
            token endpoint's URL too, as libraries older than RFC 10070 write
            it.

        introspection_signed_response_alg: What signs introspection replies to
            it that it asks for as a JWT (RFC 9701 §6).

        accept_raw_basic_credentials: Takes its secret in HTTP Basic without
            the form-encoding of RFC 6749 §2.3.1 too, as it was sent to a
            server that never decoded it.
    """

    client_id: ClientId
    epoch: Epoch
    created_at: datetime
    version: int = 1
    name: str = ""
    disabled: bool = False
    auth_methods: frozenset[AuthMethod]
    secrets: tuple[RegisteredSecret, ...] = ()
    grant_types: frozenset[GrantType]
    scope: Scope = Scope()
    default_scope: Scope = Scope()
    audiences: frozenset[ResourceId] = frozenset()
    default_audience: ResourceId | None = None
    serves: frozenset[ResourceId] = frozenset()
    introspect_any: bool = False
    owner: Owner | None = None
    subject: Subject = Subject.CLIENT
    issue_refresh_token: bool = False
    token_format: TokenFormat | None = None
    signing_algorithm: SigningAlgorithm | None = None
    jwks: str | None = None
    jwks_uri: str | None = None
    assertion_algorithm: AssertionAlgorithm | None = None
    accept_token_endpoint_audience: bool = False
    introspection_signed_response_alg: SigningAlgorithm = SigningAlgorithm.RS256
    accept_raw_basic_credentials: bool = False
    access_token_ttl: timedelta | None = None
    refresh_token_ttl: timedelta | None = None
    refresh_token_max_age: timedelta | None = None
    refresh_grace: timedelta | None = None

    @property
    def is_public(self) -> bool:
        return self.auth_methods == _PUBLIC

    @property
    def uses_a_secret(self) -> bool:
        """Whether a method it may use needs a secret of it."""
        return not _BY_SECRET.isdisjoint(self.auth_methods)

    @property
    def may_ask_by_basic(self) -> bool:
        """Whether it gets a token with nothing but its name and secret in HTTP Basic."""
        return (
            not self.disabled
            and AuthMethod.CLIENT_SECRET_BASIC in self.auth_methods
            and GrantType.CLIENT_CREDENTIALS in self.grant_types
        )

    @property
    def token_subject(self) -> ClientId | Owner:
        """Who the client's tokens speak for."""
        if self.subject is Subject.OWNER and self.owner is not None:
            return self.owner
        return self.client_id


def require_coherent(client: Client) -> Client:
    """Return *client*, refusing one that contradicts itself.

    Raises:
        InvalidRegistration: With what contradicts what in its hint.
    """
    for contradiction, broken in _contradictions(client):
        if broken:
            raise InvalidRegistration(contradiction, hint=contradiction)
    return client


def _contradictions(client: Client) -> tuple[tuple[str, bool], ...]:
    ttls = (
        client.access_token_ttl,
        client.refresh_token_ttl,
        client.refresh_token_max_age,
    )
    both_grants = {GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN} <= client.grant_types
    return (
        (
            f"client_id has to be 1 to {LONGEST_ID} characters, printable ASCII",
            not _is_presentable_id(client.client_id),
        ),
        (
            f"owner has to be 1 to {LONGEST_ID} characters, printable ASCII",
            client.owner is not None and not _is_presentable_id(client.owner),
        ),
        (
            f"a name has up to {LONGEST_NAME} characters, all printable",
            not is_showable(client.name, longest=LONGEST_NAME),
        ),
        (
            "owner and client_id may not be equal",
            client.owner is not None and str(client.owner) == client.client_id,
        ),
        ("subject owner needs an owner", client.subject is Subject.OWNER and client.owner is None),
        ("an authentication method is needed", not client.auth_methods),
        (
            "a public client has no other authentication method",
            AuthMethod.NONE in client.auth_methods and not client.is_public,
        ),
        (
            "private_key_jwt needs either jwks or jwks_uri",
            (AuthMethod.PRIVATE_KEY_JWT in client.auth_methods)
            is not ((client.jwks is None) is not (client.jwks_uri is None)),
        ),
        (
            "client_secret_jwt needs a secret that was kept for it",
            AuthMethod.CLIENT_SECRET_JWT in client.auth_methods
            and all(secret.sealed is None for secret in client.secrets),
        ),
        (
            "a secret is kept for client_secret_jwt alone",
            AuthMethod.CLIENT_SECRET_JWT not in client.auth_methods
            and any(secret.sealed is not None for secret in client.secrets),
        ),
        (
            "token_endpoint_auth_signing_alg does not fit the authentication method",
            not _fits(client.assertion_algorithm, client.auth_methods),
        ),
        ("a public client has no secret", client.is_public and bool(client.secrets)),
        (
            "a client that authenticates by a secret needs one",
            client.uses_a_secret and not client.secrets,
        ),
        (f"more than {MAX_SECRETS} secrets", len(client.secrets) > MAX_SECRETS),
        ("the default scope exceeds the scope", not client.default_scope <= client.scope),
        (
            f"the default scope may not hold {RESERVED.in_a_hint}",
            bool(client.default_scope & RESERVED),
        ),
        (
            f"a public client may not have {RESERVED.in_a_hint}",
            client.is_public and bool(client.scope & RESERVED),
        ),
        (
            "issue_refresh_token needs both grant types, client_credentials and refresh_token",
            client.issue_refresh_token and not both_grants,
        ),
        ("a lifetime has to be a second or more", any(_is_too_short(ttl) for ttl in ttls)),
        (
            "refresh_grace may not be negative",
            client.refresh_grace is not None and client.refresh_grace < timedelta(),
        ),
    )


def _fits(algorithm: AssertionAlgorithm | None, methods: frozenset[AuthMethod]) -> bool:
    if algorithm is None:
        return True
    wanted = AuthMethod.CLIENT_SECRET_JWT if algorithm.is_symmetric else AuthMethod.PRIVATE_KEY_JWT
    return wanted in methods


def _is_presentable_id(text: str) -> bool:
    return 0 < len(text) <= LONGEST_ID and text.isascii() and text.isprintable()


def _is_too_short(ttl: timedelta | None) -> bool:
    return ttl is not None and ttl < SHORTEST_LIFETIME
