"""When a worker that ended is started anew: at once, then later and later, at last not at all."""

from typing import Final

_FORGIVEN: Final = 5
_PROVED_AFTER: Final = 60.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class Restarts:
    """Judges the ends of the workers of one post, one after the other.

    A worker that was ready for a minute has proved itself, and what was
    before it is forgotten.
    """

    def __init__(self) -> None:
        self._ends = 0
        self._faults = 0

    def pause(self, *, served: float, excused: bool = False) -> float | None:
        """Return how long to wait before the next one; None is to give up.

        Args:
            served: The seconds for which it was ready.

            excused: Whether it ended for what will pass without our doing.
        """
        if served >= _PROVED_AFTER:
            self._ends = self._faults = 0
        pause = min(_FIRST_PAUSE * 2.0**self._ends, _LONGEST_PAUSE)
        self._ends += 1
        self._faults += not excused
        return None if self._faults > _FORGIVEN else pause
