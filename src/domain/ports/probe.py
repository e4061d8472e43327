from typing import Protocol


class Probe(Protocol):
    """Something that has to work for the service to be ready."""

    @property
    def name(self) -> str: ...

    async def check(self) -> None:
        """Return if it works.

        Raises:
            Unavailable: If it does not; the detail says why.
        """
        ...
