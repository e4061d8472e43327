"""A primary that Sentinels watch and replace."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

from redis.exceptions import RedisError

from adapters.redis.address import Endpoint
from adapters.redis.deployment import Deployment, accepted
from adapters.redis.failures import AWAY, CircuitOpen, NoPrimary, reasons
from adapters.redis.gathering import Value
from adapters.redis.link import Command, Reply, Wiring
from adapters.redis.node import Node
from adapters.redis.sentinel_views import SentinelView, judge
from adapters.redis.watch import Contradicted, Watch

_Answer = SentinelView | RedisError | CircuitOpen

_LOOKED_EVERY: Final = 0.25
_RELIED_ON_FOR: Final = 2.0
_WAITED_FOR: Final = 1.5


class SentinelDeployment:
    """Talks to whom more than half of the Sentinels have confirmed lately, and to nobody else.

    Args:
        sentinels: Some of the Sentinels; they name the others.
    """

    has_one_place: ClassVar = True

    def __init__(
        self, sentinels: Sequence[Endpoint], service: str, *, wiring: Wiring, to_sentinels: Wiring
    ) -> None:
        self._service = service
        self._wiring = wiring
        self._to_sentinels = to_sentinels
        self._named = [Node(place, to_sentinels) for place in sentinels]
        self._told: dict[Endpoint, Node] = {}
        self._primary: Node | None = None
        self._watch = Watch(
            self._look, every=_LOOKED_EVERY, lease=_RELIED_ON_FOR, patience=_WAITED_FOR
        )

    def place(self, _: bytes, /) -> None:
        """All keys are in one place."""

    async def fetch(self, keys: Sequence[bytes], /) -> Sequence[Value]:
        (values,) = await self._exchange([("MGET", *keys)])
        found: Sequence[Value] = accepted(values)
        return found

    async def exchange(self, _: bytes, commands: Sequence[Command], /) -> list[Reply]:
        return await self._exchange(commands)

    async def ask_each(self, command: Command, /) -> Mapping[str, Reply]:
        (reply,) = await self._exchange([command])
        primary = await self._watch.current()
        return {str(primary.endpoint): accepted(reply)}

    async def hear_sentinels(self) -> Mapping[str, SentinelView | None]:
        await self._watch.current()  # by then all of them are known
        everybody = (*self._named, *self._told.values())
        return {
            str(place): answer if isinstance(answer, SentinelView) else None
            for place, answer in (await self._hear(everybody)).items()
        }

    async def close(self) -> None:
        await self._watch.close()
        for node in (*self._named, *self._told.values(), self._primary):
            if node is not None:
                await node.forsake()

    async def _exchange(self, commands: Sequence[Command]) -> list[Reply]:
        primary = await self._watch.current()
        try:
            replies = await primary.exchange(commands)
        except AWAY:
            self._watch.doubt()
            raise
        if any(isinstance(reply, AWAY) for reply in replies):
            self._watch.doubt()
        return replies

    async def _look(self) -> Node:
        answers = await self._hear(self._named)
        views = _views(answers)
        heard = {view.seen_by for view in views}
        unheard = {
            place for view in views for name, place in view.others.items() if name not in heard
        }
        answers |= await self._hear([self._sentinel(place) for place in unheard])
        try:
            endpoint = judge(_views(answers))
        except Contradicted:
            if self._primary is not None:
                await self._primary.disown()
            raise
        except NoPrimary as doubt:
            raise NoPrimary(f"{doubt}{reasons(answers)}") from doubt
        if self._primary is None or self._primary.endpoint != endpoint:
            replaced, self._primary = self._primary, Node(endpoint, self._wiring)
            if replaced is not None:
                await replaced.disown()
        return self._primary

    async def _hear(self, sentinels: Collection[Node]) -> dict[Endpoint, _Answer]:
        answers = await asyncio.gather(*(self._ask(sentinel) for sentinel in sentinels))
        return {node.endpoint: answer for node, answer in zip(sentinels, answers, strict=True)}

    async def _ask(self, sentinel: Node) -> _Answer:
        try:
            replies = await sentinel.exchange(
                [
                    ("SENTINEL", "MYID"),
                    ("SENTINEL", "MASTER", self._service),
                    ("SENTINEL", "SENTINELS", self._service),
                ]
            )
            return SentinelView.read(*map(accepted, replies))
        except (RedisError, CircuitOpen) as failure:
            return failure  # one that refuses, or does not know the service, is one that is away

    def _sentinel(self, place: Endpoint) -> Node:
        return self._told.setdefault(place, Node(place, self._to_sentinels))


def _views(answers: Mapping[Endpoint, _Answer]) -> Sequence[SentinelView]:
    return [answer for answer in answers.values() if isinstance(answer, SentinelView)]


_: type[Deployment] = SentinelDeployment
