"""One server."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from adapters.redis.deployment import Deployment, accepted
from adapters.redis.gathering import Value
from adapters.redis.link import Command, Reply
from adapters.redis.node import Node
from adapters.redis.sentinel_views import SentinelView


class Standalone:
    has_one_place: ClassVar = True

    def __init__(self, node: Node) -> None:
        self._node = node

    def place(self, _: bytes, /) -> None:
        """All keys are in one place."""

    async def fetch(self, keys: Sequence[bytes], /) -> Sequence[Value]:
        (values,) = await self._node.exchange([("MGET", *keys)])
        found: Sequence[Value] = accepted(values)
        return found

    async def exchange(self, _: bytes, commands: Sequence[Command], /) -> list[Reply]:
        return await self._node.exchange(commands)

    async def ask_each(self, command: Command, /) -> Mapping[str, Reply]:
        (reply,) = await self._node.exchange([command])
        return {str(self._node.endpoint): accepted(reply)}

    async def hear_sentinels(self) -> Mapping[str, SentinelView | None]:
        return {}

    async def close(self) -> None:
        await self._node.forsake()


_: type[Deployment] = Standalone
