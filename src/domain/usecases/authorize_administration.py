"""Whether who calls may administer this server: by an access token of its own (RFC 6750 §3.1)."""

from datetime import datetime

from domain.errors import GrantdError, InsufficientScope, InvalidToken
from domain.model.administration import permits
from domain.model.events import AuditEvent, EventKind, reason_of
from domain.model.identifiers import ClientId, ResourceId
from domain.model.scopes import ScopeToken
from domain.model.tokens import AccessTokenClaims
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.ports.witness import Witness
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.prove_access_token import ProveAccessToken


class AuthorizeAdministration:
    def __init__(
        self,
        *,
        catalogue: CurrentCatalogue,
        prove: ProveAccessToken,
        issuer: str,
        clock: Clock,
        audit: AuditTrail,
        witness: Witness,
    ) -> None:
        self._catalogue = catalogue
        self._prove = prove
        self._issuer = ResourceId(issuer)
        self._clock = clock
        self._audit = audit
        self._witness = witness

    async def __call__(self, token: str | None, *, needs: ScopeToken) -> ClientId:
        """Return the client that a token was issued to, if the token permits *needs*.

        The token is held to what introspection holds it to, at this moment,
        and has to be meant for this server.

        Raises:
            InvalidToken: If there is none, or it is not good here.
            InsufficientScope: If it is good and does not permit that.
            Unavailable: If the store cannot say.
        """
        now = self._clock.now()
        if not token:
            raise await self._refusal(InvalidToken("no token"), None, now)
        version = self._catalogue.version()
        pending = self._prove.begin(token, now=now)
        catalogue = await self._catalogue.at(await version)
        claims = await pending.prove(catalogue.keyring, now=now)
        if claims is None:
            raise await self._refusal(InvalidToken("not a token of this server"), None, now)
        if self._issuer not in claims.audience:
            raise await self._refusal(InvalidToken("a token for another audience"), claims, now)
        if not await pending.is_good(claims, now=now):
            raise await self._refusal(InvalidToken("the token is not good any more"), claims, now)
        self._witness.proved(claims.client_id)
        if not permits(claims.scope, needs):
            lacking = InsufficientScope(f"no {needs}", hint=f"the scope {needs} is needed")
            raise await self._refusal(lacking, claims, now)
        return claims.client_id

    async def _refusal(
        self, refusal: GrantdError, claims: AccessTokenClaims | None, now: datetime
    ) -> GrantdError:
        """Return a refusal that the audit trail knows of."""
        await self._audit.record(
            AuditEvent(
                kind=EventKind.CLIENT_REFUSED,
                at=now,
                client_id=claims.client_id if claims is not None else None,
                reason=reason_of(refusal),
                subject="administration",
            )
        )
        return refusal
