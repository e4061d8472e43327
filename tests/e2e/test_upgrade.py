"""The installed program takes over a database that an earlier release has left behind."""

from collections.abc import Callable
from typing import Any

import pytest

from support.grantd_process import GrantdProcess, RegisteredClient
from support.oauth_replies import granted, introspected, refused
from support.releases import leave_database, left_behind, released_schemas


@pytest.mark.parametrize("schema", released_schemas())
def test_what_was_issued_and_ended_before_an_upgrade_stays_so(
    prepare_grantd: Callable[..., GrantdProcess], schema: int
) -> None:
    """Secrets, tokens, families and revocations of the earlier release mean what they meant."""
    held: Any = left_behind(schema)
    server = prepare_grantd("sqlite", {"issuer": "https://id.example"})
    leave_database(server.folder / "grantd.db", schema)
    server.environment["GRANTD_MASTER_KEY_FILE"] = str(server.folder / "master.key")
    server.start()
    reader, books, opaque = (
        RegisteredClient(name, held["secrets"][name]) for name in ("reader", "books", "opaque")
    )

    def active(caller: RegisteredClient, token: str) -> bool:
        answer: bool = introspected(server.introspect(caller, token))["active"]
        return answer

    assert active(books, held["active"])
    assert not active(books, held["revoked"])
    assert not active(books, held["ended"]["access_token"])
    assert active(opaque, held["opaque"]["active"])
    assert not active(opaque, held["opaque"]["revoked"])

    assert active(books, granted(server.issue(reader))["access_token"])
    refused(server.refresh(reader, held["ended"]["refresh_token"]), 400, "invalid_grant")
    granted(server.refresh(reader, held["unused_refresh_token"]))
    following = granted(server.refresh(reader, held["rotated"]["current"]))
    refused(server.refresh(reader, held["rotated"]["spent"]), 400, "invalid_grant")
    assert not active(books, following["access_token"])
    assert not active(books, held["rotated"]["access_token"])
