"""What systemd hears of the running program over its notification socket."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.grantd_process import GrantdProcess


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The end of a socket that systemd would read from."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        yield listening


def test_it_is_told_when_all_workers_serve_and_when_the_end_begins(
    prepare_grantd: Callable[..., GrantdProcess], manager: socket.socket
) -> None:
    """One word each, and none from a worker."""
    server = prepare_grantd(grpc=True)
    server.environment["NOTIFY_SOCKET"] = manager.getsockname()
    server.start()

    assert manager.recv(1_024) == b"READY=1"
    assert server.get("/readyz").status_code == 200

    server.signal(signal.SIGTERM)
    assert manager.recv(1_024) == b"STOPPING=1"
    assert server.wait() == 0
    manager.setblocking(False)
    with pytest.raises(BlockingIOError):
        manager.recv(1_024)


def test_a_manager_that_is_gone_keeps_nobody_from_serving(
    prepare_grantd: Callable[..., GrantdProcess], tmp_path: Path
) -> None:
    """The log says that it was not told."""
    server = prepare_grantd("sqlite")
    server.environment["NOTIFY_SOCKET"] = str(tmp_path / "nobody")
    server.start()

    assert server.stop() == 0
    assert "service manager was not told" in server.log.read_text()
