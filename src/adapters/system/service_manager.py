"""A word to systemd about how this process is doing (sd_notify(3)), if systemd started it."""

import logging
import os
import socket
from typing import Final

READY: Final = b"READY=1"
STOPPING: Final = b"STOPPING=1"

_VARIABLE: Final = "NOTIFY_SOCKET"
_ABSTRACT: Final = "@"

_log = logging.getLogger(__name__)


def notify(state: bytes) -> None:
    """Say it; whoever does not listen has not missed anything that matters here."""
    address = os.environ.get(_VARIABLE)
    if not address:
        return
    if address.startswith(_ABSTRACT):
        address = address.replace(_ABSTRACT, "\0", 1)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.connect(address)
            manager.send(state)
    except OSError as error:
        _log.warning("the service manager was not told: %s", error.strerror)
