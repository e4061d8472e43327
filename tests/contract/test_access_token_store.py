"""What every `AccessTokenStore` has to hold to."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings

from domain.model.identifiers import bucket_of
from domain.model.tokens import AccessTokenClaims, TokenDigest, digest_opaque
from support import domain_strategies
from support.domain_samples import MOMENT, NOW, claims, digest
from support.stores import Stores


class TestFind:
    async def test_an_unknown_token_is_none(self, stores: Stores) -> None:
        """It never was."""
        await stores.access_tokens.add(digest(1), claims())

        assert await stores.access_tokens.find(digest(2), now=NOW) is None

    async def test_an_added_token_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """What was acknowledged on one connection is read on every other."""
        await stores.access_tokens.add(digest(), claims())

        assert await stores.access_tokens.find(digest(), now=NOW) == claims()
        assert await another.access_tokens.find(digest(), now=NOW) == claims()

    async def test_a_token_is_kept_until_it_expires(self, stores: Stores) -> None:
        """Its last moment is the one before its expiry."""
        await stores.access_tokens.add(digest(), claims())
        expires_at = claims().expires_at

        assert await stores.access_tokens.find(digest(), now=expires_at - MOMENT) == claims()
        assert await stores.access_tokens.find(digest(), now=expires_at) is None

    @pytest.mark.parametrize("name", ["", " ", "né", "a\0b", "{}:*?", "x" * 5_000])
    async def test_a_digest_of_any_characters_may_be_asked_for(
        self, stores: Stores, name: str
    ) -> None:
        """What is not a digest of ours is not there."""
        await stores.access_tokens.add(digest(), claims())

        assert await stores.access_tokens.find(TokenDigest(name), now=NOW) is None

    @settings(
        max_examples=25,
        deadline=None,
        # One store serves all examples: each removes what it added.
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(drawn=domain_strategies.access_token_claims())
    async def test_claims_come_back_exactly(self, stores: Stores, drawn: AccessTokenClaims) -> None:
        """Every claim survives being written and read."""
        found_by = digest_opaque(f"gda_{bucket_of(drawn.client_id)}{drawn.token_id}")
        await stores.access_tokens.add(found_by, drawn)

        assert await stores.access_tokens.find(found_by, now=NOW) == drawn
        assert await stores.access_tokens.remove(found_by)


class TestRemove:
    async def test_it_tells_whether_there_was_one(self, stores: Stores) -> None:
        """The first removal finds a token, the second does not."""
        await stores.access_tokens.add(digest(), claims())

        assert await stores.access_tokens.remove(digest()) is True
        assert await stores.access_tokens.remove(digest()) is False

    async def test_a_removed_token_is_gone_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """No connection goes on with what it read before."""
        await stores.access_tokens.add(digest(), claims())
        assert await another.access_tokens.find(digest(), now=NOW) == claims()

        await stores.access_tokens.remove(digest())

        assert await another.access_tokens.find(digest(), now=NOW) is None

    async def test_other_tokens_stay(self, stores: Stores) -> None:
        """A token is removed alone."""
        await stores.access_tokens.add(digest(1), claims(1))
        await stores.access_tokens.add(digest(2), claims(2))

        await stores.access_tokens.remove(digest(1))

        assert await stores.access_tokens.find(digest(2), now=NOW) == claims(2)

    async def test_of_racing_callers_one_removes(self, stores: Stores, another: Stores) -> None:
        """However many remove one token, one of them is told that there was one."""
        await stores.access_tokens.add(digest(), claims())
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].access_tokens.remove(digest()) for n in range(20))
        )

        assert outcomes.count(True) == 1
