"""What every `RefreshFamilyStore` has to hold to."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings

from domain.model.families import (
    Absent,
    Ahead,
    AttemptId,
    Ended,
    Foreign,
    Generation,
    RefreshFamily,
    Replayed,
    Rotated,
    Rotation,
    WithinGrace,
)
from domain.model.identifiers import ClientId, Epoch, FamilyId
from support import domain_strategies
from support.domain_samples import (
    DAY,
    HOUR,
    LEDGER,
    MOMENT,
    NOW,
    PAYROLL,
    SECOND,
    family,
    family_id,
)
from support.stores import Stores

STRICT = timedelta()
LATER = NOW + 2 * DAY
NUMBERS = itertools.count()


async def opened(stores: Stores, kept: RefreshFamily | None = None) -> RefreshFamily:
    kept = kept or family()
    await stores.families.open(kept, limit=1_000, now=kept.created_at)
    return kept


def rotate(
    stores: Stores,
    presented: int = 1,
    *,
    of: FamilyId | None = None,
    attempt: str = "first",
    owner: ClientId = LEDGER,
    now: datetime = NOW,
    grace: timedelta = STRICT,
    expires_at: datetime = LATER,
    retire_access: bool = False,
) -> Awaitable[Rotation]:
    return stores.families.rotate(
        of or family_id(),
        attempt=AttemptId(attempt),
        presented=Generation(presented),
        owner=owner,
        now=now,
        grace=grace,
        expires_at=expires_at,
        retire_access=retire_access,
    )


async def rotated_to(stores: Stores, generation: int) -> None:
    """Advance a fresh family, one rotation after the other."""
    for presented in range(1, generation):
        outcome = await rotate(stores, presented, attempt=f"attempt {presented}")
        assert outcome == Rotated(Generation(presented + 1), LATER)


async def live(stores: Stores, *families: RefreshFamily, now: datetime = NOW) -> list[FamilyId]:
    read = [await stores.families.find(kept.family_id, now=now) for kept in families]
    return [kept.family_id for kept in read if kept is not None and not kept.ended]


class TestOpen:
    async def test_an_opened_family_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """What was acknowledged on one connection is read on every other."""
        kept = await opened(stores)

        assert await another.families.find(kept.family_id, now=NOW) == kept

    async def test_the_oldest_beyond_the_limit_ends(self, stores: Stores) -> None:
        """A client that never refreshes does not fill the store."""
        families = [family(n, created_at=NOW + n * SECOND) for n in range(5)]

        for kept in families:
            await stores.families.open(kept, limit=3, now=kept.created_at)

        assert await live(stores, *families) == [kept.family_id for kept in families[2:]]

    async def test_what_ends_beyond_the_limit_is_remembered(self, stores: Stores) -> None:
        """It is ended, not forgotten."""
        first, second = family(1), family(2, created_at=NOW + SECOND)
        await stores.families.open(first, limit=1, now=NOW)
        await stores.families.open(second, limit=1, now=NOW + SECOND)

        assert await rotate(stores, of=first.family_id, now=NOW + SECOND) == Ended()

    async def test_a_lower_limit_ends_as_many_as_it_takes(self, stores: Stores) -> None:
        """The limit may have been lowered since the last family was opened."""
        families = [family(n, created_at=NOW + n * SECOND) for n in range(6)]
        for kept in families[:-1]:
            await opened(stores, kept)

        await stores.families.open(families[-1], limit=2, now=families[-1].created_at)

        assert await live(stores, *families) == [kept.family_id for kept in families[4:]]

    async def test_the_new_family_lives_though_others_are_as_young(self, stores: Stores) -> None:
        """Of families opened in one instant, the one before the caller is not the oldest."""
        for n in range(12):
            kept = family((n * 7) % 12)
            await stores.families.open(kept, limit=2, now=NOW)

            assert await live(stores, kept) == [kept.family_id]

    async def test_another_owners_families_do_not_count(self, stores: Stores) -> None:
        """The limit is one client's."""
        theirs = await opened(stores, family(1, owner=PAYROLL))
        ours = family(2, created_at=NOW + SECOND)

        await stores.families.open(ours, limit=1, now=ours.created_at)

        assert len(await live(stores, theirs, ours)) == 2

    async def test_an_ended_family_does_not_count(self, stores: Stores) -> None:
        """Only live ones fill the limit."""
        first, second, third = (family(n, created_at=NOW + n * SECOND) for n in range(3))
        await opened(stores, first)
        await opened(stores, second)
        await stores.families.end(second.family_id, now=NOW + SECOND)

        await stores.families.open(third, limit=2, now=third.created_at)

        assert await live(stores, first, third) == [first.family_id, third.family_id]

    async def test_an_expired_family_does_not_count(self, stores: Stores) -> None:
        """What has expired is absent from the limit too."""
        old = await opened(stores, family(1))
        brief = await opened(stores, family(2, created_at=NOW + SECOND, expires_at=NOW + HOUR))
        new = family(3, created_at=NOW + HOUR)

        await stores.families.open(new, limit=2, now=NOW + HOUR)

        assert await live(stores, old, brief, new, now=NOW + HOUR) == [
            old.family_id,
            new.family_id,
        ]

    async def test_a_rotated_family_counts_until_it_expires_anew(self, stores: Stores) -> None:
        """Rotation puts off the expiry that the limit goes by."""
        old = await opened(stores, family(1, expires_at=NOW + HOUR))
        await rotate(stores, of=old.family_id, expires_at=NOW + DAY)
        new = family(2, created_at=NOW + 2 * HOUR)

        await stores.families.open(new, limit=1, now=new.created_at)

        assert await live(stores, old, new, now=new.created_at) == [new.family_id]

    async def test_racing_callers_keep_the_limit(self, stores: Stores, another: Stores) -> None:
        """However many open families at once, no more live than the limit says."""
        families = [family(n) for n in range(20)]
        turns = (stores, another)

        await asyncio.gather(
            *(turns[n % 2].families.open(kept, limit=5, now=NOW) for n, kept in enumerate(families))
        )

        assert len(await live(stores, *families)) == 5


class TestFind:
    async def test_an_unknown_family_is_none(self, stores: Stores) -> None:
        """Nothing is there before anything was opened."""
        assert await stores.families.find(family_id(), now=NOW) is None

    async def test_a_family_is_found_until_it_expires(self, stores: Stores) -> None:
        """Its last moment is the one before its expiry."""
        kept = await opened(stores)

        assert await stores.families.find(kept.family_id, now=kept.expires_at - MOMENT) == kept
        assert await stores.families.find(kept.family_id, now=kept.expires_at) is None

    @pytest.mark.parametrize("name", ["", " ", "né", "a\0b", "{}:*?", "x" * 5_000])
    async def test_an_id_of_any_characters_may_be_asked_for(
        self, stores: Stores, name: str
    ) -> None:
        """What an unproved token names is read before it is proved."""
        await opened(stores)

        assert await stores.families.find(FamilyId(name), now=NOW) is None

    @settings(
        max_examples=25,
        deadline=None,
        # One store serves all examples: each has an id of its own.
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(drawn=domain_strategies.families())
    async def test_a_family_comes_back_exactly(self, stores: Stores, drawn: RefreshFamily) -> None:
        """Every attribute survives being written, read and rotated."""
        drawn = replace(drawn, family_id=family_id(next(NUMBERS), owner=drawn.owner))
        await stores.families.open(drawn, limit=1_000, now=NOW)
        assert await stores.families.find(drawn.family_id, now=NOW) == drawn

        await rotate(stores, drawn.generation, of=drawn.family_id, owner=drawn.owner)

        assert await stores.families.find(drawn.family_id, now=NOW) == replace(
            drawn, generation=Generation(drawn.generation + 1), expires_at=LATER
        )


class TestRotate:
    async def test_the_live_generation_advances(self, stores: Stores, another: Stores) -> None:
        """The successor is the live one from then on, wherever it is presented."""
        kept = await opened(stores)

        assert await rotate(stores, 1) == Rotated(Generation(2), LATER)
        assert await another.families.find(kept.family_id, now=NOW) == replace(
            kept, generation=Generation(2), expires_at=LATER
        )
        assert await rotate(another, 2, attempt="second") == Rotated(Generation(3), LATER)

    async def test_expiry_slides(self, stores: Stores) -> None:
        """A rotated family outlives its first expiry and ends at its next one."""
        kept = await opened(stores)
        await rotate(stores)

        assert await stores.families.find(kept.family_id, now=kept.expires_at) is not None
        assert await stores.families.find(kept.family_id, now=LATER) is None

    async def test_expiry_may_come_nearer(self, stores: Stores) -> None:
        """A lifetime that was shortened meanwhile holds from the next rotation on."""
        kept = await opened(stores)

        assert await rotate(stores, expires_at=NOW + HOUR) == Rotated(Generation(2), NOW + HOUR)
        assert await stores.families.find(kept.family_id, now=NOW + HOUR) is None

    @pytest.mark.parametrize("presented", [1, 2, 3])
    async def test_every_older_generation_is_replayed(self, stores: Stores, presented: int) -> None:
        """A spent token is recognised however long ago it was spent."""
        await opened(stores)
        await rotated_to(stores, 4)

        assert await rotate(stores, presented, attempt="thief") == Replayed()

    async def test_a_replay_changes_nothing(self, stores: Stores) -> None:
        """What to do about a replay is not the store's to decide."""
        await opened(stores)
        await rotated_to(stores, 3)

        await rotate(stores, 1, attempt="thief", expires_at=LATER + DAY, retire_access=True)

        assert await stores.families.find(family_id(), now=NOW) == replace(
            family(), generation=Generation(3), expires_at=LATER
        )

    async def test_a_generation_never_recorded_is_ahead(self, stores: Stores) -> None:
        """A store that lost writes finds out, and changes nothing."""
        kept = await opened(stores)

        assert await rotate(stores, 2) == Ahead()
        assert await rotate(stores, 10**15 - 1) == Ahead()
        assert await stores.families.find(kept.family_id, now=NOW) == kept

    async def test_another_clients_family_is_foreign_and_left_alone(self, stores: Stores) -> None:
        """A stolen token spends nothing of its owner's."""
        kept = await opened(stores)

        assert await rotate(stores, owner=PAYROLL) == Foreign()
        assert await stores.families.find(kept.family_id, now=NOW) == kept
        assert await rotate(stores) == Rotated(Generation(2), LATER)

    async def test_an_unknown_family_is_absent(self, stores: Stores) -> None:
        """Nothing is there to rotate."""
        assert await rotate(stores) == Absent()

    async def test_an_expired_family_is_absent(self, stores: Stores) -> None:
        """Its expiry is the first moment at which it is not there."""
        kept = await opened(stores)

        last_moment = kept.expires_at - MOMENT
        assert await rotate(stores, now=last_moment) == Rotated(Generation(2), LATER)
        assert await rotate(stores, 2, attempt="late", now=LATER) == Absent()

    async def test_an_ended_family_is_ended(self, stores: Stores) -> None:
        """Its live generation rotates no more."""
        kept = await opened(stores)
        await stores.families.end(kept.family_id, now=NOW)

        assert await rotate(stores) == Ended()

    async def test_of_a_hundred_racing_callers_one_wins(
        self, stores: Stores, another: Stores
    ) -> None:
        """However many present one token at once, one gets a successor."""
        await opened(stores)
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(rotate(turns[n % 2], attempt=f"caller {n}") for n in range(100))
        )

        assert Counter(map(type, outcomes)) == {Rotated: 1, Replayed: 99}
        found = await stores.families.find(family_id(), now=NOW)
        assert found is not None
        assert found.generation == 2

    async def test_of_a_hundred_racing_callers_with_grace_all_get_one_successor(
        self, stores: Stores, another: Stores
    ) -> None:
        """One rotates, and the others are told of the same successor: no branch is made."""
        await opened(stores)
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(rotate(turns[n % 2], attempt=f"caller {n}", grace=SECOND) for n in range(100))
        )

        assert Counter(outcomes) == {
            Rotated(Generation(2), LATER): 1,
            WithinGrace(Generation(2), LATER): 99,
        }


class TestOrderOfJudgement:
    """Absent, Foreign, Ended, Ahead, Rotated, WithinGrace, Replayed."""

    async def test_absent_comes_before_foreign_and_ended(self, stores: Stores) -> None:
        """Of an expired family nobody learns whose it was or how it ended."""
        kept = await opened(stores)
        await stores.families.end(kept.family_id, now=NOW)

        assert await rotate(stores, owner=PAYROLL, now=kept.expires_at) == Absent()

    @pytest.mark.parametrize("presented", [1, 2, 3])
    async def test_foreign_comes_before_ended_ahead_and_replayed(
        self, stores: Stores, presented: int
    ) -> None:
        """A stranger learns nothing of the family but that it is not theirs."""
        await opened(stores)
        await rotated_to(stores, 2)

        assert await rotate(stores, presented, owner=PAYROLL, attempt="attempt 1") == Foreign()
        await stores.families.end(family_id(), now=NOW)
        assert await rotate(stores, presented, owner=PAYROLL, attempt="attempt 1") == Foreign()

    @pytest.mark.parametrize("presented", [1, 2, 3, 4])
    async def test_ended_comes_before_ahead_rotated_and_replayed(
        self, stores: Stores, presented: int
    ) -> None:
        """An ended family is ended for every token, and for an attempt sent again."""
        await opened(stores)
        await rotated_to(stores, 3)
        await stores.families.end(family_id(), now=NOW)

        assert await rotate(stores, presented, attempt="attempt 2", grace=HOUR) == Ended()

    async def test_ended_comes_before_expiry_only(self, stores: Stores) -> None:
        """It is remembered as ended to its last moment."""
        kept = await opened(stores)
        await stores.families.end(kept.family_id, now=NOW)

        assert await rotate(stores, now=kept.expires_at - MOMENT) == Ended()


class TestAttempt:
    async def test_the_same_attempt_twice_is_one_rotation(
        self, stores: Stores, another: Stores
    ) -> None:
        """A reply that was lost on the way is given again."""
        await opened(stores)

        assert await rotate(stores) == Rotated(Generation(2), LATER)
        assert await rotate(another) == Rotated(Generation(2), LATER)
        found = await stores.families.find(family_id(), now=NOW)
        assert found is not None
        assert found.generation == 2

    async def test_the_same_attempt_again_writes_nothing(self, stores: Stores) -> None:
        """Expiry and retirement stay as the rotation left them."""
        await opened(stores)
        await rotate(stores)

        again = await rotate(
            stores, now=NOW + SECOND, expires_at=LATER + SECOND, retire_access=True
        )

        assert again == Rotated(Generation(2), LATER)
        assert await stores.families.find(family_id(), now=NOW) == replace(
            family(), generation=Generation(2), expires_at=LATER
        )

    async def test_the_same_attempt_a_hundred_times_at_once_is_one_rotation(
        self, stores: Stores, another: Stores
    ) -> None:
        """Repeats that overtake each other are one rotation all the same."""
        await opened(stores)
        turns = (stores, another)

        outcomes = await asyncio.gather(*(rotate(turns[n % 2]) for n in range(100)))

        assert Counter(outcomes) == {Rotated(Generation(2), LATER): 100}

    async def test_an_attempt_whose_successor_was_used_is_replayed(self, stores: Stores) -> None:
        """Repeating is for lost replies, and this one arrived."""
        await opened(stores)
        await rotate(stores, 1, attempt="first")
        await rotate(stores, 2, attempt="second")

        assert await rotate(stores, 1, attempt="first") == Replayed()

    async def test_an_attempt_is_known_by_its_generation_too(self, stores: Stores) -> None:
        """The same attempt id with the live generation is a rotation of its own."""
        await opened(stores)
        await rotate(stores, 1, attempt="first")

        assert await rotate(stores, 2, attempt="first") == Rotated(Generation(3), LATER)

    async def test_a_refused_attempt_is_not_remembered(self, stores: Stores) -> None:
        """Only what rotated may be repeated."""
        await opened(stores)
        await rotate(stores, 2, attempt="ahead")
        await rotate(stores, 1, attempt="first")
        await rotate(stores, 1, attempt="thief")

        assert await rotate(stores, 1, attempt="ahead") == Replayed()
        assert await rotate(stores, 1, attempt="thief") == Replayed()
        assert await rotate(stores, 1, attempt="first") == Rotated(Generation(2), LATER)


class TestGrace:
    async def test_within_the_window_the_same_successor_is_given(self, stores: Stores) -> None:
        """A client that lost the reply is not a thief, to the last moment of the window."""
        await opened(stores)
        await rotate(stores)

        for passed in (timedelta(), SECOND, 10 * SECOND):
            outcome = await rotate(stores, attempt="retry", now=NOW + passed, grace=10 * SECOND)
            assert outcome == WithinGrace(Generation(2), LATER)

    async def test_behind_the_window_it_is_replayed(self, stores: Stores) -> None:
        """One moment later the same request is a replay."""
        await opened(stores)
        await rotate(stores)

        late = NOW + 10 * SECOND + MOMENT
        assert await rotate(stores, attempt="retry", now=late, grace=10 * SECOND) == Replayed()

    async def test_without_a_window_it_is_replayed(self, stores: Stores) -> None:
        """Zero means never, not even in the same instant."""
        await opened(stores)
        await rotate(stores)

        assert await rotate(stores, attempt="retry", grace=STRICT) == Replayed()

    async def test_the_window_begins_with_the_rotation(self, stores: Stores) -> None:
        """Using grace does not prolong it."""
        await opened(stores)
        await rotate(stores)
        await rotate(stores, attempt="retry", now=NOW + 9 * SECOND, grace=10 * SECOND)

        late = NOW + 18 * SECOND
        assert await rotate(stores, attempt="again", now=late, grace=10 * SECOND) == Replayed()

    async def test_the_window_belongs_to_the_last_rotation(self, stores: Stores) -> None:
        """Each rotation opens a window of its own."""
        await opened(stores)
        await rotate(stores, 1)
        await rotate(stores, 2, attempt="second", now=NOW + HOUR)

        outcome = await rotate(stores, 2, attempt="retry", now=NOW + HOUR + SECOND, grace=SECOND)

        assert outcome == WithinGrace(Generation(3), LATER)

    async def test_a_used_successor_closes_the_window(self, stores: Stores) -> None:
        """Whoever used the successor has the reply."""
        await opened(stores)
        await rotated_to(stores, 3)

        assert await rotate(stores, 1, attempt="retry", grace=HOUR) == Replayed()

    async def test_grace_changes_nothing(self, stores: Stores) -> None:
        """The expiry is the one that the rotation wrote."""
        await opened(stores)
        await rotate(stores)

        await rotate(
            stores, attempt="retry", grace=HOUR, expires_at=LATER + DAY, retire_access=True
        )

        assert await stores.families.find(family_id(), now=NOW) == replace(
            family(), generation=Generation(2), expires_at=LATER
        )


class TestRetiringAccess:
    async def test_earlier_access_tokens_end_if_asked(self, stores: Stores) -> None:
        """The successor's access tokens are the first that are good."""
        await opened(stores)
        await rotate(stores, 1, retire_access=True)

        found = await stores.families.find(family_id(), now=NOW)

        assert found is not None
        assert found.least_access_generation == 2

    async def test_what_was_retired_stays_retired(self, stores: Stores) -> None:
        """A later rotation that retires nothing brings nothing back."""
        await opened(stores)
        await rotate(stores, 1, retire_access=True)
        await rotate(stores, 2, attempt="second")

        found = await stores.families.find(family_id(), now=NOW)

        assert found is not None
        assert (found.generation, found.least_access_generation) == (3, 2)


class TestEnd:
    async def test_it_tells_whether_the_family_was_live(self, stores: Stores) -> None:
        """The first ending finds it live, the second does not."""
        kept = await opened(stores)

        assert await stores.families.end(kept.family_id, now=NOW) is True
        assert await stores.families.end(kept.family_id, now=NOW) is False

    async def test_an_ended_family_is_seen_everywhere_at_once(
        self, stores: Stores, another: Stores
    ) -> None:
        """No connection goes on with what it read before."""
        kept = await opened(stores)
        assert await another.families.find(kept.family_id, now=NOW) == kept

        await stores.families.end(kept.family_id, now=NOW)

        assert await another.families.find(kept.family_id, now=NOW) == replace(kept, ended=True)

    async def test_it_is_remembered_until_the_family_would_have_expired(
        self, stores: Stores
    ) -> None:
        """As ended to the last moment, and as nothing from then on."""
        kept = await opened(stores)
        await stores.families.end(kept.family_id, now=NOW)

        remembered = await stores.families.find(kept.family_id, now=kept.expires_at - MOMENT)

        assert remembered == replace(kept, ended=True)
        assert await stores.families.find(kept.family_id, now=kept.expires_at) is None

    async def test_a_rotated_family_is_remembered_until_its_new_expiry(
        self, stores: Stores
    ) -> None:
        """What counts is when its latest token would have expired."""
        await opened(stores)
        await rotate(stores)
        await stores.families.end(family_id(), now=NOW)

        assert await rotate(stores, 2, now=LATER - MOMENT) == Ended()

    async def test_an_unknown_or_expired_family_was_not_live(self, stores: Stores) -> None:
        """There is nothing to end, and nothing is written."""
        kept = await opened(stores)

        assert await stores.families.end(family_id(404), now=NOW) is False
        assert await stores.families.end(kept.family_id, now=kept.expires_at) is False
        assert await stores.families.find(family_id(404), now=NOW) is None

    async def test_other_families_of_the_owner_live_on(self, stores: Stores) -> None:
        """A family ends alone."""
        first, second = await opened(stores, family(1)), await opened(stores, family(2))

        await stores.families.end(first.family_id, now=NOW)

        assert await live(stores, first, second) == [second.family_id]

    async def test_of_racing_callers_one_ends_it(self, stores: Stores, another: Stores) -> None:
        """However many end one family, one of them is told that it was live."""
        kept = await opened(stores)
        turns = (stores, another)

        outcomes = await asyncio.gather(
            *(turns[n % 2].families.end(kept.family_id, now=NOW) for n in range(20))
        )

        assert outcomes.count(True) == 1

    @pytest.mark.parametrize("rotates_first", [True, False])
    async def test_ending_and_rotating_at_once_never_leave_a_live_successor(
        self, stores: Stores, another: Stores, *, rotates_first: bool
    ) -> None:
        """In whichever order they come, the family is ended when both are done."""
        for n in range(25):
            kept = await opened(stores, family(n))

            def ends(this: FamilyId = kept.family_id) -> Awaitable[object]:
                return stores.families.end(this, now=NOW)

            def rotates(this: FamilyId = kept.family_id) -> Awaitable[object]:
                return rotate(another, of=this)

            steps: list[Callable[[], Awaitable[object]]] = [ends, rotates]
            if rotates_first:
                steps.reverse()
            outcomes = await asyncio.gather(*(step() for step in steps))

            assert True in outcomes
            assert Ended() in outcomes or Rotated(Generation(2), LATER) in outcomes
            for presented in (1, 2):
                assert await rotate(stores, presented, of=kept.family_id, attempt="on") == Ended()


class TestDerivations:
    @staticmethod
    async def derivations(
        stores: Stores, *, owner: ClientId = LEDGER, before: datetime = LATER, now: datetime = NOW
    ) -> list[datetime]:
        return sorted(
            await stores.families.derivations(owner, epoch=family().epoch, before=before, now=now)
        )

    async def test_a_family_tells_when_it_was_opened_or_rotated_last(
        self, stores: Stores, another: Stores
    ) -> None:
        """To the millisecond, and as every connection sees it."""
        opened_at, rotated_at = NOW - HOUR, NOW - timedelta(milliseconds=1)
        await opened(stores, family(1, created_at=opened_at))
        await opened(stores, family(2, created_at=NOW - 2 * HOUR))
        await rotate(stores, of=family_id(2), now=NOW - HOUR / 2)
        await rotate(stores, 2, of=family_id(2), attempt="second", now=rotated_at)

        assert await self.derivations(another) == [opened_at, rotated_at]

    async def test_what_was_derived_later_is_not_told(self, stores: Stores) -> None:
        """The moment itself is later."""
        for n in range(5):
            await opened(stores, family(n, created_at=NOW + n * SECOND))

        assert await self.derivations(stores, before=NOW + 2 * SECOND) == [NOW, NOW + SECOND]

    async def test_families_opened_in_one_millisecond_tell_each_of_it(self, stores: Stores) -> None:
        for n in range(5):
            await opened(stores, family(n))

        assert await self.derivations(stores) == [NOW] * 5

    async def test_ended_and_expired_families_and_other_owners_are_passed_over(
        self, stores: Stores
    ) -> None:
        await opened(stores, family(1))
        await opened(stores, family(2, created_at=NOW - HOUR))
        await opened(stores, family(3, created_at=NOW - HOUR, expires_at=NOW + SECOND))
        await opened(stores, family(4, owner=PAYROLL, created_at=NOW - HOUR))
        await stores.families.end(family_id(2), now=NOW)

        assert await self.derivations(stores, now=NOW + SECOND) == [NOW]

    async def test_a_family_of_another_epoch_has_ended(self, stores: Stores) -> None:
        """D11: whatever the store remembers of it."""
        await opened(stores, replace(family(1), epoch=Epoch("another")))
        await opened(stores, family(2, created_at=NOW - HOUR))

        assert await self.derivations(stores) == [NOW - HOUR]

    async def test_who_has_no_family_has_none(self, stores: Stores) -> None:
        assert await self.derivations(stores) == []
