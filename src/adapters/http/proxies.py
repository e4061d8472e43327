"""The client's address behind proxies: from the header fields of those we trust, or the socket."""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TypeAlias

from starlette.types import ASGIApp, Receive, Scope, Send

Network: TypeAlias = IPv4Network | IPv6Network
_Address: TypeAlias = IPv4Address | IPv6Address


class TrustedProxies:
    """Replaces the peer of a request by the client that trusted proxies name.

    What any other peer says of itself is not read. `X-Forwarded-For` stands
    before `Forwarded` (RFC 7239): nearly every proxy writes the first, and
    hands on what a client wrote into the second. Either is read from the end,
    up to the first address that is no trusted proxy.
    """

    def __init__(self, app: ASGIApp, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = tuple(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("client"):
            host, port = scope["client"]
            client = self._client(host, scope["headers"])
            if client != host:
                scope = {**scope, "client": (client, port)}
        await self._app(scope, receive, send)

    def _client(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        client = peer
        for hop in _hops(headers):
            if not self._trusts(client):
                break
            if _address(hop) is None:
                break
            client = hop
        return client

    def _trusts(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[str]:
    """Yield the addresses that proxies have written, the latest first."""
    found: dict[bytes, list[str]] = {b"forwarded": [], b"x-forwarded-for": []}
    for name, value in headers:
        if name in found:
            found[name] += value.decode("latin-1").split(",")
    if entries := found[b"x-forwarded-for"]:
        yield from (_node(entry) for entry in reversed(entries))
    else:
        yield from (_node(_for(element)) for element in reversed(found[b"forwarded"]))


def _for(element: str) -> str:
    """Return the `for` of a forwarded-element (RFC 7239 §4)."""
    for pair in element.split(";"):
        name, _, value = pair.strip().partition("=")
        if name.lower() == "for":
            return value.strip('"')
    return ""


def _node(text: str) -> str:
    """Return the address in a node such as `192.0.2.1:4711` or `[2001:db8::1]:4711`."""
    text = text.strip()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _address(text: str) -> _Address | None:
    """Read an address; a listener for both families sees IPv4 peers as IPv6 ones."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
