"""Reading clients from standard metadata (RFC 7591 §2)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.errors import InvalidRegistration, InvalidScope, presentable
from domain.model.assertions import AssertionAlgorithm
from domain.model.client_keys import ClientKeys, read_client_keys, read_jwks_uri
from domain.model.clients import Client, GrantType, Subject
from domain.model.credentials import AuthMethod, ClientSecret
from domain.model.identifiers import ClientId, Epoch, ResourceId
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import parse_duration
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.usecases.administer_clients import NewClient

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_LAST_SECOND = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A client as its metadata wants it.

    Attributes:
        not_taken: What the metadata held besides, by its members' names.
    """

    wanted: NewClient
    not_taken: tuple[str, ...]


def read_metadata(
    metadata: object, /, *, client_id: ClientId, epoch: Epoch, created_at: datetime
) -> Registration:
    """Read one client's metadata; null is as good as left out.

    Our own members bear the names of the settings. What means nothing here is
    named and left; what means something and is written wrongly is refused.

    Args:
        client_id: For a client whose metadata names none.

    Raises:
        InvalidRegistration: With the member in its hint (RFC 7591 §3.2.2).
    """
    if not isinstance(metadata, Mapping):
        raise InvalidRegistration("not an object", hint="not a JSON object")
    given = {name: value for name, value in metadata.items() if value is not None}
    if "software_statement" in given:
        raise _refused("software_statement", "not supported")
    attributes: dict[str, Any] = {
        attribute: _read(given, member, reader)
        for member, (attribute, reader) in _ATTRIBUTES.items()
        if member in given
    }
    methods = _auth_methods(given)
    grants, other_grants = _grant_types(given)
    keys = _client_keys(given, methods)
    draft = Client(
        **{
            "client_id": client_id,
            "epoch": epoch,
            "created_at": created_at,
            "auth_methods": methods,
            "grant_types": grants,
            "jwks": keys.text if keys is not None else None,
            **attributes,
        }
    )
    return Registration(
        wanted=NewClient(
            draft=draft,
            secret=_read(given, "client_secret", _secret),
            secret_expires_at=_read(given, "client_secret_expires_at", _moment),
        ),
        not_taken=(
            *(presentable(member) for member in given if member not in _TAKEN),
            *(f"grant_types: {presentable(grant)}" for grant in other_grants),
            *(f"jwks: {presentable(name)}" for name in sorted(keys.left_out if keys else ())),
        ),
    )


def _auth_methods(given: Mapping[str, object]) -> frozenset[AuthMethod]:
    """Settle the methods; the standard member names one, ours may name several."""
    one = _read(given, "token_endpoint_auth_method", _one_of(AuthMethod))
    several = _read(given, "auth_methods", _list_of(_one_of(AuthMethod)))
    if several is None:
        return frozenset({one or AuthMethod.CLIENT_SECRET_BASIC})
    if one is not None and one not in several:
        raise _refused("auth_methods", "token_endpoint_auth_method has to be one of them")
    if not several:
        raise _refused("auth_methods", "at least one is needed")
    return frozenset(several)


def _grant_types(given: Mapping[str, object]) -> tuple[frozenset[GrantType], Sequence[str]]:
    """Return the grant types that exist here, and the others that were named."""
    named = _read(given, "grant_types", _list_of(_text))
    if named is None:
        return frozenset({GrantType.CLIENT_CREDENTIALS}), ()
    offered = frozenset(grant for grant in GrantType if grant in named)
    if not offered:
        raise _refused("grant_types", f"none of {_named(GrantType)} is among them")
    return offered, tuple(grant for grant in named if grant not in offered)


def _client_keys(given: Mapping[str, object], methods: frozenset[AuthMethod]) -> ClientKeys | None:
    members = [member for member in ("jwks", "jwks_uri") if member in given]
    if len(members) > 1:
        raise _refused("jwks", "not together with jwks_uri")
    if members and AuthMethod.PRIVATE_KEY_JWT not in methods:
        raise _refused(members[0], "needs token_endpoint_auth_method private_key_jwt")
    if "jwks" not in given:
        return None
    keys = read_client_keys(given["jwks"])
    algorithm = _read(given, "token_endpoint_auth_signing_alg", _one_of(AssertionAlgorithm))
    if algorithm and not algorithm.is_symmetric and algorithm not in keys.algorithms:
        raise _refused("token_endpoint_auth_signing_alg", "no key in jwks signs with it")
    return keys


def _read(given: Mapping[str, object], member: str, reader: Callable[[object], T]) -> T | None:
    if member not in given:
        return None
    try:
        return reader(given[member])
    except _Unreadable as expected:
        raise _refused(member, str(expected)) from None


class _Unreadable(ValueError):
    """A member's value is not what it has to be. Its text never shows the value."""


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise _Unreadable("a text is needed, all of it printable")
    return value


def _secret(value: object) -> ClientSecret:
    return ClientSecret(_text(value))


def _switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Unreadable("true or false is needed")
    return value


def _moment(value: object) -> datetime | None:
    """Read `client_secret_expires_at`; 0 is never (RFC 7591 §3.2.1)."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LAST_SECOND:
        raise _Unreadable("a number of seconds since 1970 is needed, or 0 for never")
    return datetime.fromtimestamp(value, UTC) if value else None


def _duration(value: object) -> timedelta:
    try:
        return parse_duration(_text(value))
    except ValueError:
        raise _Unreadable("a duration like PT1H, P1M, 90s, 15m, 1h or 30d is needed") from None


def _scope(value: object) -> Scope:
    try:
        return Scope.parse(_text(value))
    except (InvalidScope, _Unreadable):
        raise _Unreadable("scope tokens with single spaces between them are needed") from None


def _resource(value: object) -> ResourceId:
    return ResourceId(_text(value))


def _resources(value: object) -> frozenset[ResourceId]:
    return frozenset(_list_of(_resource)(value))


def _jwks_uri(value: object) -> str:
    return read_jwks_uri(_text(value))


def _one_of(kind: type[E]) -> Callable[[object], E]:
    def read(value: object) -> E:
        if not isinstance(value, str) or value not in set(kind):
            raise _Unreadable(f"one of {_named(kind)} is needed")
        return kind(value)

    return read


def _list_of(reader: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise _Unreadable("a list is needed")
        return tuple(reader(one) for one in value)

    return read


def _named(kind: type[StrEnum]) -> str:
    return ", ".join(kind)


def _refused(member: str, reason: str) -> InvalidRegistration:
    return InvalidRegistration(f"unusable {member}", hint=f"{member}: {reason}")


_ATTRIBUTES: Final[Mapping[str, tuple[str, Callable[[object], object]]]] = {
    "client_id": ("client_id", _text),
    "client_name": ("name", _text),
    "token_endpoint_auth_signing_alg": ("assertion_algorithm", _one_of(AssertionAlgorithm)),
    "scope": ("scope", _scope),
    "jwks_uri": ("jwks_uri", _jwks_uri),
    "introspection_signed_response_alg": (
        "introspection_signed_response_alg",
        _one_of(SigningAlgorithm),
    ),
    "default_scope": ("default_scope", _scope),
    "audiences": ("audiences", _resources),
    "default_audience": ("default_audience", _resource),
    "serves": ("serves", _resources),
    "introspect_any": ("introspect_any", _switch),
    "owner": ("owner", _text),
    "subject": ("subject", _one_of(Subject)),
    "issue_refresh_token": ("issue_refresh_token", _switch),
    "access_token_ttl": ("access_token_ttl", _duration),
    "refresh_token_ttl": ("refresh_token_ttl", _duration),
    "refresh_token_max_age": ("refresh_token_max_age", _duration),
    "refresh_grace": ("refresh_grace", _duration),
    "token_format": ("token_format", _one_of(TokenFormat)),
    "signing_algorithm": ("signing_algorithm", _one_of(SigningAlgorithm)),
    "accept_token_endpoint_audience": ("accept_token_endpoint_audience", _switch),
    "accept_raw_basic_credentials": ("accept_raw_basic_credentials", _switch),
}
"""Members that are attributes of a client, each with what it is called there."""

_TAKEN = _ATTRIBUTES.keys() | {
    "client_secret",
    "client_secret_expires_at",
    "token_endpoint_auth_method",
    "auth_methods",
    "grant_types",
    "jwks",
}
