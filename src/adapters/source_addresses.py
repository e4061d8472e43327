"""Where a request came from behind proxies: what those we trust say of it, or its peer."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from adapters.forwarded_addresses import IpAddress, ProxyHeader, address_of

Network: TypeAlias = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ProxyTrust:
    """Whose word on the source of a request is taken.

    Attributes:
        networks: Where the proxies are.

        header: Where they say it. It is one, because a proxy that writes one
            hands on what its client wrote into the other.
    """

    networks: Sequence[Network] = ()
    header: ProxyHeader = ProxyHeader.X_FORWARDED_FOR

    def covers(self, address: IpAddress) -> bool:
        return any(address in network for network in self.networks)


class SourceAddresses:
    """Tells the source of each request of a worker. Whose word is taken may change meanwhile."""

    def __init__(self, trust: ProxyTrust = ProxyTrust()) -> None:
        self._trust = trust

    def reload(self, trust: ProxyTrust) -> None:
        """Judge by *trust* from now on."""
        self._trust = trust

    @property
    def has_proxies(self) -> bool:
        """Whether there is anybody whose word is taken; else every source is a peer."""
        return bool(self._trust.networks)

    def trusts(self, peer: str) -> bool:
        """Tell whether *peer* is a proxy whose word is taken."""
        address = address_of(peer) if self._trust.networks else None
        return address is not None and self._trust.covers(address)

    def tell(self, peer: str, read: Callable[[ProxyHeader], Iterable[str]]) -> str:
        """Return the last address on the way of a request that is no trusted proxy.

        It is a proxy's own if that says nothing, or nothing that can be read.

        Args:
            peer: Who holds the other end of the connection.

            read: Returns the values of a header field, in their order. It is
                asked only if the peer is trusted.
        """
        trust = self._trust
        if not trust.networks:
            return peer
        address = address_of(peer)
        if address is None or not trust.covers(address):
            return peer
        source = address
        for told in trust.header.addresses(read(trust.header)):
            if told is None:
                break
            source = told
            if not trust.covers(told):
                break
        return str(source)
