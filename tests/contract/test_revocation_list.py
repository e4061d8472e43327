"""What every `RevocationList` has to hold to."""

import asyncio

import pytest

from adapters.system.clock import SystemClock
from domain.model.identifiers import TokenId
from support.domain_samples import HOUR, MOMENT, NOW, SECOND, token_id
from support.stores import Stores

UNTIL = NOW + HOUR


class TestContains:
    async def test_an_unlisted_token_is_not_contained(self, stores: Stores) -> None:
        """Only exceptions are stored."""
        await stores.revocations.add(token_id(1), until=UNTIL, now=NOW)

        assert await stores.revocations.contains(token_id(2), now=NOW) is False

    async def test_a_listed_token_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """What was acknowledged on one connection is read on every other."""
        assert await another.revocations.contains(token_id(), now=NOW) is False

        await stores.revocations.add(token_id(), until=UNTIL, now=NOW)

        assert await stores.revocations.contains(token_id(), now=NOW) is True
        assert await another.revocations.contains(token_id(), now=NOW) is True

    async def test_a_token_is_listed_only_until_its_time(self, stores: Stores) -> None:
        """Its last moment is the one before."""
        await stores.revocations.add(token_id(), until=UNTIL, now=NOW)

        assert await stores.revocations.contains(token_id(), now=UNTIL - MOMENT) is True
        assert await stores.revocations.contains(token_id(), now=UNTIL) is False

    async def test_tokens_are_told_apart_by_case(self, stores: Stores) -> None:
        """A `jti` is a case-sensitive string (RFC 7519 §4.1.7)."""
        lower, upper = (TokenId(f"{token_id()[:3]}{letter * 22}") for letter in "aA")
        await stores.revocations.add(lower, until=UNTIL, now=NOW)

        assert await stores.revocations.contains(upper, now=NOW) is False

    @pytest.mark.parametrize("name", ["", " ", "né", "a\0b", "{}:*?", "x" * 5_000])
    async def test_an_id_of_any_characters_may_be_asked_for(
        self, stores: Stores, name: str
    ) -> None:
        """What an unproved token names is read before it is proved."""
        await stores.revocations.add(token_id(), until=UNTIL, now=NOW)

        assert await stores.revocations.contains(TokenId(name), now=NOW) is False


class TestAdd:
    async def test_listing_it_twice_is_listing_it_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """Whoever comes second changes nothing and is not refused."""
        await stores.revocations.add(token_id(), until=UNTIL, now=NOW)
        await another.revocations.add(token_id(), until=UNTIL, now=NOW + SECOND)

        assert await stores.revocations.contains(token_id(), now=UNTIL - MOMENT) is True
        assert await stores.revocations.contains(token_id(), now=UNTIL) is False

    async def test_racing_callers_all_succeed(self, stores: Stores, another: Stores) -> None:
        """However many list however few tokens at once, each is listed."""
        turns = (stores, another)

        await asyncio.gather(
            *(
                turns[n % 2].revocations.add(token_id(n % 5), until=UNTIL, now=NOW)
                for n in range(50)
            )
        )

        listed = [await stores.revocations.contains(token_id(n), now=NOW) for n in range(6)]
        assert listed == [True] * 5 + [False]

    async def test_a_writer_whose_clock_is_ahead_lists_it_as_long_as_any(
        self, stores: Stores, another: Stores
    ) -> None:
        """It took the token for expired; when its clock is right again, the token is not."""
        now = SystemClock().now()
        ahead = now + 2 * HOUR

        await stores.revocations.add(token_id(1), until=now + HOUR, now=ahead)
        await stores.revocations.add(token_id(2), until=ahead + HOUR, now=ahead)
        await asyncio.sleep(0.05)

        assert await another.revocations.contains(token_id(1), now=now) is True

    async def test_a_time_that_has_passed_lists_nothing(self, stores: Stores) -> None:
        """There is nothing left to revoke, and that is no error."""
        await stores.revocations.add(token_id(), until=NOW - SECOND, now=NOW)

        assert await stores.revocations.contains(token_id(), now=NOW) is False
