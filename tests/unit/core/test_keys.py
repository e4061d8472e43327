from dataclasses import replace
from datetime import datetime, timedelta
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.model.keys import (
    KeyId,
    Keyring,
    KeySchedule,
    KeyState,
    SigningAlgorithm,
    SigningKey,
    SymmetricKey,
    by_id,
    newest_first,
    signer,
)
from support.domain_samples import DAY, HOUR, MOMENT, NOW

WHOLE_LIFE = KeySchedule(activate_at=NOW, retire_at=NOW + DAY, remove_at=NOW + 2 * DAY)


def signing_key(
    key_id: str,
    algorithm: SigningAlgorithm = SigningAlgorithm.ES256,
    schedule: KeySchedule = WHOLE_LIFE,
) -> SigningKey:
    return SigningKey(
        key_id=KeyId(key_id), algorithm=algorithm, schedule=schedule, material=b"s3cret"
    )


def keyring(*signing: SigningKey) -> Keyring:
    return Keyring(signing=signing, refresh_macs=(), peppers=())


@pytest.mark.parametrize(
    ("at", "state"),
    [
        (NOW - MOMENT, KeyState.ANNOUNCED),
        (NOW, KeyState.ACTIVE),
        (NOW + DAY - MOMENT, KeyState.ACTIVE),
        (NOW + DAY, KeyState.RETIRED),
        (NOW + 2 * DAY - MOMENT, KeyState.RETIRED),
        (NOW + 2 * DAY, KeyState.GONE),
    ],
)
def test_a_keys_state_follows_from_the_clock(at: datetime, state: KeyState) -> None:
    """Each boundary belongs to the later state, so that all nodes agree (D6)."""
    assert WHOLE_LIFE.state(at) is state


def test_a_key_without_a_planned_successor_stays_active() -> None:
    assert KeySchedule(activate_at=NOW).state(NOW + 10_000 * DAY) is KeyState.ACTIVE


def test_the_key_activated_last_signs() -> None:
    older, newer, announced = (
        signing_key("older"),
        signing_key("newer", schedule=replace(WHOLE_LIFE, activate_at=NOW + HOUR)),
        signing_key("announced", schedule=replace(WHOLE_LIFE, activate_at=NOW + 3 * HOUR)),
    )
    ring = keyring(older, newer, announced)

    assert ring.signer(SigningAlgorithm.ES256, now=NOW) == older
    assert ring.signer(SigningAlgorithm.ES256, now=NOW + 2 * HOUR) == newer
    assert ring.signer(SigningAlgorithm.ES256, now=NOW - HOUR) is None
    assert ring.signer(SigningAlgorithm.RS256, now=NOW) is None


def test_every_key_that_a_verifier_may_meet_is_published() -> None:
    """Announced, active and retired keys are; one that is gone is not."""
    gone = signing_key("gone", schedule=replace(WHOLE_LIFE, remove_at=NOW))
    retired = signing_key("retired", schedule=replace(WHOLE_LIFE, retire_at=NOW))
    announced = signing_key("announced", schedule=replace(WHOLE_LIFE, activate_at=NOW + HOUR))
    ring = keyring(gone, retired, announced, signing_key("active"))

    assert [key.key_id for key in ring.published(NOW)] == ["retired", "announced", "active"]


_HOURS = st.integers(0, 6).map(lambda hours: NOW + hours * HOUR)
_SCHEDULES = st.builds(
    KeySchedule,
    activate_at=_HOURS,
    retire_at=st.none() | _HOURS,
    remove_at=st.none() | _HOURS,
)
_OFF_BY = st.sampled_from([-MOMENT, timedelta(), MOMENT])


@given(
    schedules=st.lists(_SCHEDULES, max_size=4),
    moments=st.lists(st.builds(add, _HOURS, _OFF_BY), min_size=1),
)
def test_what_is_remembered_of_the_keys_ends_with_the_moment_that_changes_it(
    schedules: list[KeySchedule], moments: list[datetime]
) -> None:
    """In whatever order the moments come, each finds what the schedules say of it."""
    keys = [
        signing_key(str(number), schedule=schedule) for number, schedule in enumerate(schedules)
    ]
    ring = keyring(*keys)

    for now in moments:
        assert ring.signer(SigningAlgorithm.ES256, now=now) == signer(
            keys, SigningAlgorithm.ES256, now=now
        )
        assert ring.published(now) == tuple(
            key for key in keys if key.schedule.state(now) is not KeyState.GONE
        )


def test_the_newest_symmetric_key_is_used_and_every_one_is_found() -> None:
    old = SymmetricKey(key_id=KeyId("old"), created_at=NOW - DAY, material=b"1")
    new = SymmetricKey(key_id=KeyId("new"), created_at=NOW, material=b"2")

    assert newest_first([old, new]) == (new, old)
    assert Keyring(signing=(), refresh_macs=(), peppers=(new, old)).pepper == new
    assert by_id([new, old], "old") == old
    assert by_id([new, old], "other") is None


def test_a_key_does_not_show_its_material() -> None:
    symmetric = SymmetricKey(key_id=KeyId("k"), created_at=NOW, material=b"s3cret")

    assert "s3cret" not in f"{signing_key('k')} {symmetric} {keyring(signing_key('k'))}"
