"""When, where and how long was measured, and an end that leaves no server behind."""

import os
import platform
import signal
import sys
import time

from bench.measuring import Length

_BY_SIGTERM = 128 + signal.SIGTERM


def machine() -> dict[str, str]:
    return {
        "processors": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
    }


def told(length: Length, words: str = "") -> dict[str, str]:
    return {
        "measured": words or "everything",
        "rounds": f"{length.rounds} of {length.seconds:g} s",
        "on": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def stop_in_order() -> None:
    """Have SIGTERM end this process as an exception does, so that servers are stopped."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_BY_SIGTERM))
