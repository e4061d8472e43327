"""The key of the refresh tokens and the pepper of the secrets rotate while they are in use."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from domain.model.keys import KeyPurpose
from support.catalogue_steps import put
from support.grantd_process import GrantdProcess
from support.oauth_replies import granted, introspected
from support.registration import register
from support.stores import sqlite_stores

PrepareGrantd = Callable[..., GrantdProcess]

MAC, PEPPER = "refresh-mac", "secret-pepper"
REFRESHING = {
    "grant_types": ["client_credentials", "refresh_token"],
    "issue_refresh_token": True,
    "introspect_any": True,
}
LONG_AGO = timedelta(minutes=2)


def listed(server: GrantdProcess, purpose: str) -> list[tuple[str, int | None]]:
    """Return state and use of the keys of a purpose, the newest first."""
    keys = server.require("keys", "list")
    return [(key["state"], key["used_by"]) for key in keys if key["purpose"] == purpose]


def rotate(server: GrantdProcess, purpose: str) -> dict[str, Any]:
    rotation: dict[str, Any] = server.require("keys", "rotate", "--purpose", purpose)
    return rotation


def key_named_by(refresh_token: str) -> str:
    return refresh_token.removeprefix("gdr_").partition(".")[0]


def age_symmetric_keys(server: GrantdProcess) -> None:
    """Have the symmetric keys as if they had been made some minutes earlier."""

    async def age() -> None:
        async with sqlite_stores(Path(server.store.removeprefix("sqlite:///"))) as stores:
            keys = (await stores.catalogue.load()).keys
            aged = (
                replace(key, created_at=key.created_at - LONG_AGO)
                for key in keys
                if key.purpose is not KeyPurpose.SIGNING
            )
            await put(stores.catalogue, keys=tuple(aged))

    asyncio.run(age())


def test_tokens_and_secrets_move_on_to_the_new_keys(prepare_grantd: PrepareGrantd) -> None:
    """None fails; the old keys are kept until nothing names them, and dropped with the next."""
    server = prepare_grantd("sqlite")
    clients = list(register(server, dict.fromkeys(("one", "two"), REFRESHING)).values())
    server.start()
    held = [(client, granted(server.issue(client))) for client in (*clients, clients[0])]
    old_mac = key_named_by(held[0][1]["refresh_token"])

    new_mac = rotate(server, MAC)
    new_pepper = rotate(server, PEPPER)

    assert (new_mac["kept"][0]["kid"], new_mac["kept"][0]["used_by"]) == (old_mac, 3)
    assert new_pepper["kept"][0]["used_by"] == 2
    for client, issued in held:
        refreshed = granted(server.refresh(client, issued["refresh_token"]))
        assert key_named_by(refreshed["refresh_token"]) == new_mac["kid"]
        assert introspected(server.introspect(client, issued["access_token"]))["active"]
        issued.update(refreshed)
    age_symmetric_keys(server)
    assert listed(server, MAC) == [("active", None), ("unused", 0)]
    assert listed(server, PEPPER) == [("active", None), ("unused", 0)]
    assert rotate(server, MAC)["dropped"] == [old_mac]
    assert rotate(server, PEPPER)["dropped"] == [new_pepper["kept"][0]["kid"]]
    for client, issued in held:
        granted(server.refresh(client, issued["refresh_token"]))


def test_what_is_for_signing_keys_alone_is_wrong_usage(tmp_path: Path) -> None:
    server = GrantdProcess(tmp_path)

    for flags in (("--now", "--yes"), ("--algorithm", "ES256")):
        done = server.run("keys", "rotate", "--purpose", MAC, *flags)

        assert (done.returncode, done.stdout) == (2, "")
        assert "are for signing keys" in done.stderr
