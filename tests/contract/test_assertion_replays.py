"""What every `AssertionReplays` has to hold to."""

import asyncio

from domain.model.assertions import AssertionId
from support.domain_samples import HOUR, MOMENT, NOW, PAYROLL, SECOND, assertion_id
from support.stores import Stores

UNTIL = NOW + HOUR


class TestSpend:
    async def test_an_assertion_is_spent_once(self, stores: Stores, another: Stores) -> None:
        """On whichever connection it comes again."""
        assert await stores.assertion_replays.spend(assertion_id(), until=UNTIL, now=NOW) is True

        for again in (stores, another):
            spent = await again.assertion_replays.spend(assertion_id(), until=UNTIL, now=NOW)
            assert spent is False

    async def test_of_a_hundred_racing_callers_one_spends_it(
        self, stores: Stores, another: Stores
    ) -> None:
        """However many present one assertion at once, over however many connections."""
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(
                turns[n % 2].assertion_replays.spend(assertion_id(), until=UNTIL, now=NOW)
                for n in range(100)
            )
        )

        assert outcomes.count(True) == 1
        assert outcomes.count(False) == 99

    async def test_each_assertion_is_spent_by_itself(self, stores: Stores) -> None:
        """Another number, another client, another case: another assertion."""
        others = (
            assertion_id(1),
            assertion_id(2),
            assertion_id(1, client_id=PAYROLL),
            AssertionId(assertion_id()[:3] + "a" * 64),
            AssertionId(assertion_id()[:3] + "A" * 64),
        )

        for other in others:
            assert await stores.assertion_replays.spend(other, until=UNTIL, now=NOW) is True

    async def test_it_is_remembered_until_its_time(self, stores: Stores) -> None:
        """To the last moment before, by the time of whoever asks."""
        replays = stores.assertion_replays
        await replays.spend(assertion_id(), until=UNTIL, now=NOW)

        assert not await replays.spend(assertion_id(), until=UNTIL, now=UNTIL - MOMENT)
        assert await replays.spend(assertion_id(), until=UNTIL + HOUR, now=UNTIL)

    async def test_what_is_spent_anew_is_remembered_anew(
        self, stores: Stores, another: Stores
    ) -> None:
        """For the new time, and by one of those who race for it."""
        await stores.assertion_replays.spend(assertion_id(), until=UNTIL, now=NOW)
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(
                turns[n % 2].assertion_replays.spend(assertion_id(), until=UNTIL + HOUR, now=UNTIL)
                for n in range(20)
            )
        )

        assert outcomes.count(True) == 1
        assert not await stores.assertion_replays.spend(
            assertion_id(), until=UNTIL + HOUR, now=UNTIL + HOUR - MOMENT
        )

    async def test_a_refused_caller_changes_nothing(self, stores: Stores) -> None:
        """Who comes second neither lengthens nor shortens the memory."""
        replays = stores.assertion_replays
        await replays.spend(assertion_id(), until=UNTIL, now=NOW)

        assert not await replays.spend(assertion_id(), until=NOW + SECOND, now=NOW)
        assert not await replays.spend(assertion_id(), until=UNTIL + HOUR, now=NOW)

        assert not await replays.spend(assertion_id(), until=UNTIL, now=UNTIL - MOMENT)
        assert await replays.spend(assertion_id(), until=UNTIL + HOUR, now=UNTIL)
