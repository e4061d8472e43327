"""Ending a token before its time (RFC 7009).

An unknown token and a stranger's are answered alike: nothing happens and
nothing is learned.
"""

from dataclasses import field
from datetime import datetime

from domain.errors import GrantdError, InvalidRequest
from domain.model.credentials import Presented
from domain.model.events import AuditEvent, EventKind, Origin, client_refused
from domain.model.values import value
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.end_token import EndToken


@value(kw_only=True)
class RevocationRequest:
    """A wish to end a token. `token_type_hint` is not needed: tokens tell their kind."""

    credentials: Presented
    token: str | None = field(repr=False)
    origin: Origin = Origin()


class RevokeToken:
    def __init__(
        self,
        *,
        authenticate: AuthenticateClient,
        catalogue: CurrentCatalogue,
        end_token: EndToken,
        audit: AuditTrail,
        clock: Clock,
    ) -> None:
        self._authenticate = authenticate
        self._catalogue = catalogue
        self._end_token = end_token
        self._audit = audit
        self._clock = clock

    async def __call__(self, request: RevocationRequest) -> None:
        """End the token if it is the caller's, as `EndToken` does it.

        Raises:
            InvalidClient: If the caller is not proved.
            InvalidRequest: If no token is named.
        """
        now = self._clock.now()
        try:
            await self._revoke(request, now)
        except GrantdError as refusal:
            claimed = self._authenticate.claimed(request.credentials)
            await self._audit.record(
                client_refused("revocation", refusal, claimed, request.origin, now)
            )
            raise

    async def _revoke(self, request: RevocationRequest, now: datetime) -> None:
        authentication = self._authenticate.begin(request.credentials, request.origin, now=now)
        version = self._catalogue.version()
        catalogue = await self._catalogue.at(await version)
        caller = await self._authenticate.prove(authentication, catalogue.keyring)
        if not request.token:
            raise InvalidRequest("no token", hint="token is missing")
        await self._audit.require()
        ended = await self._end_token(request.token, catalogue, of=caller.client_id, now=now)
        if ended is not None:
            await self._audit.record(
                AuditEvent(
                    kind=EventKind.TOKEN_REVOKED,
                    at=now,
                    origin=request.origin,
                    client_id=caller.client_id,
                    token_id=ended.token_id,
                    family_id=ended.family_id,
                )
            )
