"""Opaque access tokens in Redis: what they claim, by digest.

A token is one string, `mark|record`; the record is empty once it is forgotten.
"""

from datetime import datetime

from adapters.records import CLAIMS, Remembered
from adapters.redis import keys, scripts
from adapters.redis.connection import RedisConnection
from adapters.redis.gathering import Value
from adapters.redis.marks import new_mark
from adapters.redis.times import ttl_ms
from domain.model.tokens import AccessTokenClaims, TokenDigest
from domain.ports.access_tokens import AccessTokenStore
from domain.ports.reading import Reading


class RedisAccessTokenStore:
    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection

    async def add(self, digest: TokenDigest, claims: AccessTokenClaims, /) -> None:
        await self._connection.run(
            scripts.KEEP,
            keys=(keys.access_token(digest),),
            arguments=(
                new_mark(),
                CLAIMS.write(claims),
                ttl_ms(claims.expires_at, now=claims.issued_at),
            ),
        )

    def find(self, digest: TokenDigest, /, *, now: datetime) -> Reading[AccessTokenClaims | None]:
        return self._connection.ask(keys.access_token(digest), _unexpired, (digest, now))

    async def remove(self, digest: TokenDigest, /) -> bool:
        key = keys.access_token(digest)
        outcome = await self._connection.run(scripts.FORGET, keys=(key, keys.receipt(key)))
        return bool(outcome == b"forgotten")


def _unexpired(value: Value, asked: tuple[TokenDigest, datetime]) -> AccessTokenClaims | None:
    digest, now = asked
    claims = _read(value, digest)
    return claims if claims is not None and not claims.is_expired(now) else None


def _parse(value: bytes) -> AccessTokenClaims | None:
    _, _, record = value.partition(b"|")
    return CLAIMS.read(record) if record else None


_read = Remembered(_parse)

_: type[AccessTokenStore] = RedisAccessTokenStore
