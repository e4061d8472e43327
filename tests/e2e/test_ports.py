"""Whose a port is before anything is served on it."""

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from entrypoints.ports import claim, share
from entrypoints.refusal import RefusedToStart
from entrypoints.setting_forms import Address
from support.free_ports import free_port

HOSTS = ("127.0.0.1", "0.0.0.0", "::1", "::")  # noqa: S104  (what an operator may write)


@contextmanager
def listening(host: str, port: int) -> Iterator[None]:
    """Be an ordinary server, without SO_REUSEPORT."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family):
        yield


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        *((host, host) for host in HOSTS),
        ("127.0.0.1", "0.0.0.0"),  # noqa: S104  (likewise)
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104  (likewise)
        ("::1", "::"),
        ("127.0.0.1", "::"),  # which is both families
    ],
)
def test_an_address_that_somebody_serves_is_refused(theirs: str, ours: str) -> None:
    """Also if one of the two is any address, or both families."""
    port = free_port()
    with listening(theirs, port), pytest.raises(RefusedToStart, match="cannot listen on"):
        claim(Address(ours, port))


@pytest.mark.parametrize("host", HOSTS)
def test_of_two_supervisors_one_has_the_address(host: str) -> None:
    """Whether or not a worker of the first listens yet; when it is gone, the next may."""
    address = Address(host, free_port())

    with claim(address):
        with pytest.raises(RefusedToStart, match="Address already in use"):
            claim(address)
        with (
            closing(share(address)),
            closing(share(address)),
            pytest.raises(RefusedToStart, match="Address already in use"),
        ):
            claim(address)
    claim(address).close()


def test_what_is_left_of_old_connections_keeps_nobody_out() -> None:
    """A server that is started anew at once finds them in TIME_WAIT."""
    address = Address("127.0.0.1", free_port())
    with claim(address), closing(share(address)) as shared:
        shared.setblocking(True)
        with socket.create_connection((address.host, address.port)):
            served, _ = shared.accept()
            served.close()  # the side that closes first is left with it

    claim(address).close()


def test_connections_reach_the_workers_alone() -> None:
    """Who holds the claim does not listen."""
    address = Address("127.0.0.1", free_port())
    with claim(address):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address.host, address.port))
        with closing(share(address)):
            for _ in range(50):
                socket.create_connection((address.host, address.port)).close()
