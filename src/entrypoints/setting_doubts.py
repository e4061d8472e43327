"""Settings that hold and are hardly what somebody wants: said, and obeyed."""

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Final

from entrypoints.settings import Settings

_FEWEST_BITS_IPV4: Final = 8
_FEWEST_BITS_IPV6: Final = 16
_IN_THE_CLEAR: Final = ("redis:", "redis+")


def doubts(settings: Settings) -> Iterator[str]:
    """Yield a line for each."""
    for network in settings.trusted_proxies:
        fewest = _FEWEST_BITS_IPV4 if isinstance(network, IPv4Network) else _FEWEST_BITS_IPV6
        if network.prefixlen < fewest and not network.is_private:
            yield (
                f"trusted_proxies has {network}: whoever sends from there chooses the address "
                "that limits and audit trail know it by"
            )
    if settings.store.startswith(_IN_THE_CLEAR):
        for name in ("store_ca_file", "store_certificate_file"):
            if getattr(settings, name) is not None:
                yield f"{name} is not used: store is redis://, in the clear, and not rediss://"
