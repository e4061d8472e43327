"""Signals that come while `grantd serve` is still starting, which by default would kill it."""

import signal
import sys
from types import FrameType
from typing import Final

_KEPT: Final = {signal.SIGHUP}


def prepare_for_early_ones() -> None:
    """From now on leave in good order at SIGTERM, even out of a wait, and keep SIGHUP for later."""
    signal.signal(signal.SIGTERM, _leave)
    signal.pthread_sigmask(signal.SIG_BLOCK, _KEPT)


def heed_from_now_on() -> None:
    """Let in what was kept. The handlers of a running service have to be there."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _KEPT)


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)
