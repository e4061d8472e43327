"""Importing in a process whose start somebody waits for."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TAKEN_ALONG: Final = (
    "rich"  # structlog imports it where it finds it, and our log shows nothing by it
)


@contextmanager
def importing_quickly() -> Iterator[None]:
    """Import within the block without looking for garbage: what is imported stays."""
    is_unwanted = _TAKEN_ALONG not in sys.modules
    if is_unwanted:
        sys.modules[_TAKEN_ALONG] = None  # type: ignore[assignment]  # Python's word for "not there"
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        if is_unwanted:
            del sys.modules[_TAKEN_ALONG]
