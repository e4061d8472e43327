"""The addresses that proxies write down, in either form that is in use.

Both are read from the end, lazily: what stands before the entry of the last
proxy that we trust anybody may have written, and it is never looked at.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, TypeAlias

IpAddress: TypeAlias = IPv4Address | IPv6Address

_LAST_PORT: Final = 65_535
_OWS: Final = " \t"

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105  (RFC 9110 §5.6.2)
_QUOTED_STRING = r'"(?:[^"\\]|\\.)*"'
_PAIR = re.compile(rf"({_TOKEN})=({_TOKEN}|{_QUOTED_STRING})")
_ELEMENT = re.compile(rf"(?:{_PAIR.pattern})?(?:;(?:{_PAIR.pattern})?)*")
_QUOTED_PAIR = re.compile(r"\\(.)")
_REVERSED_MARK = re.compile(r'"(?P<backslashes>\\*)|,')

_PORT = r"(?::(?P<port>[0-9]{1,5}))?"
_OBFUSCATED_PORT = r"(?::_[A-Za-z0-9._-]+)?"
_IPV6 = "[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*"
_NODE = re.compile(rf"(?:(?P<v4>[0-9.]+)|\[(?P<v6>{_IPV6})\])(?:{_PORT}|{_OBFUSCATED_PORT})")
_BARE_IPV6 = re.compile(_IPV6)


class ProxyHeader(StrEnum):
    """The header field, or the metadata of a call, in which proxies tell who sent a request."""

    X_FORWARDED_FOR = "x-forwarded-for"
    FORWARDED = "forwarded"

    def addresses(self, fields: Iterable[str]) -> Iterator[IpAddress | None]:
        """Yield the addresses of all *fields*, the latest first; None for what names none."""
        read = _READERS[self]
        for field in reversed(list(fields)):
            yield from read(field)


def address_of(text: str) -> IpAddress | None:
    """Read an address; a listener for both families sees IPv4 peers as IPv6 ones."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _x_forwarded_for(field: str) -> Iterator[IpAddress | None]:
    """Read a list of addresses, of which some proxies write the port as well.

    An empty entry is one that a proxy could not fill, and no reason to believe
    what stands before it.
    """
    for entry in reversed(field.split(",")):
        text = entry.strip(_OWS)
        yield address_of(text) if _BARE_IPV6.fullmatch(text) else _node(text)


def _forwarded(field: str) -> Iterator[IpAddress | None]:
    """Read the `for` of each forwarded-element (RFC 7239 §4)."""
    for element in _elements_from_the_end(field):
        text = element.strip(_OWS)
        if text:  # RFC 9110 §5.6.1.2: empty elements are to be ignored
            yield _node(_for(text))


_READERS: Final[Mapping[ProxyHeader, Callable[[str], Iterator[IpAddress | None]]]] = {
    ProxyHeader.X_FORWARDED_FOR: _x_forwarded_for,
    ProxyHeader.FORWARDED: _forwarded,
}


def _elements_from_the_end(field: str) -> Iterator[str]:
    """Split at commas outside of quoted strings.

    From the end, since a quotation mark that a client left open would take
    the entries of the proxies behind it along.
    """
    end, quoted = len(field), False
    for mark in _REVERSED_MARK.finditer(field[::-1]):
        backslashes = mark["backslashes"]
        if backslashes is not None:
            quoted ^= len(backslashes) % 2 == 0
        elif not quoted:
            start = len(field) - mark.start()
            yield field[start:end]
            end = start - 1
    yield field[:end]


def _for(element: str) -> str:
    """Return the `for` of an element, which has it once (RFC 7239 §4); "" if it does not."""
    pairs = _PAIR.findall(element) if _ELEMENT.fullmatch(element) else []
    values = [value for name, value in pairs if name.lower() == "for"]
    if len(values) != 1:
        return ""
    [value] = values
    return _QUOTED_PAIR.sub(r"\1", value[1:-1]) if value.startswith('"') else value


def _node(text: str) -> IpAddress | None:
    """Read the address of a node (RFC 7239 §6), which may be unknown or have an invented name."""
    node = _NODE.fullmatch(text)
    if node is None or int(node["port"] or 0) > _LAST_PORT:
        return None
    return address_of(node["v4"] or node["v6"])
