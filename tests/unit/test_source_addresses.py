"""Who sent a request behind proxies: `X-Forwarded-For`, and `Forwarded` (RFC 7239)."""

from ipaddress import ip_network

import pytest

from adapters.forwarded_addresses import ProxyHeader
from adapters.source_addresses import ProxyTrust, SourceAddresses

PROXIES = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
PEER = "10.0.0.1"
X, F = ProxyHeader.X_FORWARDED_FOR, ProxyHeader.FORWARDED


def source_of(header: ProxyHeader, *fields: str, peer: str = PEER) -> str:
    """Return the source of a request that has these fields of the header that is read."""
    return SourceAddresses(ProxyTrust(PROXIES, header)).tell(peer, lambda _: fields)


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1:4711"], "192.0.2.1"),
        (["2001:db8::1"], "2001:db8::1"),
        (["2001:DB8:0::1"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        ([" \t192.0.2.1\t "], "192.0.2.1"),
        (["6.6.6.6, 192.0.2.1, 10.2.3.4"], "192.0.2.1"),
        (["6.6.6.6,192.0.2.1,10.2.3.4"], "192.0.2.1"),
        (["6.6.6.6", "192.0.2.1", "10.2.3.4, ::ffff:10.9.9.9"], "192.0.2.1"),
        (["garbage, 192.0.2.1"], "192.0.2.1"),
        (['", 192.0.2.1'], "192.0.2.1"),
        (["10.1.1.1, 10.2.2.2"], "10.1.1.1"),
    ],
)
def test_the_source_is_the_last_address_that_no_trusted_proxy_has(
    fields: list[str], source: str
) -> None:
    """What stands before it anybody may write."""
    assert source_of(X, *fields) == source


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        (["for=192.0.2.1"], "192.0.2.1"),
        (['for="192.0.2.1:4711"'], "192.0.2.1"),
        (['For="[2001:db8:cafe::17]"'], "2001:db8:cafe::17"),
        (['FOR="[2001:db8:cafe::17]:4711"'], "2001:db8:cafe::17"),
        (['for="[2001:db8::1]:_port";proto=https'], "2001:db8::1"),
        (["proto=http;for=192.0.2.1;by=203.0.113.43"], "192.0.2.1"),
        ([";for=192.0.2.1;;proto=http;"], "192.0.2.1"),
        ([r'for="192.0.2\.1"'], "192.0.2.1"),
        (["for=6.6.6.6, for=192.0.2.1 , for=10.0.0.7"], "192.0.2.1"),
        (["for=6.6.6.6", "for=192.0.2.1", "for=10.0.0.7,for=10.0.0.8"], "192.0.2.1"),
        (["for=192.0.2.1,, ,"], "192.0.2.1"),
        (['for=192.0.2.1;host="a, for=6.6.6.6"'], "192.0.2.1"),
        ([r'for=192.0.2.1;host="a\", for=6.6.6.6"'], "192.0.2.1"),
        ([r'for=192.0.2.1;host="a\\", for=10.0.0.7'], "192.0.2.1"),
        (['for=";, for=192.0.2.1'], "192.0.2.1"),
        (['for="', "for=192.0.2.1"], "192.0.2.1"),
        (["garbage, for=192.0.2.1"], "192.0.2.1"),
    ],
)
def test_forwarded_is_read_as_rfc_7239_writes_it(fields: list[str], source: str) -> None:
    """§4: quoted strings, ports, several fields, and `for` wherever it stands in an element."""
    assert source_of(F, *fields) == source


@pytest.mark.parametrize(
    "entry",
    [
        *("", " ", "unknown", "_hidden", "localhost", "192.0.2", "192.0.2.256"),
        *("192.000.002.001", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:http", "192.0.2.1:1:2"),
        *("[192.0.2.1]", "[2001:db8::1", "2001:db8::1]", "[2001:db8::1]4711", "2001:db8:::1"),
        *("fe80::1%eth0", "[fe80::1%25eth0]", "192.0.2.1/32", "for=192.0.2.1", '"192.0.2.1"'),
        *("\xb2.1.1.1", "\u0661.1.1.1", "192.0.2.1\x00", "3221225985", "0x7f.1"),
    ],
)
def test_what_names_no_address_is_not_read_past(entry: str) -> None:
    """The source is then the proxy that wrote it, not what stands before that entry."""
    assert source_of(X, "192.0.2.77", f"192.0.2.78, {entry}, 10.0.0.2") == "10.0.0.2"
    assert source_of(X, entry) == PEER


@pytest.mark.parametrize(
    "element",
    [
        *("for=unknown", "for=_hidden", 'for="_hidden:_p"', "for=", 'for=""', "by=192.0.2.1", ";"),
        *("for=[2001:db8::1]", 'for="2001:db8::1"', 'for="[2001:db8::1"', "for=192.0.2.1:80"),
        *("for = 192.0.2.1", "for=192.0.2.1; proto=http", "for=192.0.2.1 proto=http", "for"),
        *("for=192.0.2.1;for=192.0.2.2", "for=192.0.2.1;FOR=192.0.2.1", "for=192.0.2.1;=x"),
        *('for="192.0.2.1', 'for=192.0.2.1"', 'for="192.0.2.1"x', "for='192.0.2.1'"),
        *('for="192.0.2.1:_"', 'for="192.0.2.1:65536"', r'for="192.0.2.1\"', "192.0.2.1"),
        *("for=192.0.2.1;host=a:80", "for=192.0.2.1;\xe9=x", 'for="fe80::1%eth0"'),
    ],
)
def test_an_element_without_an_address_is_not_read_past(element: str) -> None:
    """RFC 7239 §6: a node may be unknown or have an invented name; garbage is garbage."""
    assert source_of(F, f"for=192.0.2.77, {element}", "for=10.0.0.2") == "10.0.0.2"
    assert source_of(F, element) == PEER


@pytest.mark.parametrize("peer", ["203.0.113.9", "2001:db8::9", "", "unix:", "10.0.0.1.example"])
def test_nobody_else_is_believed(peer: str) -> None:
    """Nor is the header looked at."""

    def read(_header: ProxyHeader) -> list[str]:
        raise AssertionError("it was read")

    assert SourceAddresses(ProxyTrust(PROXIES)).tell(peer, read) == peer
    assert SourceAddresses().tell(peer, read) == peer
    assert SourceAddresses().tell(PEER, read) == PEER


def test_a_peer_of_a_listener_for_both_families_is_recognised() -> None:
    assert source_of(X, "192.0.2.1", peer="::ffff:10.0.0.1") == "192.0.2.1"
    assert source_of(X, "192.0.2.1", peer="::ffff:203.0.113.9") == "::ffff:203.0.113.9"
    assert source_of(X, "192.0.2.1", peer="fd00::1") == "192.0.2.1"


def test_a_long_list_costs_no_more_than_its_end() -> None:
    """32 KiB of header from a client, and one entry of the proxy behind it."""
    junk = '"\\,' * 10_000
    assert source_of(F, f"{junk}, for=192.0.2.1") == "192.0.2.1"
    assert source_of(X, f"{junk}, 192.0.2.1") == "192.0.2.1"


def test_trust_is_replaced_while_requests_come() -> None:
    sources = SourceAddresses(ProxyTrust(PROXIES))

    def read(header: ProxyHeader) -> list[str]:
        return {X: ["192.0.2.1"], F: ["for=192.0.2.2"]}[header]

    assert sources.tell(PEER, read) == "192.0.2.1"
    sources.reload(ProxyTrust(PROXIES, F))
    assert sources.tell(PEER, read) == "192.0.2.2"
    sources.reload(ProxyTrust())
    assert sources.tell(PEER, read) == PEER
