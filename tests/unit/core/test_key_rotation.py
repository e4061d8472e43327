"""Schedules of signing keys, as functions of the keys and the time."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from domain.model.key_rotation import (
    REMOVAL_MARGIN,
    announced,
    is_due,
    remove,
    retire,
    signing_keys,
    succeed,
    without_gone,
)
from domain.model.keys import (
    KeyId,
    KeyPurpose,
    KeySchedule,
    KeyState,
    SealedKey,
    SigningAlgorithm,
    signer,
)
from support.domain_samples import DAY, HOUR, NOW, SECOND

ES256, RS256 = SigningAlgorithm.ES256, SigningAlgorithm.RS256
SINCE_LONG = KeySchedule(activate_at=NOW - 100 * DAY)


def key(
    name: str, schedule: KeySchedule = SINCE_LONG, algorithm: SigningAlgorithm = ES256
) -> SealedKey:
    return SealedKey(
        purpose=KeyPurpose.SIGNING,
        key_id=KeyId(name),
        created_at=NOW,
        sealed=b"",
        algorithm=algorithm,
        schedule=schedule,
    )


def schedules(keys: tuple[SealedKey, ...]) -> dict[str, KeySchedule]:
    return {one.key_id: one.schedule for one in signing_keys(keys)}


PEPPER = SealedKey(
    purpose=KeyPurpose.SECRET_PEPPER, key_id=KeyId("pepper"), created_at=NOW, sealed=b""
)


def test_a_successor_takes_over_at_one_moment() -> None:
    """The key before it is published until its last token has ended, and a margin."""
    keys = succeed((key("old"), PEPPER), key("new"), at=NOW + DAY, longest=HOUR)

    assert schedules(keys) == {
        "old": KeySchedule(
            activate_at=SINCE_LONG.activate_at,
            retire_at=NOW + DAY,
            remove_at=NOW + DAY + HOUR + REMOVAL_MARGIN,
        ),
        "new": KeySchedule(activate_at=NOW + DAY),
    }
    assert PEPPER in keys


def test_a_successor_concerns_its_own_algorithm_alone() -> None:
    rsa = key("rsa", algorithm=RS256)

    assert rsa in succeed((key("old"), rsa), key("new"), at=NOW, longest=HOUR)


def test_a_key_that_is_hastened_is_not_there_twice() -> None:
    """And its predecessor stays published for as long as it was told before."""
    keys = succeed((key("old"),), key("new"), at=NOW + DAY, longest=HOUR)

    hastened = schedules(succeed(keys, keys[-1], at=NOW, longest=HOUR))

    assert hastened["new"] == KeySchedule(activate_at=NOW)
    assert hastened["old"].retire_at == NOW
    assert hastened["old"].remove_at == schedules(keys)["old"].remove_at


def test_a_key_that_is_retired_already_is_left_alone() -> None:
    """Its tokens end when they end."""
    over = KeySchedule(activate_at=NOW - DAY, retire_at=NOW - HOUR, remove_at=NOW + 90 * SECOND)

    keys = succeed((key("over", over),), key("new"), at=NOW, longest=HOUR)

    assert schedules(keys)["over"] == over


def test_a_longer_lifetime_moves_the_removal_and_a_shorter_one_does_not() -> None:
    keys = succeed((key("old"),), key("new"), at=NOW + DAY, longest=HOUR)

    longer = schedules(retire(keys, KeyId("old"), at=NOW, longest=3 * DAY))["old"]
    shorter = schedules(retire(keys, KeyId("old"), at=NOW, longest=SECOND))["old"]

    assert longer.remove_at == NOW + 3 * DAY + REMOVAL_MARGIN
    assert shorter.remove_at == schedules(keys)["old"].remove_at


def test_removing_an_announced_key_lets_its_predecessor_go_on() -> None:
    """Nothing signs at the moment that was planned otherwise."""
    before = (key("old"), key("rsa", algorithm=RS256))
    keys = succeed(before, key("new"), at=NOW + DAY, longest=HOUR)

    after = {one.key_id: one for one in remove(keys, KeyId("new"), now=NOW)}
    assert after.keys() == {one.key_id for one in before}
    assert after[KeyId("old")].schedule == replace(
        SINCE_LONG, longest_lifetime=DAY + HOUR + REMOVAL_MARGIN
    )


def test_what_was_signed_under_a_plan_is_covered_when_it_is_taken_back() -> None:
    """A token may have been issued to last until the planned removal, and still has its key."""
    planned = succeed((key("old"),), key("new"), at=NOW + DAY, longest=HOUR)
    latest = schedules(planned)["old"].remove_at
    taken_back = remove(planned, KeyId("new"), now=NOW + HOUR)

    again = succeed(taken_back, key("other"), at=NOW + HOUR, longest=HOUR)

    end = schedules(again)["old"].remove_at
    assert end is not None
    assert latest is not None
    assert end >= latest


def test_removing_the_key_that_signs_leaves_the_rest_as_it_is() -> None:
    keys = succeed((key("old"),), key("new"), at=NOW + DAY, longest=HOUR)

    assert schedules(remove(keys, KeyId("old"), now=NOW)) == {
        "new": KeySchedule(activate_at=NOW + DAY)
    }
    assert remove(keys, KeyId("nobody"), now=NOW) == keys


def test_what_is_gone_by_the_clock_is_dropped_and_nothing_else() -> None:
    keys = (PEPPER, *succeed((key("old"),), key("new"), at=NOW, longest=HOUR))
    end = NOW + HOUR + REMOVAL_MARGIN

    assert without_gone(keys, now=end - SECOND) == keys
    assert set(schedules(without_gone(keys, now=end))) == {"new"}
    assert PEPPER in without_gone(keys, now=end)


@pytest.mark.parametrize(
    ("at", "signs", "waits"),
    [
        (NOW, "old", "new"),
        (NOW + DAY - SECOND, "old", "new"),
        (NOW + DAY, "new", None),
        (NOW + 30 * DAY, "new", None),
    ],
)
def test_exactly_one_key_signs_at_any_time(at: datetime, signs: str, waits: str | None) -> None:
    keys = signing_keys(succeed((key("old"),), key("new"), at=NOW + DAY, longest=HOUR))

    active = [one for one in keys if one.schedule.state(at) is KeyState.ACTIVE]
    waiting = announced(keys, ES256, now=at)

    assert [one.key_id for one in active] == [signs]
    assert signer(keys, ES256, now=at) == active[0]
    assert (waiting.key_id if waiting is not None else None) == waits


class TestIsDue:
    @staticmethod
    def due(keys: tuple[SealedKey, ...], *, interval: timedelta = 90 * DAY) -> bool:
        return is_due(signing_keys(keys), ES256, interval=interval, announcement=DAY, now=NOW)

    @pytest.mark.parametrize(
        ("age", "due"),
        [(89 * DAY - SECOND, False), (89 * DAY, True), (200 * DAY, True)],
    )
    def test_so_early_that_the_announcement_fits_in(self, age: timedelta, due: bool) -> None:  # noqa: FBT001  (a parameter of the test)
        """A key signs for the interval, not for the interval and the announcement."""
        assert self.due((key("old", KeySchedule(activate_at=NOW - age)),)) is due

    def test_once_while_the_successor_waits(self) -> None:
        keys = succeed((key("old"),), key("new"), at=NOW + DAY, longest=HOUR)

        assert not self.due(keys)

    def test_never_for_an_algorithm_without_a_key(self) -> None:
        """Nobody asked for it."""
        assert not self.due((key("rsa", algorithm=RS256),))
        assert not self.due(())

    def test_by_the_key_that_signs_and_not_by_those_before(self) -> None:
        keys = succeed((key("old"),), key("new"), at=NOW - DAY, longest=HOUR)

        assert not self.due(keys)
