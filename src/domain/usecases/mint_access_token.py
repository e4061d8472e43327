"""Making the access token itself, as a JWT or opaque."""

from dataclasses import field
from datetime import datetime

from domain.model.clients import Client
from domain.model.identifiers import ResourceId, TokenId, bucket_of
from domain.model.scopes import Scope
from domain.model.tokens import (
    AccessTokenClaims,
    FamilyMark,
    compose_opaque,
    digest_opaque,
)
from domain.model.values import value
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.entropy import Entropy
from domain.ports.signing import TokenSigner
from domain.usecases.token_policy import Terms


@value
class MintedToken:
    text: str = field(repr=False)
    claims: AccessTokenClaims


class MintAccessToken:
    def __init__(
        self,
        issuer: str,
        *,
        signer: TokenSigner,
        access_tokens: AccessTokenStore,
        entropy: Entropy,
    ) -> None:
        self._issuer = issuer
        self._signer = signer
        self._access_tokens = access_tokens
        self._entropy = entropy

    async def __call__(
        self,
        client: Client,
        terms: Terms,
        *,
        scope: Scope,
        audience: tuple[ResourceId, ...],
        now: datetime,
        family: FamilyMark | None,
        not_after: datetime | None,
    ) -> MintedToken:
        """Make a token on *terms* that ends by *not_after*."""
        issued_at, expires_at = terms.period(now=now, not_after=not_after)
        key = terms.signing_key
        bucket = bucket_of(client.client_id)
        claims = AccessTokenClaims(
            issuer=self._issuer,
            subject=client.token_subject,
            audience=audience,
            client_id=client.client_id,
            scope=scope,
            issued_at=issued_at,
            expires_at=expires_at,
            token_id=TokenId(self._entropy.identifier(bucket)),
            epoch=client.epoch,
            owner=client.owner,
            family=family,
        )
        if key is None:
            token = compose_opaque(bucket, self._entropy.token())
            await self._access_tokens.add(digest_opaque(token), claims)
            return MintedToken(token, claims)
        return MintedToken(await self._signer.sign(claims, key=key), claims)
