from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from domain.model.credentials import AuthMethod
from domain.model.identifiers import ClientId
from domain.model.scopes import Scope
from support.domain_samples import NOW
from support.http_requests import http_request
from support.http_surface import (
    HttpSurface,
    http_surface,
    ledger_with,
    refreshing_ledger,
)

FORM = "application/x-www-form-urlencoded"
GRANT = {"grant_type": "client_credentials"}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


@pytest.mark.parametrize("path", ["/access_token", "/token"])
async def test_TOK_001_a_client_gets_a_token(
    surface: HttpSurface, ledger: tuple[str, str], path: str
) -> None:
    """Both paths lead to the same handler."""
    answer = await surface.http.post(path, auth=ledger, data=GRANT)

    body = answer.json()
    assert answer.status_code == 200
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3_600
    assert body["scope"] == "invoices.read"


async def test_TOK_002_an_answer_is_json_that_nobody_may_store(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """The header fields of the seeds' replies, and ours."""
    answer = await surface.http.post("/access_token", auth=ledger, data=GRANT)

    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Request-Id"]
    assert not answer.headers.keys() & {
        "set-cookie",
        "www-authenticate",
        "access-control-allow-origin",
    }


async def test_a_secret_in_the_body_is_as_good(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """CLA-010."""
    client_id, secret = ledger
    credentials = {"client_id": client_id, "client_secret": secret}

    answer = await surface.http.post("/access_token", data=GRANT | credentials)

    assert answer.status_code == 200


async def test_a_secret_in_the_body_can_be_switched_off() -> None:
    """`allow_credentials_in_request_body` is false."""
    async with http_surface(allow_credentials_in_request_body=False) as surface:
        client_id, secret = await surface.register()
        credentials = {"client_id": client_id, "client_secret": secret}

        answer = await surface.http.post("/access_token", data=GRANT | credentials)

    assert error_of(answer) == (401, "invalid_client")


async def test_a_refresh_token_is_handed_out_and_taken_back(surface: HttpSurface) -> None:
    """REF-001."""
    auth = await surface.register(refreshing_ledger())
    first = await surface.access_token(auth)

    second = await surface.access_token(
        auth, grant_type="refresh_token", refresh_token=first["refresh_token"]
    )

    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == first["scope"]


async def test_an_empty_scope_is_still_reported(surface: HttpSurface) -> None:
    """SCP-002: `scope` is in every answer."""
    auth = await surface.register(ledger_with(default_scope=Scope()))

    assert (await surface.access_token(auth))["scope"] == ""


@pytest.mark.parametrize("scope", ["a\tb", "a\nb", "a\x00b", 'a"b', "a\\b", "é", "a\x7f"])
async def test_SCP_005_a_character_outside_the_grammar_is_an_invalid_scope(
    surface: HttpSurface, ledger: tuple[str, str], scope: str
) -> None:
    """And not a separator."""
    answer = await surface.http.post("/access_token", auth=ledger, data=GRANT | {"scope": scope})

    assert error_of(answer) == (400, "invalid_scope")


@pytest.mark.parametrize("scope", [" ", " invoices.read", "invoices.read ", "a  b"])
async def test_SCP_006_only_single_spaces_delimit(
    surface: HttpSurface, ledger: tuple[str, str], scope: str
) -> None:
    """An empty token is refused, not cleaned away."""
    answer = await surface.http.post("/access_token", auth=ledger, data=GRANT | {"scope": scope})

    assert error_of(answer) == (400, "invalid_scope")


@pytest.mark.parametrize("scope", ["invoices.write invoices.read", ""])
async def test_SCP_001_a_scope_is_granted_in_any_order(
    surface: HttpSurface, ledger: tuple[str, str], scope: str
) -> None:
    """An empty one is an omitted one."""
    granted = (await surface.access_token(ledger, scope=scope))["scope"]

    assert granted == ("invoices.read invoices.write" if scope else "invoices.read")


async def test_resources_arrive_one_by_one(surface: HttpSurface, ledger: tuple[str, str]) -> None:
    """RFC 8707 §2: several `resource` parameters; empty ones are omitted."""
    answer = await surface.http.post(
        "/access_token",
        auth=ledger,
        content="grant_type=client_credentials&resource=&resource=https%3A%2F%2Funknown.example",
        headers={"Content-Type": FORM},
    )

    assert error_of(answer) == (400, "invalid_target")
    assert answer.json()["hint"] == "https://unknown.example"


@pytest.mark.parametrize(
    ("parameters", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": ""}, "invalid_request"),
        ({"Grant_Type": "client_credentials"}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "CLIENT_CREDENTIALS"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials "}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 5_000}, "invalid_grant"),
    ],
)
async def test_TOK_008_a_wrong_request_has_the_error_of_its_kind(
    surface: HttpSurface, ledger: tuple[str, str], parameters: dict[str, str], error: str
) -> None:
    """A missing grant_type is not an unsupported one."""
    answer = await surface.http.post(
        "/access_token",
        auth=ledger,
        content=urlencode(parameters),
        headers={"Content-Type": FORM},
    )

    assert error_of(answer) == (400, error)


async def test_TOK_016_a_grant_that_is_not_the_clients_is_unauthorized(
    surface: HttpSurface,
) -> None:
    """RFC 6749 §5.2."""
    auth = await surface.register(ledger_with(grant_types=frozenset({"refresh_token"})))

    answer = await surface.http.post("/access_token", auth=auth, data=GRANT)

    assert error_of(answer) == (400, "unauthorized_client")


async def test_CLA_004_every_failed_authentication_reads_the_same(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """Nobody learns which clients exist or what is wrong."""
    client_id, secret = ledger
    public = ledger_with(
        client_id=ClientId("public"), auth_methods=frozenset({AuthMethod.NONE}), secrets=()
    )
    public_id, _ = await surface.register(public)
    attempts: list[dict[str, Any]] = [
        {"auth": (client_id, "wrong")},
        {"auth": ("nobody", secret)},
        {"auth": (public_id, "any")},
        {"auth": (client_id, secret + "\x00")},
        {"data": GRANT | {"client_id": client_id}},
        {"data": GRANT | {"client_id": "a\x00b"}},
        {"headers": {"Authorization": "Bearer abc"}},
        {},
    ]

    answers = [
        await surface.http.post("/access_token", **({"data": GRANT} | attempt))
        for attempt in attempts
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {
        b'{"error":"invalid_client","error_description":"Client authentication failed."}'
    }
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {'Basic realm="grantd"'}


async def test_CLA_019_who_is_calling_comes_before_what_is_asked(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """A stranger learns nothing from a malformed scope or grant."""
    parameters = {"grant_type": "refresh_token", "refresh_token": "x", "scope": "a\tb"}

    answer = await surface.http.post("/access_token", auth=(ledger[0], "no"), data=parameters)

    assert error_of(answer) == (401, "invalid_client")


async def test_the_audit_trail_learns_where_a_request_came_from(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """The request's id is the id in the trail; an id that came along is not taken over."""
    client_id, secret = ledger
    headers = [("Content-Type", FORM), ("X-Request-Id", "mine"), ("X-Forwarded-For", "1.2.3.4")]
    body = f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}"

    await surface.app(http_request(*headers, body=body.encode(), request_id="ours"))

    origin = surface.audit.events[-1].origin
    assert origin.request_id == "ours"
    assert (origin.protocol, origin.address) == ("http", "192.0.2.7")


async def test_an_expired_lifetime_is_whole_seconds(surface: HttpSurface) -> None:
    """TOK-004: `expires_in` is an integer, and not rounded up."""
    draft = replace(ledger_with(), access_token_ttl=timedelta(seconds=90, milliseconds=700))
    auth = await surface.register(draft)

    body = await surface.access_token(auth)

    assert isinstance(body["expires_in"], int)
    assert body["expires_in"] in (90, 91)
    assert surface.clock.now() == NOW
