"""Whether Redis works, and whether it tells the time we tell (D6)."""

from datetime import UTC, datetime, timedelta

from adapters.redis.connection import RedisConnection
from domain.ports.clock import Clock
from domain.ports.probe import NotReady, Probe

_TOLERATED = timedelta(seconds=5)


class RedisProbe:
    name = "redis"

    def __init__(self, connection: RedisConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock

    async def check(self) -> None:
        await self._connection.ask_each("PING")  # fails where writes would: TIME does not
        for place, (seconds, microseconds) in (await self._connection.ask_each("TIME")).items():
            theirs = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
            difference = abs(self._clock.now() - theirs)
            if difference > _TOLERATED:
                raise NotReady(
                    "clocks differ",
                    f"our clock and that of Redis at {place} differ by {difference}",
                )


_: type[Probe] = RedisProbe
