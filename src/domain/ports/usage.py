from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from domain.model.identifiers import ClientId
from domain.model.usage import LastUse, Use
from domain.ports.reading import Reading


class UsageStore(Protocol):
    """Keeps when things were last used, coarsely and beside the way of a request.

    What is noted is written shortly after, and what was noted before a store
    is closed is written by then. It may be lost when a store is away or a
    process killed, and a store MUST bound what waits meanwhile.

    A use MUST be kept only if it is `NOTED_EVERY` later than the one kept, so
    that any number of workers write as often as one, and for `KEPT_FOR`. What
    is kept of a client MUST go in the step that removes the client, and
    nothing be kept of a client that is not there.
    """

    def note(self, uses: Sequence[Use], /) -> None:
        """Begin to write uses. It never waits and never raises."""
        ...

    def of(self, client_id: ClientId, /, *, now: datetime) -> Reading[Sequence[LastUse]]:
        """Begin to read what is kept of a client, in no order."""
        ...
