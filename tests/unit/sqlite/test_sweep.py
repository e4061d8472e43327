import sqlite3
from datetime import datetime
from pathlib import Path

from adapters.milliseconds import to_ms
from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.assertion_replays import SqliteAssertionReplays
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.rate_limiter import SqliteRateLimiter
from adapters.sqlite.revocations import SqliteRevocationList
from adapters.sqlite.sweep import MOST_ROWS, Sweep
from adapters.sqlite.usage import SqliteUsageStore
from adapters.sqlite.writer import LARGEST_BATCH
from domain.model.usage import KEPT_FOR, Use, UseKind
from support.domain_samples import (
    DAY,
    HOUR,
    LEDGER,
    MOMENT,
    NOW,
    SECOND,
    assertion_id,
    claims,
    client,
    digest,
    family,
    limit_key,
    token_id,
)


async def add_revocations(database: SqliteDatabase, count: int, *, expires_at: datetime) -> None:
    rows = [(f"{to_ms(expires_at)}-{number}", to_ms(expires_at)) for number in range(count)]

    def step(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT INTO revocations VALUES (?, ?)", rows)

    await database.write(step)


def count(database: SqliteDatabase, table: str) -> int:
    ((rows,),) = database.fetch(f"SELECT count(*) FROM {table}")  # noqa: S608  (a test's own word)
    return int(rows)


def tables_with_an_end(database: SqliteDatabase) -> list[str]:
    rows = database.fetch(
        "SELECT DISTINCT tables.name FROM sqlite_schema AS tables, pragma_table_info(tables.name)"
        " AS columns WHERE tables.type = 'table' AND columns.name IN ('expires_at', 'resets_at')"
    )
    return [name for (name,) in rows]


class TestSweep:
    async def test_a_step_is_bounded_and_the_rest_is_due_at_once(
        self, database: SqliteDatabase
    ) -> None:
        """However much expired at one time, no writer waits long for it."""
        await add_revocations(database, 2 * MOST_ROWS + 1, expires_at=NOW - DAY)
        sweep = Sweep()
        left = []

        while sweep.is_due(NOW):
            await database.write(lambda connection: sweep(connection, NOW))
            left.append(count(database, "revocations"))

        assert left == [MOST_ROWS + 1, 1, 0]

    def test_it_deletes_more_than_a_batch_can_add(self) -> None:
        """Otherwise a busy store would grow for ever."""
        assert MOST_ROWS > LARGEST_BATCH

    async def test_what_has_not_expired_stays(self, database: SqliteDatabase) -> None:
        """To the millisecond."""
        tokens = SqliteAccessTokenStore(database)
        await tokens.add(digest(1), claims(1, expires_at=NOW))
        await tokens.add(digest(2), claims(2, expires_at=NOW + MOMENT))

        await database.write(lambda connection: Sweep()(connection, NOW))

        assert database.fetch("SELECT expires_at FROM access_tokens") == [(to_ms(NOW + MOMENT),)]

    async def test_a_revocation_stays_as_long_as_a_clock_may_be_wrong(
        self, database: SqliteDatabase
    ) -> None:
        """What it ended would live again when a clock that was ahead is set right."""
        await add_revocations(database, 1, expires_at=NOW - DAY)
        await add_revocations(database, 1, expires_at=NOW - DAY + MOMENT)

        await database.write(lambda connection: Sweep()(connection, NOW))

        left = database.fetch("SELECT expires_at FROM revocations")
        assert left == [(to_ms(NOW - DAY + MOMENT),)]

    async def test_it_is_due_again_after_a_second_on_either_side(
        self, database: SqliteDatabase
    ) -> None:
        """A clock that was set back does not stop it."""
        sweep = Sweep()
        await database.write(lambda connection: sweep(connection, NOW))

        assert not sweep.is_due(NOW + SECOND - MOMENT)
        assert sweep.is_due(NOW + SECOND)
        assert sweep.is_due(NOW - DAY)


class TestWrites:
    async def test_every_kind_of_expired_row_goes(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """Writes go on, so what has expired goes, ended families too."""
        families = SqliteRefreshFamilyStore(database)
        revocations = SqliteRevocationList(database)
        await families.open(family(1, expires_at=NOW + HOUR), limit=9, now=NOW)
        await families.end(family(1).family_id, now=NOW)
        await revocations.add(token_id(1), until=NOW + HOUR - DAY, now=NOW)
        await SqliteAccessTokenStore(database).add(digest(1), claims(1, expires_at=NOW + HOUR))
        await SqliteAssertionReplays(database).spend(assertion_id(), until=NOW + HOUR, now=NOW)
        await SqliteRateLimiter(database).spend(limit_key(), window=HOUR, now=NOW)
        await SqliteRateLimiter(database).vouch(limit_key(), until=NOW + HOUR, now=NOW)
        await SqliteClientStore(database).add(client())
        usage = SqliteUsageStore(database)
        usage.note([Use(client_id=LEDGER, kind=UseKind.CLIENT, at=NOW + HOUR - KEPT_FOR)])
        await usage.close()
        assert await usage.of(LEDGER, now=NOW)

        later = NOW + HOUR
        await revocations.add(token_id(2), until=later + HOUR, now=later)
        await database.close()

        reopened = SqliteDatabase.open(path)
        left = {table: count(reopened, table) for table in tables_with_an_end(reopened)}
        await reopened.close()
        assert left == {
            "families": 0,
            "revocations": 1,
            "access_tokens": 0,
            "spent_assertions": 0,
            "spent_budgets": 0,
            "vouchers": 0,
            "usage": 0,
        }

    async def test_issuing_opaque_tokens_alone_sweeps_them(self, database: SqliteDatabase) -> None:
        """A token's issue tells the time."""
        await add_revocations(database, 1, expires_at=NOW - DAY)

        await SqliteAccessTokenStore(database).add(digest(1), claims(1))
        await SqliteAccessTokenStore(database).remove(digest(2))

        assert count(database, "revocations") == 0
