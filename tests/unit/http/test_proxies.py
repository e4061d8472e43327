from ipaddress import ip_network

import pytest

from adapters.forwarded_addresses import ProxyHeader
from adapters.http.application import Application, Route
from adapters.http.reply import Reply
from adapters.http.request import Peer, Request
from adapters.request_record import Endpoint as Name
from adapters.source_addresses import ProxyTrust, SourceAddresses
from domain.model.events import Origin
from support.http_requests import http_request
from support.request_observers import RememberedRequests

PROXIES = (ip_network("10.0.0.0/8"),)
X, F = ProxyHeader.X_FORWARDED_FOR, ProxyHeader.FORWARDED


async def source_seen(peer: str, *headers: tuple[bytes, bytes], header: ProxyHeader = X) -> str:
    """Return the source of a request, as its record and its endpoint see it."""
    seen: list[Origin] = []
    requests = RememberedRequests()

    async def endpoint(_request: Request, origin: Origin) -> Reply:
        seen.append(origin)
        return Reply(b"")

    app = Application(
        [Route("/a", endpoint, Name.HEALTH, ("GET",))],
        sources=SourceAddresses(ProxyTrust(PROXIES, header)),
        requests=requests,
    )
    asked = [(name.decode(), value.decode()) for name, value in headers]
    await app(http_request(*asked, method="GET", path="/a", peer=Peer(peer)))
    (record,), (origin,) = requests.ended_so_far, seen
    assert record.address == origin.address
    return origin.address


@pytest.mark.parametrize(("header", "source"), [(X, "192.0.2.1"), (F, "192.0.2.2")])
async def test_one_header_is_read_and_the_other_is_not(header: ProxyHeader, source: str) -> None:
    """A proxy that writes the one hands on what its client wrote into the other."""
    headers = [(b"x-forwarded-for", b"192.0.2.1"), (b"forwarded", b"for=192.0.2.2")]

    assert await source_seen("10.0.0.1", *headers, header=header) == source


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

    assert await source_seen("10.0.0.1", *others, header=header) == "10.0.0.1"


async def test_fields_are_read_in_their_order() -> None:
    headers = [(b"x-forwarded-for", b"6.6.6.6, 192.0.2.1"), (b"x-forwarded-for", b"10.9.9.9")]

    assert await source_seen("10.0.0.1", *headers) == "192.0.2.1"


async def test_a_peer_without_an_address_is_nobody() -> None:
    assert await source_seen("", (b"x-forwarded-for", b"192.0.2.1")) == ""
