"""Not asking again and again who does not answer."""

from typing import Final

_FAILURES_TO_OPEN: Final = 3
_PAUSE: Final = 0.25


class Circuit:
    """Closed, every call goes through. Open, one call at a time, and not too often, tries.

    Several failures in a row open it, and the first success closes it. Times
    are seconds of any clock that goes forward.
    """

    __slots__ = ("_failures", "_next_trial_at", "_trying")

    def __init__(self) -> None:
        self._failures = 0
        self._trying = False
        self._next_trial_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._failures >= _FAILURES_TO_OPEN

    def admits(self, now: float) -> bool:
        """Tell whether to call; then one of the three below MUST follow."""
        if not self.is_open:
            return True
        if self._trying or now < self._next_trial_at:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failures = 0
        self._trying = False

    def failed(self, now: float) -> None:
        self._failures += 1
        self._trying = False
        self._next_trial_at = now + _PAUSE

    def given_up(self) -> None:
        """Hear that a call ended without telling anything of the other side."""
        self._trying = False
