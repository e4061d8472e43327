"""The vocabulary of a state file: what each key is called, how it is read and written."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.errors import GrantdError
from domain.model.assertions import AssertionAlgorithm
from domain.model.client_keys import read_client_keys, read_jwks_uri
from domain.model.clients import GrantType, Subject
from domain.model.credentials import AuthMethod
from domain.model.keys import SigningAlgorithm
from domain.model.lifetimes import format_duration, parse_duration
from domain.model.resources import parse_resource_id
from domain.model.scopes import Scope
from domain.model.tokens import TokenFormat
from domain.usecases.plan_state import Kind
from entrypoints.cli.yaml_nodes import Node

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")

_SECOND: Final = timedelta(seconds=1)


class Unfit(ValueError):
    """A value is not what its key needs. The text says what would be right, not what is."""

    def __init__(self, sentence: str, node: Node | None = None) -> None:
        super().__init__(sentence)
        self.node = node


@dataclass(frozen=True, slots=True)
class Field:
    """One key.

    Attributes:
        attribute: What the core calls it.

        read: Returns the value, or raises `Unfit`.

        write: Returns it as plain data for a file.
    """

    attribute: str
    read: Callable[[Node], Any]
    write: Callable[[Any], object]


def _text(node: Node) -> str:
    if not isinstance(node.scalar, str):
        raise Unfit("a text is needed; put it in quotes if it looks like something else", node)
    return node.scalar


def _switch(node: Node) -> bool:
    if not isinstance(node.scalar, bool):
        raise Unfit("true or false is needed", node)
    return node.scalar


def _count(node: Node) -> int:
    value = node.scalar
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise Unfit("a whole number from 1 is needed", node)
    return value


def _wait(node: Node) -> timedelta:
    value = node.scalar
    try:
        return parse_duration(value if isinstance(value, str) else "")
    except ValueError:
        raise Unfit("a duration like PT1H, P1M, 90s, 15m, 1h or 30d is needed", node) from None


def _lifetime(node: Node) -> timedelta:
    duration = _wait(node)
    if duration < _SECOND:
        raise Unfit("a second or more is needed", node)
    return duration


def texts(node: Node) -> list[tuple[str, Node]]:
    """Read a list of texts, each with where it stands."""
    if node.items is None:
        raise Unfit("a list is needed", node)
    return [(_text(one), one) for one in node.items]


def scope_tokens(node: Node) -> list[tuple[str, Node]]:
    """Read scope tokens, a list of them or a text with spaces between them."""
    if isinstance(node.scalar, str):
        return [(token, node) for token in node.scalar.split()]
    if node.items is None:
        raise Unfit("a list of scopes is needed, or a text with spaces between them", node)
    return texts(node)


def _scope(node: Node) -> Scope:
    return Scope.of(_scope_token(token, where) for token, where in scope_tokens(node))


def _scope_token(token: str, node: Node) -> str:
    return _held(lambda: Scope.of((token,)).values[0], "no scope can be written like that", node)


def _scope_name(node: Node) -> str:
    return _scope_token(_text(node), node)


def _uri(node: Node) -> str:
    uri = _text(node)
    return _held(
        lambda: parse_resource_id(uri), "an absolute URI without a fragment is needed", node
    )


def _uris(node: Node) -> frozenset[str]:
    return frozenset(text for text, _ in texts(node))


def _require_distinct_keys(node: Node) -> None:
    seen = set()
    for key, value in node.pairs or ():
        if key.scalar in seen:
            raise Unfit("a key stands here twice", key)
        seen.add(key.scalar)
        _require_distinct_keys(value)
    for item in node.items or ():
        _require_distinct_keys(item)


def _keys(node: Node) -> str:
    _require_distinct_keys(node)
    try:
        return read_client_keys(node.plain()).text
    except GrantdError as error:
        raise Unfit(error.hint.removeprefix("jwks: "), node) from None


def _keys_uri(node: Node) -> str:
    uri = _text(node)
    return _held(lambda: read_jwks_uri(uri), "https is needed, or http on loopback", node)


def _one_of(kind: type[E]) -> Callable[[Node], E]:
    def read(node: Node) -> E:
        value = node.scalar
        if not isinstance(value, str) or value not in set(kind):
            raise Unfit(f"one of {', '.join(kind)} is needed", node)
        return kind(value)

    return read


def _some_of(kind: type[E]) -> Callable[[Node], frozenset[E]]:
    one = _one_of(kind)

    def read(node: Node) -> frozenset[E]:
        if node.items is None:
            raise Unfit(f"a list is needed, of {', '.join(kind)}", node)
        return frozenset(one(item) for item in node.items)

    return read


def _by_grant(node: Node) -> dict[GrantType, timedelta]:
    grant = _one_of(GrantType)
    if node.pairs is None:
        raise Unfit("durations by grant type are needed", node)
    _require_distinct_keys(node)
    return {grant(key): _lifetime(value) for key, value in node.pairs}


def _held(judge: Callable[[], T], right: str, node: Node) -> T:
    try:
        return judge()
    except GrantdError:
        raise Unfit(right, node) from None


def _sorted(values: Iterable[str]) -> list[str]:
    return sorted(str(value) for value in values)


def _durations(values: Mapping[GrantType, timedelta]) -> dict[str, str]:
    return {str(grant): format_duration(ttl) for grant, ttl in sorted(values.items())}


_FORMAT = Field("token_format", _one_of(TokenFormat), str)
_ALGORITHM = Field("signing_algorithm", _one_of(SigningAlgorithm), str)
_ACCESS_TTL = Field("access_token_ttl", _lifetime, format_duration)

RESOURCE: Final = {
    "id": Field("resource_id", _uri, str),
    "name": Field("name", _text, str),
    "token_format": _FORMAT,
    "signing_algorithm": _ALGORITHM,
    "access_token_ttl": _ACCESS_TTL,
    "disabled": Field("disabled", _switch, bool),
}
SCOPE: Final = {
    "name": Field("token", _scope_name, str),
    "description": Field("description", _text, str),
    "resource": Field("resource", _text, str),
    "disabled": Field("disabled", _switch, bool),
}
CLIENT: Final = {
    "id": Field("client_id", _text, str),
    "name": Field("name", _text, str),
    "disabled": Field("disabled", _switch, bool),
    "owner": Field("owner", _text, str),
    "subject": Field("subject", _one_of(Subject), str),
    "auth_methods": Field("auth_methods", _some_of(AuthMethod), _sorted),
    "grants": Field("grant_types", _some_of(GrantType), _sorted),
    "scope": Field("scope", _scope, _sorted),
    "default_scope": Field("default_scope", _scope, _sorted),
    "audiences": Field("audiences", _uris, _sorted),
    "default_audience": Field("default_audience", _text, str),
    "serves": Field("serves", _uris, _sorted),
    "introspect_any": Field("introspect_any", _switch, bool),
    "issue_refresh_token": Field("issue_refresh_token", _switch, bool),
    "token_format": _FORMAT,
    "signing_algorithm": _ALGORITHM,
    "access_token_ttl": _ACCESS_TTL,
    "refresh_token_ttl": Field("refresh_token_ttl", _lifetime, format_duration),
    "refresh_token_max_age": Field("refresh_token_max_age", _lifetime, format_duration),
    "refresh_grace": Field("refresh_grace", _wait, format_duration),
    "jwks": Field("jwks", _keys, json.loads),
    "jwks_uri": Field("jwks_uri", _keys_uri, str),
    "token_endpoint_auth_signing_alg": Field(
        "assertion_algorithm", _one_of(AssertionAlgorithm), str
    ),
    "accept_token_endpoint_audience": Field("accept_token_endpoint_audience", _switch, bool),
    "accept_raw_basic_credentials": Field("accept_raw_basic_credentials", _switch, bool),
    "introspection_signed_response_alg": Field(
        "introspection_signed_response_alg", _one_of(SigningAlgorithm), str
    ),
}
POLICY: Final = {
    "access_token_ttl": _ACCESS_TTL,
    "grant_access_token_ttl": Field("grant_access_token_ttl", _by_grant, _durations),
    "refresh_token_ttl": Field("refresh_token_ttl", _lifetime, format_duration),
    "refresh_token_max_age": Field("refresh_token_max_age", _lifetime, format_duration),
    "refresh_grace": Field("refresh_grace", _wait, format_duration),
    "token_format": _FORMAT,
    "signing_algorithm": _ALGORITHM,
    "require_scope": Field("require_scope", _switch, bool),
    "revoke_access_token_on_refresh": Field("revoke_access_token_on_refresh", _switch, bool),
    "max_families_per_client": Field("max_families_per_client", _count, int),
}

VOCABULARY: Final[Mapping[Kind, Mapping[str, Field]]] = {
    Kind.RESOURCE: RESOURCE,
    Kind.SCOPE: SCOPE,
    Kind.CLIENT: CLIENT,
    Kind.POLICY: POLICY,
}
