"""The unit layer is hermetic: no test of it opens a network socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_socket

UNIT = Path(__file__).parent
# Folders whose subject is itself what speaks over a socket.
OPEN = {"grpc", "jwks_uri", "redis", "sqlite"}


@pytest.fixture(autouse=True)
def sockets_are_off(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave only Unix sockets: an event loop wakes itself through a pair of them."""
    if request.path.relative_to(UNIT).parts[0] in OPEN:
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()
