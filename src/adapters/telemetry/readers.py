"""Whoever reads what we write through a pipe, and may have stopped."""

import select
from typing import Final

PIECE: Final = 4_096
"""Bytes that there is room for if there is any (PIPE_BUF of Linux)."""


def has_room(descriptor: int) -> bool:
    """Tell whether a piece can be written there without waiting for a reader, or would fail."""
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    return bool(poll.poll(0))
