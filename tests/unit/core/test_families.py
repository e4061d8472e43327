import re

import pytest

from domain.model.families import Generation, RefreshToken, derive_refresh_token
from domain.model.keys import KeyId, SymmetricKey
from support.domain_samples import DAY, NOW, family_id

KEY = SymmetricKey(key_id=KeyId("mac-key"), created_at=NOW, material=b"m" * 32)
OLDER = SymmetricKey(key_id=KeyId("older"), created_at=NOW - DAY, material=b"o" * 32)
FAMILY = family_id()
TOKEN = derive_refresh_token(FAMILY, Generation(7), KEY)


def test_the_same_generation_is_the_same_token() -> None:
    """That is what lets a store hold none (D3)."""
    assert derive_refresh_token(FAMILY, Generation(7), KEY) == TOKEN


def test_a_derived_token_is_read_back() -> None:
    token = RefreshToken.parse(TOKEN)

    assert token is not None
    assert (token.key_id, token.family_id, token.generation) == ("mac-key", FAMILY, 7)
    assert re.fullmatch(r"gdr_[A-Za-z0-9_.-]+", TOKEN)


@pytest.mark.parametrize("keys", [[KEY], [OLDER, KEY], [KEY, OLDER]])
def test_a_token_is_authentic_under_the_key_it_names(keys: list[SymmetricKey]) -> None:
    """A rotated key goes on proving what it wrote."""
    token = RefreshToken.parse(TOKEN)

    assert token is not None
    assert token.is_authentic(keys)


@pytest.mark.parametrize(
    ("part", "forged"),
    [
        ("mac-key", "older"),
        ("mac-key", "unknown"),
        (FAMILY, family_id(2)),
        (".7.", ".8."),
        (".7.", ".6."),
        (TOKEN[-5:], "AAAAA"),
    ],
)
def test_a_token_with_any_part_changed_is_not_authentic(part: str, forged: str) -> None:
    assert part in TOKEN
    token = RefreshToken.parse(TOKEN.replace(part, forged))

    assert token is not None
    assert not token.is_authentic([KEY, OLDER])


def test_no_other_spelling_of_a_mac_is_authentic() -> None:
    """The last character of base64url has bits to spare; none of its spellings passes."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spellings = [RefreshToken.parse(TOKEN[:-1] + last) for last in alphabet]

    assert sum(token is not None and token.is_authentic([KEY]) for token in spellings) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "gdr_",
        TOKEN.removeprefix("gdr_"),
        TOKEN + "A",
        TOKEN[:-1],
        TOKEN + "\n",
        " " + TOKEN,
        TOKEN.replace(".7.", ".0."),
        TOKEN.replace(".7.", ".07."),
        TOKEN.replace(".7.", ".-7."),
        TOKEN.replace(".7.", ".\u0667."),
        TOKEN.replace(".7.", "." + "9" * 16 + "."),
        TOKEN.replace("mac-key", ""),
        TOKEN.replace("mac-key", "k" * 65),
        TOKEN.replace(FAMILY, FAMILY.upper()),
        TOKEN.replace(FAMILY, FAMILY[:-1]),
        "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
    ],
)
def test_a_text_that_we_did_not_write_is_not_taken_apart(text: str) -> None:
    assert RefreshToken.parse(text) is None


def test_a_refresh_token_does_not_show_its_mac() -> None:
    token = RefreshToken.parse(TOKEN)

    assert token is not None
    assert token.mac not in f"{token} {token!r}"
