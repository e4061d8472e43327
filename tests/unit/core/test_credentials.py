import re
import zlib

import pytest

from domain.model.credentials import (
    ClientSecret,
    RegisteredSecret,
    SecretHash,
    SecretId,
    mask_secrets,
)
from domain.model.families import FIRST_GENERATION, derive_refresh_token
from domain.model.identifiers import bucket_of
from domain.model.keys import KeyId, SymmetricKey
from domain.model.tokens import compose_opaque
from support.domain_samples import MOMENT, NOW, family_id
from support.doubles import SeededEntropy

SECRET_ID = SecretId("0badcafe")
RANDOM = SeededEntropy().token()
MAC_KEY = SymmetricKey(key_id=KeyId("mac"), created_at=NOW, material=b"m" * 32)


def test_a_generated_secret_is_prefix_id_256_bits_and_checksum() -> None:
    """All of it is A-Za-z0-9_-, so that scanners find leaks (D5)."""
    text = ClientSecret.compose(SECRET_ID, RANDOM).reveal()

    assert re.fullmatch(r"gds_0badcafe_[A-Za-z0-9_-]{43}_[0-9a-f]{8}", text)
    body, _, checksum = text.rpartition("_")
    assert f"{zlib.crc32(body.encode()):08x}" == checksum


def test_a_generated_secret_carries_its_id() -> None:
    assert ClientSecret.compose(SECRET_ID, RANDOM).secret_id == SECRET_ID


def test_a_wrong_checksum_does_not_matter() -> None:
    """Neither reply nor time may depend on it: it is there for scanners."""
    text = ClientSecret.compose(SECRET_ID, RANDOM).reveal()

    assert ClientSecret(f"{text[:-8]}00000000").secret_id == SECRET_ID


@pytest.mark.parametrize(
    "text",
    ["", "hunter2", "gds_0badcafe", f"gds_0BADCAFE_{RANDOM}_00000000", f"gds_0badcafe_{RANDOM}_0"],
)
def test_any_other_text_carries_no_id(text: str) -> None:
    assert ClientSecret(text).secret_id is None


def test_a_secret_does_not_show_itself() -> None:
    secret = ClientSecret("hunter2")
    registered = RegisteredSecret(
        secret_id=SECRET_ID, hash=SecretHash("hash-of-hunter2"), created_at=NOW
    )

    assert f"{secret} {secret!r}" == "ClientSecret(…) ClientSecret(…)"
    assert "hunter2" not in repr(registered)


def test_a_secret_expires_at_its_time() -> None:
    lasting = RegisteredSecret(secret_id=SECRET_ID, hash=SecretHash(""), created_at=NOW)
    limited = RegisteredSecret(
        secret_id=SECRET_ID, hash=SecretHash(""), created_at=NOW, expires_at=NOW + MOMENT
    )

    assert not lasting.is_expired(NOW)
    assert not limited.is_expired(NOW)
    assert limited.is_expired(NOW + MOMENT)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (ClientSecret.compose(SECRET_ID, RANDOM).reveal(), "gds_0badcafe_***"),
        (ClientSecret.compose(SECRET_ID, RANDOM).reveal()[:40], "gds_0badcafe_***"),
        (derive_refresh_token(family_id(), FIRST_GENERATION, MAC_KEY), "gdr_***"),
        (compose_opaque(bucket_of("ledger"), RANDOM), "gda_***"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJiaWxsaW5nIn0.c2lnbmF0dXJl", "eyJ***"),
        ("eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJiaWxsaW5nIn0.", "eyJ***"),
    ],
)
def test_what_only_its_owner_may_know_is_masked(text: str, shown: str) -> None:
    """Whole or cut off, alone or between other words; of a secret its id stays."""
    assert mask_secrets(text) == shown
    assert mask_secrets(f'a "{text}" z') == f'a "{shown}" z'


@pytest.mark.parametrize(
    "text", ["", "billing", "gds_", "gda_fetcher", "gds_0badcafe", "eyJust.a.name", "é\x00"]
)
def test_any_other_text_is_shown_as_it_is(text: str) -> None:
    assert mask_secrets(text) == text
