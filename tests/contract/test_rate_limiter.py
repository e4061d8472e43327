"""What every `RateLimiter` has to hold to."""

import asyncio
from datetime import datetime, timedelta

from domain.model.limits import Balance, FailureLimits, LimitKey, Spent, accounts, vouching_key
from support.domain_samples import DAY, HOUR, LEDGER, MOMENT, NOW, PAYROLL, SECOND, limit_key
from support.stores import Stores

WINDOW = timedelta(minutes=5)
UNTIL = NOW + DAY


async def spend(stores: Stores, key: LimitKey | None = None, *, now: datetime = NOW) -> None:
    await stores.rate_limiter.spend(key or limit_key(), window=WINDOW, now=now)


async def spent(
    stores: Stores, key: LimitKey | None = None, *, now: datetime = NOW
) -> Spent | None:
    balance = await stores.rate_limiter.peek([key or limit_key()], limit_key(), now=now)
    (found,) = balance.spent
    return found


async def is_vouched(stores: Stores, key: LimitKey | None = None, *, now: datetime = NOW) -> bool:
    balance = await stores.rate_limiter.peek([], key or limit_key(), now=now)
    return balance.vouched


class TestPeek:
    async def test_nothing_is_spent_at_first(self, stores: Stores) -> None:
        """What was never spent is told from what was."""
        assert await spent(stores) is None

    async def test_reading_spends_nothing(self, stores: Stores) -> None:
        """The hot path only reads."""
        await spend(stores)

        for _ in range(3):
            assert await spent(stores) == Spent(1, NOW + WINDOW)

    async def test_answers_stand_in_the_order_of_the_keys(self, stores: Stores) -> None:
        """Known and unknown ones, and one that is asked for twice."""
        await spend(stores, limit_key(1))
        await spend(stores, limit_key(3))
        await spend(stores, limit_key(3), now=NOW + SECOND)

        asked = [limit_key(number) for number in (3, 2, 1, 3)]
        found = await stores.rate_limiter.peek(asked, limit_key(2), now=NOW + SECOND)

        once, twice = Spent(1, NOW + WINDOW), Spent(2, NOW + WINDOW)
        assert found == Balance((twice, None, once, twice), vouched=False)

    async def test_no_keys_are_no_answers(self, stores: Stores) -> None:
        """Every budget may be switched off."""
        assert await stores.rate_limiter.peek([], limit_key(), now=NOW) == Balance(
            (), vouched=False
        )

    async def test_a_failure_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """What was acknowledged on one connection is read on every other."""
        assert await spent(another) is None

        await spend(stores)

        assert await spent(another) == Spent(1, NOW + WINDOW)


class TestSpend:
    async def test_a_window_begins_with_its_first_failure(self, stores: Stores) -> None:
        """Later failures count, and leave its end where it is."""
        await spend(stores)
        await spend(stores, now=NOW + SECOND)
        await spend(stores, now=NOW + WINDOW - MOMENT)

        assert await spent(stores, now=NOW + WINDOW - MOMENT) == Spent(3, NOW + WINDOW)

    async def test_an_ended_window_is_nothing_spent(self, stores: Stores) -> None:
        """Its last moment is the one before."""
        await spend(stores)

        end = NOW + WINDOW
        assert await spent(stores, now=end - MOMENT) == Spent(1, end)
        assert await spent(stores, now=end) is None

    async def test_a_failure_after_the_window_begins_another(self, stores: Stores) -> None:
        """It counts from one, with an end of its own."""
        await spend(stores)
        await spend(stores)

        end = NOW + WINDOW
        await spend(stores, now=end)
        await spend(stores, now=end + SECOND)

        assert await spent(stores, now=end + WINDOW - MOMENT) == Spent(2, end + WINDOW)

    async def test_a_hundred_racing_failures_are_a_hundred(
        self, stores: Stores, another: Stores
    ) -> None:
        """None is lost, in a first window and in one that replaces another."""
        turns = (stores, another)

        for begins_at in (NOW, NOW + WINDOW):
            await asyncio.gather(*(spend(turns[n % 2], now=begins_at) for n in range(100)))

            assert await spent(stores, now=begins_at) == Spent(100, begins_at + WINDOW)

    async def test_each_key_is_counted_by_itself(self, stores: Stores) -> None:
        """Another client, another source and a voucher's key are other keys."""
        booked = [
            account.key
            for client_id in (LEDGER, PAYROLL)
            for account in accounts(FailureLimits(), client_id=client_id, source="192.0.2.1")
        ]
        for key in booked[:3]:
            await spend(stores, key)

        found = await stores.rate_limiter.peek(booked, limit_key(), now=NOW)

        # The budget of the source is that of whichever client it tries.
        once = Spent(1, NOW + WINDOW)
        assert found.spent == (once, once, once, None, None, once)

    async def test_windows_may_differ_in_length(self, stores: Stores) -> None:
        """The first failure's length is the window's."""
        await stores.rate_limiter.spend(limit_key(), window=WINDOW, now=NOW)
        await stores.rate_limiter.spend(limit_key(), window=HOUR, now=NOW)

        assert await spent(stores) == Spent(2, NOW + WINDOW)


class TestVouch:
    async def test_nobody_is_vouched_for_at_first(self, stores: Stores) -> None:
        """Neither is who has failed."""
        await spend(stores)

        assert await is_vouched(stores) is False

    async def test_a_voucher_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """And for its own key alone."""
        here, elsewhere = (
            vouching_key(client_id=LEDGER, source=source) for source in ("192.0.2.1", "192.0.2.2")
        )
        assert await is_vouched(another, here) is False

        await stores.rate_limiter.vouch(here, until=UNTIL, now=NOW)

        for asked in (stores, another):
            assert await is_vouched(asked, here) is True
            assert await is_vouched(asked, elsewhere) is False

    async def test_a_voucher_holds_until_its_time(self, stores: Stores) -> None:
        """Its last moment is the one before."""
        await stores.rate_limiter.vouch(limit_key(), until=UNTIL, now=NOW)

        assert await is_vouched(stores, now=UNTIL - MOMENT) is True
        assert await is_vouched(stores, now=UNTIL) is False

    async def test_vouching_again_never_shortens(self, stores: Stores, another: Stores) -> None:
        """However many vouch at once, the latest time holds."""
        turns = (stores, another)

        await asyncio.gather(
            *(
                turns[n % 2].rate_limiter.vouch(
                    limit_key(), until=UNTIL + (n % 5) * SECOND, now=NOW
                )
                for n in range(20)
            )
        )
        await stores.rate_limiter.vouch(limit_key(), until=NOW + SECOND, now=NOW)

        latest = UNTIL + 4 * SECOND
        assert await is_vouched(stores, now=latest - MOMENT) is True
        assert await is_vouched(stores, now=latest) is False

    async def test_a_voucher_leaves_the_count_of_its_key_alone(self, stores: Stores) -> None:
        """They are two things, even under one key."""
        await stores.rate_limiter.vouch(limit_key(), until=UNTIL, now=NOW)
        await spend(stores)

        found = await stores.rate_limiter.peek([limit_key()], limit_key(), now=NOW)
        assert found == Balance((Spent(1, NOW + WINDOW),), vouched=True)
