"""RFC 9701 §5, and that its members are those of RFC 7662 §2.2."""

from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from adapters.jose.introspection_signer import JoseIntrospectionSigner
from adapters.jose.jwks import JoseKeySetWriter
from adapters.jose.verifier import JoseTokenVerifier
from domain.model.identifiers import ClientId, ResourceId
from domain.model.introspection import (
    INACTIVE,
    ActiveAccessToken,
    ActiveRefreshToken,
    Introspection,
)
from domain.model.keys import SigningAlgorithm, SigningKey
from domain.model.tokens import AccessTokenClaims
from domain.ports.signing import TokenRejected
from support.domain_samples import ISSUER, NOW, family
from support.unproved_tokens import verify

CALLER = ClientId("invoice-service")


async def sign(introspection: Introspection, key: SigningKey) -> str:
    return await JoseIntrospectionSigner().sign_introspection(
        introspection, issuer=ISSUER, audience=CALLER, issued_at=NOW, key=key
    )


async def told(introspection: Introspection, key: SigningKey) -> dict[str, Any]:
    """Return the claims, verified by PyJWT."""
    public = jwt.PyJWK.from_dict(dict(JoseKeySetWriter().jwk(key)))
    claims: dict[str, Any] = jwt.decode(
        await sign(introspection, key), public, algorithms=[key.algorithm], audience=CALLER
    )
    return claims


async def test_INT_017_it_says_what_it_is_and_who_signed_it(key: SigningKey) -> None:
    """With every algorithm of ours."""
    header = jwt.get_unverified_header(await sign(INACTIVE, key))

    assert header == {"typ": "token-introspection+jwt", "alg": key.algorithm, "kid": key.key_id}


async def test_INT_018_a_token_that_is_not_good_is_inactive_and_nothing_else(
    es256: SigningKey,
) -> None:
    """And at the top stand neither `sub` nor `exp`: it can be no token."""
    assert await told(INACTIVE, es256) == {
        "iss": ISSUER,
        "aud": CALLER,
        "iat": int(NOW.timestamp()),
        "token_introspection": {"active": False},
    }


async def test_INT_017_a_good_token_has_all_its_members(
    es256: SigningKey, claims: AccessTokenClaims
) -> None:
    signed = await told(ActiveAccessToken(claims), es256)

    assert signed.keys() == {"iss", "aud", "iat", "token_introspection"}
    assert signed["token_introspection"] == {
        "active": True,
        "scope": "read write",
        "client_id": "billing",
        "token_type": "Bearer",
        "exp": int(claims.expires_at.timestamp()),
        "iat": int(claims.issued_at.timestamp()),
        "sub": "billing",
        "aud": "https://api.example",
        "iss": "https://issuer.example",
        "jti": claims.token_id,
    }


async def test_a_refresh_token_has_no_token_type(es256: SigningKey) -> None:
    found = ActiveRefreshToken(family(), ISSUER)

    members = (await told(found, es256))["token_introspection"]

    assert members.keys() == {"active", "scope", "client_id", "exp", "iat", "iss", "aud"}
    assert ResourceId(members["aud"]) == found.family.audience[0]


async def test_it_is_not_taken_for_an_access_token(
    keys: Mapping[SigningAlgorithm, SigningKey], es256: SigningKey, claims: AccessTokenClaims
) -> None:
    """RFC 9701 §8.1: though the same key signed it."""
    signed = await sign(ActiveAccessToken(claims), es256)

    with pytest.raises(TokenRejected):
        await verify(JoseTokenVerifier(), signed, keys=tuple(keys.values()), issuer=ISSUER)
