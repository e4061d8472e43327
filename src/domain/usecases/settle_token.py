"""What a token request comes to, before anything is read, changed or issued for it.

Issuing and explaining go through the same steps, in the same order.
"""

from collections.abc import Sequence
from datetime import datetime

from domain.errors import InvalidClient, UnauthorizedClient
from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.identifiers import ResourceId
from domain.model.scopes import Scope
from domain.model.values import value
from domain.usecases.token_policy import Ceiling, Settled, Terms, TokenPolicy


@value(kw_only=True)
class SettledToken:
    """What a token is going to be."""

    scope: Scope
    audience: Settled[tuple[ResourceId, ...]]
    terms: Terms


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
