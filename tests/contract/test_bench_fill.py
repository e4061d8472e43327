"""What `bench/fill.py` writes is what grantd writes: docs/scaling.md rests on it."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import redis
from bench.fill import Served, compare, prepare
from bench.stores.population import client_id

from support.stores import Stores, redis_stores, sqlite_stores

COUNT = 2_000
SOME = range(0, COUNT, 50)


@pytest.fixture(params=["sqlite", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    kind: str = request.param
    return kind


@pytest.fixture
async def full(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Served]:
    """A store that was filled, and weighed meanwhile."""
    async with AsyncExitStack() as stack:
        yield await prepare(tmp_path, kind=kind, count=COUNT, weigh=True, stack=stack)


@pytest.fixture
async def ordinary(kind: str, full: Served) -> AsyncIterator[Stores]:
    """The way that grantd goes to that store."""
    path = Path(full.url.removeprefix("sqlite:///"))
    async with redis_stores(full.url) if kind == "redis" else sqlite_stores(path) as stores:
        yield stores


def raw(kind: str, url: str, *, of: str, name: str) -> Any:  # noqa: ANN401  (bytes, or a row)
    """Return what stands in a store under a name."""
    if kind == "redis":
        with closing(redis.Redis.from_url(url)) as client:
            (key,) = client.scan_iter(f"grantd:{{*}}:{of}:{name}", count=100_000)
            return key, client.get(key)
    table, column = {"family": ("families", "family_id"), "revoked": ("revocations", "token_id")}[
        of
    ]
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        return connection.execute(f"SELECT * FROM {table} WHERE {column} = ?", (name,)).fetchone()  # noqa: S608


async def test_a_filled_store_holds_what_was_made_up(full: Served, ordinary: Stores) -> None:
    """As grantd's own adapters read it."""
    population = full.population
    for number in SOME:
        family = population.family(number, COUNT)
        token_id, _ = population.revoked(number, COUNT)
        assert await ordinary.clients.find(client_id(number)) == population.client(number)
        assert await ordinary.families.find(family.family_id, now=population.now) == family
        assert await ordinary.revocations.contains(token_id, now=population.now)
    listed = await ordinary.clients.page(after=None, limit=2 * COUNT)
    assert len(listed) == COUNT + 2  # and the template, and the resource server


async def test_its_records_are_the_bytes_that_grantd_writes(
    kind: str, full: Served, ordinary: Stores
) -> None:
    """What was written in bulk, and the same written once more by the ordinary way."""
    population = full.population
    bulk, single = population.family(0, COUNT), population.family(COUNT, COUNT)
    await ordinary.families.open(single, limit=1_000, now=population.now)
    revoked, until = population.revoked(0, COUNT)
    other, _ = population.revoked(COUNT, COUNT)
    await ordinary.revocations.add(other, until=until, now=population.now)

    def renamed(found: Any, was: str) -> str:  # noqa: ANN401
        return repr(found).replace(was, "NAME")

    for of, one, another in (
        ("family", bulk.family_id, single.family_id),
        ("revoked", revoked, other),
    ):
        found = raw(kind, full.url, of=of, name=one)
        assert renamed(found, one) == renamed(raw(kind, full.url, of=of, name=another), another)


async def test_the_comparison_runs(full: Served, capsys: pytest.CaptureFixture[str]) -> None:
    """Tokens for clients that were filled in, and answers about them."""
    await compare(full, full, rounds=20)
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said[-2:]] == ["issue", "introspect"]
