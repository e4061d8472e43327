from ipaddress import ip_network
from typing import Any

import pytest

from adapters.forwarded_addresses import ProxyHeader
from adapters.http.proxies import BehindProxies
from adapters.source_addresses import ProxyTrust, SourceAddresses

PROXIES = (ip_network("10.0.0.0/8"),)
X, F = ProxyHeader.X_FORWARDED_FOR, ProxyHeader.FORWARDED


async def client_seen(
    peer: tuple[str, int] | None, *headers: tuple[bytes, bytes], header: ProxyHeader = X
) -> Any:  # noqa: ANN401  (what the application finds in its scope)
    """Return the client that the application behind the proxies sees."""
    seen: list[Any] = []

    async def app(scope: dict[str, Any], _receive: object, _send: object) -> None:
        seen.append(scope["client"])

    scope = {"type": "http", "client": peer, "headers": list(headers)}
    middleware = BehindProxies(app, SourceAddresses(ProxyTrust(PROXIES, header)))  # type: ignore[arg-type]  # a smaller app
    await middleware(scope, None, None)  # type: ignore[arg-type]  # not called
    return seen[0]


@pytest.mark.parametrize(("header", "source"), [(X, "192.0.2.1"), (F, "192.0.2.2")])
async def test_one_header_is_read_and_the_other_is_not(header: ProxyHeader, source: str) -> None:
    """A proxy that writes the one hands on what its client wrote into the other."""
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"forwarded", b"for=192.0.2.2")]

    assert await client_seen(("10.0.0.1", 4711), *headers, header=header) == (source, 4711)


@pytest.mark.parametrize("header", ProxyHeader)
async def test_without_that_header_the_source_is_the_peer(header: ProxyHeader) -> None:
    """Whatever else names an address."""
    others = [
        (b"forwarded" if header is X else b"x-forwarded-for", b"for=192.0.2.1"),
        (b"x-real-ip", b"192.0.2.1"),
        (b"x-forwarded-host", b"192.0.2.1"),
        (b"true-client-ip", b"192.0.2.1"),
        (b"x-client-ip", b"192.0.2.1"),
    ]

    assert await client_seen(("10.0.0.1", 4711), *others, header=header) == ("10.0.0.1", 4711)


async def test_fields_are_read_in_their_order() -> None:
    headers = [(b"x-forwarded-for", b"6.6.6.6, 192.0.2.1"), (b"x-forwarded-for", b"10.9.9.9")]

    assert await client_seen(("10.0.0.1", 4711), *headers) == ("192.0.2.1", 4711)


async def test_a_peer_without_an_address_is_nobody() -> None:
    assert await client_seen(None, (b"x-forwarded-for", b"192.0.2.1")) is None
