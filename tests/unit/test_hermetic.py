"""The rail under the unit layer holds."""

import socket

import pytest
from pytest_socket import SocketBlockedError


@pytest.mark.filterwarnings("ignore:A test tried to use socket")  # it warns as well as raises
def test_a_network_socket_cannot_be_opened() -> None:
    """A unit test that would speak to the world fails."""
    with pytest.raises(SocketBlockedError):
        socket.socket(socket.AF_INET, socket.SOCK_STREAM)


async def test_an_event_loop_can_run() -> None:
    """The pair of Unix sockets that wakes a loop is left to it."""
    near, far = socket.socketpair()
    near.close()
    far.close()
