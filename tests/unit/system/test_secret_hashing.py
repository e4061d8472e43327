import asyncio
import hashlib
import hmac
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher, Type

from adapters.system import secret_hashing
from adapters.system.secret_hashing import PepperedSecretHasher
from domain.errors import Unavailable
from domain.model.credentials import ClientSecret, SecretHash
from domain.model.keys import KeyId, SymmetricKey
from domain.ports.secret_hashing import SecretMismatch

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SECRET = ClientSecret("gds_0a1b2c3d_made-up")
PEPPER = SymmetricKey(key_id=KeyId("pep-1"), created_at=NOW, material=b"p" * 32)
OTHER = SymmetricKey(key_id=KeyId("pep-2"), created_at=NOW, material=b"q" * 32)


@pytest.fixture
def hasher() -> Iterator[PepperedSecretHasher]:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    hasher = PepperedSecretHasher(slow=cheap)
    yield hasher
    hasher.close()


async def matches(
    hasher: PepperedSecretHasher,
    against: str | None,
    *,
    secret: ClientSecret = SECRET,
    peppers: tuple[SymmetricKey, ...] = (OTHER, PEPPER),
) -> bool:
    stored = SecretHash(against) if against is not None else None
    try:
        await hasher.verify(secret, against=stored, peppers=peppers)
    except SecretMismatch:
        return False
    return True


async def test_a_fast_hash_is_a_keyed_sha256_that_names_its_pepper(
    hasher: PepperedSecretHasher,
) -> None:
    """The stored form, checked by other means."""
    stored = await hasher.hash(SECRET, pepper=PEPPER)
    mac = hmac.new(PEPPER.material, SECRET.reveal().encode(), hashlib.sha256).hexdigest()
    assert stored == f"hmac-sha256$v1$pep-1${mac}"
    assert hasher.pepper_of(stored) == PEPPER.key_id


async def test_a_fast_hash_verifies_its_own_secret_alone(hasher: PepperedSecretHasher) -> None:
    """Under any pepper at hand, whichever is the newest."""
    stored = await hasher.hash(SECRET, pepper=PEPPER)
    assert await matches(hasher, stored)
    for wrong in ("", "x", SECRET.reveal() + "x", SECRET.reveal()[:-1], "\ud800", "é" * 100):
        assert not await matches(hasher, stored, secret=ClientSecret(wrong))


async def test_a_match_names_the_pepper_of_its_hash(hasher: PepperedSecretHasher) -> None:
    """So that whoever asks knows which hashes are to be replaced; a slow one always is."""
    peppers = (OTHER, PEPPER)
    for pepper in peppers:
        stored = await hasher.hash(SECRET, pepper=pepper)
        assert await hasher.verify(SECRET, against=stored, peppers=peppers) == pepper.key_id
    slow = await hasher.hash_slowly(SECRET)
    assert await hasher.verify(SECRET, against=slow, peppers=peppers) is None


@pytest.mark.parametrize("peppers", [(), (OTHER,)])
async def test_an_unknown_pepper_is_a_mismatch(
    hasher: PepperedSecretHasher, peppers: tuple[SymmetricKey, ...]
) -> None:
    """A hash whose pepper is gone opens nothing."""
    assert not await matches(hasher, await hasher.hash(SECRET, pepper=PEPPER), peppers=peppers)


@pytest.mark.parametrize(
    "stored",
    [
        None,
        "",
        "$",
        "plain",
        "hmac-sha256$v1$",
        "hmac-sha256$v1$pep-1$",
        "hmac-sha256$v1$pep-1",
        "hmac-sha256$v2$pep-1$" + "0" * 64,
        "hmac-sha256$v1$pep-1$é",
        "hmac-sha256$v1$pep-1$" + "0" * 64,
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA",
        "$argon2x$v=19$m=8,t=1,p=1$c29tZXNhbHQ$AAAA",
    ],
)
async def test_what_is_no_hash_matches_nothing(
    hasher: PepperedSecretHasher, stored: str | None
) -> None:
    """And ends as any mismatch does."""
    assert not await matches(hasher, stored)


@pytest.mark.parametrize("stored", [None, "rubbish", "hmac-sha256$v1$gone$" + "0" * 64])
async def test_nothing_to_compare_with_costs_a_comparison(
    hasher: PepperedSecretHasher, monkeypatch: pytest.MonkeyPatch, stored: str | None
) -> None:
    """D5: an unknown client takes the time of a wrong secret."""
    work: list[str] = []
    keyed, compare = secret_hashing._keyed, hmac.compare_digest
    monkeypatch.setattr(
        secret_hashing, "_keyed", lambda *args: work.append("digest") or keyed(*args)
    )
    monkeypatch.setattr(
        secret_hashing.hmac,
        "compare_digest",
        lambda *args: work.append("compare") or compare(*args),
    )
    assert not await matches(hasher, stored)
    assert work == ["digest", "compare"]


async def test_the_mac_is_that_of_the_pepper_each_time(hasher: PepperedSecretHasher) -> None:
    """What is remembered of a pepper is its own half of the work, and takes nothing of a secret."""
    for secret in ("first", "second", "first"):
        mac = hmac.digest(PEPPER.material, secret.encode(), hashlib.sha256).hex()
        assert (
            await hasher.hash(ClientSecret(secret), pepper=PEPPER) == f"hmac-sha256$v1$pep-1${mac}"
        )


async def test_a_slow_hash_is_argon2id(hasher: PepperedSecretHasher) -> None:
    """With a salt of its own, and recognised as slow."""
    first, second = await hasher.hash_slowly(SECRET), await hasher.hash_slowly(SECRET)
    assert first.startswith("$argon2id$")
    assert first != second
    assert hasher.pepper_of(first) is None
    assert await matches(hasher, first)
    assert not await matches(hasher, first, secret=ClientSecret("wrong"))


def test_slow_hashes_cost_what_rfc_9106_recommends() -> None:
    """RFC 9106 §4, the second recommended option, unless told otherwise."""
    slow = PepperedSecretHasher()._slow
    assert (slow.type, slow.time_cost, slow.memory_cost) == (Type.ID, 3, 65_536)


class _Gated(PasswordHasher):
    """Holds every hash until the gate opens."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.gate = threading.Event()
        self.threads: set[str] = set()

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.threads.add(threading.current_thread().name)
        self.gate.wait(10)
        return super().hash(password, salt=salt)


async def test_slow_hashes_wait_off_the_event_loop_and_not_without_end() -> None:
    """The loop lives on; beyond a short queue the answer is that there is none."""
    slow = _Gated()
    hasher = PepperedSecretHasher(slow=slow)
    waiting = [asyncio.create_task(hasher.hash_slowly(SECRET)) for _ in range(64)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await hasher.hash_slowly(SECRET)
    slow.gate.set()
    assert len(set(await asyncio.gather(*waiting))) == 64
    assert slow.threads == {"slow-hash_0"}
    assert await hasher.hash_slowly(SECRET)
    hasher.close()
