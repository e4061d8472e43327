"""Hashing client secrets (D5).

A generated secret has 256 bits and needs no slowness: it is kept as
`hmac-sha256$v1$<pepper id>$<hex>`. A chosen one is kept as Argon2id, in the
reference encoding, or as the hash it came with, until its first use.
"""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from adapters.system import foreign_hashes
from domain.errors import Unavailable
from domain.model.credentials import ClientSecret, SecretHash
from domain.model.keys import KeyId, SymmetricKey, by_id
from domain.ports.secret_hashing import SecretHasher, SecretMismatch

T = TypeVar("T")

_FAST = "hmac-sha256$v1$"
_SLOW = "$argon2"
_DECOY_MATERIAL = bytes(32)
_DECOY = SecretHash(f"{_FAST}none${'0' * 64}")
_LONGEST_QUEUE = 64
_KEYED = 16


class PepperedSecretHasher:
    """Hashes fast in place, and slowly in threads of its own.

    Args:
        slow: Argon2id with its costs; RFC 9106's second recommendation if
            left out: 64 MiB for each hash at work.

        threads: How many slow hashes are at work at once. Beyond these and a
            short queue callers get `Unavailable`.
    """

    def __init__(self, *, slow: PasswordHasher | None = None, threads: int = 1) -> None:
        self._slow = slow or PasswordHasher()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="slow-hash")
        self._queued = 0

    async def hash(self, secret: ClientSecret, /, *, pepper: SymmetricKey) -> SecretHash:
        return _hash(secret, pepper.key_id, pepper.material)

    async def hash_slowly(self, secret: ClientSecret, /) -> SecretHash:
        return SecretHash(await self._in_thread(lambda: self._slow.hash(_octets(secret))))

    async def verify(
        self,
        secret: ClientSecret,
        /,
        *,
        against: SecretHash | None,
        peppers: Sequence[SymmetricKey],
    ) -> KeyId | None:
        if against is None or against.startswith(_FAST) or not _is_slow(against):
            return _verify_fast(secret, against, peppers)
        if not await self._in_thread(lambda: self._matches_slow(secret, against)):
            raise SecretMismatch
        return None

    def pepper_of(self, stored: SecretHash, /) -> KeyId | None:
        return _pepper_id(stored) if stored.startswith(_FAST) else None

    def close(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _matches_slow(self, secret: ClientSecret, against: SecretHash) -> bool:
        if foreign_hashes.is_foreign(against):
            return foreign_hashes.matches(_octets(secret), against)
        try:
            return self._slow.verify(against, _octets(secret))
        except (InvalidHashError, VerificationError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._queued >= _LONGEST_QUEUE:
            raise Unavailable("too many slow hashes are waiting")
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._queued -= 1


def _is_slow(stored: SecretHash) -> bool:
    return stored.startswith(_SLOW) or foreign_hashes.is_foreign(stored)


def _verify_fast(
    secret: ClientSecret, against: SecretHash | None, peppers: Sequence[SymmetricKey]
) -> KeyId:
    """Compare, or spend the same work where there is nothing to compare with."""
    stored = against if against is not None and against.startswith(_FAST) else _DECOY
    pepper_id = _pepper_id(stored)
    pepper = by_id(peppers, pepper_id)
    material = pepper.material if pepper is not None else _DECOY_MATERIAL
    hashed = _hash(secret, pepper_id, material)
    if not hmac.compare_digest(hashed.encode(), stored.encode()) or pepper is None:
        raise SecretMismatch
    return pepper_id


def _pepper_id(stored: SecretHash) -> KeyId:
    return KeyId(stored[len(_FAST) : stored.rfind("$")])


def _hash(secret: ClientSecret, pepper_id: KeyId, material: bytes) -> SecretHash:
    mac = _keyed(material).copy()
    mac.update(_octets(secret))
    return SecretHash(f"{_FAST}{pepper_id}${mac.finalize().hex()}")


@lru_cache(maxsize=_KEYED)
def _keyed(material: bytes) -> HMAC:
    """Return the MAC under a pepper, to be copied: half of its work is the pepper's alone."""
    return HMAC(material, SHA256())


def _octets(secret: ClientSecret) -> bytes:
    return secret.reveal().encode("utf-8", "surrogatepass")


_: type[SecretHasher] = PepperedSecretHasher
