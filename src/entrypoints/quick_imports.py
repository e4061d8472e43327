"""Importing in a process whose start somebody waits for."""

import gc
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

NOT_TO_SERVE: Final = ("rich", "starlette", "yaml")
"""What structlog and dependency-injector import where they find it, and what no server uses."""


@contextmanager
def importing_quickly(*, without: Sequence[str] = ()) -> Iterator[None]:
    """Import within the block without looking for garbage: what is imported stays.

    Args:
        without: Libraries that are not to be found meanwhile, unless they are there already.
    """
    hidden = [name for name in without if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # Python's word for "not there"
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        for name in hidden:
            del sys.modules[name]
