import pytest

from support.http_surface import HttpSurface, refreshing_ledger


async def is_active(surface: HttpSurface, auth: tuple[str, str], token: str) -> bool:
    answer = await surface.http.post("/introspect", auth=auth, data={"token": token})
    active: bool = answer.json()["active"]
    return active


@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "pigeon", ""])
async def test_REV_001_an_access_token_is_revoked(
    surface: HttpSurface, ledger: tuple[str, str], hint: str
) -> None:
    """REV-005: whatever the hint says."""
    token = (await surface.access_token(ledger))["access_token"]

    answer = await surface.http.post(
        "/revoke", auth=ledger, data={"token": token, "token_type_hint": hint}
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Pragma"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert not await is_active(surface, ledger, token)


async def test_REV_002_a_refresh_token_takes_its_access_tokens_along(surface: HttpSurface) -> None:
    """REV-003."""
    auth = await surface.register(refreshing_ledger())
    issued = await surface.access_token(auth)

    await surface.http.post("/revoke", auth=auth, data={"token": issued["refresh_token"]})

    assert not await is_active(surface, auth, issued["refresh_token"])
    assert not await is_active(surface, auth, issued["access_token"])


async def test_REV_004_an_unknown_token_is_no_error(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """RFC 7009 §2.2."""
    answer = await surface.http.post("/revoke", auth=ledger, data={"token": "unknown"})

    assert (answer.status_code, answer.content) == (200, b"")


async def test_REV_006_a_token_has_to_be_named(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """RFC 7009 §2.1."""
    answer = await surface.http.post("/revoke", auth=ledger, data={"token": ""})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_REV_007_a_caller_has_to_authenticate(
    surface: HttpSurface, ledger: tuple[str, str]
) -> None:
    """And the token stays as it was."""
    token = (await surface.access_token(ledger))["access_token"]

    answer = await surface.http.post("/revoke", auth=(ledger[0], "no"), data={"token": token})

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert await is_active(surface, ledger, token)


async def test_REV_011_there_is_no_jsonp(surface: HttpSurface, ledger: tuple[str, str]) -> None:
    """`callback` is a parameter like any unknown one."""
    answer = await surface.http.post(
        "/revoke", auth=ledger, data={"token": "x", "callback": "evil"}
    )

    assert answer.content == b""
