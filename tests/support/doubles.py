"""Doubles of the ports that are not stores. None of them touches the world."""

import base64
import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from adapters.records import CLAIMS
from domain.model.credentials import ClientSecret, SecretHash
from domain.model.identifiers import Bucket, ClientId
from domain.model.introspection import INACTIVE, Introspection
from domain.model.keys import (
    KeyId,
    KeyPurpose,
    KeySchedule,
    SigningAlgorithm,
    SigningKey,
    SymmetricKey,
)
from domain.model.tokens import AccessTokenClaims
from domain.ports.clock import Clock
from domain.ports.entropy import Entropy
from domain.ports.envelope import Envelope, MasterKeyId, MasterKeyMismatch
from domain.ports.foreign_hashes import ForeignHashes, ForeignHashUnusable
from domain.ports.secret_hashing import SecretHasher, SecretMismatch
from domain.ports.signing import (
    IntrospectionSigner,
    KeyMaker,
    KeySetWriter,
    TokenRejected,
    TokenSigner,
    TokenVerifier,
    UnprovedToken,
)
from support.domain_samples import NOW

_IDENTIFIER_BYTES = 16


class FixedClock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def set(self, now: datetime) -> None:
        self._now = now

    def advance(self, by: timedelta) -> None:
        self._now += by


class SeededEntropy:
    """The same numbers in every run, no two alike within one."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def token(self, nbytes: int = 32, /) -> str:
        return base64.urlsafe_b64encode(self.octets(nbytes)).rstrip(b"=").decode()

    def octets(self, nbytes: int, /) -> bytes:
        return self._random.randbytes(nbytes)

    def identifier(self, bucket: Bucket, /) -> str:
        return bucket + self.token(_IDENTIFIER_BYTES)


class PlainEnvelope:
    """Hides nothing, and still opens only what it sealed for the same purpose and id.

    Args:
        master_keys: Names of master keys, newest first.
    """

    def __init__(self, *master_keys: str) -> None:
        self.master_keys = tuple(map(MasterKeyId, master_keys or ("a master key",)))

    def seal(self, material: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        return _label(self.master_keys[0], purpose, key_id) + material

    def unseal(self, sealed: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        for master_key in self.master_keys:
            label = _label(master_key, purpose, key_id)
            if sealed.startswith(label):
                return sealed.removeprefix(label)
        raise MasterKeyMismatch

    def sealed_by(self, sealed: bytes, /) -> MasterKeyId:
        return MasterKeyId(sealed.partition(b"|")[0].decode())


class QuickHasher:
    """Hashes fast and slow secrets alike, and remembers what it compared with.

    Attributes:
        compared: What each `verify` was given to compare with, so that a test
            can tell that an unknown client costs what a known one does.
    """

    def __init__(self) -> None:
        self.compared: list[SecretHash | None] = []

    async def hash(self, secret: ClientSecret, /, *, pepper: SymmetricKey) -> SecretHash:
        return _digest(f"fast${pepper.key_id}", pepper.material, secret)

    async def hash_slowly(self, secret: ClientSecret, /) -> SecretHash:
        return _digest("slow$", b"", secret)

    async def verify(
        self,
        secret: ClientSecret,
        /,
        *,
        against: SecretHash | None,
        peppers: Sequence[SymmetricKey],
    ) -> KeyId | None:
        self.compared.append(against)
        possible = [await self.hash_slowly(secret)]
        possible += [await self.hash(secret, pepper=pepper) for pepper in peppers]
        if against is None or against not in possible:
            raise SecretMismatch
        return self.pepper_of(against)

    def pepper_of(self, stored: SecretHash, /) -> KeyId | None:
        kind, _, rest = stored.partition("$")
        return KeyId(rest.partition("$")[0]) if kind == "fast" else None


class PlainForeignHashes:
    """Takes what `QuickHasher` writes slowly for a hash, and `broken$` for one that is unusable."""

    def read(self, text: str, /) -> SecretHash | None:
        if text.startswith("broken$"):
            raise ForeignHashUnusable("its hash is broken")
        return SecretHash(text) if text.startswith("slow$") else None


class RandomKeyMaker:
    """Makes keys that only `PlainTokenSigner` can sign with."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy

    def make(self, algorithm: SigningAlgorithm, /, *, activate_at: datetime) -> SigningKey:
        return SigningKey(
            key_id=KeyId(self._entropy.token()),
            algorithm=algorithm,
            schedule=KeySchedule(activate_at=activate_at),
            material=self._entropy.octets(32),
        )


class PlainKeySetWriter:
    """Writes the names of keys alone."""

    def jwk(self, key: SigningKey, /) -> Mapping[str, Any]:
        return {"kid": key.key_id, "alg": key.algorithm.value}

    def pem(self, key: SigningKey, /) -> str:
        return f"the public half of {key.key_id}"


class PlainTokenSigner:
    """Writes key id, claims and a digest under the key; it looks like a JWT from afar."""

    async def sign(self, claims: AccessTokenClaims, /, *, key: SigningKey) -> str:
        payload = base64.urlsafe_b64encode(CLAIMS.write(claims)).rstrip(b"=").decode()
        return f"{key.key_id}.{payload}.{_signature(payload, key)}"


class PlainIntrospectionSigner:
    """Writes whom an introspection is for, by which key, and whether anything is active."""

    async def sign_introspection(
        self,
        introspection: Introspection,
        /,
        *,
        issuer: str,
        audience: ClientId,
        issued_at: datetime,
        key: SigningKey,
    ) -> str:
        verdict = "inactive" if introspection == INACTIVE else "active"
        return f"{key.algorithm} {issuer} {audience} {issued_at.isoformat()} {verdict}"


class PlainTokenVerifier:
    """Reads what `PlainTokenSigner` writes."""

    def peek(self, token: str, /) -> UnprovedToken | None:
        _, _, rest = token.partition(".")
        payload, _, _ = rest.partition(".")
        try:
            text = token.encode()
            claims = CLAIMS.read(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        except ValueError:
            return None
        return UnprovedToken(text, hashlib.sha256(text).digest(), claims)

    async def verify(
        self, unproved: UnprovedToken, /, *, keys: Sequence[SigningKey], issuer: str
    ) -> AccessTokenClaims:
        named, _, rest = unproved.text.decode().partition(".")
        payload, _, signature = rest.partition(".")
        key = next((key for key in keys if key.key_id == named), None)
        if key is None or unproved.claims.issuer != issuer:
            raise TokenRejected
        if signature != _signature(payload, key):
            raise TokenRejected
        return unproved.claims


def _label(master_key: MasterKeyId, purpose: KeyPurpose, key_id: KeyId) -> bytes:
    return f"{master_key}|{purpose}|{key_id}|".encode()


def _digest(kind: str, salt: bytes, secret: ClientSecret) -> SecretHash:
    digest = hashlib.sha256(salt + b"$" + secret.reveal().encode()).hexdigest()
    return SecretHash(f"{kind}${digest}")


def _signature(payload: str, key: SigningKey) -> str:
    return hashlib.sha256(key.material + payload.encode()).hexdigest()


_clock: type[Clock] = FixedClock
_entropy: type[Entropy] = SeededEntropy
_envelope: type[Envelope] = PlainEnvelope
_foreign_hashes: type[ForeignHashes] = PlainForeignHashes
_hasher: type[SecretHasher] = QuickHasher
_maker: type[KeyMaker] = RandomKeyMaker
_key_set: type[KeySetWriter] = PlainKeySetWriter
_signer: type[TokenSigner] = PlainTokenSigner
_introspection_signer: type[IntrospectionSigner] = PlainIntrospectionSigner
_verifier: type[TokenVerifier] = PlainTokenVerifier
