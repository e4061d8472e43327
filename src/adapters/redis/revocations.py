"""Revoked JWTs in Redis: one string each, the time until which it is listed."""

from datetime import datetime

from adapters.milliseconds import to_ms
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Value
from adapters.redis.times import ttl_ms
from domain.model.identifiers import TokenId
from domain.ports.reading import Reading
from domain.ports.revocations import RevocationList


class RedisRevocationList:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def add(self, token_id: TokenId, /, *, until: datetime, now: datetime) -> None:
        await self._connection.run(
            scripts.REVOKE,
            keys=(keys.revoked(token_id),),
            arguments=(to_ms(until), ttl_ms(until, now=now)),
        )

    def contains(self, token_id: TokenId, /, *, now: datetime) -> Reading[bool]:
        return self._connection.ask(keys.revoked(token_id), _is_listed, now)


def _is_listed(until: Value, now: datetime) -> bool:
    return until is not None and to_ms(now) < int(until)


_: type[RevocationList] = RedisRevocationList
