"""Ending what was issued, for an operator who has no client's credentials."""

from contextlib import suppress
from datetime import timedelta
from typing import Final

from domain.errors import ClientNotFound, TokenNotFound
from domain.model.events import AuditEvent, EventKind
from domain.model.identifiers import FamilyId, TokenId, is_made_for_a_client
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.ports.families import RefreshFamilyStore
from domain.ports.revocations import RevocationList
from domain.usecases.administer_clients import AdministerClients
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.each_client import each_client
from domain.usecases.end_token import EndedToken, EndToken

# An id alone does not tell when its token expires, and a listed id costs a few bytes.
LISTED_FOR: Final = timedelta(days=3_650)


class RevokeByOperator:
    def __init__(
        self,
        *,
        catalogue: CurrentCatalogue,
        end_token: EndToken,
        revocations: RevocationList,
        families: RefreshFamilyStore,
        administer: AdministerClients,
        clock: Clock,
        audit: AuditTrail,
    ) -> None:
        self._catalogue = catalogue
        self._end_token = end_token
        self._revocations = revocations
        self._families = families
        self._administer = administer
        self._clock = clock
        self._audit = audit

    async def token(self, token: str) -> EndedToken:
        """End a token, whoever's it is, as `EndToken` does it.

        Raises:
            TokenNotFound: If it is none of this server's that is still good.
        """
        now = self._clock.now()
        await self._audit.require()
        ended = await self._end_token(token, await self._catalogue.read(), of=None, now=now)
        if ended is None:
            raise TokenNotFound("nothing to end")
        await self._record(ended)
        return ended

    async def token_id(self, token_id: TokenId) -> EndedToken:
        """End the access token with this `jti`, be it a JWT or opaque.

        Whether there is such a token cannot be told: a JWT leaves no record
        (D1). The id stays listed for `LISTED_FOR`.

        Raises:
            TokenNotFound: If no token of this server can have that id.
        """
        _require_ours(token_id)
        now = self._clock.now()
        await self._audit.require()
        await self._revocations.add(token_id, until=now + LISTED_FOR, now=now)
        ended = EndedToken(owner=None, token_id=token_id)
        await self._record(ended)
        return ended

    async def family(self, family_id: FamilyId) -> EndedToken:
        """End a refresh family and every access token that came from it.

        Raises:
            TokenNotFound: If there is no live family of that id.
        """
        _require_ours(family_id)
        now = self._clock.now()
        family = await self._families.find(family_id, now=now)
        await self._audit.require()
        if family is None or not await self._families.end(family_id, now=now):
            raise TokenNotFound("no live family", hint=family_id)
        ended = EndedToken(family.owner, family_id=family_id)
        await self._record(ended)
        return ended

    async def everything(self) -> int:
        """End all that any client holds, as after a restore, and return how many clients there are.

        Whoever is stopped half-way does it again: what has ended twice has ended.
        """
        count = 0
        async for client in each_client(self._administer):
            with suppress(ClientNotFound):  # deleted meanwhile, which ends it as well
                await self._administer.revoke_all(client.client_id)
            count += 1
        return count

    async def _record(self, ended: EndedToken) -> None:
        await self._audit.record(
            AuditEvent(
                kind=EventKind.TOKEN_REVOKED,
                at=self._clock.now(),
                subject=ended.owner or "",
                token_id=ended.token_id,
                family_id=ended.family_id,
            )
        )


def _require_ours(identifier: str) -> None:
    if not is_made_for_a_client(identifier):
        raise TokenNotFound("not an identifier of this server", hint=identifier)
