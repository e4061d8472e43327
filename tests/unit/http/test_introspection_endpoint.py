from collections.abc import Awaitable, Callable

import pytest

from domain.model.identifiers import Owner
from domain.model.introspection import INACTIVE, Introspection
from domain.usecases.introspect_token import IntrospectionRequest
from support.domain_samples import ISSUER, NOW
from support.http_surface import HttpSurface, http_surface, ledger_with, refreshing_ledger

INACTIVE_BODY = b'{"active":false}'


async def test_INT_001_an_access_token_is_described(surface: HttpSurface) -> None:
    """With every member that RFC 7662 §2.2 has for it."""
    auth = await surface.register(ledger_with(owner=Owner("mira")))
    token = (await surface.access_token(auth))["access_token"]

    answer = await surface.http.post("/introspect", auth=auth, data={"token": token})

    body = answer.json()
    jti = body.pop("jti")
    assert jti
    assert body == {
        "active": True,
        "scope": "invoices.read",
        "client_id": "ledger",
        "token_type": "Bearer",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 3_600,
        "sub": "ledger",
        "aud": ISSUER,
        "iss": ISSUER,
        "owner": "mira",
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"


async def test_INT_014_a_refresh_token_is_described_without_a_token_type(
    surface: HttpSurface,
) -> None:
    """REF-013: nobody shall take it for a Bearer token."""
    auth = await surface.register(refreshing_ledger())
    token = (await surface.access_token(auth))["refresh_token"]

    answer = await surface.http.post("/introspect", auth=auth, data={"token": token})

    body = answer.json()
    assert body["active"] is True
    assert body.keys() == {"active", "scope", "client_id", "exp", "iat", "iss", "aud"}


@pytest.mark.parametrize(
    "token", ["unknown", "x" * 3_000, "ä", "a.b.c", "eyJhbGciOiJub25lIn0.e30."]
)
async def test_INT_004_any_other_token_is_inactive_and_nothing_else(
    surface: HttpSurface, ledger: tuple[str, str], token: str
) -> None:
    """Why is nobody's business."""
    answer = await surface.http.post("/introspect", auth=ledger, data={"token": token})

    assert (answer.status_code, answer.content) == (200, INACTIVE_BODY)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "pigeon", ""])
async def test_INT_009_a_hint_changes_nothing(
    surface: HttpSurface, ledger: tuple[str, str], hint: str
) -> None:
    """Right, wrong, unknown or empty."""
    token = (await surface.access_token(ledger))["access_token"]

    answer = await surface.http.post(
        "/introspect", auth=ledger, data={"token": token, "token_type_hint": hint}
    )

    assert answer.json()["active"] is True


@pytest.mark.parametrize("data", [{}, {"token": ""}, {"token": ["a", "a"]}])
async def test_INT_008_a_token_has_to_be_named_once(
    surface: HttpSurface, ledger: tuple[str, str], data: dict[str, str]
) -> None:
    """RFC 7662 §2.1."""
    answer = await surface.http.post(
        "/introspect", auth=ledger, data={"token_type_hint": "x"} | data
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_INT_005_a_caller_has_to_authenticate(surface: HttpSurface) -> None:
    """RFC 7662 §2.3."""
    answer = await surface.http.post("/introspect", data={"token": "x"})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "active" not in answer.json()


async def test_INT_010_a_token_in_the_query_is_refused(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """URLs end up in logs."""
    answer = await surface.http.post("/introspect?token=x", auth=ledger, data={"token": "x"})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_token_reaches_the_core_as_it_was_sent() -> None:
    """The edge neither trims nor judges it."""
    seen: list[IntrospectionRequest] = []

    async def remember(request: IntrospectionRequest) -> Introspection:
        seen.append(request)
        return INACTIVE

    stand_in: Callable[[IntrospectionRequest], Awaitable[Introspection]] = remember
    async with http_surface(instead=stand_in) as surface:
        await surface.http.post("/introspect", auth=("a", "b"), data={"token": " a+b "})

    assert [request.token for request in seen] == [" a+b "]
