import pytest

from domain.model.events import EventKind
from domain.model.keys import KeyPurpose, KeyState, SigningAlgorithm
from domain.ports.envelope import MasterKeyMismatch
from support.catalogue_steps import drop
from support.core import build_core
from support.domain_samples import NOW
from support.doubles import PlainEnvelope
from support.stores import memory_stores


async def test_the_first_start_makes_every_kind_of_key() -> None:
    """ES256 is the default and RFC 9068 §2.1 requires RS256 (D6)."""
    core = await build_core()

    keyring = (await core.catalogue.read()).keyring

    assert {key.algorithm for key in keyring.signing} == {
        SigningAlgorithm.ES256,
        SigningAlgorithm.RS256,
    }
    assert all(key.schedule.state(NOW) is KeyState.ACTIVE for key in keyring.signing)
    assert len(keyring.refresh_macs) == len(keyring.peppers) == 1
    assert len(keyring.refresh_mac.material) == len(keyring.pepper.material) == 32
    assert keyring.refresh_mac.material != keyring.pepper.material


async def test_a_second_start_finds_them() -> None:
    """Whoever lost the race reads what the winner made."""
    async with memory_stores() as stores:
        first = await build_core(stores=stores)
        made = await first.establish_keys()

        second = await build_core(stores=stores, scopes=(), resources=())

    assert await second.establish_keys() == made
    assert first.audit.events == second.audit.events == []


async def test_a_later_start_loads_the_catalogue_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be large, and every command starts like that."""
    core = await build_core()
    loads: list[object] = []
    load = core.stores.catalogue.load

    async def counted() -> object:
        loads.append(await load())
        return loads[-1]

    monkeypatch.setattr(core.stores.catalogue, "load", counted)
    assert await core.establish_keys() == loads[0]
    assert len(loads) == 1


async def test_it_is_recorded_by_the_ids_alone() -> None:
    core = await build_core()
    made = (await core.establish_keys()).keys
    await drop(core.stores.catalogue, *(key.key_id for key in made))

    renewed = (await core.establish_keys()).keys

    [event] = core.audit.events
    assert event.kind is EventKind.KEYS_ESTABLISHED
    assert set(event.subject.split(" ")) == {key.key_id for key in renewed}
    assert {key.key_id for key in renewed}.isdisjoint(key.key_id for key in made)


async def test_a_key_is_sealed_for_its_purpose_and_id() -> None:
    """One envelope cannot be passed off as another (D4)."""
    core = await build_core()
    envelope = PlainEnvelope()

    for key in (await core.establish_keys()).keys:
        envelope.unseal(key.sealed, purpose=key.purpose, key_id=key.key_id)
        for other in set(KeyPurpose) - {key.purpose}:
            with pytest.raises(MasterKeyMismatch):
                envelope.unseal(key.sealed, purpose=other, key_id=key.key_id)


async def test_another_master_key_is_refused() -> None:
    async with memory_stores() as stores:
        await build_core(stores=stores)

        with pytest.raises(MasterKeyMismatch):
            await build_core(
                stores=stores, envelope=PlainEnvelope("another"), scopes=(), resources=()
            )
