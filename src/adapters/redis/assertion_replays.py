"""Spent client assertions in Redis: one string each, as scripts/spend_assertion.lua writes it."""

from datetime import datetime

from adapters.milliseconds import to_ms
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.marks import new_mark
from adapters.redis.times import ttl_ms
from domain.model.assertions import AssertionId
from domain.ports.assertions import AssertionReplays


class RedisAssertionReplays:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def spend(self, assertion_id: AssertionId, /, *, until: datetime, now: datetime) -> bool:
        outcome = await self._connection.run(
            scripts.SPEND_ASSERTION,
            keys=(keys.spent_assertion(assertion_id),),
            arguments=(new_mark(), to_ms(until), ttl_ms(until, now=now), to_ms(now)),
        )
        return bool(outcome == b"spent")


_: type[AssertionReplays] = RedisAssertionReplays
