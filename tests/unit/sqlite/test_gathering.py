"""What is asked for together is one statement, and what that promises."""

import asyncio
import gc

import pytest

from adapters.sqlite.access_tokens import SqliteAccessTokenStore
from adapters.sqlite.catalogue import SqliteCatalogueStore
from adapters.sqlite.clients import SqliteClientStore
from adapters.sqlite.connection import SqliteDatabase
from adapters.sqlite.families import SqliteRefreshFamilyStore
from adapters.sqlite.gathering import STATEMENTS, Gathering, Question
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
    PAYROLL,
    claims,
    client,
    digest,
    family,
    limit_key,
    token_id,
)


@pytest.fixture
def executed(database: SqliteDatabase) -> list[str]:
    """What the reader executes from now on, beside asking whether anything was committed."""
    statements: list[str] = []

    def note(statement: str) -> None:
        if not statement.startswith("PRAGMA"):
            statements.append(statement)

    database._reader.set_trace_callback(note)
    return statements


@pytest.fixture
def revocations(database: SqliteDatabase) -> SqliteRevocationList:
    return SqliteRevocationList(database)


def foresee(database: SqliteDatabase) -> list[Reading[object]]:
    """Begin everything that a request can ask for."""
    limiter, clients = SqliteRateLimiter(database), SqliteClientStore(database)
    return [
        clients.find(LEDGER),
        limiter.peek([limit_key(number) for number in range(3)], limit_key(), now=NOW),
        SqliteCatalogueStore(database).version(),
        clients.find(PAYROLL),
        SqliteRefreshFamilyStore(database).find(family().family_id, now=NOW),
        SqliteAccessTokenStore(database).find(digest(), now=NOW),
        SqliteRevocationList(database).contains(token_id(), now=NOW),
    ]


async def fill(database: SqliteDatabase) -> list[object]:
    """Write what `foresee` asks for, and return what that has to answer."""
    limiter = SqliteRateLimiter(database)
    await SqliteClientStore(database).add(client())
    await SqliteRefreshFamilyStore(database).open(family(), limit=1, now=NOW)
    await SqliteAccessTokenStore(database).add(digest(), claims())
    await SqliteRevocationList(database).add(token_id(), until=NOW + HOUR, now=NOW)
    await limiter.spend(limit_key(2), window=HOUR, now=NOW)
    await limiter.vouch(limit_key(), until=NOW + HOUR, now=NOW)
    balance = Balance((None, None, Spent(1, NOW + HOUR)), vouched=True)
    return [client(), balance, 0, None, family(), claims(), True]


class TestOneStatement:
    async def test_all_that_a_request_foresees_is_one_statement(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """Whatever is there, in whichever order it is awaited."""
        expected = await fill(database)

        readings = foresee(database)
        answers = [await reading for reading in reversed(readings)]

        assert answers[::-1] == expected
        assert len(executed) == 1

    async def test_an_empty_database_answers_with_nothing(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """Each question has a place of its own, found or not."""
        nothing = Balance((None, None, None), vouched=False)

        answers = [await reading for reading in foresee(database)]

        assert answers == [None, nothing, 0, None, None, None, False]
        assert len(executed) == 1

    async def test_what_nobody_awaits_is_not_read(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """A request that is refused early costs the file nothing."""
        foresee(database)
        gc.collect()
        await asyncio.sleep(0)

        assert executed == []

    async def test_a_client_is_looked_up_once(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """Who asks about a token of its own is named twice, as caller and by the token."""
        clients = SqliteClientStore(database)
        await clients.add(client())

        twice, other = (clients.find(LEDGER), clients.find(LEDGER)), clients.find(PAYROLL)

        assert [await reading for reading in (*twice, other)] == [client(), client(), None]
        assert [statement.count("FROM clients") for statement in executed] == [2]

    async def test_many_questions_are_a_few_statements(
        self, revocations: SqliteRevocationList, executed: list[str]
    ) -> None:
        """No statement grows beyond what SQLite takes."""
        await revocations.add(token_id(2_999), until=NOW + HOUR, now=NOW)

        readings = [revocations.contains(token_id(number), now=NOW) for number in range(3_000)]
        found = [number for number, reading in enumerate(readings) if await reading]

        assert found == [2_999]
        assert 2 <= len(executed) <= 100

    async def test_every_number_of_budgets_is_read(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """With all of them switched off there are none."""
        limiter = SqliteRateLimiter(database)
        await limiter.spend(limit_key(1), window=HOUR, now=NOW)

        for budgets in (0, 1, 2, 3, 100):
            keys = [limit_key(number) for number in range(budgets)]
            balance = await limiter.peek(keys, limit_key(), now=NOW)
            assert balance == Balance(
                tuple(Spent(1, NOW + HOUR) if n == 1 else None for n in range(budgets)),
                vouched=False,
            )

        assert len(executed) == 5

    async def test_questions_of_two_times_are_one_statement(
        self, revocations: SqliteRevocationList, executed: list[str]
    ) -> None:
        """Each is answered as of its own: a row holds what is there, whatever the time."""
        await revocations.add(token_id(), until=NOW + HOUR, now=NOW)

        before = revocations.contains(token_id(), now=NOW + HOUR - MOMENT)
        after = revocations.contains(token_id(), now=NOW + HOUR)

        assert (await after, await before) == (False, True)
        assert len(executed) == 1

    async def test_statements_are_remembered_and_not_without_end(
        self, database: SqliteDatabase
    ) -> None:
        """However many different ones are asked for."""
        gathering = Gathering(database._reader, database._trips)

        for number in range(3 * STATEMENTS):
            assert await gathering.ask(Question(f"SELECT {number}", lambda found, _: found)) == (
                number
            )

        assert gathering._reader.statements <= STATEMENTS + 2


class TestRequests:
    async def test_requests_of_one_turn_are_asked_apart_and_counted_each(
        self, database: SqliteDatabase
    ) -> None:
        """However they take turns: what one foresees and never needs burdens no other."""
        expected = await fill(database)
        executed: list[str] = []
        database._reader.set_trace_callback(executed.append)

        async def request(patience: int) -> tuple[Tally, list[object]]:
            begin_tally(tally := Tally())
            readings: list[Reading[object]] = []
            for _ in range(patience):
                readings = foresee(database)
                await asyncio.sleep(0)
            return tally, [await reading for reading in readings]

        told = await asyncio.gather(*(asyncio.create_task(request(n)) for n in (1, 3, 2, 1)))

        assert [answers for _, answers in told] == [expected] * 4
        assert [tally.reads for tally, _ in told] == [1] * 4
        assert executed.count("PRAGMA data_version") == 4
        assert len(executed) == 4 + 1  # all asked for the same, and nothing was committed

    async def test_a_question_after_the_answers_is_another_read(
        self, database: SqliteDatabase
    ) -> None:
        """And counted as one."""
        clients = SqliteClientStore(database)
        begin_tally(tally := Tally())

        first, second = clients.find(LEDGER), clients.find(PAYROLL)
        await first
        await second
        await clients.find(LEDGER)

        assert tally.reads == 2


class TestStrictness:
    async def test_what_was_acknowledged_before_it_was_asked_for_is_seen(
        self, revocations: SqliteRevocationList
    ) -> None:
        """Though others of its turn were asked for, or answered, before."""
        asked_before = revocations.contains(token_id(1), now=NOW)
        answered_before = revocations.contains(token_id(2), now=NOW)
        assert await answered_before is False
        unanswered = revocations.contains(token_id(3), now=NOW)

        await revocations.add(token_id(), until=NOW + HOUR, now=NOW)

        assert await revocations.contains(token_id(), now=NOW) is True
        assert await asked_before is False
        assert await unanswered is False

    async def test_a_client_that_was_asked_for_before_is_asked_for_anew(
        self, database: SqliteDatabase
    ) -> None:
        """An answer that is there answers nobody who asks later, of this request or another."""
        clients = SqliteClientStore(database)
        assert await clients.find(LEDGER) is None
        clients.find(LEDGER)  # which nobody awaits

        await clients.add(client())
        begin_tally(Tally())

        assert await clients.find(LEDGER) == client()
        await clients.remove(LEDGER)
        assert await clients.find(LEDGER) is None

    async def test_a_gather_is_one_snapshot(self, database: SqliteDatabase) -> None:
        """What is committed between two of its answers is in neither."""
        clients, revocations = SqliteClientStore(database), SqliteRevocationList(database)

        found, revoked = clients.find(LEDGER), revocations.contains(token_id(), now=NOW)
        assert await found is None
        await clients.add(client())
        await revocations.add(token_id(), until=NOW + HOUR, now=NOW)

        assert (await found, await revoked) == (None, False)
        assert await clients.find(LEDGER) == client()


class TestFailure:
    async def test_all_of_a_failed_read_are_unavailable_each_time(
        self, database: SqliteDatabase, executed: list[str]
    ) -> None:
        """An answer that is half there would be a guess (D8); the file is not asked again."""
        await database.write(lambda connection: connection.execute("DROP TABLE vouchers"))

        begin_tally(tally := Tally())
        readings = foresee(database)
        for reading in (*readings, *readings):
            with pytest.raises(Unavailable):
                await reading

        assert tally.reads == 1
        assert executed == []

    async def test_every_waiter_has_a_failure_of_its_own(self, database: SqliteDatabase) -> None:
        """A shared one would gather everybody's traceback."""
        await database.write(lambda connection: connection.execute("DROP TABLE vouchers"))
        failures = []

        for reading in foresee(database):
            with pytest.raises(Unavailable) as failure:
                await reading
            failures.append(failure.value)

        assert len(set(map(id, failures))) == len(failures)

    async def test_the_next_read_is_made_anew(self, database: SqliteDatabase) -> None:
        """What failed once is not remembered against anybody."""
        ((vouchers,),) = database.fetch("SELECT sql FROM sqlite_schema WHERE name = 'vouchers'")
        await database.write(lambda connection: connection.execute("DROP TABLE vouchers"))
        with pytest.raises(Unavailable):
            await foresee(database)[0]

        await database.write(lambda connection: connection.execute(vouchers))

        nothing = Balance((None, None, None), vouched=False)
        assert [await reading for reading in foresee(database)][1] == nothing
