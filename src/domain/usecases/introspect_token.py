"""Telling a resource service about a token (RFC 7662).

The answer begins as inactive and leaves it only by proof: a bad, foreign,
expired or revoked token is an answer, not an error.
"""

from dataclasses import field
from datetime import datetime

from domain.errors import GrantdError, InvalidClient, InvalidRequest
from domain.model.catalogue import Catalogue
from domain.model.clients import Client
from domain.model.credentials import Presented
from domain.model.events import Origin, client_refused
from domain.model.families import RefreshFamily, RefreshToken
from domain.model.introspection import (
    INACTIVE,
    ActiveAccessToken,
    ActiveRefreshToken,
    Introspection,
    SignedIntrospection,
    is_active,
    may_see,
)
from domain.model.values import value
from domain.ports.audit_trail import AuditTrail
from domain.ports.clock import Clock
from domain.ports.families import RefreshFamilyStore
from domain.ports.reading import Reading
from domain.ports.signing import IntrospectionSigner
from domain.usecases.authenticate_client import AuthenticateClient
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.prove_access_token import PendingAccessToken, ProveAccessToken


@value(kw_only=True)
class IntrospectionRequest:
    """A question about a token. `token_type_hint` is not needed: tokens tell their kind."""

    credentials: Presented
    token: str | None = field(repr=False)
    origin: Origin = Origin()


class IntrospectToken:
    def __init__(
        self,
        *,
        authenticate: AuthenticateClient,
        catalogue: CurrentCatalogue,
        prove: ProveAccessToken,
        signer: IntrospectionSigner,
        families: RefreshFamilyStore,
        audit: AuditTrail,
        issuer: str,
        clock: Clock,
    ) -> None:
        self._authenticate = authenticate
        self._catalogue = catalogue
        self._prove = prove
        self._signer = signer
        self._families = families
        self._audit = audit
        self._issuer = issuer
        self._clock = clock

    async def __call__(self, request: IntrospectionRequest) -> Introspection:
        """Answer an authenticated caller.

        Raises:
            InvalidClient: If the caller is not proved, or is a public client
                (RFC 7662 §2.1).
            InvalidRequest: If no token is named.
            TooManyRequests: If the caller was not looked at.
        """
        return (await self._judge(request, self._clock.now())).introspection

    async def signed(self, request: IntrospectionRequest) -> SignedIntrospection:
        """Answer with a JWT that says it to the caller alone (RFC 9701 §5).

        Raises:
            Unavailable: If no key of the caller's algorithm is active.
            GrantdError: As when called.
        """
        now = self._clock.now()
        verdict = await self._judge(request, now)
        algorithm = verdict.caller.introspection_signed_response_alg
        key = verdict.catalogue.keyring.signing_by(algorithm, now=now)
        text = await self._signer.sign_introspection(
            verdict.introspection,
            issuer=self._issuer,
            audience=verdict.caller.client_id,
            issued_at=now,
            key=key,
        )
        return SignedIntrospection(text, is_active(verdict.introspection))

    async def _judge(self, request: IntrospectionRequest, now: datetime) -> "_Verdict":
        try:
            return await self._answer(request, now)
        except GrantdError as refusal:
            claimed = self._authenticate.claimed(request.credentials)
            await self._audit.record(
                client_refused("introspection", refusal, claimed, request.origin, now)
            )
            raise

    async def _answer(self, request: IntrospectionRequest, now: datetime) -> "_Verdict":
        authentication = self._authenticate.begin(request.credentials, request.origin, now=now)
        version = self._catalogue.version()
        pending = self._begin(request.token, now) if request.token else None
        catalogue = await self._catalogue.at(await version)

        # 1. Who is asking.
        caller = await self._authenticate.prove(authentication, catalogue.keyring)
        if caller.is_public:
            raise InvalidClient("a public client asked for introspection")

        # 2. About what.
        if pending is None:
            raise InvalidRequest("no token", hint="token is missing")

        # 3. What there is to tell.
        if isinstance(pending, _PendingRefreshToken):
            told = await self._tell_of_refresh_token(pending, caller, catalogue)
        else:
            told = await _tell_of_access_token(pending, caller, catalogue, now)
        return _Verdict(caller, catalogue, told)

    def _begin(self, token: str, now: datetime) -> "_PendingRefreshToken | PendingAccessToken":
        if (refresh_token := RefreshToken.parse(token)) is not None:
            family = self._families.find(refresh_token.family_id, now=now)
            return _PendingRefreshToken(refresh_token, family)
        return self._prove.begin(token, now=now)

    async def _tell_of_refresh_token(
        self, pending: "_PendingRefreshToken", caller: Client, catalogue: Catalogue
    ) -> Introspection:
        if not pending.token.is_authentic(catalogue.keyring.refresh_macs):
            return INACTIVE
        family = await pending.family
        if family is None or family.ended or family.generation != pending.token.generation:
            return INACTIVE
        if family.owner != caller.client_id or family.epoch != caller.epoch:
            return INACTIVE
        return ActiveRefreshToken(family, self._issuer)


@value
class _Verdict:
    caller: Client
    catalogue: Catalogue
    introspection: Introspection


@value
class _PendingRefreshToken:
    token: RefreshToken
    family: Reading[RefreshFamily | None]


async def _tell_of_access_token(
    pending: PendingAccessToken, caller: Client, catalogue: Catalogue, now: datetime
) -> Introspection:
    claims = await pending.prove(catalogue.keyring, now=now)
    if claims is None or not may_see(caller, claims):
        return INACTIVE
    return ActiveAccessToken(claims) if await pending.is_good(claims, now=now) else INACTIVE
