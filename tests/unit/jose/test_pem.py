"""Key files that operators give."""

import traceback
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

from adapters.jose.jwks import public_jwk, thumbprint
from adapters.jose.loaded_key import PrivateKey
from adapters.jose.pem import SigningKeyUnusable, load_signing_key
from domain.model.keys import SigningAlgorithm

NOW = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
PASSPHRASE = b"correct horse"

USABLE = {
    SigningAlgorithm.ES256: ec.generate_private_key(ec.SECP256R1()),
    SigningAlgorithm.RS256: rsa.generate_private_key(65_537, 2_048),
    SigningAlgorithm.EDDSA: ed25519.Ed25519PrivateKey.generate(),
}
UNUSABLE = {
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "secp256k1": ec.generate_private_key(ec.SECP256K1()),
    "RSA of 1,024 bits": rsa.generate_private_key(65_537, 1_024),  # noqa: S505  (weak on purpose)
    "Ed448": ed448.Ed448PrivateKey.generate(),
}


def pem(
    key: PrivateKey | ed448.Ed448PrivateKey,
    passphrase: bytes | None = None,
    form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8,
) -> bytes:
    protection = (
        serialization.NoEncryption()
        if passphrase is None
        else serialization.BestAvailableEncryption(passphrase)
    )
    return key.private_bytes(serialization.Encoding.PEM, form, protection)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "signing.pem"


def refusal(path: Path, passphrase: bytes | None = None) -> str:
    with pytest.raises(SigningKeyUnusable) as caught:
        load_signing_key(path, passphrase, NOW)
    shown = "".join(traceback.format_exception(caught.value))
    if path.is_file():
        lines = path.read_bytes().decode(errors="replace").splitlines()
        assert not any(line in shown for line in lines if len(line) == 64)
    assert PASSPHRASE.decode() not in shown
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("algorithm", list(SigningAlgorithm))
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_a_private_key_is_read(
    path: Path, algorithm: SigningAlgorithm, passphrase: bytes | None
) -> None:
    """Its kind decides the algorithm, with a passphrase or without."""
    path.write_bytes(pem(USABLE[algorithm], passphrase))

    key = load_signing_key(path, passphrase, NOW)

    assert key.algorithm is algorithm
    assert key.key_id == thumbprint(public_jwk(USABLE[algorithm].public_key()))
    assert key.schedule.activate_at == NOW


@pytest.mark.parametrize("algorithm", [SigningAlgorithm.ES256, SigningAlgorithm.RS256])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_the_older_forms_are_read(
    path: Path, algorithm: SigningAlgorithm, passphrase: bytes | None
) -> None:
    """What openssl wrote before PKCS #8."""
    old = serialization.PrivateFormat.TraditionalOpenSSL
    path.write_bytes(pem(USABLE[algorithm], passphrase, old))
    assert load_signing_key(path, passphrase, NOW).algorithm is algorithm


@pytest.mark.parametrize("kind", list(UNUSABLE))
def test_a_key_that_no_algorithm_of_ours_uses_is_refused(path: Path, kind: str) -> None:
    """RFC 7518 §3.3 and §3.4: RSA from 2,048 bits, P-256 alone."""
    path.write_bytes(pem(UNUSABLE[kind]))
    assert refusal(path).startswith("need an EC key on P-256")


def test_a_missing_passphrase_is_named(path: Path) -> None:
    """The operator learns what is missing."""
    path.write_bytes(pem(USABLE[SigningAlgorithm.ES256], PASSPHRASE))
    assert refusal(path) == "the key is encrypted and no passphrase is given"


def test_a_wrong_passphrase_is_named(path: Path) -> None:
    """And not shown."""
    path.write_bytes(pem(USABLE[SigningAlgorithm.ES256], PASSPHRASE))
    assert refusal(path, b"wrong").startswith("the passphrase is wrong")


def test_a_passphrase_for_an_open_key_is_refused(path: Path) -> None:
    """Its owner believes that the key is encrypted."""
    path.write_bytes(pem(USABLE[SigningAlgorithm.ES256]))
    assert refusal(path, PASSPHRASE) == "a passphrase is given and the key is not encrypted"


def test_a_public_key_is_refused(path: Path) -> None:
    """The other half was meant."""
    public = USABLE[SigningAlgorithm.ES256].public_key()
    path.write_bytes(
        public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    assert refusal(path) == "a public key; signing needs the private one"


def test_of_two_private_keys_none_is_chosen(path: Path) -> None:
    """Which of them was meant cannot be told, and the wrong one would sign."""
    path.write_bytes(b"".join(pem(key) for key in USABLE.values()))
    assert refusal(path) == "more than one private key; leave the one that is to sign"


def test_anything_else_is_refused(path: Path, tmp_path: Path) -> None:
    """A missing file, a directory, rubbish, a damaged key, a huge file."""
    assert refusal(path) == "No such file or directory"
    assert refusal(tmp_path) == "Is a directory"
    path.write_bytes(b"rubbish")
    assert refusal(path) == "no private key in PEM in it"
    path.write_bytes(pem(USABLE[SigningAlgorithm.RS256])[:400] + b"\n-----END PRIVATE KEY-----\n")
    assert refusal(path) == "damaged, or of an unknown kind"
    path.write_bytes(b"-" * 100_000)
    assert refusal(path) == "too large for a key"
