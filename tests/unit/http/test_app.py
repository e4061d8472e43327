"""Where paths and methods lead: TOK-005, TOK-018, MET-011, HTP-001 to HTP-011."""

import pytest

from support.http_requests import http_request
from support.http_surface import HttpSurface

POSTS = ["/access_token", "/token", "/introspect", "/revoke"]
GETS = [
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
    "/.well-known/jwks.json",
    "/livez",
    "/readyz",
]


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
async def test_TOK_005_only_post_reaches_an_endpoint(
    surface: HttpSurface, method: str, path: str
) -> None:
    """HEAD and OPTIONS included; the refusal looks like any other."""
    headers = [("X-HTTP-Method-Override", "POST"), ("Origin", "https://evil.example")]
    asked = http_request(*headers, method=method, path=path, query=b"grant_type=client_credentials")

    reply = await surface.app(asked)

    assert reply.status == 405
    assert set(reply.fields) >= {
        (b"allow", b"POST"),
        (b"content-type", b"application/json;charset=UTF-8"),
        (b"cache-control", b"no-store"),
        (b"pragma", b"no-cache"),
    }
    assert b"access-control-allow-origin" not in dict(reply.fields)
    assert b'"error":"invalid_request"' in reply.body


@pytest.mark.parametrize("path", GETS)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
async def test_MET_011_documents_are_only_read(
    surface: HttpSurface, method: str, path: str
) -> None:
    """RFC 9110 §15.5.6."""
    answer = await surface.http.request(method, path)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", GETS)
async def test_documents_can_be_asked_for_by_head(surface: HttpSurface, path: str) -> None:
    """RFC 9110 §9.3.2; the server leaves the body out."""
    assert (await surface.http.head(path)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/token/",
        "/token/x",
        "/Token",
        "/token\x00",
        "/token\n",
        "//token",
        "/introspect/",
        "/../etc/passwd",
        "/.git/config",
        "/debug",
        "/docs",
        "/openapi.json",
        "/metrics",
        "/.well-known/oauth-authorization-server/x",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_TOK_018_any_other_path_is_not_found(
    surface: HttpSurface, method: str, path: str
) -> None:
    """And not redirected: credentials would follow."""
    reply = await surface.app(http_request(method=method, path=path, body=b"grant_type=x"))

    assert reply.status == 404
    assert dict(reply.fields)[b"content-type"] == b"application/json;charset=UTF-8"
    assert b'"error":"invalid_request"' in reply.body


@pytest.mark.parametrize("path", POSTS)
async def test_HTP_003_no_page_of_another_origin_may_read_an_answer(
    surface: HttpSurface, path: str
) -> None:
    """There is no CORS where credentials are sent."""
    answer = await surface.http.post(
        path, auth=("a", "b"), data={"token": "x"}, headers={"Origin": "https://evil.example"}
    )

    assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("accept", ["text/html", "image/*", "", "nonsense"])
async def test_ERR_003_an_answer_is_json_whatever_is_accepted(
    surface: HttpSurface, accept: str
) -> None:
    """HTP-011."""
    answer = await surface.http.post("/access_token", headers={"Accept": accept})

    assert answer.status_code == 415
    assert answer.json()["error"] == "invalid_request"
