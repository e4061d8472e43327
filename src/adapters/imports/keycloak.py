"""Clients of Keycloak: the export of one client, or of a realm with all of them.

Keycloak keeps secrets in the clear and writes them into exports by `kc.sh
export`; what its console exports has asterisks in their place. Default client
scopes are in every token; optional ones have to be asked for.
"""

from datetime import timedelta
from typing import Final

from adapters.imports.documents import Members, Reader, clients_in, parse
from domain.errors import UnreadableExport
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.imported_clients import ForeignClient

_LONGEST_LIFESPAN: Final = 36_500 * 86_400
_LIFESPAN: Final = "access.token.lifespan"
_NEVER: Final = frozenset({"", "-1"})

_BY_SECRET = frozenset({AuthMethod.CLIENT_SECRET_BASIC, AuthMethod.CLIENT_SECRET_POST})
_AUTHENTICATORS = {
    "": _BY_SECRET,
    "client-secret": _BY_SECRET,
    "client-secret-jwt": frozenset({AuthMethod.CLIENT_SECRET_JWT}),
    "client-jwt": frozenset({AuthMethod.PRIVATE_KEY_JWT}),
}

# Every realm has these; they choose claims for tokens of people.
_BUILT_IN_SCOPES = frozenset(
    {
        "acr",
        "address",
        "basic",
        "email",
        "microprofile-jwt",
        "offline_access",
        "organization",
        "phone",
        "profile",
        "roles",
        "saml_organization",
        "service_account",
        "web-origins",
    }
)

_NOT_TAKEN_OF_ATTRIBUTES = ("client.secret.rotated", "jwt.credential.certificate")
_NOT_TAKEN = ("redirectUris", "webOrigins", "protocolMappers", "authorizationSettings")


def read(content: bytes) -> tuple[ForeignClient, ...]:
    """Read a client's export, a list of clients, or a realm's export.

    Raises:
        UnreadableExport: If it is none of these, with the place and the member.
    """
    found = clients_in(parse(content), known_by="clientId")
    return tuple(_client(place, members) for place, members in found)


def _client(place: str, members: Members) -> ForeignClient:
    given = Reader(place, members)
    attributes = Reader(f"{place}.attributes", given.members("attributes"))
    secret = given.text("secret")
    authenticator = given.text("clientAuthenticatorType")
    default = _scopes(given, "defaultClientScopes")
    refreshes = attributes.text("client_credentials.use_refresh_token") == "true"
    return ForeignClient(
        place=place,
        client_id=given.text("clientId"),
        flaw=_flaw(given, authenticator, secret),
        name=given.text("name"),
        disabled=not given.switch("enabled", otherwise=True),
        auth_methods=_AUTHENTICATORS.get(authenticator, frozenset()),
        secret=ClientSecret(secret) if secret else None,
        secret_is_clear=True,
        jwks=_jwks(attributes),
        jwks_uri=attributes.text("jwks.url") if _uses(attributes, "use.jwks.url") else "",
        assertion_algorithm=attributes.text("token.endpoint.auth.signing.alg"),
        grant_types=_grant_types(given, refreshes=refreshes),
        issue_refresh_token=refreshes,
        scope=default + _scopes(given, "optionalClientScopes"),
        default_scope=default,
        access_token_ttl=_lifespan(attributes),
        not_taken=(
            *(name for name in _NOT_TAKEN if members.get(name)),
            *(name for name in _NOT_TAKEN_OF_ATTRIBUTES if attributes.text(name)),
        ),
    )


def _flaw(given: Reader, authenticator: str, secret: str) -> str:
    flaws = {
        "its protocol is not openid-connect": (
            given.text("protocol") not in ("", "openid-connect")
        ),
        "it is bearer-only, which is a resource here: grantd resources create": (
            given.switch("bearerOnly")
        ),
        "it is public: such a client cannot use client_credentials": given.switch("publicClient"),
        "its clientAuthenticatorType is none that is taken": authenticator not in _AUTHENTICATORS,
        "its secret is masked in this export: kc.sh export writes it": (
            bool(secret) and not secret.strip("*")
        ),
        "its secret is in a vault, and the export has only its name there": (
            secret.startswith("${vault.")
        ),
    }
    return next((flaw for flaw, found in flaws.items() if found), "")


def _grant_types(given: Reader, *, refreshes: bool) -> tuple[str, ...]:
    switches = {
        "client_credentials": given.switch("serviceAccountsEnabled"),
        "refresh_token": refreshes,
        "authorization_code": given.switch("standardFlowEnabled"),
        "implicit": given.switch("implicitFlowEnabled"),
        "password": given.switch("directAccessGrantsEnabled"),
    }
    return tuple(name for name, on in switches.items() if on)


def _scopes(given: Reader, name: str) -> tuple[str, ...]:
    return tuple(scope for scope in given.texts(name) if scope not in _BUILT_IN_SCOPES)


def _jwks(attributes: Reader) -> object:
    if not _uses(attributes, "use.jwks.string"):
        return None
    try:
        return parse(attributes.text("jwks.string").encode())
    except UnreadableExport:
        raise attributes.unreadable("jwks.string", "a JWK set in JSON") from None


def _uses(attributes: Reader, switch: str) -> bool:
    return attributes.text(switch) == "true"


def _lifespan(attributes: Reader) -> timedelta | None:
    text = attributes.text(_LIFESPAN)
    if text in _NEVER:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text[:12]) > _LONGEST_LIFESPAN:
        raise attributes.unreadable(_LIFESPAN, "a number of seconds")
    return timedelta(seconds=int(text[:12])) or None
