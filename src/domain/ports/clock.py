from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the time: aware, UTC, in whole milliseconds.

        It MUST never go back within a process.
        """
        ...
