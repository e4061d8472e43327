"""Wrapping data keys under the master key with AES-256-GCM (D4).

A sealed key is a version byte, the master key's id, a nonce, and the
ciphertext with its tag.
"""

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.system.master_key import MasterKey
from domain.model.keys import KeyId, KeyPurpose
from domain.ports.envelope import Envelope, MasterKeyId, MasterKeyMismatch

_VERSION = b"\x01"
_CONTEXT = b"grantd envelope\0"
_NONCE_BYTES = 12
_TAG_BYTES = 16
_ID_BYTES = 8
_ID = slice(1, 1 + _ID_BYTES)
_NONCE = slice(_ID.stop, _ID.stop + _NONCE_BYTES)
_HEAD_BYTES = _NONCE.stop


class AesGcmEnvelope:
    """Seals with the newest master key, unseals with any.

    Args:
        master_keys: Newest first, at least one.
    """

    def __init__(self, master_keys: Sequence[MasterKey]) -> None:
        self._sealing_id = master_keys[0].key_id
        self._ciphers = {key.key_id: AESGCM(key.material) for key in master_keys}

    @property
    def master_keys(self) -> Sequence[MasterKeyId]:
        return tuple(_named(master_key_id) for master_key_id in self._ciphers)

    def seal(self, material: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = self._ciphers[self._sealing_id]
        sealed = cipher.encrypt(nonce, material, _associated_data(purpose, key_id))
        return _VERSION + self._sealing_id + nonce + sealed

    def unseal(self, sealed: bytes, /, *, purpose: KeyPurpose, key_id: KeyId) -> bytes:
        sealed_by = self.sealed_by(sealed)
        cipher = self._ciphers.get(sealed[_ID])
        if cipher is None:
            raise MasterKeyMismatch(
                f"{_described(purpose, key_id)} was sealed by master key {sealed_by}; at hand: "
                + ", ".join(self.master_keys)
            )
        try:
            return cipher.decrypt(
                sealed[_NONCE], sealed[_HEAD_BYTES:], _associated_data(purpose, key_id)
            )
        except InvalidTag:
            raise MasterKeyMismatch(
                f"{_described(purpose, key_id)} is damaged, or was sealed as another key"
            ) from None

    def sealed_by(self, sealed: bytes, /) -> MasterKeyId:
        if sealed[:1] != _VERSION or len(sealed) < _HEAD_BYTES + _TAG_BYTES:
            raise MasterKeyMismatch("not an envelope that this release knows")
        return _named(sealed[_ID])


def _named(master_key_id: bytes) -> MasterKeyId:
    return MasterKeyId(master_key_id.hex())


def _described(purpose: KeyPurpose, key_id: KeyId) -> str:
    """Name a key for an operator; a kept secret's id has two parts."""
    return f"{purpose} key {' '.join(key_id.split(chr(0)))}"


def _associated_data(purpose: KeyPurpose, key_id: KeyId) -> bytes:
    return b"\0".join((_CONTEXT + _VERSION, purpose.encode(), key_id.encode()))


_: type[Envelope] = AesGcmEnvelope
