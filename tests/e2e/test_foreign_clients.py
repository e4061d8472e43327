"""Clients that others wrote, used as their own documentation says."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import jwt
import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from oauthlib.oauth2 import BackendApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as RequestsOAuth2Session

from support.edges import NO_PROXY
from support.grantd_process import GrantdProcess, RegisteredClient

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it says that it prefers httpx2, and takes httpx
    from authlib.integrations.httpx_client import AsyncOAuth2Client

PLACEMENTS = ("client_secret_basic", "client_secret_post")


@pytest.fixture(scope="module")
def grantd(start_grantd: Callable[..., GrantdProcess]) -> GrantdProcess:
    server = start_grantd(grpc=True)
    server.create_scopes("read", "write")
    return server


@pytest.fixture(scope="module")
def metadata(grantd: GrantdProcess) -> Mapping[str, Any]:
    """What a client finds at the well-known place (RFC 8414 §3)."""
    found: dict[str, Any] = grantd.get("/.well-known/oauth-authorization-server").json()
    return found


@pytest.fixture(scope="module")
def ledger(grantd: GrantdProcess) -> RegisteredClient:
    return grantd.create_client(
        "ledger",
        *("--scope", "read write", "--default-scope", "read", "--issue-refresh-token"),
        *("--grant", "client_credentials", "--grant", "refresh_token"),
    )


@pytest.fixture(autouse=True)
def _plain_http_on_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let oauthlib speak http, and keep every library from asking a proxy for loopback."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "127.0.0.1")


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_authlib_gets_refreshes_introspects_and_revokes(
    metadata: Mapping[str, Any], ledger: RegisteredClient, placement: str
) -> None:
    """With requests, and the credentials where it is told to put them."""
    with OAuth2Session(
        ledger.client_id,
        ledger.secret,
        token_endpoint_auth_method=placement,
        revocation_endpoint_auth_method=placement,
        scope="read write",
    ) as session:
        endpoint = metadata["token_endpoint"]
        issued = session.fetch_token(endpoint, grant_type="client_credentials")
        assert (issued["token_type"], issued["expires_in"]) == ("Bearer", 3600)
        assert not issued.is_expired()

        renewed = session.refresh_token(endpoint)
        assert renewed["refresh_token"] != issued["refresh_token"]
        assert renewed["scope"] == "read write"

        def told(token: str) -> Mapping[str, Any]:
            reply = session.introspect_token(metadata["introspection_endpoint"], token=token)
            found: dict[str, Any] = reply.json()
            return found

        access_token = renewed["access_token"]
        assert told(access_token)["active"] is True
        assert told(access_token)["client_id"] == "ledger"
        revoked = session.revoke_token(
            metadata["revocation_endpoint"], token=access_token, token_type_hint="access_token"
        )
        assert revoked.status_code == 200
        assert told(access_token) == {"active": False}

        with pytest.raises(OAuthError, match="invalid_grant"):
            session.refresh_token(endpoint, refresh_token=issued["refresh_token"])


def test_authlib_renews_an_expired_token_by_itself(
    metadata: Mapping[str, Any], ledger: RegisteredClient
) -> None:
    """It looks at `expires_in` and spends the refresh token when it has to."""
    updated: list[Mapping[str, Any]] = []
    with OAuth2Session(
        ledger.client_id,
        ledger.secret,
        token_endpoint=metadata["token_endpoint"],
        update_token=lambda token, **_: updated.append(token),
    ) as session:
        issued = session.fetch_token(grant_type="client_credentials")
        issued["expires_at"] = 1
        session.ensure_active_token(issued)
        assert [token["access_token"] for token in updated] == [session.token["access_token"]]
        assert session.token["access_token"] != issued["access_token"]


@pytest.mark.parametrize("placement", PLACEMENTS)
async def test_authlib_on_httpx_gets_refreshes_introspects_and_revokes(
    metadata: Mapping[str, Any], ledger: RegisteredClient, placement: str
) -> None:
    """The same, asynchronously."""
    async with AsyncOAuth2Client(
        ledger.client_id,
        ledger.secret,
        token_endpoint_auth_method=placement,
        revocation_endpoint_auth_method=placement,
    ) as client:
        endpoint = metadata["token_endpoint"]
        issued = await client.fetch_token(endpoint, grant_type="client_credentials")
        renewed = await client.refresh_token(endpoint, refresh_token=issued["refresh_token"])
        token = renewed["access_token"]
        told = await client.introspect_token(metadata["introspection_endpoint"], token=token)
        assert (told.json()["active"], told.json()["scope"]) == (True, "read")
        await client.revoke_token(metadata["revocation_endpoint"], token=token)
        told = await client.introspect_token(metadata["introspection_endpoint"], token=token)
        assert told.json() == {"active": False}


def test_requests_oauthlib_gets_a_token_by_basic(
    metadata: Mapping[str, Any], ledger: RegisteredClient
) -> None:
    """Its backend application flow, with the credentials in the header."""
    auth = HTTPBasicAuth(*ledger.basic)
    with RequestsOAuth2Session(client=BackendApplicationClient("ledger")) as session:
        issued = session.fetch_token(metadata["token_endpoint"], auth=auth)
        assert (issued["token_type"], issued["scope"]) == ("Bearer", ["read"])
        renewed = session.refresh_token(metadata["token_endpoint"], auth=auth)
        assert renewed["refresh_token"] != issued["refresh_token"]
        with pytest.raises(InvalidGrantError):
            session.refresh_token(
                metadata["token_endpoint"], refresh_token=issued["refresh_token"], auth=auth
            )


def test_requests_oauthlib_gets_a_token_by_the_body(
    metadata: Mapping[str, Any], ledger: RegisteredClient
) -> None:
    """The same, with the credentials beside the grant."""
    client = BackendApplicationClient("ledger", scope=["read", "write"])
    with RequestsOAuth2Session(client=client) as session:
        endpoint = metadata["token_endpoint"]
        issued = session.fetch_token(endpoint, client_secret=ledger.secret, include_client_id=True)
        assert issued["scope"] == ["read", "write"]
        renewed = session.refresh_token(endpoint, **ledger.body)
        assert renewed["access_token"] != issued["access_token"]


def test_requests_oauthlib_understands_a_refusal(metadata: Mapping[str, Any]) -> None:
    """It raises the class that it has for the code."""
    with (
        RequestsOAuth2Session(client=BackendApplicationClient("ledger")) as session,
        pytest.raises(InvalidClientError),
    ):
        session.fetch_token(metadata["token_endpoint"], client_secret="wrong")


def test_a_grpc_client_without_stubs_learns_the_service_by_reflection(
    grantd: GrantdProcess, ledger: RegisteredClient
) -> None:
    """It finds method and messages on the server, issues a token and introspects it."""
    with grpc.insecure_channel(grantd.grpc_target, options=NO_PROXY) as channel:
        reflected = ProtoReflectionDescriptorDatabase(channel)
        assert "grantd.v1.TokenService" in reflected.get_services()
        service = DescriptorPool(reflected).FindServiceByName("grantd.v1.TokenService")

        def call(name: str, **fields: object) -> Any:  # noqa: ANN401  (a message known at run time)
            method = service.methods_by_name[name]
            request = GetMessageClass(method.input_type)(**fields)
            return channel.unary_unary(
                f"/{service.full_name}/{name}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=GetMessageClass(method.output_type).FromString,
            )(request, timeout=20)

        issued = call(
            "IssueToken", grant_type="client_credentials", scopes=["write"], **ledger.body
        )
        assert (issued.token_type, list(issued.scopes)) == ("Bearer", ["write"])
        told = call("IntrospectToken", token=issued.access_token, **ledger.body)
        assert (told.active, told.client_id) == (True, "ledger")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
def test_ATJ_008_pyjwt_proves_a_token_with_the_published_keys(
    grantd: GrantdProcess, metadata: Mapping[str, Any], algorithm: str
) -> None:
    """Knowing the issuer and its own name only, as RFC 9068 §4 has a resource do it."""
    resource = f"https://{algorithm.lower()}.example.com"
    grantd.require("resources", "create", resource, "--signing-alg", algorithm)
    client = grantd.create_client(
        f"for-{algorithm}", "--scope", "read", "--default-scope", "read",
        "--default-audience", resource,
    )  # fmt: skip
    reply = grantd.post("/access_token", {"grant_type": "client_credentials"}, auth=client.basic)
    token = reply.json()["access_token"]

    def prove(text: str, audience: str = resource) -> dict[str, Any]:
        key = jwt.PyJWKClient(metadata["jwks_uri"]).get_signing_key_from_jwt(text)
        proved = jwt.decode_complete(
            text,
            key,
            algorithms=[algorithm],
            audience=audience,
            issuer=metadata["issuer"],
            options={"require": ["exp", "iat", "jti", "sub", "aud", "iss", "client_id"]},
        )
        assert proved["header"]["typ"] == "at+jwt"
        claims: dict[str, Any] = proved["payload"]
        return claims

    assert metadata["issuer"] == grantd.issuer
    claims = prove(token)
    assert (claims["sub"], claims["scope"]) == (client.client_id, "read")
    with pytest.raises(jwt.InvalidAudienceError):
        prove(token, audience="https://elsewhere.example.com")
    head, payload, signature = token.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        prove(f"{head}.{payload}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}")
