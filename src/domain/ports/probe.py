from typing import Protocol

from domain.errors import Unavailable


class NotReady(Unavailable):
    """Something does not work, for a reason that anybody may be told.

    Attributes:
        reason: Fixed words.
    """

    def __init__(self, reason: str, detail: str = "", /) -> None:
        super().__init__(detail)
        self.reason = reason


class Probe(Protocol):
    """Something that has to work for the service to be ready."""

    @property
    def name(self) -> str: ...

    async def check(self) -> None:
        """Return if it works.

        Raises:
            Unavailable: If it cannot be reached; `NotReady` if there is more
                to say. The detail says why.
        """
        ...
