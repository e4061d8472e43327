import time
from datetime import UTC, datetime, timedelta
from threading import Lock

from domain.ports.clock import Clock

_EPOCH = datetime.fromtimestamp(0, UTC)
_NANOSECONDS = 1_000_000


class SystemClock:
    """The system's clock, in whole milliseconds.

    When the system sets its clock back, this one stands still until the
    system has caught up with the latest time it ever told.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._latest_millisecond = 0
        self._latest = _EPOCH

    def now(self) -> datetime:
        millisecond = time.time_ns() // _NANOSECONDS
        if millisecond > self._latest_millisecond:
            self._advance(millisecond)
        return self._latest

    def _advance(self, millisecond: int) -> None:
        with self._lock:
            if millisecond > self._latest_millisecond:  # else another thread was faster
                self._latest = _EPOCH + timedelta(milliseconds=millisecond)
                self._latest_millisecond = millisecond  # last, so that who sees it finds the time


_: type[Clock] = SystemClock
