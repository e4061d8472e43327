from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest

from adapters.http.metadata_endpoints import jwks_max_age
from domain.model.clients import GrantType
from domain.model.keys import KeyId, KeySchedule, SigningAlgorithm, SigningKey
from support.catalogue_steps import put
from support.domain_samples import HOUR, ISSUER, NOW, SECOND
from support.http_surface import HttpSurface, http_surface

RFC_8414 = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
JWKS = "/.well-known/jwks.json"

CONFIDENTIAL = ["client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"]
ASSERTION_ALGORITHMS = ["ES256", "RS256", "PS256", "EdDSA", "HS256"]


@pytest.mark.parametrize("path", [RFC_8414, OPENID])
async def test_MET_001_the_metadata_is_public(surface: HttpSurface, path: str) -> None:
    """Both documents tell the same facts."""
    answer = await surface.http.get(path)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.json() == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/access_token",
        "introspection_endpoint": f"{ISSUER}/introspect",
        "revocation_endpoint": f"{ISSUER}/revoke",
        "jwks_uri": f"{ISSUER}{JWKS}",
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": [*CONFIDENTIAL, "none"],
        "token_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "introspection_endpoint_auth_methods_supported": CONFIDENTIAL,
        "introspection_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "revocation_endpoint_auth_methods_supported": [*CONFIDENTIAL, "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": ASSERTION_ALGORITHMS,
        "scopes_supported": ["invoices.read", "invoices.write"],
        "introspection_signing_alg_values_supported": ["ES256", "RS256"],
    }


async def test_MET_005_the_metadata_follows_the_settings() -> None:
    """What is switched off is not offered, and MET-007: what is empty is left out."""
    async with http_surface(
        grant_types=[GrantType.CLIENT_CREDENTIALS],
        allow_credentials_in_request_body=False,
        scopes=[],
    ) as surface:
        document = (await surface.http.get(RFC_8414)).json()

    assert document["grant_types_supported"] == ["client_credentials"]
    without_post = [method for method in CONFIDENTIAL if method != "client_secret_post"]
    assert document["token_endpoint_auth_methods_supported"] == [*without_post, "none"]
    assert document["introspection_endpoint_auth_methods_supported"] == without_post
    assert "scopes_supported" not in document


async def reschedule(
    surface: HttpSurface, algorithm: SigningAlgorithm, schedule: KeySchedule
) -> None:
    keys = (await surface.catalogue.load()).keys
    await put(
        surface.catalogue,
        keys=[replace(key, schedule=schedule) for key in keys if key.algorithm is algorithm],
    )


async def test_only_what_can_sign_now_is_offered_for_introspection(surface: HttpSurface) -> None:
    """RFC 9701 §7: a key that waits for its time, or is gone, signs nothing."""
    waiting = KeySchedule(activate_at=NOW + HOUR)
    await reschedule(surface, SigningAlgorithm.RS256, waiting)

    document = (await surface.http.get(RFC_8414)).json()

    assert document["introspection_signing_alg_values_supported"] == ["ES256"]


async def test_MET_012_no_header_moves_an_endpoint(surface: HttpSurface) -> None:
    """The issuer is a matter of configuration."""
    plain = await surface.http.get(RFC_8414)

    moved = await surface.http.get(
        RFC_8414,
        headers={
            "Host": "evil.example",
            "X-Forwarded-Host": "evil.example",
            "Forwarded": "host=evil.example",
            "X-Forwarded-Prefix": "/evil",
        },
    )

    assert plain.content == moved.content


@pytest.mark.parametrize(
    "path",
    [f"{RFC_8414}/tenant/a", f"{OPENID}/tenant/a", f"/tenant/a{OPENID}", f"/tenant/a{RFC_8414}"],
)
async def test_an_issuer_with_a_path_is_found_as_the_rfcs_say(path: str) -> None:
    """RFC 8414 §3.1 puts the path behind the well-known part, OpenID before it."""
    async with http_surface(issuer="https://id.example/tenant/a") as surface:
        document = (await surface.http.get(path)).json()
        endpoints = [
            httpx.URL(url).path
            for name, url in document.items()
            if name.endswith(("_endpoint", "_uri"))
        ]
        statuses = [(await surface.http.get(endpoint)).status_code for endpoint in endpoints]

    assert document["issuer"] == "https://id.example/tenant/a"
    assert all(path.startswith("/tenant/a/") for path in endpoints)
    assert statuses == [405, 405, 405, 200]


async def test_a_slash_at_the_end_of_the_issuer_is_kept_and_not_doubled() -> None:
    """MET-002: the issuer is compared as a string."""
    async with http_surface(issuer="https://id.example/") as surface:
        document = (await surface.http.get(RFC_8414)).json()

    assert document["issuer"] == "https://id.example/"
    assert document["token_endpoint"] == "https://id.example/access_token"


async def test_MET_014_another_suffix_is_not_found(surface: HttpSurface) -> None:
    """It would be another issuer's document."""
    assert (await surface.http.get(f"{RFC_8414}/tenant")).status_code == 404


async def test_JWK_001_the_key_set_is_public(surface: HttpSurface) -> None:
    """And holds no private member (JWK-002)."""
    answer = await surface.http.get(JWKS)

    keys = answer.json()["keys"]
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=3600"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {key["alg"] for key in keys} == {"ES256", "RS256"}
    assert {key["use"] for key in keys} == {"sig"}
    assert len({key["kid"] for key in keys}) == 2
    assert not {"d", "p", "q", "dp", "dq", "qi", "k"} & {name for key in keys for name in key}


async def test_JWK_005_a_token_verifies_with_the_published_keys(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """With nothing but PyJWT and what is public."""
    token = (await surface.access_token(ledger))["access_token"]
    keys = jwt.PyJWKSet.from_dict((await surface.http.get(JWKS)).json())

    key = keys[jwt.get_unverified_header(token)["kid"]]
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=["ES256"], audience=ISSUER)

    assert claims["iss"] == ISSUER


@pytest.mark.parametrize("path", [JWKS, RFC_8414])
async def test_the_last_copy_is_served_while_the_store_is_away(
    surface: HttpSurface, path: str
) -> None:
    """D8: verifiers live on."""
    before = await surface.http.get(path)
    surface.catalogue.is_away = True

    after = await surface.http.get(path)

    assert (200, before.content) == (after.status_code, after.content)


async def test_without_any_copy_the_store_is_needed(surface: HttpSurface) -> None:
    """D8: a key set is not made up."""
    surface.catalogue.is_away = True

    answer = await surface.http.get(JWKS)

    assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "1"


async def test_a_key_that_is_gone_is_not_published(surface: HttpSurface) -> None:
    """D6: the schedule decides."""
    past = KeySchedule(activate_at=NOW - 3 * HOUR, retire_at=NOW - 2 * HOUR, remove_at=NOW)
    await reschedule(surface, SigningAlgorithm.RS256, past)

    answer = await surface.http.get(JWKS)

    assert [key["alg"] for key in answer.json()["keys"]] == ["ES256"]


class TestJwksMaxAge:
    @staticmethod
    def key(activate_in: timedelta) -> SigningKey:
        return SigningKey(
            key_id=KeyId("k"),
            algorithm=SigningAlgorithm.ES256,
            schedule=KeySchedule(activate_at=NOW + activate_in),
            material=b"",
        )

    def test_is_what_is_set_for_keys_in_use(self) -> None:
        """Nothing is going to happen."""
        keys = [self.key(-HOUR), self.key(timedelta())]

        assert jwks_max_age(keys, NOW, longest=2 * HOUR) == 2 * HOUR

    def test_is_what_is_set_if_the_next_key_is_further_away(self) -> None:
        """A copy taken now is renewed before that."""
        assert jwks_max_age([self.key(24 * HOUR)], NOW, longest=HOUR) == HOUR

    def test_ends_when_the_next_key_becomes_active(self) -> None:
        """The soonest of several."""
        keys = [self.key(-HOUR), self.key(600 * SECOND), self.key(90 * SECOND)]

        assert jwks_max_age(keys, NOW, longest=HOUR) == 90 * SECOND
