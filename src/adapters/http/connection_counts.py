"""How many connections each source holds, so that none holds them all."""

from collections import Counter
from collections.abc import Callable

from domain.model.limits import network_of


class ConnectionCounts:
    """Counts the connections of one worker by their source.

    Args:
        is_exempt: Tells of an address whether it brings others' connections,
            as a proxy does, and so may hold as many as there are.
    """

    def __init__(self, *, is_exempt: Callable[[str], bool] = lambda _address: False) -> None:
        self._is_exempt = is_exempt
        self._held: Counter[str] = Counter()

    def enter(self, address: str) -> int:
        """Count one more of *address*, and return how many it holds; 0 if it is exempt."""
        source = network_of(address)
        self._held[source] += 1
        return 0 if self._is_exempt(address) else self._held[source]

    def leave(self, address: str) -> None:
        source = network_of(address)
        self._held[source] -= 1
        if not self._held[source]:
            del self._held[source]
