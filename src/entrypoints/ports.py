"""The addresses that the workers of one protocol share, and nobody else."""

import socket
from typing import Final

from entrypoints.refusal import RefusedToStart
from entrypoints.setting_forms import Address

_BACKLOG: Final = 2_048


def claim(address: Address) -> socket.socket:
    """Take an address for as long as the socket is open; only workers of ours can share it.

    SO_REUSEPORT lets them in, and would let in another server of the same
    user too. So it is set only once the address is ours, and SO_REUSEADDR,
    which does not mind what is left of connections of a server before, is
    taken back by then: whoever comes later and wants the address for itself,
    as here, is refused. Nobody listens here, so no connection is lost.

    Raises:
        RefusedToStart: If somebody has it.
    """
    claimed = _socket(address.host)
    try:
        claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        claimed.bind((address.host, address.port))
        claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        claimed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError as error:
        claimed.close()
        raise RefusedToStart(f"cannot listen on {address}: {error.strerror}") from error
    return claimed


def share(address: Address) -> socket.socket:
    """Listen on an address as one of several workers."""
    shared = _socket(address.host)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    shared.setblocking(False)
    shared.bind((address.host, address.port))
    shared.listen(_BACKLOG)
    return shared


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
