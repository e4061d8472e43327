"""The rows CCG of the conformance matrix: the client credentials grant."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import jwt
import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused

READ = "orders.read"
AT_ONCE = 24
NOT_THE_CLIENTS_TO_CHOOSE = {
    "sub": "admin",
    "subject": "owner",
    "owner": "admin",
    "username": "admin",
    "azp": "admin",
    "iss": "https://elsewhere.example",
    "aud": "https://elsewhere.example",
    "audience": "https://elsewhere.example",
    "exp": "9999999999",
    "expires_in": "9999999",
    "iat": "0",
    "nbf": "0",
    "jti": "chosen",
    "roles": "admin",
    "act": '{"sub":"admin"}',
    "cnf": '{"jkt":"chosen"}',
    "claims": '{"sub":"admin"}',
    "grantd": '{"epoch":"chosen"}',
    "token_format": "opaque",
    "token_type": "mac",
    "alg": "none",
}


@dataclass(frozen=True, slots=True)
class World:
    server: GrantdProcess
    client: RegisteredClient

    def issue(self, **form: str) -> dict[str, Any]:
        return granted(self.server.issue(self.client, **form))


@pytest.fixture(scope="module")
def world(store: str, start_grantd: Callable[..., GrantdProcess]) -> World:
    server = start_grantd(store)
    server.create_scopes(READ)
    return World(server, server.create_client("orders", "--scope", READ, "--default-scope", READ))


def claims_of(members: dict[str, Any]) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        members["access_token"], options={"verify_signature": False}
    )
    return claims


def test_CCG_001_a_client_gets_a_token_by_its_credentials_alone(world: World) -> None:
    """RFC 6749 §4.4: by HTTP Basic or in the body, and the token is good."""
    in_the_body = {"grant_type": "client_credentials", **world.client.body}
    for members in (world.issue(), granted(world.server.post("/access_token", in_the_body))):
        found = introspected(world.server.introspect(world.client, members["access_token"]))
        assert found["active"]
        assert found["client_id"] == world.client.client_id


def test_CCG_002_no_refresh_token_comes_with_it(world: World) -> None:
    """RFC 6749 §4.4.3: the client can always ask again."""
    assert "refresh_token" not in world.issue()
    assert "refresh_token" not in world.issue(scope=READ)
    assert "family" not in claims_of(world.issue())["grantd"]


@pytest.mark.parametrize("scope", ["openid", f"openid {READ}", f"{READ} offline_access openid"])
def test_CCG_003_there_is_no_id_token(world: World, scope: str) -> None:
    """OIDC Core §3.1.2.1: `openid` means nothing here, and so it is an unknown scope."""
    members = refused(world.server.issue(world.client, scope=scope), 400, "invalid_scope")
    assert "openid" in members["hint"]
    assert "id_token" not in world.issue()


def test_CCG_004_the_client_is_the_subject(world: World) -> None:
    """RFC 9068 §2.2: where no resource owner takes part, `sub` names the client."""
    claims = claims_of(world.issue())
    assert claims["sub"] == claims["client_id"] == world.client.client_id
    assert "owner" not in claims


def test_CCG_005_requests_at_once_get_different_tokens(world: World) -> None:
    """RFC 6749 §10.10: two dozen that arrive together share nothing."""
    start = Barrier(AT_ONCE)

    def issue() -> dict[str, Any]:
        start.wait()
        return world.issue()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        replies = [one.result() for one in [pool.submit(issue) for _ in range(AT_ONCE)]]
    assert len({members["access_token"] for members in replies}) == AT_ONCE
    assert len({claims_of(members)["jti"] for members in replies}) == AT_ONCE
    assert {claims_of(members)["client_id"] for members in replies} == {world.client.client_id}


def test_CCG_006_a_client_chooses_no_claim(world: World) -> None:
    """RFC 9700 §4.15: whatever it sends, the token says the same of it."""
    usual_members, members = world.issue(), world.issue(**NOT_THE_CLIENTS_TO_CHOOSE)
    usual, claims = claims_of(usual_members), claims_of(members)
    assert claims["exp"] - claims["iat"] == usual["exp"] - usual["iat"]
    assert abs(claims["iat"] - usual["iat"]) <= 2
    assert claims["jti"] not in {usual["jti"], "chosen"}
    each_time = {"jti": "", "iat": 0, "exp": 0}
    assert claims | each_time == usual | each_time
    assert members | {"access_token": ""} == usual_members | {"access_token": ""}
    header = jwt.get_unverified_header(members["access_token"])
    assert header == jwt.get_unverified_header(usual_members["access_token"])


@pytest.mark.parametrize("name", sorted(NOT_THE_CLIENTS_TO_CHOOSE))
def test_CCG_006_not_even_alone(world: World, name: str) -> None:
    """RFC 9068 §5: the client stays its own subject."""
    claims = claims_of(world.issue(**{name: NOT_THE_CLIENTS_TO_CHOOSE[name]}))
    assert (claims["sub"], claims["client_id"]) == (world.client.client_id,) * 2
    assert (claims["iss"], claims["aud"]) == (world.server.issuer,) * 2
