"""Ending one token, whoever wants it ended."""

from dataclasses import dataclass
from datetime import datetime

from domain.model.catalogue import Catalogue
from domain.model.families import RefreshToken
from domain.model.identifiers import ClientId, FamilyId, TokenId
from domain.model.lifetimes import CLOCK_ERROR, REVOCATION_MARGIN
from domain.model.tokens import digest_of_none, digest_opaque, is_opaque
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.families import RefreshFamilyStore
from domain.ports.revocations import RevocationList
from domain.ports.signing import TokenRejected, TokenVerifier


@dataclass(frozen=True, slots=True)
class EndedToken:
    """What is over: one access token, or a whole refresh family.

    Attributes:
        owner: The client whose it was, if that is known.
    """

    owner: ClientId | None
    token_id: TokenId | None = None
    family_id: FamilyId | None = None


class EndToken:
    def __init__(
        self,
        *,
        verifier: TokenVerifier,
        revocations: RevocationList,
        access_tokens: AccessTokenStore,
        families: RefreshFamilyStore,
        issuer: str,
    ) -> None:
        self._verifier = verifier
        self._revocations = revocations
        self._access_tokens = access_tokens
        self._families = families
        self._issuer = issuer

    async def __call__(
        self, token: str, catalogue: Catalogue, *, of: ClientId | None, now: datetime
    ) -> EndedToken | None:
        """End a token and return what that was; None if nothing was there to end.

        A refresh token of any generation takes its family and the access
        tokens of the family along (RFC 7009 §2.1); an access token goes alone.
        When this returns, it is stored, even of what expired a day ago at most: the
        clock may be ahead.

        Args:
            of: Whose it has to be; None is anybody's.
        """
        if (refresh_token := RefreshToken.parse(token)) is not None:
            return await self._end_family(refresh_token, catalogue, of, now - CLOCK_ERROR)
        if is_opaque(token):
            return await self._end_opaque(token, of, now - CLOCK_ERROR)
        return await self._end_jwt(token, catalogue, of, now)

    async def _end_family(
        self, token: RefreshToken, catalogue: Catalogue, of: ClientId | None, now: datetime
    ) -> EndedToken | None:
        if not token.is_authentic(catalogue.keyring.refresh_macs):
            return None
        family = await self._families.find(token.family_id, now=now)
        if family is None or of not in (None, family.owner):
            return None
        if not await self._families.end(family.family_id, now=now):
            return None
        return EndedToken(family.owner, family_id=family.family_id)

    async def _end_opaque(
        self, token: str, of: ClientId | None, now: datetime
    ) -> EndedToken | None:
        digest = digest_opaque(token)
        claims = await self._access_tokens.find(digest, now=now)
        if claims is not None and of not in (None, claims.client_id):
            # The same step, so that neither its time nor its failure tells it from an unknown one.
            await self._access_tokens.remove(digest_of_none(digest))
            return None
        await self._access_tokens.remove(digest)  # forgotten before, it may not be so for good yet
        return EndedToken(claims.client_id, token_id=claims.token_id) if claims else None

    async def _end_jwt(
        self, token: str, catalogue: Catalogue, of: ClientId | None, now: datetime
    ) -> EndedToken | None:
        """List the `jti` of a JWT whose signature, issuer and ownership are proved (D1)."""
        unproved = self._verifier.peek(token)
        if unproved is None:
            return None
        try:
            claims = await self._verifier.verify(
                unproved, keys=catalogue.keyring.published(now), issuer=self._issuer
            )
        except TokenRejected:
            return None
        if of not in (None, claims.client_id) or claims.is_expired(now - CLOCK_ERROR):
            return None
        await self._revocations.add(
            claims.token_id, until=claims.expires_at + REVOCATION_MARGIN, now=now
        )
        return EndedToken(claims.client_id, token_id=claims.token_id)
