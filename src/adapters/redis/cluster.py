"""A cluster: every slot has a primary of its own, which may change."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar, Final

from redis.exceptions import AskError, MovedError, RedisError

from adapters.redis.address import Endpoint
from adapters.redis.deployment import Deployment, accepted
from adapters.redis.failures import AWAY, IN_MOTION, CircuitOpen, NoPrimary, reasons
from adapters.redis.gathering import Value
from adapters.redis.link import Command, Reply, Wiring
from adapters.redis.node import Node
from adapters.redis.sentinel_views import SentinelView
from adapters.redis.slots import SlotMap, by_slot, endpoint_at, judge
from adapters.redis.watch import Watch

_Answer = SlotMap | RedisError | CircuitOpen

_LOOKED_EVERY: Final = 0.5
_RELIED_ON_FOR: Final = 3.0
_WAITED_FOR: Final = 1.5
_REDIRECTIONS: Final = 4
_LOOK: Final[Sequence[Command]] = (("CLUSTER", "INFO"), ("CLUSTER", "SLOTS"))
_ASKING: Final[Command] = ("ASKING",)


class ClusterDeployment:
    """Keeps a map of the slots that more than half of the primaries have confirmed lately.

    Args:
        nodes: Some nodes of the cluster; they name the others.
    """

    has_one_place: ClassVar = False

    def __init__(self, nodes: Sequence[Endpoint], *, wiring: Wiring, to_scouts: Wiring) -> None:
        self._named = nodes
        self._nodes = _Nodes(wiring)
        self._scouts = _Nodes(to_scouts)  # apart from all else, so that no look waits in a queue
        self._watch = Watch(
            self._look, every=_LOOKED_EVERY, lease=_RELIED_ON_FOR, patience=_WAITED_FOR
        )

    def place(self, key: bytes, /) -> Endpoint | None:
        seen = self._watch.last_seen
        return seen.find_primary(key) if seen is not None else None

    async def fetch(self, keys: Sequence[bytes], /) -> Sequence[Value]:
        slots = await self._watch.current()
        by_primary: dict[Endpoint, list[Sequence[int]]] = {}
        for places in by_slot(keys):
            by_primary.setdefault(slots.primary_of(keys[places[0]]), []).append(places)
        values: list[Value] = [None] * len(keys)
        await _all(
            self._read(primary, groups, keys, values) for primary, groups in by_primary.items()
        )
        return values

    async def exchange(self, key: bytes, commands: Sequence[Command], /) -> list[Reply]:
        slots = await self._watch.current()
        return await self._follow(slots.primary_of(key), commands)

    async def ask_each(self, command: Command, /) -> Mapping[str, Reply]:
        primaries = sorted((await self._watch.current()).primaries)
        outcomes = await asyncio.gather(
            *(self._exchange(one, [command]) for one in primaries), return_exceptions=True
        )
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if len(failures) == len(outcomes):
            raise failures[0]
        return {
            str(primary): accepted(outcome[0])
            for primary, outcome in zip(primaries, outcomes, strict=True)
            if not isinstance(outcome, BaseException)
        }

    async def hear_sentinels(self) -> Mapping[str, SentinelView | None]:
        return {}

    async def close(self) -> None:
        await self._watch.close()
        await self._nodes.keep_only(())
        await self._scouts.keep_only(())

    async def _read(
        self,
        primary: Endpoint,
        groups: Collection[Sequence[int]],
        keys: Sequence[bytes],
        values: list[Value],
    ) -> None:
        """Read keys of one primary, grouped by slot, in one packet."""
        commands: list[Command] = [("MGET", *(keys[place] for place in group)) for group in groups]
        replies = await self._exchange(primary, commands)
        for group, reply in zip(groups, replies, strict=True):
            if isinstance(reply, IN_MOTION):
                await _all(self._read_alone(primary, place, keys, values) for place in group)
            else:
                for place, value in zip(group, accepted(reply), strict=True):
                    values[place] = value

    async def _read_alone(
        self, primary: Endpoint, place: int, keys: Sequence[bytes], values: list[Value]
    ) -> None:
        """Read a key of a slot that moves, or has moved: it is at one end or the other."""
        (reply,) = await self._follow(primary, [("GET", keys[place])])
        values[place] = accepted(reply)

    async def _follow(self, primary: Endpoint, commands: Sequence[Command]) -> list[Reply]:
        """Send commands, and send them to whom we are told to ask instead."""
        replies = await self._exchange(primary, commands)
        for _ in range(_REDIRECTIONS):
            match replies[0]:
                case MovedError() as moved:
                    self._watch.hurry()
                    primary = endpoint_at(moved.host, moved.port, told_by=primary)
                    replies = await self._exchange(primary, commands)
                case AskError() as ask:
                    there = endpoint_at(ask.host, ask.port, told_by=primary)
                    asking = chain.from_iterable((_ASKING, command) for command in commands)
                    replies = (await self._exchange(there, [*asking]))[1::2]
                case _:
                    break
        return replies

    async def _exchange(self, primary: Endpoint, commands: Sequence[Command]) -> list[Reply]:
        try:
            return await self._nodes[primary].exchange(commands)
        except AWAY:
            self._watch.hurry()
            raise

    async def _look(self) -> SlotMap:
        seen = self._watch.last_seen
        expected = seen.primaries if seen is not None else frozenset[Endpoint]()
        answers = await self._hear(expected)
        for silent in expected - _maps(answers).keys():
            await self._nodes[silent].forsake()
        if not _maps(answers):
            answers |= await self._hear(self._named)
        told = frozenset[Endpoint]().union(*(told.primaries for told in _maps(answers).values()))
        answers |= await self._hear(told - answers.keys())
        try:
            newest = judge(_maps(answers))
        except NoPrimary as doubt:
            raise NoPrimary(f"{doubt}{reasons(answers)}") from doubt
        await self._nodes.keep_only(newest.primaries)
        await self._scouts.keep_only(newest.primaries)
        return newest

    async def _hear(self, endpoints: Collection[Endpoint]) -> dict[Endpoint, _Answer]:
        answers = await asyncio.gather(*(_ask(self._scouts[place]) for place in endpoints))
        return dict(zip(endpoints, answers, strict=True))


class _Nodes(dict[Endpoint, Node]):
    """Nodes by where they are, made as they are asked for."""

    def __init__(self, wiring: Wiring) -> None:
        super().__init__()
        self._wiring = wiring

    def __missing__(self, endpoint: Endpoint) -> Node:
        node = self[endpoint] = Node(endpoint, self._wiring)
        return node

    async def keep_only(self, endpoints: Collection[Endpoint]) -> None:
        """Part with all others."""
        for endpoint in self.keys() - endpoints:
            await self.pop(endpoint).disown()


async def _ask(scout: Node) -> _Answer:
    try:
        info, slots = await scout.exchange(_LOOK)
        return SlotMap.read(accepted(info), accepted(slots), told_by=scout.endpoint)
    except (RedisError, CircuitOpen) as failure:
        return failure


def _maps(answers: Mapping[Endpoint, _Answer]) -> Mapping[Endpoint, SlotMap]:
    return {place: told for place, told in answers.items() if isinstance(told, SlotMap)}


async def _all(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Take all steps at once; a failure is told when all have ended."""
    first, *rest = steps
    if not rest:
        await first
        return
    outcomes = await asyncio.gather(first, *rest, return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


_: type[Deployment] = ClusterDeployment
