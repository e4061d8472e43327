"""Waiting for what is seen from outside only."""

import time
from collections.abc import Callable


def wait_until(holds: Callable[[], object], *, within: float = 15.0) -> None:
    """Return as soon as *holds* does.

    Raises:
        AssertionError: If it does not in so many seconds.
    """
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not within {within:g} seconds"
        time.sleep(0.02)
