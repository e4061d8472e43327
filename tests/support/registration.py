"""Clients registered from standard metadata, many by one command (RFC 7591 §2)."""

import json
from collections.abc import Mapping
from typing import Any

from support.grantd_process import GrantdProcess, RegisteredClient

Metadata = Mapping[str, Any]


def register(
    grantd: GrantdProcess, metadata: Mapping[str, Metadata]
) -> dict[str, RegisteredClient]:
    """Register clients and return them by the names they are given here.

    A client's id is its name unless its metadata says otherwise; its secret
    is the one it brings, or the one that was made for it.
    """
    wanted = [{"client_id": name, **given} for name, given in metadata.items()]
    done = grantd.run("clients", "register", "-", stdin=json.dumps(wanted))
    assert done.returncode == 0, done.stderr
    return {
        name: RegisteredClient(
            made["client_id"], made.get("client_secret") or given.get("client_secret") or ""
        )
        for (name, given), made in zip(metadata.items(), json.loads(done.stdout), strict=True)
    }
