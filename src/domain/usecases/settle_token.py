"""What a token request comes to, before anything is read, changed or issued for it.

Issuing and explaining go through the same steps, in the same order.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from domain.errors import InvalidClient, UnauthorizedClient
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.identifiers import ClientId, ResourceId
from domain.model.keys import KeysInForce
from domain.model.scopes import Scope
from domain.model.values import value
from domain.usecases.token_policy import Ceiling, Settled, Terms, TokenPolicy

_REMEMBERED: Final = 4_096

_Asked = tuple[ClientId, GrantType, tuple[str, ...] | None, tuple[str, ...]]


@value(kw_only=True)
class SettledToken:
    """What a token is going to be."""

    scope: Scope
    audience: Settled[tuple[ResourceId, ...]]
    terms: Terms


@value
class _Remembered:
    """What a request came to, and the values that it follows from besides."""

    client: Client
    catalogue: Catalogue
    policy: TokenPolicy
    keys: KeysInForce
    settled: SettledToken


class SettleToken:
    """Settles tokens, and remembers what clients get of their own.

    That follows from the request and from values that never change: the
    client as it was read, the catalogue, the policy and the keys in force.
    Each of them has to be the very same one, else it is settled anew.

    Args:
        remembered: How many requests of different clients, or for different things.
    """

    def __init__(self, *, remembered: int = _REMEMBERED) -> None:
        self._most = remembered
        self._remembered: dict[_Asked, _Remembered] = {}

    def __call__(
        self,
        client: Client,
        ceiling: Ceiling | None,
        *,
        scope: tuple[str, ...] | None,
        resources: tuple[str, ...],
        grant_type: GrantType,
        policy: TokenPolicy,
        catalogue: Catalogue,
        now: datetime,
    ) -> SettledToken:
        """Settle a token as `settle_token` does, under the client's own ceiling by default."""
        keys = catalogue.keyring.at(now)
        asked = (client.client_id, grant_type, scope, resources)
        known = self._remembered.get(asked) if ceiling is None else None
        if (
            known is not None
            and known.client is client
            and known.catalogue is catalogue
            and known.policy is policy
            and known.keys is keys
        ):
            return known.settled
        settled = settle_token(
            client,
            ceiling or ceiling_of(client, catalogue),
            scope=scope,
            resources=resources,
            grant_type=grant_type,
            policy=policy,
            catalogue=catalogue,
            now=now,
        )
        if ceiling is None and _names_nothing_twice(scope, resources, settled):
            self._remember(asked, _Remembered(client, catalogue, policy, keys, settled))
        return settled

    def _remember(self, asked: _Asked, answer: _Remembered) -> None:
        self._remembered[asked] = answer
        if len(self._remembered) > self._most:
            del self._remembered[next(iter(self._remembered))]


def ceiling_of(client: Client, catalogue: Catalogue) -> Ceiling:
    """Return the most that a client gets of its own."""
    return Ceiling(
        scope=catalogue.known(client.scope),
        default_scope=catalogue.known(client.default_scope),
    )


def _names_nothing_twice(
    scope: tuple[str, ...] | None, resources: tuple[str, ...], settled: SettledToken
) -> bool:
    """Tell whether a request is no longer than what it got, so that it is worth its room."""
    return (scope is None or len(scope) <= len(settled.scope)) and (
        len(resources) <= len(settled.audience.value)
    )


def require_permission(
    client: Client, grant_type: GrantType, *, allow_public_client_credentials: bool
) -> None:
    """Refuse a client that may not use a grant.

    Raises:
        InvalidClient: If it is public and asks with client credentials, which
            are for confidential clients only (RFC 6749 §4.4).
        UnauthorizedClient: If it is not registered for the grant.
    """
    if (
        grant_type is GrantType.CLIENT_CREDENTIALS
        and client.is_public
        and not allow_public_client_credentials
    ):
        raise InvalidClient("a public client asked for client_credentials")
    if grant_type not in client.grant_types:
        raise UnauthorizedClient(f"not registered for {grant_type}")


def settle_token(
    client: Client,
    ceiling: Ceiling,
    *,
    scope: Sequence[str] | None,
    resources: Sequence[str],
    grant_type: GrantType,
    policy: TokenPolicy,
    catalogue: Catalogue,
    now: datetime,
) -> SettledToken:
    """Settle scope, audience, form, key and lifetime.

    Raises:
        InvalidTarget: If a resource is not this client's to ask for, or the
            resources want different things.
        InvalidScope: If the scope is not to be had, or has several audiences.
    """
    wanted = policy.require_resources(resources, ceiling, client, catalogue)
    settled = policy.settle_scope(scope, wanted, ceiling, catalogue)
    audience = policy.settle_audience(wanted, settled, ceiling, client, catalogue)
    terms = policy.terms(client, grant_type, audience.value, catalogue, now=now)
    return SettledToken(scope=settled, audience=audience, terms=terms)
