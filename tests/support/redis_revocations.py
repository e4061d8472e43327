"""Revocations over a connection of one's own, where to be refused is one of the answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from adapters.redis.connection import RedisConnection
from adapters.redis.revocations import RedisRevocationList
from domain.errors import Unavailable
from domain.model.identifiers import TokenId
from support.domain_samples import HOUR, NOW


@asynccontextmanager
async def connected(url: str, *, wait_replicas: int = 0) -> AsyncIterator[RedisConnection]:
    connection = RedisConnection.from_url(
        url, wait_replicas=wait_replicas, reply_timeout=timedelta(seconds=1)
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def revocations(url: str, *, wait_replicas: int = 0) -> AsyncIterator[RedisRevocationList]:
    async with connected(url, wait_replicas=wait_replicas) as connection:
        yield RedisRevocationList(connection)


async def add(listed: RedisRevocationList, revoked: TokenId) -> bool:
    """Revoke a token, and tell whether that was acknowledged."""
    try:
        await listed.add(revoked, until=NOW + HOUR, now=NOW)
    except Unavailable:
        return False
    return True


async def contains(listed: RedisRevocationList, revoked: TokenId) -> bool | None:
    """Tell whether a token is revoked; None if that is not to be had."""
    try:
        return await listed.contains(revoked, now=NOW)
    except Unavailable:
        return None
