"""The client credentials grant (RFC 6749 §4.4)."""

from datetime import datetime

from domain.model.catalogue import Catalogue
from domain.model.clients import Client, GrantType
from domain.model.events import EventKind
from domain.model.families import FIRST_GENERATION, RefreshFamily, derive_refresh_token
from domain.model.identifiers import FamilyId, bucket_of
from domain.model.tokens import FamilyMark
from domain.ports.entropy import Entropy
from domain.ports.families import RefreshFamilyStore
from domain.usecases.issue_token import NO_PROCEEDS, Decision, Grant, Proceeds, TokenRequest
from domain.usecases.token_policy import Ceiling, TokenPolicy


class ClientCredentialsGrant:
    """Gives a client what it is registered for.

    A refresh token comes with it only for a client registered so: RFC 6749
    §4.4.3 advises against, since the client can always ask again.
    """

    grant_type = GrantType.CLIENT_CREDENTIALS
    issues = EventKind.TOKEN_ISSUED

    def __init__(self, families: RefreshFamilyStore, *, entropy: Entropy) -> None:
        self._families = families
        self._entropy = entropy

    def begin(self, _request: TokenRequest, /, *, now: datetime) -> "ClientCredentialsGrant":  # noqa: ARG002  (nothing to foresee)
        return self

    async def ceiling(
        self, _client: Client, _catalogue: Catalogue, _policy: TokenPolicy, /
    ) -> Ceiling | None:
        return None

    async def carry_out(self, decision: Decision) -> Proceeds:
        policy = decision.policy
        if not policy.gives_refresh_token(decision.client):
            return NO_PROCEEDS
        family = self._family(decision)
        await self._families.open(family, limit=policy.max_families_per_client, now=decision.now)
        return Proceeds(
            refresh_token=derive_refresh_token(
                family.family_id, FIRST_GENERATION, decision.catalogue.keyring.refresh_mac
            ),
            family=FamilyMark(family_id=family.family_id, generation=FIRST_GENERATION),
            family_expires_at=family.expires_at,
        )

    def _family(self, decision: Decision) -> RefreshFamily:
        client, policy, now = decision.client, decision.policy, decision.now
        must_end_by = policy.refresh_must_end_by(client, now=now)
        return RefreshFamily(
            family_id=FamilyId(self._entropy.identifier(bucket_of(client.client_id))),
            owner=client.client_id,
            epoch=client.epoch,
            scope=decision.scope,
            audience=decision.audience,
            created_at=now,
            expires_at=policy.refresh_expiry(client, must_end_by=must_end_by, now=now),
            must_end_by=must_end_by,
        )


_: type[Grant] = ClientCredentialsGrant
