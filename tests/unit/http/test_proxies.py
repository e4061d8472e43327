from ipaddress import ip_network
from typing import Any

import pytest

from adapters.http.proxies import TrustedProxies

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


X = "X-Forwarded-For"


async def client_seen(peer: str, *headers: tuple[str, str]) -> str:
    """Return the address that the application behind the proxies sees."""
    seen: list[str] = []

    async def app(scope: dict[str, Any], _receive: object, _send: object) -> None:
        seen.append(scope["client"][0])

    fields = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "client": (peer, 4711), "headers": fields}
    await TrustedProxies(app, PROXIES)(scope, None, None)  # type: ignore[arg-type]  # not called
    return seen[0]


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.1", [(X, "192.0.2.1")], "192.0.2.1"),
        ("10.0.0.1", [(X, "192.0.2.1:4711")], "192.0.2.1"),
        ("::ffff:10.0.0.1", [(X, "192.0.2.1, ::ffff:10.2.3.4")], "192.0.2.1"),
        ("10.0.0.1", [(X, "[2001:db8::1]:4711")], "2001:db8::1"),
        ("10.0.0.1", [(X, "6.6.6.6, 192.0.2.1, 10.2.3.4")], "192.0.2.1"),
        ("10.0.0.1", [(X, "192.0.2.1"), (X, "10.9.9.9")], "192.0.2.1"),
        ("fd00::1", [("Forwarded", 'for="[2001:db8::1]:80";proto=https')], "2001:db8::1"),
        ("10.0.0.1", [("Forwarded", "proto=http;for=192.0.2.1, for=10.0.0.7")], "192.0.2.1"),
    ],
)
async def test_a_trusted_proxy_tells_the_client(
    peer: str, headers: list[tuple[str, str]], client: str
) -> None:
    """The last address that no trusted proxy has; what stands before it anybody may write."""
    assert await client_seen(peer, *headers) == client


async def test_nobody_else_is_believed() -> None:
    headers = [(X, "192.0.2.1"), ("Forwarded", "for=192.0.2.1")]

    assert await client_seen("203.0.113.9", *headers) == "203.0.113.9"


async def test_forwarded_does_not_go_past_a_proxy_that_writes_the_other() -> None:
    """Such a proxy hands on what the client wrote into `Forwarded`."""
    headers = [(X, "192.0.2.1"), ("Forwarded", "for=198.51.100.1")]

    assert await client_seen("10.0.0.1", *headers) == "192.0.2.1"


@pytest.mark.parametrize(
    "header",
    [
        (X, "unknown"),
        (X, ""),
        (X, ", ,"),
        ("Forwarded", "for=_hidden"),
        ("Forwarded", "by=192.0.2.1"),
        ("Forwarded", ";;=,"),
    ],
)
async def test_what_names_no_address_leaves_the_peer(header: tuple[str, str]) -> None:
    assert await client_seen("10.0.0.1", header) == "10.0.0.1"
