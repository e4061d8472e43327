"""A row that was read is given again until anybody commits anything, and not a gather longer."""

import asyncio
import contextlib
import random
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.catalogue import SqliteCatalogueStore
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.rate_limiter import SqliteRateLimiter
from adapters.sqlite.revocations import SqliteRevocationList
from adapters.store_trips import Tally, begin_tally
from domain.errors import Unavailable
from domain.model.limits import Balance, Spent
from domain.ports.reading import Reading
from support.domain_samples import (
    HOUR,
    LEDGER,
    MOMENT,
    NOW,
    claims,
    client,
    digest,
    family,
    limit_key,
    token_id,
)

_ASKS = "PRAGMA data_version"
_RAISE = "UPDATE catalogue SET version = version + 1"

_RAISING = f"""
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=10)
database.execute("PRAGMA synchronous = OFF")
for version in range(1, int(sys.argv[2]) + 1):
    database.execute("{_RAISE}")
    print(version, flush=True)
"""

Ask = Callable[[SqliteDatabase, datetime], Reading[object]]
Write = Callable[[SqliteDatabase], Awaitable[object]]


@pytest.fixture
def executed(database: SqliteDatabase) -> list[str]:
    """What the reader executes from now on."""
    statements: list[str] = []
    database._reader.set_trace_callback(statements.append)
    return statements


@pytest.fixture
async def another(database: SqliteDatabase, path: Path) -> AsyncIterator[SqliteDatabase]:
    """The same file, as another worker has it open."""
    opened = SqliteDatabase.open(path)
    yield opened
    await opened.close()


@pytest.fixture
def stranger(database: SqliteDatabase, path: Path) -> Iterator[sqlite3.Connection]:
    """Somebody at the file who knows nothing of grantd."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as opened:
        yield opened


def version(database: SqliteDatabase) -> Reading[int]:
    return SqliteCatalogueStore(database).version()


class TestRemembering:
    async def test_while_nothing_is_committed_a_row_is_read_once(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """Each gather asks the database, and counts as a read, whether or not it reads on."""
        clients = SqliteClientStore(database)
        await clients.add(client())
        begin_tally(tally := Tally())

        found = [await clients.find(LEDGER) for _ in range(3)]

        assert found == [client()] * 3
        assert executed[0] == executed[2] == executed[3] == _ASKS
        assert len(executed) == 4
        assert tally.reads == 3

    async def test_a_row_is_of_its_parameters(self, database: SqliteDatabase) -> None:
        """The same statement about another is another row, and so is another statement."""
        clients, revocations = SqliteClientStore(database), SqliteRevocationList(database)
        await clients.add(client(LEDGER))
        await clients.add(client("other"))
        await revocations.add(token_id(1), until=NOW + HOUR, now=NOW)

        for _ in range(2):
            for name in (LEDGER, "other"):
                assert await clients.find(client(name).client_id) == client(name)
            for number in (1, 2):
                assert await revocations.contains(token_id(number), now=NOW) is (number == 1)

    async def test_so_many_are_remembered(self, database: SqliteDatabase) -> None:
        """A million tokens take no more memory than some thousands."""
        revocations = SqliteRevocationList(database)
        gathering = database.ask.__self__  # type: ignore[attr-defined]  # a bound method has it

        for number in range(5_000):
            assert await revocations.contains(token_id(number), now=NOW) is False
            assert len(gathering._reader._rows) <= 4_096


class TestExpiry:
    @pytest.mark.parametrize(
        ("ask", "there", "over"),
        [
            pytest.param(
                lambda d, now: SqliteRevocationList(d).contains(token_id(), now=now),
                True,
                False,
                id="revocation",
            ),
            pytest.param(
                lambda d, now: SqliteRateLimiter(d).peek([], limit_key(), now=now),
                Balance((), vouched=True),
                Balance((), vouched=False),
                id="voucher",
            ),
            pytest.param(
                lambda d, now: SqliteAccessTokenStore(d).find(digest(), now=now),
                claims(),
                None,
                id="opaque token",
            ),
            pytest.param(
                lambda d, now: SqliteRefreshFamilyStore(d).find(family().family_id, now=now),
                family(expires_at=NOW + HOUR),
                None,
                id="family",
            ),
        ],
    )
    async def test_what_is_remembered_expires_without_a_write(
        self, database: SqliteDatabase, executed: list[str], ask: Ask, there: object, over: object
    ) -> None:
        """Its last moment is the one before, and a clock that is set back brings it back."""
        await SqliteRevocationList(database).add(token_id(), until=NOW + HOUR, now=NOW)
        await SqliteRateLimiter(database).vouch(limit_key(), until=NOW + HOUR, now=NOW)
        await SqliteAccessTokenStore(database).add(digest(), claims())
        await SqliteRefreshFamilyStore(database).open(
            family(expires_at=NOW + HOUR), limit=1, now=NOW
        )

        moments = (NOW, NOW + HOUR - MOMENT, NOW + HOUR, NOW + 2 * HOUR, NOW)
        answers = [await ask(database, moment) for moment in moments]

        assert answers == [there, there, over, over, there]
        assert len(executed) == len(moments) + 1

    async def test_a_window_ends_without_a_write(self, database: SqliteDatabase) -> None:
        """A budget is whole again when its time has come."""
        limiter = SqliteRateLimiter(database)
        await limiter.spend(limit_key(), window=HOUR, now=NOW)

        moments = (NOW, NOW + HOUR - MOMENT, NOW + HOUR)
        balances = [await limiter.peek([limit_key()], limit_key(), now=at) for at in moments]

        once = Spent(1, NOW + HOUR)
        assert [balance.spent for balance in balances] == [(once,), (once,), (None,)]


class TestStrictness:
    @pytest.mark.parametrize(
        ("ask", "write"),
        [
            pytest.param(
                lambda d, _: SqliteClientStore(d).find(LEDGER),
                lambda d: SqliteClientStore(d).remove(LEDGER),
                id="client",
            ),
            pytest.param(
                lambda d, now: SqliteRevocationList(d).contains(token_id(), now=now),
                lambda d: SqliteRevocationList(d).add(token_id(), until=NOW + HOUR, now=NOW),
                id="revocation",
            ),
            pytest.param(
                lambda d, now: SqliteRateLimiter(d).peek([], limit_key(), now=now),
                lambda d: SqliteRateLimiter(d).vouch(limit_key(), until=NOW + HOUR, now=NOW),
                id="voucher",
            ),
            pytest.param(
                lambda d, now: SqliteRateLimiter(d).peek([limit_key()], limit_key(), now=now),
                lambda d: SqliteRateLimiter(d).spend(limit_key(), window=HOUR, now=NOW),
                id="budget",
            ),
            pytest.param(
                lambda d, now: SqliteAccessTokenStore(d).find(digest(), now=now),
                lambda d: SqliteAccessTokenStore(d).remove(digest()),
                id="opaque token",
            ),
            pytest.param(
                lambda d, now: SqliteRefreshFamilyStore(d).find(family().family_id, now=now),
                lambda d: SqliteRefreshFamilyStore(d).end(family().family_id, now=NOW),
                id="family",
            ),
            pytest.param(
                lambda d, _: version(d),
                lambda d: d.write(lambda connection: connection.execute(_RAISE)),
                id="catalogue version",
            ),
        ],
    )
    @pytest.mark.parametrize("by", ["the same worker", "another"])
    async def test_what_was_acknowledged_is_seen_by_the_next_gather(
        self, database: SqliteDatabase, another: SqliteDatabase, ask: Ask, write: Write, by: str
    ) -> None:
        """Whatever it is, and whoever wrote it."""
        await SqliteClientStore(database).add(client())
        await SqliteAccessTokenStore(database).add(digest(), claims())
        await SqliteRefreshFamilyStore(database).open(family(), limit=1, now=NOW)
        before = [await ask(database, NOW) for _ in range(2)]

        await write(database if by == "the same worker" else another)

        after = [await ask(one, NOW) for one in (database, another, database)]
        assert before[0] == before[1]
        assert after[0] == after[1] == after[2] != before[0]

    async def test_a_process_that_writes_all_the_time_is_never_missed(
        self, database: SqliteDatabase, path: Path
    ) -> None:
        """However its commits fall between the steps of a read, none is older than it was told."""
        times = 500
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RAISING, path, str(times), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        seen = []
        async for acknowledged in process.stdout:
            seen.append(await version(database))
            assert seen[-1] >= int(acknowledged)
            assert await version(database) >= seen[-1]

        assert await process.wait() == 0
        assert len(seen) == times
        assert seen == sorted(seen)
        assert await version(database) == times

    async def test_workers_that_race_never_read_what_is_older_than_an_acknowledged_write(
        self, database: SqliteDatabase, another: SqliteDatabase
    ) -> None:
        """Nor what is older than what they read before."""
        acknowledged = 0

        async def write(worker: SqliteDatabase) -> None:
            nonlocal acknowledged
            for _ in range(50):
                await worker.write(lambda connection: connection.execute(_RAISE))
                acknowledged += 1

        async def read(worker: SqliteDatabase) -> None:
            seen = 0
            while acknowledged < 200:
                least = max(seen, acknowledged)
                asked = version(worker)
                for _ in range(random.randrange(3)):
                    await asyncio.sleep(0)
                seen = await asked
                assert seen >= least
                await asyncio.sleep(0)

        workers = (database, another)
        await asyncio.gather(*(do(one) for do in (write, read) for one in workers * 2))

        assert [await version(one) for one in workers] == [200, 200]

    async def test_what_is_committed_in_the_middle_of_a_gather_is_in_the_next(
        self, database: SqliteDatabase, stranger: sqlite3.Connection
    ) -> None:
        """The row is then newer than what it is kept under, and kept for nobody."""
        assert await version(database) == 0
        stranger.execute(_RAISE)

        def commit(statement: str) -> None:
            if statement != _ASKS:  # so it has been asked, and the row is about to be read
                stranger.execute(_RAISE)

        database._reader.set_trace_callback(commit)
        assert await version(database) == 2
        database._reader.set_trace_callback(None)

        assert await version(database) == 2
        stranger.execute(_RAISE)
        assert await version(database) == 3

    async def test_what_is_not_committed_is_not_seen(
        self, database: SqliteDatabase, stranger: sqlite3.Connection, executed: list[str]
    ) -> None:
        """Neither before it is undone nor after."""
        assert await version(database) == 0
        stranger.execute("BEGIN IMMEDIATE")
        stranger.execute(_RAISE)

        assert await version(database) == 0
        stranger.execute("ROLLBACK")

        assert await version(database) == 0
        assert len(executed) == 4

    async def test_a_log_that_begins_anew_hides_nothing(
        self, database: SqliteDatabase, stranger: sqlite3.Connection
    ) -> None:
        """The same pages come back in another log, with other contents."""
        for number in range(10):
            assert await version(database) == number
            stranger.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            assert await version(database) == number
            stranger.execute(_RAISE)

        assert await version(database) == 10

    async def test_a_database_that_is_copied_over_it_is_seen(
        self, database: SqliteDatabase, stranger: sqlite3.Connection, tmp_path: Path
    ) -> None:
        """As SQLite's own copying does it, while others have the database open."""
        with contextlib.closing(sqlite3.connect(tmp_path / "earlier.db")) as earlier:
            stranger.backup(earlier)
            await SqliteClientStore(database).add(client())
            assert await SqliteClientStore(database).find(LEDGER) == client()

            earlier.backup(stranger)

        assert await SqliteClientStore(database).find(LEDGER) is None


class TestFailure:
    async def test_a_closed_database_gives_nothing_from_memory(
        self, database: SqliteDatabase
    ) -> None:
        """Who cannot be asked whether it is still so is not answered for (D8)."""
        assert await version(database) == 0
        await database.close()

        with pytest.raises(Unavailable):
            await version(database)

    async def test_a_table_that_is_gone_gives_nothing_from_memory(
        self, database: SqliteDatabase, stranger: sqlite3.Connection
    ) -> None:
        """A change of the schema is a commit like any other."""
        revocations = SqliteRevocationList(database)
        assert await revocations.contains(token_id(), now=NOW) is False

        stranger.execute("ALTER TABLE revocations RENAME TO elsewhere")
        with pytest.raises(Unavailable):
            await revocations.contains(token_id(), now=NOW)

        stranger.execute("ALTER TABLE elsewhere RENAME TO revocations")
        assert await revocations.contains(token_id(), now=NOW) is False
