"""What holds for URIs wherever the core is given one (RFC 3986)."""

from ipaddress import ip_address
from typing import Final

NEVER_IN_A_URI: Final = frozenset('\\"<>^`{|} ')


def is_loopback(host: str) -> bool:
    """Tell whether *host* can only be this machine."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
