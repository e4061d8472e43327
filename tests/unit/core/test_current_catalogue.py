from dataclasses import replace

import pytest

from adapters.memory.catalogue import MemoryCatalogueStore
from domain.errors import Unavailable
from domain.model.catalogue import EMPTY, CatalogueVersion, StoredCatalogue
from domain.model.keys import KeyId, KeySchedule, KeyState, SigningAlgorithm, SigningKey
from domain.ports.envelope import MasterKeyMismatch
from domain.ports.probe import NotReady
from domain.ports.reading import Reading
from domain.usecases.current_catalogue import CurrentCatalogue
from domain.usecases.probe_catalogue import CatalogueProbe
from support.catalogue_steps import put
from support.core import build_core
from support.domain_samples import DAY, HOUR, NOW, resource
from support.doubles import PlainEnvelope, RandomKeyMaker, SeededEntropy
from support.stores import memory_stores

ES256, RS256 = SigningAlgorithm.ES256, SigningAlgorithm.RS256


class CountingStore(MemoryCatalogueStore):
    """Counts loads, and is away if it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.away = False

    def version(self) -> Reading[CatalogueVersion]:
        if self.away:
            raise Unavailable
        return super().version()

    async def load(self, *, seen: CatalogueVersion | None = None) -> StoredCatalogue:
        self.loads += 1
        return await super().load(seen=seen)


@pytest.fixture
async def store() -> CountingStore:
    """A catalogue with keys in it."""
    store = CountingStore()
    async with memory_stores() as stores:
        await build_core(stores=replace(stores, catalogue=store), scopes=(), resources=())
    store.loads = 0
    return store


@pytest.fixture
def catalogue(store: CountingStore) -> CurrentCatalogue:
    return CurrentCatalogue(store, PlainEnvelope())


async def test_it_is_loaded_again_only_if_its_version_moved(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    """What is read always changes seldom (D2)."""
    first = await catalogue.read()
    assert await catalogue.read() is first
    assert store.loads == 1

    await put(store, resources=[resource()])
    store.loads = 0

    second = await catalogue.read()
    assert second.version > first.version
    assert list(second.resources.values()) == [resource()]
    assert await catalogue.read() is second
    assert store.loads == 1


async def test_nothing_is_loaded_for_a_version_that_is_known(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    known = await catalogue.read()

    assert await catalogue.at(known.version) is known
    assert store.loads == 1


async def test_what_decides_is_never_a_remembered_catalogue(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    """D8: the store is asked, or there is no answer."""
    await catalogue.read()
    store.away = True

    with pytest.raises(Unavailable):
        await catalogue.read()


async def test_the_last_one_known_lives_on(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    """So that verifiers keep their key set while the store is away."""
    known = await catalogue.last_known()
    store.away = True

    assert await catalogue.last_known() is known


async def test_there_is_no_last_one_before_the_first(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    store.away = True

    with pytest.raises(Unavailable):
        await catalogue.last_known()


async def test_a_store_without_keys_cannot_be_decided_upon() -> None:
    with pytest.raises(Unavailable, match="holds no keys"):
        await CurrentCatalogue(MemoryCatalogueStore(), PlainEnvelope()).read()


async def test_a_store_that_lost_its_keys_is_told_from_one_that_never_had_any(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    """Nobody makes new ones, nothing is decided, and the last key set lives on."""
    known = await catalogue.read()
    await store.replace(StoredCatalogue(version=EMPTY), seen=await store.load())

    with pytest.raises(Unavailable, match="the keys are gone"):
        await catalogue.read()
    with pytest.raises(NotReady) as told:
        await CatalogueProbe(catalogue).check()

    assert told.value.reason == "the keys are missing"
    assert (await store.load()).keys == ()
    assert await catalogue.last_known() is known


async def test_another_master_key_opens_nothing(store: CountingStore) -> None:
    with pytest.raises(MasterKeyMismatch):
        await CurrentCatalogue(store, PlainEnvelope("another")).read()


async def test_a_node_that_lacks_a_new_master_key_decides_nothing_and_is_not_ready(
    store: CountingStore, catalogue: CurrentCatalogue
) -> None:
    """Its last key set lives on, as when the store is away."""
    probe = CatalogueProbe(catalogue)
    await probe.check()
    known = await catalogue.read()
    keys = (await store.load()).keys
    resealed = (replace(key, sealed=b"another " + key.sealed) for key in keys)
    await put(store, keys=tuple(resealed))

    for refused in (catalogue.read, probe.check):
        with pytest.raises(Unavailable):
            await refused()

    assert await catalogue.last_known() is known


class TestPinnedKey:
    """A key that an operator gave by file."""

    @staticmethod
    def pinned(algorithm: SigningAlgorithm = ES256) -> SigningKey:
        return SigningKey(
            key_id=KeyId("pinned"),
            algorithm=algorithm,
            schedule=KeySchedule(activate_at=NOW - 10_000 * DAY),
            material=b"pem",
        )

    async def test_it_signs_in_place_of_the_stored_one(self, store: CountingStore) -> None:
        """Even though the stored one was activated later."""
        catalogue = CurrentCatalogue(store, PlainEnvelope(), pinned=[self.pinned()])

        keyring = (await catalogue.read()).keyring

        es256, rs256 = keyring.signer(ES256, now=NOW), keyring.signer(RS256, now=NOW)
        assert es256 == self.pinned()
        assert rs256 is not None
        assert rs256.key_id != "pinned"

    async def test_the_stored_one_goes_on_verifying(self, store: CountingStore) -> None:
        catalogue = CurrentCatalogue(store, PlainEnvelope(), pinned=[self.pinned()])

        keyring = (await catalogue.read()).keyring

        stored = [key for key in keyring.published(NOW) if key.key_id != "pinned"]
        assert {key.algorithm: key.schedule.state(NOW) for key in stored} == {
            ES256: KeyState.RETIRED,
            RS256: KeyState.ACTIVE,
        }

    async def test_a_stored_one_that_is_announced_never_signs(self, store: CountingStore) -> None:
        envelope = PlainEnvelope()
        announced = RandomKeyMaker(SeededEntropy(1)).make(ES256, activate_at=NOW + HOUR)
        stored = (await store.load()).keys
        [template] = [key for key in stored if key.algorithm is ES256]
        sealed = envelope.seal(
            announced.material, purpose=template.purpose, key_id=announced.key_id
        )
        waiting = replace(
            template, key_id=announced.key_id, sealed=sealed, schedule=announced.schedule
        )
        await put(store, keys=[waiting])
        catalogue = CurrentCatalogue(store, envelope, pinned=[self.pinned()])

        keyring = (await catalogue.read()).keyring

        [found] = [key for key in keyring.signing if key.key_id == announced.key_id]
        assert found.schedule.state(NOW) is KeyState.ANNOUNCED
        for now in (NOW, NOW + HOUR, NOW + DAY):
            assert keyring.signer(ES256, now=now) == self.pinned()
