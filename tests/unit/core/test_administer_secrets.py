import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import pytest

from domain.errors import (
    ClientNotFound,
    InvalidClient,
    InvalidRegistration,
    LastSecret,
    SecretNotFound,
)
from domain.model.credentials import (
    AuthMethod,
    ClientSecret,
    PresentedCredentials,
    RegisteredSecret,
    SecretId,
    sealed_key_id,
)
from domain.model.events import EventKind
from domain.model.identifiers import ClientId
from domain.model.keys import KeyPurpose
from domain.usecases.administer_secrets import AddedSecret
from support.core import HandWiredCore, build_core, draft, public
from support.domain_samples import DAY, HOUR, LEDGER, NOW, SECOND

SIGNING = frozenset({AuthMethod.CLIENT_SECRET_JWT, AuthMethod.CLIENT_SECRET_BASIC})


@pytest.fixture
async def core() -> HandWiredCore:
    return await build_core()


async def works(core: HandWiredCore, secret: ClientSecret) -> bool:
    credentials = PresentedCredentials(LEDGER, AuthMethod.CLIENT_SECRET_BASIC, secret)
    try:
        await core.issue(credentials)
    except InvalidClient:
        return False
    return True


async def kept(core: HandWiredCore) -> Sequence[RegisteredSecret]:
    return (await core.administer_clients.show(LEDGER)).secrets


async def register(core: HandWiredCore) -> tuple[SecretId, ClientSecret]:
    """Register a client and return its only secret."""
    credentials = await core.register(draft())
    assert credentials.secret is not None
    assert credentials.secret.secret_id is not None
    return credentials.secret.secret_id, credentials.secret


class TestAdd:
    async def test_a_secret_more_leaves_the_others_as_they_are(self, core: HandWiredCore) -> None:
        """It works beside them, until its own end."""
        _, first = await register(core)

        added = await core.administer_secrets.add(LEDGER, label="region two", lifetime=HOUR)

        older, newer = await kept(core)
        assert older.expires_at is None
        assert (newer.secret_id, newer.label) == (added.secret_id, "region two")
        assert (newer.created_at, newer.expires_at, newer.sealed) == (NOW, NOW + HOUR, None)
        assert await works(core, first)
        assert await works(core, added.secret)
        core.clock.advance(HOUR)
        assert await works(core, first)
        assert not await works(core, added.secret)

    async def test_a_secret_of_a_client_that_signs_with_it_is_kept_sealed(
        self, core: HandWiredCore
    ) -> None:
        await core.register(draft(auth_methods=SIGNING))

        added = await core.administer_secrets.add(LEDGER)

        newest = (await kept(core))[-1]
        assert newest.sealed is not None
        material = core.envelope.unseal(
            newest.sealed,
            purpose=KeyPurpose.CLIENT_SECRET,
            key_id=sealed_key_id(LEDGER, added.secret_id),
        )
        assert ClientSecret(material.decode()).secret_id == added.secret_id

    async def test_of_racing_additions_none_is_lost(self, core: HandWiredCore) -> None:
        """Each is judged anew on what the others left."""
        await register(core)

        outcomes = await asyncio.gather(
            *(core.administer_secrets.add(LEDGER) for _ in range(12)), return_exceptions=True
        )

        added = [one.secret_id for one in outcomes if isinstance(one, AddedSecret)]
        refused = [one for one in outcomes if isinstance(one, InvalidRegistration)]
        assert (len(added), len(refused)) == (9, 3)
        assert {one.hint for one in refused} == {"it has 10 secrets already: delete one first"}
        assert [secret.secret_id for secret in await kept(core)][1:] == added

    async def test_a_client_without_use_for_a_secret_gets_none(self, core: HandWiredCore) -> None:
        await core.register(public())

        with pytest.raises(InvalidRegistration, match="a secret without a use"):
            await core.administer_secrets.add(LEDGER)

    @pytest.mark.parametrize("label", ["x" * 101, "a\nb"])
    async def test_an_unusable_label_is_refused(self, core: HandWiredCore, label: str) -> None:
        await register(core)

        with pytest.raises(InvalidRegistration, match="label"):
            await core.administer_secrets.add(LEDGER, label=label)

    async def test_a_secret_that_would_not_live_is_refused(self, core: HandWiredCore) -> None:
        await register(core)

        with pytest.raises(InvalidRegistration, match="no lifetime"):
            await core.administer_secrets.add(LEDGER, lifetime=SECOND - SECOND)

    async def test_it_is_recorded_without_the_secret(self, core: HandWiredCore) -> None:
        await register(core)

        added = await core.administer_secrets.add(LEDGER)

        event = core.audit.events[-1]
        assert (event.kind, event.subject) == (EventKind.CLIENT_CHANGED, LEDGER)
        assert event.change == f"secret {added.secret_id} added"
        assert added.secret.reveal() not in f"{core.audit.events} {added}"


class TestRotate:
    async def test_both_secrets_work_for_the_overlap(self, core: HandWiredCore) -> None:
        """And afterwards the new one alone."""
        first_id, first = await register(core)

        added = await core.administer_secrets.rotate(LEDGER, overlap=HOUR, label="new")

        assert await works(core, first)
        assert await works(core, added.secret)
        core.clock.advance(HOUR)
        assert not await works(core, first)
        assert await works(core, added.secret)
        change = core.audit.events[1].change
        ends = (NOW + HOUR).isoformat(timespec="seconds")
        assert change == f"secret {first_id} expires {ends}, secret {added.secret_id} added"

    async def test_without_an_overlap_the_older_end_at_once(self, core: HandWiredCore) -> None:
        _, first = await register(core)

        added = await core.administer_secrets.rotate(LEDGER, overlap=HOUR - HOUR)

        assert not await works(core, first)
        assert await works(core, added.secret)

    async def test_no_older_secret_gets_to_live_longer(self, core: HandWiredCore) -> None:
        await register(core)
        await core.administer_secrets.add(LEDGER, lifetime=HOUR)

        await core.administer_secrets.rotate(LEDGER, overlap=DAY)

        assert [one.expires_at for one in await kept(core)] == [NOW + DAY, NOW + HOUR, None]

    async def test_rotating_can_go_on_for_ever(self, core: HandWiredCore) -> None:
        """What has expired makes room."""
        await register(core)

        for _ in range(12):
            await core.administer_secrets.rotate(LEDGER, overlap=HOUR)
            core.clock.advance(HOUR)

        assert len(await kept(core)) == 2

    async def test_ten_that_still_work_leave_no_room(self, core: HandWiredCore) -> None:
        await register(core)
        for _ in range(9):
            await core.administer_secrets.rotate(LEDGER, overlap=HOUR)

        with pytest.raises(InvalidRegistration, match="too many"):
            await core.administer_secrets.rotate(LEDGER, overlap=HOUR)

        assert len(await kept(core)) == 10

    async def test_a_secret_in_use_that_is_hashed_anew_meanwhile_is_no_obstacle(
        self, core: HandWiredCore
    ) -> None:
        """A slow hash is replaced on first use, and the change is judged anew."""
        imported = await core.register(draft(), imported_secret="hunter2")
        assert imported.secret is not None

        await asyncio.gather(
            core.issue(imported), core.administer_secrets.rotate(LEDGER, overlap=HOUR)
        )

        assert [one.expires_at for one in await kept(core)] == [NOW + HOUR, None]
        assert await works(core, imported.secret)


class TestEnding:
    async def test_an_expired_secret_works_no_more_and_does_not_come_back(
        self, core: HandWiredCore
    ) -> None:
        first_id, first = await register(core)
        await core.administer_secrets.add(LEDGER)

        await core.administer_secrets.expire(LEDGER, first_id, after=HOUR - HOUR)

        assert not await works(core, first)
        with pytest.raises(InvalidRegistration) as refusal:
            await core.administer_secrets.expire(LEDGER, first_id, after=DAY)
        assert refusal.value.hint == "it has expired already"

    async def test_a_deleted_secret_is_gone(self, core: HandWiredCore) -> None:
        first_id, first = await register(core)
        added = await core.administer_secrets.add(LEDGER)

        await core.administer_secrets.delete(LEDGER, first_id)

        assert not await works(core, first)
        assert [one.secret_id for one in await kept(core)] == [added.secret_id]
        assert core.audit.events[2].change == f"secret {first_id} deleted"

    async def test_the_last_that_works_is_kept_unless_one_insists(
        self, core: HandWiredCore
    ) -> None:
        """A client that was left without gets in again by a new one."""
        first_id, first = await register(core)
        for refused in (
            core.administer_secrets.delete(LEDGER, first_id),
            core.administer_secrets.expire(LEDGER, first_id, after=HOUR),
        ):
            with pytest.raises(LastSecret):
                await refused
        assert await works(core, first)

        await core.administer_secrets.expire(LEDGER, first_id, after=HOUR, even_the_last=True)
        await core.administer_secrets.delete(LEDGER, first_id, even_the_last=True)

        assert not await works(core, first)
        assert await kept(core) == ()
        assert await works(core, (await core.administer_secrets.add(LEDGER)).secret)

    async def test_a_rotation_cannot_be_cut_off_by_its_new_secret(
        self, core: HandWiredCore
    ) -> None:
        """The older ones work for now, but nothing would come after them."""
        await register(core)
        added = await core.administer_secrets.rotate(LEDGER, overlap=HOUR)

        with pytest.raises(LastSecret):
            await core.administer_secrets.delete(LEDGER, added.secret_id)

    async def test_what_has_expired_may_always_go(self, core: HandWiredCore) -> None:
        first_id, _ = await register(core)
        await core.administer_secrets.expire(LEDGER, first_id, after=HOUR, even_the_last=True)
        core.clock.advance(HOUR)

        await core.administer_secrets.delete(LEDGER, first_id)

        assert await kept(core) == ()

    async def test_to_sign_with_it_needs_a_kept_one(self, core: HandWiredCore) -> None:
        """One of which there is a hash alone does not stand in for it."""
        await core.register(draft(auth_methods=SIGNING))
        [signing] = await kept(core)
        hashed = replace(signing, secret_id=SecretId("0badcafe"), sealed=None)
        await core.change_client(LEDGER, secrets=(hashed, signing))

        with pytest.raises(LastSecret):
            await core.administer_secrets.delete(LEDGER, signing.secret_id)

        await core.administer_secrets.delete(LEDGER, hashed.secret_id)

    async def test_a_client_that_needs_none_may_lose_all(self, core: HandWiredCore) -> None:
        first_id, _ = await register(core)
        by_key = frozenset({AuthMethod.PRIVATE_KEY_JWT})
        await core.change_client(LEDGER, auth_methods=by_key, jwks_uri="https://keys.example")

        await core.administer_secrets.delete(LEDGER, first_id)

        assert await kept(core) == ()

    async def test_what_is_not_there_is_not_found(self, core: HandWiredCore) -> None:
        await register(core)
        unknown, nobody = SecretId("00000000"), ClientId("nobody")

        for refused in (
            core.administer_secrets.delete(LEDGER, unknown),
            core.administer_secrets.expire(LEDGER, unknown, after=HOUR),
        ):
            with pytest.raises(SecretNotFound) as refusal:
                await refused
            assert refusal.value.hint == unknown
        for refused in (
            core.administer_secrets.delete(nobody, unknown),
            core.administer_secrets.expire(nobody, unknown, after=HOUR),
        ):
            with pytest.raises(ClientNotFound):
                await refused

    @pytest.mark.parametrize("ends", [NOW + DAY, NOW + 2 * HOUR])
    async def test_an_end_may_be_moved_while_the_secret_works(
        self, core: HandWiredCore, ends: datetime
    ) -> None:
        """An overlap that turns out too short is lengthened."""
        first_id, _ = await register(core)
        await core.administer_secrets.rotate(LEDGER, overlap=HOUR)

        await core.administer_secrets.expire(LEDGER, first_id, after=ends - NOW)

        assert (await kept(core))[0].expires_at == ends
