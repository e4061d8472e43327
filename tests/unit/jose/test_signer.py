"""Tokens as verifiers of other makes read them."""

import json
from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from adapters.jose.jwks import JoseKeySetWriter
from adapters.jose.loaded_key import raw_signature
from adapters.jose.segments import decode_segment
from adapters.jose.signer import JoseTokenSigner
from adapters.jose.verifier import JoseTokenVerifier
from domain.model.families import Generation
from domain.model.identifiers import FamilyId, Owner, ResourceId
from domain.model.keys import SigningKey
from domain.model.scopes import Scope
from domain.model.tokens import AccessTokenClaims, FamilyMark
from support.unproved_tokens import peek, verify


def decoded(token: str, key: SigningKey) -> dict[str, object]:
    jwk = jwt.PyJWK(dict(JoseKeySetWriter().jwk(key)))
    unbounded_in_time = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    return jwt.decode(token, jwk, algorithms=[key.algorithm.value], options=unbounded_in_time)


async def test_a_token_verifies_with_pyjwt_and_our_jwk(
    key: SigningKey, claims: AccessTokenClaims
) -> None:
    """Whoever has the published key reads the claims of RFC 9068 §2.2 and ours."""
    token = await JoseTokenSigner().sign(claims, key=key)

    assert decoded(token, key) == {
        "iss": "https://issuer.example",
        "sub": "billing",
        "aud": "https://api.example",
        "client_id": "billing",
        "scope": "read write",
        "iat": 1795330800,
        "exp": 1795334400,
        "jti": "0ab" + "j" * 22,
        "grantd": {"epoch": "an-epoch"},
    }


async def test_the_header_names_type_algorithm_and_key_and_no_more(
    key: SigningKey, claims: AccessTokenClaims
) -> None:
    """ATJ-001, ATJ-010: `typ` is `at+jwt`, and no key material travels along."""
    token = await JoseTokenSigner().sign(claims, key=key)

    header = json.loads(decode_segment(token.split(".")[0].encode()))
    assert header == {"typ": "at+jwt", "alg": key.algorithm, "kid": key.key_id}


async def test_an_empty_scope_and_an_absent_owner_are_left_out(
    es256: SigningKey, claims: AccessTokenClaims
) -> None:
    """ATJ-007: the claim `scope` is there only where there is a scope."""
    token = await JoseTokenSigner().sign(replace(claims, scope=Scope()), key=es256)

    assert not {"scope", "owner"} & decoded(token, es256).keys()


async def test_owner_family_and_several_audiences_are_written(
    es256: SigningKey, claims: AccessTokenClaims
) -> None:
    """D12: client epoch, family and generation share the one private claim."""
    rich = replace(
        claims,
        audience=(ResourceId("https://a.example"), ResourceId("https://b.example")),
        owner=Owner("alice"),
        family=FamilyMark(family_id=FamilyId("0ab" + "f" * 22), generation=Generation(7)),
    )

    token = await JoseTokenSigner().sign(rich, key=es256)

    written = decoded(token, es256)
    assert written["aud"] == ["https://a.example", "https://b.example"]
    assert written["owner"] == "alice"
    assert written["grantd"] == {"epoch": "an-epoch", "family": "0ab" + "f" * 22, "generation": 7}


@pytest.mark.parametrize("scope", [Scope(), Scope.parse("a b c")])
@pytest.mark.parametrize("family", [None, FamilyMark(family_id="0ab" + "f" * 22, generation=1)])
@pytest.mark.parametrize("owner", [None, "alice"])
async def test_what_was_signed_is_what_is_verified(
    key: SigningKey, claims: AccessTokenClaims, scope: Scope, family: FamilyMark, owner: Owner
) -> None:
    """Writing and reading are each other's inverse, for every algorithm."""
    signed = replace(claims, scope=scope, family=family, owner=owner)

    token = await JoseTokenSigner().sign(signed, key=key)

    verifier = JoseTokenVerifier()
    assert peek(verifier, token) == signed
    assert await verify(verifier, token, keys=[key], issuer=signed.issuer) == signed
    assert peek(verifier, token) == signed


_INTEGERS = st.integers(1, 2**256 - 1) | st.integers(0, 2**40) | st.integers(2**255, 2**256 - 1)


@given(r=_INTEGERS, s=_INTEGERS)
def test_an_ecdsa_signature_is_two_integers_of_32_octets(r: int, s: int) -> None:
    """RFC 7518 §3.4: with leading zeros, however short they are in DER."""
    assert raw_signature(encode_dss_signature(r, s)) == r.to_bytes(32) + s.to_bytes(32)
