"""Clients that prove themselves with what they signed, at each endpoint."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from domain.model.assertions import ASSERTION_TYPE
from domain.model.credentials import AuthMethod
from support.domain_samples import ISSUER, LEDGER, NOW
from support.http_surface import HttpSurface, http_surface, ledger_with

KEY = ec.generate_private_key(ec.SECP256R1())
JWKS = json.dumps({"keys": [ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True)]})

FORGED = ec.generate_private_key(ec.SECP256R1())


def assertion(by: ec.EllipticCurvePrivateKey = KEY, **changes: object) -> str:
    """Return what PyJWT makes of an assertion of the ledger."""
    now = int(NOW.timestamp())
    claims: dict[str, Any] = {
        "iss": LEDGER,
        "sub": LEDGER,
        "aud": ISSUER,
        "jti": "assertion-1",
        "iat": now,
        "exp": now + 60,
    }
    return jwt.encode(claims | changes, by, "ES256")


@dataclass(frozen=True)
class Ledger:
    """A client that signs, and the server it speaks to."""

    surface: HttpSurface

    async def post(self, path: str, signed: str, **parameters: str) -> httpx.Response:
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}
        return await self.surface.http.post(path, data=proof | parameters)

    async def token(self, signed: str, **parameters: str) -> httpx.Response:
        wanted = {"grant_type": "client_credentials"} | parameters
        return await self.post("/access_token", signed, **wanted)


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    async with http_surface(allow_credentials_in_request_body=False) as surface:
        signing = ledger_with(
            auth_methods=frozenset({AuthMethod.PRIVATE_KEY_JWT}), secrets=(), jwks=JWKS
        )
        await surface.clients.add(signing)
        yield Ledger(surface)


@pytest.mark.parametrize("audience", [ISSUER, [ISSUER]])
async def test_JWA_001_a_client_gets_a_token_for_its_signature(
    ledger: Ledger, audience: object
) -> None:
    """Where secrets may not stand in the body, too."""
    answer = await ledger.token(assertion(aud=audience))

    assert answer.status_code == 200
    assert answer.json()["token_type"] == "Bearer"


async def test_JWA_011_an_assertion_is_spent_at_all_endpoints(ledger: Ledger) -> None:
    """First at one, then at another."""
    signed = assertion()
    assert (await ledger.token(signed)).status_code == 200

    for path in ("/access_token", "/introspect", "/revoke"):
        answer = await ledger.post(path, signed, token="x", grant_type="client_credentials")
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_JWA_026_introspection_and_revocation_take_them_too(ledger: Ledger) -> None:
    """With the issuer as the audience, as everywhere."""
    token = (await ledger.token(assertion())).json()["access_token"]

    shown = await ledger.post("/introspect", assertion(jti="2"), token=token)
    revoked = await ledger.post("/revoke", assertion(jti="3"), token=token)
    after = await ledger.post("/introspect", assertion(jti="4"), token=token)

    assert (shown.json()["active"], revoked.status_code) == (True, 200)
    assert after.json() == {"active": False}


async def test_JWA_006_the_client_id_may_be_repeated_and_not_contradicted(ledger: Ledger) -> None:
    """RFC 7521 §4.2."""
    contradicted = await ledger.token(assertion(), client_id="payroll")
    repeated = await ledger.token(assertion(), client_id=LEDGER)

    assert (contradicted.status_code, contradicted.json()["error"]) == (400, "invalid_request")
    assert repeated.status_code == 200


async def test_JWA_027_the_reasons_cannot_be_told_apart(ledger: Ledger) -> None:
    """One answer, with the challenge, and no hint."""
    now = int(NOW.timestamp())
    bad = [
        "a.b.c",
        assertion(aud=f"{ISSUER}/access_token"),
        assertion(exp=now - 300),
        assertion(iss="payroll"),
        assertion(sub="nobody", iss="nobody"),
        assertion(by=FORGED),
    ]

    answers = [await ledger.token(signed) for signed in bad]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json().keys() == {"error", "error_description"}
    assert answers[0].headers["WWW-Authenticate"] == 'Basic realm="grantd"'


async def test_JWA_025_an_access_token_is_no_assertion(ledger: Ledger) -> None:
    """Though this server signed it."""
    token = (await ledger.token(assertion())).json()["access_token"]

    assert (await ledger.token(token)).status_code == 401


async def test_LIM_001_forged_assertions_are_limited_like_wrong_secrets(ledger: Ledger) -> None:
    """RFC 6585 §4."""
    answers = [await ledger.token(assertion(by=FORGED)) for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 300
    assert answers[-1].json()["error"] == "too_many_requests"
