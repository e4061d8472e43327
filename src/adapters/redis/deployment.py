"""How a Redis is set up, as far as sending things to it is concerned."""

from collections.abc import Hashable, Mapping, Sequence
from typing import ClassVar, Protocol

from adapters.redis.gathering import Value
from adapters.redis.link import Command, Reply
from adapters.redis.sentinel_views import SentinelView


class Deployment(Protocol):
    """One attempt at each thing, always at a primary; `failures` says what may be tried again.

    Attributes:
        has_one_place: Whether all keys are in the place None.
    """

    has_one_place: ClassVar[bool]

    def place(self, key: bytes, /) -> Hashable:
        """Return where *key* was last known to be: what is in one place is read together."""
        ...

    async def fetch(self, keys: Sequence[bytes], /) -> Sequence[Value]:
        """Read strings, in one round trip if they are in one place."""
        ...

    async def exchange(self, key: bytes, commands: Sequence[Command], /) -> list[Reply]:
        """Send commands in one packet over one connection, to where *key* is.

        All keys in them MUST be of its slot. Refusals are among the replies.
        """
        ...

    async def ask_each(self, command: Command, /) -> Mapping[str, Reply]:
        """Ask every primary something that is about no key; the replies by its name.

        One that does not answer is left out, as long as another does.
        """
        ...

    async def hear_sentinels(self) -> Mapping[str, SentinelView | None]:
        """Return what each Sentinel says, by its name, and None for one that does not answer."""
        ...

    async def close(self) -> None: ...


def accepted(reply: Reply) -> Reply:
    """Return a reply; raise it if it is a refusal."""
    if isinstance(reply, Exception):
        raise reply
    return reply
