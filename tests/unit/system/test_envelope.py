import pytest

from adapters.system.envelope import AesGcmEnvelope
from adapters.system.master_key import MasterKey
from domain.errors import Unavailable
from domain.model.credentials import SecretId, sealed_key_id
from domain.model.identifiers import ClientId
from domain.model.keys import KeyId, KeyPurpose
from domain.ports.envelope import MasterKeyMismatch

OLD, NEW, FOREIGN = (MasterKey(bytes([n]) * 32) for n in range(3))
MATERIAL = b"data key material"
KEY_ID = KeyId("key-1")


def seal(envelope: AesGcmEnvelope, material: bytes = MATERIAL) -> bytes:
    return envelope.seal(material, purpose=KeyPurpose.SIGNING, key_id=KEY_ID)


def unseal(envelope: AesGcmEnvelope, sealed: bytes) -> bytes:
    return envelope.unseal(sealed, purpose=KeyPurpose.SIGNING, key_id=KEY_ID)


@pytest.mark.parametrize("material", [b"", b"x", MATERIAL, bytes(2_000)])
def test_what_is_sealed_is_unsealed(material: bytes) -> None:
    """Whatever its length, and never sealed alike."""
    envelope = AesGcmEnvelope([NEW])
    first, second = seal(envelope, material), seal(envelope, material)
    assert first != second
    assert unseal(envelope, first) == unseal(envelope, second) == material
    assert len(material) < 8 or material not in first


def test_the_newest_master_key_seals_and_any_unseals() -> None:
    """D4: rotating the master key invalidates nothing."""
    before, during, after = (AesGcmEnvelope(keys) for keys in ([OLD], [NEW, OLD], [NEW]))
    assert unseal(during, seal(before)) == MATERIAL
    assert unseal(after, seal(during)) == MATERIAL
    with pytest.raises(MasterKeyMismatch):
        unseal(after, seal(before))


def test_a_wrong_master_key_is_told_from_damage() -> None:
    """The operator learns which master keys are asked for and at hand."""
    sealed = seal(AesGcmEnvelope([OLD]))
    with pytest.raises(MasterKeyMismatch) as caught:
        unseal(AesGcmEnvelope([NEW, FOREIGN]), sealed)
    assert OLD.key_id.hex() in str(caught.value)
    assert NEW.key_id.hex() in str(caught.value)
    with pytest.raises(MasterKeyMismatch, match="damaged"):
        unseal(AesGcmEnvelope([OLD]), sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_an_envelope_says_who_sealed_it() -> None:
    """At hand or not, in the words in which the keys at hand are named, newest first."""
    envelope = AesGcmEnvelope([NEW, FOREIGN])

    assert envelope.master_keys == (NEW.key_id.hex(), FOREIGN.key_id.hex())
    assert envelope.sealed_by(seal(envelope)) == envelope.master_keys[0]
    assert envelope.sealed_by(seal(AesGcmEnvelope([OLD]))) == OLD.key_id.hex()
    with pytest.raises(MasterKeyMismatch):
        envelope.sealed_by(b"\x02" + seal(envelope)[1:])


def test_a_kept_secret_is_named_by_its_client_and_its_own_id() -> None:
    """Whoever reads the refusal knows where to look."""
    key_id = sealed_key_id(ClientId("billing"), SecretId("4f1d09ac"))
    sealed = AesGcmEnvelope([OLD]).seal(MATERIAL, purpose=KeyPurpose.CLIENT_SECRET, key_id=key_id)

    with pytest.raises(MasterKeyMismatch, match="client-secret key billing 4f1d09ac was sealed"):
        AesGcmEnvelope([NEW]).unseal(sealed, purpose=KeyPurpose.CLIENT_SECRET, key_id=key_id)


def test_what_cannot_be_opened_is_an_answer_for_later() -> None:
    """A node without the master key is a service that cannot answer now (D8)."""
    assert issubclass(MasterKeyMismatch, Unavailable)


def test_purpose_and_id_are_bound_in() -> None:
    """A key cannot be passed off as another one."""
    envelope = AesGcmEnvelope([NEW])
    sealed = seal(envelope)
    for purpose, key_id in (
        (KeyPurpose.SECRET_PEPPER, KEY_ID),
        (KeyPurpose.SIGNING, KeyId("key-2")),
        (KeyPurpose.SIGNING, KeyId("")),
    ):
        with pytest.raises(MasterKeyMismatch):
            envelope.unseal(sealed, purpose=purpose, key_id=key_id)


def test_every_changed_byte_is_seen() -> None:
    """Version, master key id, nonce, ciphertext and tag alike."""
    envelope = AesGcmEnvelope([NEW])
    sealed = seal(envelope)
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 0x10
        with pytest.raises(MasterKeyMismatch):
            unseal(envelope, bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(MasterKeyMismatch):
            unseal(envelope, sealed[:length])
